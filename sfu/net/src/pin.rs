//! Which cores the threads stay on.

/// The cores this process may use, when there are at least `threads`; else none, and nobody is pinned.
pub(crate) fn cores(threads: usize) -> Vec<usize> {
    let set = allowed();
    // SAFETY: the index is below the size of the set.
    let cores: Vec<_> =
        (0..libc::CPU_SETSIZE as usize).filter(|core| unsafe { libc::CPU_ISSET(*core, &set) }).collect();
    if cores.len() < threads { Vec::new() } else { cores }
}

/// Keeps the calling thread on a core, as well as the system lets.
pub(crate) fn to_core(core: usize) {
    let mut set = empty();
    if core >= libc::CPU_SETSIZE as usize {
        return;
    }
    // SAFETY: the index is below the size of the set.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: the set lives through the call and its true size is given; zero names the calling thread.
    let refused = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) } != 0;
    if refused {
        tracing::debug!(core, error = %std::io::Error::last_os_error(), "thread is not pinned");
    }
}

fn allowed() -> libc::cpu_set_t {
    let mut set = empty();
    // SAFETY: the set lives through the call and its true size is given; zero names the calling thread. When the
    // call fails the set stays empty.
    unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) };
    set
}

fn empty() -> libc::cpu_set_t {
    // SAFETY: a set of cores is an array of integers, for which all zeros is a value.
    unsafe { std::mem::zeroed() }
}
