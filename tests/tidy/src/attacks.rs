//! The page of attacks: each row names tests that exist.

use crate::Complaint;
use crate::tree::File;

/// The page.
pub const PAGE: &str = "docs/attacks.md";
/// What begins the middle cell of a row that needs no test: there is nothing to attack.
const NOTHING: &str = "not ";

/// What is wrong with the page `text`, in a house of `files`.
pub fn check(text: &str, files: &[File]) -> Vec<Complaint> {
    let rows = (1..).zip(text.lines()).filter(|(_, line)| is_row(line));
    rows.flat_map(|(number, line)| row(line, files).into_iter().map(move |what| format!("{PAGE}:{number}: {what}")))
        .collect()
}

/// A row begins with the attack's number.
fn is_row(line: &str) -> bool {
    line.strip_prefix("| ").is_some_and(|rest| rest.starts_with(|it: char| it.is_ascii_digit()))
}

fn row(line: &str, files: &[File]) -> Vec<Complaint> {
    let cells: Vec<&str> = line.split(" | ").collect();
    let [_, outcome, tests] = cells[..] else { return vec!["a row has three cells".into()] };
    let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
    if names.is_empty() && !outcome.starts_with(NOTHING) {
        return vec!["no test is named".into()];
    }
    let missing = names.into_iter().filter(|name| !stands(name, files));
    missing.map(|name| format!("`{name}` is nowhere")).collect()
}

/// Whether there is such a file, folder, scenario, test or other word. `…` stands for the rest of a test's name.
fn stands(name: &str, files: &[File]) -> bool {
    if name.contains('/') || name.contains('.') {
        let (end, within, folder) = (format!("/{name}"), format!("/{name}/"), format!("{name}/"));
        return files
            .iter()
            .map(|file| &file.path)
            .any(|path| path == name || path.ends_with(&end) || path.contains(&within) || path.starts_with(&folder));
    }
    if let Some((word, _)) = name.split_once('=') {
        return files.iter().any(|file| file.path.starts_with("tests/") && file.text.contains(word));
    }
    let part = name.trim_matches('…');
    let before = if name.starts_with('…') { "" } else { "fn " };
    let after = if name.ends_with('…') { "" } else { "(" };
    let function = format!("{before}{part}{after}");
    let is_file = |file: &File| file.path.rsplit('/').next().and_then(|it| it.split('.').next()) == Some(name);
    files.iter().any(|file| is_file(file) || file.path.ends_with(".rs") && file.text.contains(&function))
}
