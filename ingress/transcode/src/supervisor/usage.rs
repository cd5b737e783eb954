//! What a transcoder cost: how long its processes ran, and the processor time that they used.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::pulse::Pulse;

/// What it cost since it was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cost {
    /// Time during which there was a process.
    pub ran: Duration,
    /// Processor time of all of its threads, as far as the system tells.
    pub cpu: Duration,
}

impl Cost {
    /// What was added since an earlier look.
    pub fn since(self, earlier: Self) -> Self {
        Self { ran: self.ran.saturating_sub(earlier.ran), cpu: self.cpu.saturating_sub(earlier.cpu) }
    }
}

/// The sums over all processes of a transcoder, one after the other.
#[derive(Debug, Default)]
pub(super) struct Usage {
    ran_ms: AtomicU64,
    cpu_ms: AtomicU64,
}

impl Usage {
    pub(super) fn cost(&self) -> Cost {
        let read = |ms: &AtomicU64| Duration::from_millis(ms.load(Ordering::Relaxed));
        Cost { ran: read(&self.ran_ms), cpu: read(&self.cpu_ms) }
    }
}

/// One process' account.
#[derive(Debug)]
pub(super) struct Meter {
    since: Instant,
    cpu: Duration,
}

impl Meter {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, cpu: Duration::ZERO }
    }

    /// Adds what came since the last look.
    pub(super) fn look(&mut self, now: Instant, pulse: Option<Pulse>, usage: &Usage) {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        // Whole milliseconds are taken, the rest stays for the next look.
        let ran_ms = ms(now.saturating_duration_since(self.since));
        self.since += Duration::from_millis(ran_ms);
        usage.ran_ms.fetch_add(ran_ms, Ordering::Relaxed);
        let cpu = pulse.map_or(self.cpu, |pulse| pulse.cpu.max(self.cpu));
        usage.cpu_ms.fetch_add(ms(cpu - self.cpu), Ordering::Relaxed);
        self.cpu = cpu;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_add_up() {
        let (usage, start) = (Usage::default(), Instant::now());
        let (ms, pulse) = (Duration::from_millis, |cpu| Some(Pulse { runs: true, cpu: Duration::from_millis(cpu) }));
        let mut first = Meter::new(start);
        first.look(start + ms(1000), pulse(300), &usage);
        assert_eq!(usage.cost(), Cost { ran: ms(1000), cpu: ms(300) });
        first.look(start + ms(1500), pulse(450), &usage);
        let before = usage.cost();
        first.look(start + ms(1600), None, &usage);
        let mut second = Meter::new(start + ms(2000));
        second.look(start + ms(2500), pulse(20), &usage);
        assert_eq!(usage.cost(), Cost { ran: ms(2100), cpu: ms(470) });
        assert_eq!(usage.cost().since(before), Cost { ran: ms(600), cpu: ms(20) });
    }
}
