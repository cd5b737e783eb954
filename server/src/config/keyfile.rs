//! The file of API keys: `key: secret` lines that nobody but its owner may read.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::sync::Arc;

use super::fault::Place;
use super::read::Read;
use super::tree;
use super::values::Secret;

/// Largest key file, in bytes.
const BYTES_MAX: u64 = 256 * 1024;
/// Permission bits of everybody who is neither owner nor group.
#[cfg(unix)]
const OTHERS: u32 = 0o007;

/// Reads a key file.
///
/// # Errors
/// In words for the operator: unreadable, readable by others, or no lines of `key: secret`.
pub(crate) fn read(path: &str) -> Result<BTreeMap<String, Secret>, String> {
    let file = fs::File::open(path).map_err(|error| format!("cannot read {path}: {error}"))?;
    guarded(path, &file)?;
    let mut text = String::new();
    file.take(BYTES_MAX).read_to_string(&mut text).map_err(|error| format!("cannot read {path}: {error}"))?;
    let name: Arc<str> = path.into();
    let place = |line, column| Place::File { name: name.clone(), line, column };
    let node = tree::parse(&text, &place).map_err(|fault| fault.to_string())?;
    let node = node.ok_or_else(|| format!("{path} is empty: write a line \"key: secret\""))?;
    BTreeMap::read(&node).map_err(|(place, text)| format!("{place}: {text}"))
}

#[cfg(unix)]
fn guarded(path: &str, file: &fs::File) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = file.metadata().map_err(|error| format!("cannot read {path}: {error}"))?;
    let mode = metadata.permissions().mode() & 0o777;
    match mode & OTHERS {
        0 => Ok(()),
        _ => Err(format!("{path} holds secrets and everybody may use it (mode {mode:o}): run chmod 600 {path}")),
    }
}

#[cfg(not(unix))]
fn guarded(_: &str, _: &fs::File) -> Result<(), String> {
    Ok(())
}
