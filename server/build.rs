//! Builds the page in `web/` and lays its files out for embedding.
//!
//! Without Node.js, or when the page cannot be built, a page built earlier is used, else a plain one; the
//! server itself never depends on it. `THALWEG_SKIP_WEB=1` leaves Node.js alone.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What decides whether the page is built anew, below `web/`.
const INPUTS: &[&str] = &[
    "package.json",
    "package-lock.json",
    "api",
    "client/package.json",
    "client/tsconfig.json",
    "client/src",
    "react/package.json",
    "react/tsconfig.json",
    "react/src",
    "app/package.json",
    "app/tsconfig.json",
    "app/vite.config.ts",
    "app/index.html",
    "app/src",
    "app/public",
];

const PLAIN: &str = "<!doctype html>\n<meta charset=\"utf-8\">\n<title>Thalweg</title>\n<p>Thalweg runs. \
This build has no page: build it with Node.js to get one.</p>\n";

fn main() -> io::Result<()> {
    let variable = |name| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(name));
    let (manifest, out) = (variable("CARGO_MANIFEST_DIR")?, variable("OUT_DIR")?);
    let web = manifest.join("../web");
    println!("cargo::rerun-if-env-changed=THALWEG_SKIP_WEB");
    for input in INPUTS {
        println!("cargo::rerun-if-changed={}", web.join(input).display());
    }
    if env::var_os("THALWEG_SKIP_WEB").is_none()
        && let Err(reason) = build(&web)
    {
        println!("cargo::warning=the page was not built: {reason}");
        // What is not there counts as changed: the next build tries again.
        println!("cargo::rerun-if-changed={}", out.join("page-not-built").display());
    }
    let mut files = Vec::new();
    let built = web.join("dist");
    if built.join("index.html").is_file() {
        collect(&built, &built, &mut files)?;
    }
    files.sort();
    embed(&built, &files, &out)
}

fn build(web: &Path) -> Result<(), String> {
    if !web.join("package.json").is_file() {
        return Err("there is no web/package.json".into());
    }
    if is_newer(&web.join("package-lock.json"), &web.join("node_modules/.package-lock.json")) {
        npm(web, &["ci", "--no-audit", "--no-fund", "--loglevel=error"])?;
    }
    npm(web, &["run", "build", "--silent"])
}

fn npm(web: &Path, arguments: &[&str]) -> Result<(), String> {
    let done = Command::new("npm").args(arguments).current_dir(web).output();
    let done = done.map_err(|error| format!("npm cannot be run ({error}); install Node.js 20 or later"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = [done.stderr, done.stdout].map(|said| String::from_utf8_lossy(&said).into_owned());
    let last = said.iter().flat_map(|said| said.lines()).find(|line| !line.trim().is_empty());
    Err(format!("npm {} failed: {}", arguments.join(" "), last.unwrap_or("without a word")))
}

fn is_newer(left: &Path, right: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    match (changed(left), changed(right)) {
        (Ok(left), Ok(right)) => left > right,
        _ => true,
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str) {
            files.push(name.to_owned());
        }
    }
    Ok(())
}

/// Copies the files next to the compiler's output, so that a page built later cannot pull them away.
fn embed(built: &Path, files: &[String], out: &Path) -> io::Result<()> {
    let mut table = String::from("static FILES: &[File] = &[\n");
    let mut add = |path: &str, bytes: &[u8]| -> io::Result<()> {
        let copy = out.join("page").join(path);
        fs::create_dir_all(copy.parent().unwrap_or(out))?;
        fs::write(&copy, bytes)?;
        // Writing to a String does not fail.
        let _ = writeln!(
            table,
            "    File {{ path: {path:?}, mime: {:?}, bytes: include_bytes!({:?}) }},",
            mime(path),
            copy.display().to_string()
        );
        Ok(())
    };
    for file in files {
        add(file, &fs::read(built.join(file))?)?;
    }
    if files.is_empty() {
        add("index.html", PLAIN.as_bytes())?;
    }
    table.push_str("];\n");
    fs::write(out.join("page.rs"), table)
}

fn mime(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}
