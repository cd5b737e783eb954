//! The files of the repository, without what is built, fetched or kept for test runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Folders that hold nothing written here.
const SKIPPED: &[&str] =
    &[".git", "target", "node_modules", "dist", ".venv", "corpus", "artifacts", "__pycache__", ".vite"];
/// Those that are told by where they are: `logs` is a module elsewhere.
const SKIPPED_PATHS: &[&str] = &["tests/e2e/logs"];
/// Larger files are no texts.
const TEXT_BYTES_MAX: u64 = 1024 * 1024;

/// One text file.
#[derive(Clone, Debug)]
pub struct File {
    /// Path from the root, with forward slashes.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All text files below `root`, in the order of their paths.
///
/// # Errors
/// When a folder cannot be read.
pub fn files(root: &Path) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    walk(root, root, &mut files)?;
    files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(files)
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let name = entry.file_name();
        let skipped = SKIPPED.iter().any(|skipped| name == *skipped)
            || SKIPPED_PATHS.iter().any(|skipped| path == root.join(skipped));
        if kind.is_dir() && !skipped {
            walk(root, &path, files)?;
        } else if kind.is_file() && entry.metadata()?.len() <= TEXT_BYTES_MAX {
            // What is not UTF-8 is no text; a file that vanished meanwhile is none either.
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let path = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            files.push(File { path, text });
        }
    }
    Ok(())
}
