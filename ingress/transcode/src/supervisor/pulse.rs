//! What the system knows of a process: whether it works, waits for a processor, or does neither.

use std::fs;
use std::time::Duration;

/// One tick of the times in `/proc/PID/stat`: a hundred a second (`USER_HZ`) on every kind of machine that this runs on.
const TICK: Duration = Duration::from_millis(10);
/// Fields between the state and the time in user mode (proc(5): fields 3 and 14).
const BETWEEN: usize = 10;

/// One look at a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pulse {
    /// It has a processor, or waits for one or for a disk: what it does not do is not its own fault.
    pub(super) runs: bool,
    /// Processor time that all of its threads used since it began.
    pub(super) cpu: Duration,
}

impl Pulse {
    /// Looks at a process; `None` where the system does not tell.
    pub(super) fn of(process: u32) -> Option<Self> {
        let own = Self::parse(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)?;
        let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten();
        let runs = |thread: fs::DirEntry| Self::parse(&fs::read_to_string(thread.path().join("stat")).ok()?);
        // The process' own state is that of its first thread, which may wait for the other.
        Some(Self { runs: own.runs || threads.filter_map(runs).any(|pulse| pulse.runs), ..own })
    }

    fn parse(stat: &str) -> Option<Self> {
        // A process' name may hold anything, also brackets.
        let (_, fields) = stat.rsplit_once(") ")?;
        let mut fields = fields.split(' ');
        let runs = matches!(fields.next()?, "R" | "D");
        let user: u32 = fields.nth(BETWEEN)?.parse().ok()?;
        let system: u32 = fields.next()?.parse().ok()?;
        Some(Self { runs, cpu: TICK.saturating_mul(user.saturating_add(system)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_system_is_read() {
        let pulse = |runs, ms| Some(Pulse { runs, cpu: Duration::from_millis(ms) });
        for (state, expected) in [("R", pulse(true, 350)), ("D", pulse(true, 350)), ("T", pulse(false, 350))] {
            let line = format!("7 (a) S b) {state} 1 2 3 4 5 6 7 8 9 10 33 2 0 0 25 5 1 0 99");
            assert_eq!(Pulse::parse(&line), expected, "{line}");
        }
        for broken in
            ["", "7 (a) ", "7 (a) R 1 2 3", "7 (a) R 1 2 3 4 5 6 7 8 9 10 x 2", "7 (a) R 1 2 3 4 5 6 7 8 9 10 1"]
        {
            assert_eq!(Pulse::parse(broken), None, "{broken}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_runs() {
        assert!(Pulse::of(std::process::id()).is_some());
        assert_eq!(Pulse::of(u32::MAX), None);
    }
}
