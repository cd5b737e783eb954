//! The lock that keeps a second server out of a folder.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::OpenError;

/// Its name in the folder.
const FILE: &str = "thalweg.lock";
/// Only the owner may look into the folder: it holds secrets.
const FOLDER_MODE: u32 = 0o700;
/// Only the owner may read what is in it.
pub(crate) const FILE_MODE: u32 = 0o600;

/// Makes the folder if need be and locks it until the value is dropped. The system unlocks it when the process dies.
///
/// # Errors
/// The folder cannot be made or written to, or another process holds the lock.
pub(crate) fn lock(folder: &Path) -> Result<File, OpenError> {
    let failed = |action, source| OpenError::IoFile { action, path: folder.to_owned(), source };
    let made = std::fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder);
    made.map_err(|source| failed("make the folder", source))?;
    let path = folder.join(FILE);
    let file = File::options().create(true).truncate(false).write(true).mode(FILE_MODE).open(&path);
    let mut file = file.map_err(|source| failed("write in", source))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::ConfigInUse(folder.display().to_string())),
        Err(TryLockError::Error(source)) => return Err(failed("lock", source)),
    }
    // For whoever looks into the folder; the lock holds without it.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}
