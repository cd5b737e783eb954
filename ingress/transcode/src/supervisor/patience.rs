//! When a child is given up: it owes an answer and does nothing for it, or works for it without an end.

use std::time::Duration;

use tokio::time::Instant;

use super::pulse::Pulse;
use crate::state::Failure;

/// How long a child may owe an answer. Time alone tells little: on a machine that is overloaded the child comes last.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Between two looks at a child that says nothing.
    pub look: Duration,
    /// When it does not even run: it was stopped, or waits for what never comes.
    pub still: Duration,
    /// Processor time for one piece of the stream; the largest picture takes a tenth.
    pub work: Duration,
    /// Whatever it does, and where the system does not tell.
    pub most: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            look: Duration::from_millis(250),
            still: Duration::from_secs(1),
            work: Duration::from_secs(3),
            most: Duration::from_secs(10),
        }
    }
}

/// How far the child is, shared by the two halves that talk with it.
#[derive(Debug)]
pub(super) struct Progress {
    given: u64,
    done: u64,
    /// Since when it owes a sign of life.
    since: Instant,
    /// What it was like at the first look since then.
    seen: Option<Pulse>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { given: 0, done: 0, since: Instant::now(), seen: None }
    }

    /// It was given a piece of the stream.
    pub(super) fn give(&mut self) {
        if self.given == self.done {
            self.live();
        }
        self.given += 1;
    }

    /// It says how many it has done.
    pub(super) fn finish(&mut self, done: u64) {
        self.done = done.min(self.given);
        self.live();
    }

    fn live(&mut self) {
        (self.since, self.seen) = (Instant::now(), None);
    }

    /// Looks at a child that says nothing: why it must go, if so.
    pub(super) fn verdict(&mut self, pulse: Option<Pulse>, patience: &Patience) -> Option<Failure> {
        if self.given == self.done {
            return None;
        }
        let owing = self.since.elapsed();
        if owing >= patience.most {
            return Some(Failure::Hung(millis(owing)));
        }
        // One look tells nothing: between two pieces every child rests for a moment.
        let (Some(seen), Some(pulse)) = (self.seen, pulse) else {
            self.seen = pulse;
            return None;
        };
        let worked = pulse.cpu.saturating_sub(seen.cpu);
        if worked >= patience.work {
            return Some(Failure::Spun(millis(worked)));
        }
        (!pulse.runs && worked.is_zero() && owing >= patience.still).then(|| Failure::Hung(millis(owing)))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn pulse(runs: bool, cpu_ms: u32) -> Option<Pulse> {
        Some(Pulse { runs, cpu: MS * cpu_ms })
    }

    /// Looks four times a second at a child that was given something: after how many milliseconds it is given up.
    async fn given_up(looks: impl Fn(u32) -> Option<Pulse>) -> Option<Failure> {
        let (patience, mut progress) = (Patience::default(), Progress::new());
        progress.give();
        for n in 0..100 {
            sleep(patience.look).await;
            if let Some(failure) = progress.verdict(looks(n), &patience) {
                return Some(failure);
            }
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_nothing_goes_soon_and_what_waits_for_a_processor_late() {
        assert_eq!(given_up(|_| pulse(false, 70)).await, Some(Failure::Hung(1000)), "stopped");
        assert_eq!(given_up(|n| pulse(true, 70 + 250 * n)).await, Some(Failure::Spun(3000)), "works without an end");
        assert_eq!(given_up(|n| pulse(n % 2 > 0, 70 + 50 * n)).await, Some(Failure::Hung(10_000)), "slow, not dead");
        assert_eq!(given_up(|_| pulse(true, 70)).await, Some(Failure::Hung(10_000)), "gets no processor");
        assert_eq!(given_up(|_| None).await, Some(Failure::Hung(10_000)), "nobody knows");
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_owes_an_answer_is_given_up() {
        let (patience, mut progress) = (Patience::default(), Progress::new());
        let look = |progress: &mut Progress| progress.verdict(pulse(false, 0), &patience);
        sleep(60_000 * MS).await;
        assert_eq!((look(&mut progress), look(&mut progress)), (None, None), "nothing was given");
        progress.give();
        progress.give();
        sleep(1000 * MS).await;
        assert_eq!(look(&mut progress), None, "one look is none");
        assert_eq!(look(&mut progress), Some(Failure::Hung(1000)));
        progress.finish(1);
        assert_eq!((look(&mut progress), look(&mut progress)), (None, None), "a sign of life");
        sleep(1000 * MS).await;
        assert_eq!(look(&mut progress), Some(Failure::Hung(1000)), "one is still owed");
        progress.finish(u64::MAX);
        sleep(60_000 * MS).await;
        assert_eq!((look(&mut progress), look(&mut progress)), (None, None), "all is done");
        progress.give();
        sleep(1000 * MS).await;
        look(&mut progress);
        assert!(look(&mut progress).is_some(), "a child's count is not believed beyond what it was given");
    }
}
