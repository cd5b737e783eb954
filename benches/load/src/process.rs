//! What a process costs, as `/proc` tells: CPU time to the nanosecond, and resident memory.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::Duration;

/// Kernel's unit of `utime` and `stime`: `USER_HZ`, which is 100 on every architecture that Linux runs on today.
const TICKS_PER_SECOND: u32 = 100;

/// A process under observation.
#[derive(Clone, Debug)]
pub struct Process {
    pid: u32,
    /// CPU time of each thread as last seen, in nanoseconds: those that ended keep theirs.
    threads: BTreeMap<u32, u64>,
}

/// What a process has used up so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// CPU time of all threads that were seen.
    pub cpu: Duration,
    /// CPU time in user mode, by the kernel's ticks of 10 ms.
    pub user: Duration,
    /// CPU time in the kernel, likewise.
    pub system: Duration,
    /// Resident memory, in bytes.
    pub rss_bytes: u64,
}

impl Process {
    /// Observes the process with that id.
    ///
    /// # Errors
    /// When there is none, or it may not be looked at.
    pub fn of(pid: u32) -> io::Result<Self> {
        let mut process = Self { pid, threads: BTreeMap::new() };
        process.usage().map(|_| process)
    }

    /// Observes this process.
    ///
    /// # Errors
    /// When `/proc` is not there.
    pub fn own() -> io::Result<Self> {
        Self::of(std::process::id())
    }

    /// What it has used up.
    ///
    /// # Errors
    /// When it is gone.
    pub fn usage(&mut self) -> io::Result<Usage> {
        let folder = format!("/proc/{}", self.pid);
        let (user, system) = times(&fs::read_to_string(format!("{folder}/stat"))?).ok_or_else(unreadable)?;
        for entry in fs::read_dir(format!("{folder}/task"))?.flatten() {
            let Some(thread) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // A thread may end while we look.
            if let Some(ran) = fs::read_to_string(entry.path().join("schedstat")).ok().as_deref().and_then(ran) {
                self.threads.insert(thread, ran);
            }
        }
        let exact = Duration::from_nanos(self.threads.values().sum());
        // Without the kernel's statistics of its scheduler there are only ticks.
        let cpu = if exact.is_zero() { user + system } else { exact };
        let status = fs::read_to_string(format!("{folder}/status"))?;
        Ok(Usage { cpu, user, system, rss_bytes: resident(&status).unwrap_or_default() })
    }
}

/// CPU time of the calling thread alone.
///
/// # Errors
/// When `/proc` is not there.
pub fn thread_cpu() -> io::Result<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    ran(&text).map(Duration::from_nanos).ok_or_else(unreadable)
}

fn unreadable() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "/proc cannot be understood")
}

/// The first number of `schedstat`: nanoseconds on a CPU.
fn ran(schedstat: &str) -> Option<u64> {
    schedstat.split_ascii_whitespace().next()?.parse().ok()
}

/// User and system time in `stat`: fields 14 and 15. The second field, a name in parentheses, may hold anything.
fn times(stat: &str) -> Option<(Duration, Duration)> {
    let (_, behind) = stat.rsplit_once(')')?;
    let mut fields = behind.split_ascii_whitespace().skip(11);
    let mut next = || Some(Duration::from_secs(fields.next()?.parse().ok()?) / TICKS_PER_SECOND);
    Some((next()?, next()?))
}

/// `VmRSS` of `status`, in bytes.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let stat = "12 (a b) c) S 1 2 3 4 5 6 7 8 9 10 250 150 0 0 20 0 1";
        assert_eq!(times(stat), Some((Duration::from_millis(2500), Duration::from_millis(1500))));
        assert_eq!(ran("104240 28763 2\n"), Some(104_240));
        assert_eq!(resident("Name:\tx\nVmRSS:\t  2048 kB\n"), Some(2 << 20));
        assert_eq!((times(""), ran(""), resident("")), (None, None, None));
    }

    #[test]
    fn observes_itself_and_misses_others() {
        let usage = Process::own().unwrap().usage().unwrap();
        assert!(usage.rss_bytes > 0);
        assert!(thread_cpu().is_ok());
        assert!(Process::of(u32::MAX).is_err());
    }
}
