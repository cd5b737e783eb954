//! `docs/limits.md` is made of the code: the keys under `limit`, and every constant whose name says that it is a limit.
//!
//! `UPDATE=1 cargo test -p thalweg --test samples limits` writes it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use thalweg_server::config::schema::{self, Standing};

/// Where limits are looked for, in the order of the page, each with what it is.
const HOUSES: [(&str, &str); 4] =
    [("sfu", "Media house"), ("signaling", "Control house"), ("ingress", "Guest house"), ("server/src", "Front door")];
/// Ends of the names of constants that are limits.
const ENDS: [&str; 3] = ["_MAX", "_TIMEOUT", "_MIN"];

#[test]
fn limits_md_says_what_the_code_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (made, place) = (page(&root), root.join("docs/limits.md"));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&place, &made).unwrap();
    }
    let kept = fs::read_to_string(&place).unwrap_or_default();
    let differs = made.lines().zip(kept.lines().chain(std::iter::repeat(""))).find(|(new, old)| new != old);
    assert_eq!(differs, None, "docs/limits.md is stale: UPDATE=1 cargo test -p thalweg --test samples limits");
    assert_eq!(made, kept);
}

fn page(root: &Path) -> String {
    let mut page = String::from(
        "# Limits\n\nEvery queue, table and parser ends somewhere. This page is made of the code by \
         `UPDATE=1 cargo test -p thalweg --test samples limits`.\n\n## What an operator may change\n\n\
         | key | what it limits [default] |\n|---|---|\n",
    );
    for key in schema::keys().iter().filter(|key| key.standing == Standing::Used && is_limit(key.path)) {
        writeln!(page, "| `{}` | {} |", key.path, cell(key.help)).unwrap();
    }
    for (folder, title) in HOUSES {
        let mut rows = Vec::new();
        collect(&root.join(folder), &mut rows, root);
        rows.sort();
        writeln!(page, "\n## {title}\n\n| where | limit | value | why |\n|---|---|---|---|").unwrap();
        for (place, name, value, why) in rows {
            writeln!(page, "| {place} | `{name}` | `{}` | {} |", cell(&value), cell(&why)).unwrap();
        }
    }
    page
}

fn is_limit(path: &str) -> bool {
    let counts = ["_per_source", "per_address", "wrong_keys", "allocation_limit", "max_participants", "loudest"];
    path.starts_with("limit.") || path.contains("rate_limit.") || counts.iter().any(|it| path.ends_with(it))
}

/// Rows of all sources below a folder: crate, name, value, reason.
fn collect(folder: &Path, rows: &mut Vec<(String, String, String, String)>, root: &Path) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["tests", "testing", "examples", "target"].contains(&name.as_str()) {
                collect(&path, rows, root);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" && name != "testing.rs" {
            let place = path.strip_prefix(root).unwrap().to_string_lossy().replace("/src/", "/");
            let place = place.trim_end_matches(".rs").trim_end_matches("/mod").trim_end_matches("/lib").to_owned();
            constants(&fs::read_to_string(&path).unwrap(), &place, rows);
        }
    }
}

fn constants(source: &str, place: &str, rows: &mut Vec<(String, String, String, String)>) {
    // Tests stand last in a file and are no limits.
    let code = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut why = String::new();
    for line in code.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            why.push_str(text);
            continue;
        }
        if let Some((name, value)) = constant(line).filter(|(name, _)| ENDS.iter().any(|end| name.contains(end))) {
            let value = value.trim_end_matches(';').trim().to_owned();
            rows.push((place.to_owned(), name.to_owned(), value, why.trim().to_owned()));
        }
        why.clear();
    }
}

/// Name and value of a constant that stands on one line.
fn constant(line: &str) -> Option<(&str, &str)> {
    let rest = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.trim_start(),
        None => line,
    };
    let (name, rest) = rest.strip_prefix("const ")?.split_once(": ")?;
    rest.split_once(" = ").map(|(_, value)| (name, value))
}

/// A text that no table is broken by.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace("``", "")
}
