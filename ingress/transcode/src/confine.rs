//! The system calls that are left to the child: memory, time, its two pipes, and its own end. Linux on 64-bit machines.

use std::io;

use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

/// What codecs and their allocator need. Files, sockets, programs and threads are not among it.
const ALLOWED: [i64; 26] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getrandom,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Refuses all other system calls of this process and all its threads, for good: they fail with `EPERM`. A kernel without filters, or a
/// machine that they are not made for, does without.
///
/// # Errors
/// When the filter cannot be put on although the kernel knows filters.
pub(crate) fn confine() -> io::Result<()> {
    let Ok(machine) = TargetArch::try_from(std::env::consts::ARCH) else { return Ok(()) };
    let program = program(machine).map_err(io::Error::other)?;
    match seccompiler::apply_filter_all_threads(&program) {
        Err(Error::Prctl(error) | Error::Seccomp(error)) if is_unknown(&error) => Ok(()),
        result => result.map_err(io::Error::other),
    }
}

fn program(machine: TargetArch) -> Result<BpfProgram, Box<dyn std::error::Error + Send + Sync>> {
    let mut rules: std::collections::BTreeMap<_, _> = ALLOWED.into_iter().map(|call| (call, Vec::new())).collect();
    // An abort signals itself; other processes of the same user are none of its business.
    let own = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, std::process::id().into())?;
    rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![own])?]);
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    Ok(SeccompFilter::new(rules, refused, SeccompAction::Allow, machine)?.try_into()?)
}

/// Whether the kernel has no filters.
fn is_unknown(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS))
}
