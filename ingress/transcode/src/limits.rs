//! What the child process may use: it runs decoders on strangers' bytes.

use std::io;

use rustix::process::{Resource, Rlimit, nice, setrlimit};
use rustix::thread::set_no_new_privs;

/// Address space, bytes. Measured: 116 MB for 1080p to three layers, 340 MB for 2160p with five reference pictures; a
/// stream that claims sixteen adds 200 MB. A decoder that wants more has been led astray.
pub const ADDRESS_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Open files: the three standard streams, and what a C library may need for a moment.
pub const FILES_MAX: u64 = 16;
/// Priority against the media plane, which must not wait for codecs.
pub const NICE: i32 = 5;

/// Puts the limits on this process, for good: address space, files, no files written, no core dump, no new
/// privileges, lower priority, and no system call that codecs do not need.
///
/// # Errors
/// When the system refuses one; the codecs must not run then.
pub fn apply() -> io::Result<()> {
    lower()?;
    confine()
}

/// All of [`apply`] but for system calls: threads can still begin, under the same limits.
///
/// # Errors
/// As for [`apply`].
pub fn lower() -> io::Result<()> {
    limit(Resource::As, ADDRESS_BYTES_MAX)?;
    limit(Resource::Nofile, FILES_MAX)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Core, 0)?;
    set_no_new_privs(true)?;
    nice(NICE)?;
    Ok(())
}

/// Takes all system calls that codecs do not need from every thread that there is.
///
/// # Errors
/// As for [`apply`].
pub fn confine() -> io::Result<()> {
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    crate::confine::confine()?;
    Ok(())
}

fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let limit = Rlimit { current: Some(most), maximum: Some(most) };
    Ok(setrlimit(resource, limit)?)
}
