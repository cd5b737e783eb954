//! When access units leave: at the sender's pace, not in the bursts in which a network or a fast file brings them.

use std::time::{Duration, Instant};

/// Media that comes earlier than this before its time waits with its publisher: the caller stops reading. It makes room
/// for bursts and bounds memory.
pub(crate) const AHEAD_MAX: Duration = Duration::from_millis(1000);
/// A steady lead over this time is given up, so that a slow beginning does not become a lasting delay.
const LEAD_WINDOW: Duration = Duration::from_secs(2);
/// A lead that is kept: it evens the jitter of an encoder's clock.
const LEAD_KEPT: Duration = Duration::from_millis(10);

/// What comes no earlier than this leaves at once: a timer would cost more than the packets, and receivers' buffers even
/// such jitter out without a longer delay. Above the lead that is kept, so that only bursts wait.
const EARLY_FINE: Duration = Duration::from_millis(20);

/// Maps media time to the clock.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    /// A media time in microseconds, and when it leaves.
    anchor: Option<(Instant, i64)>,
    window: Option<Window>,
    turned: bool,
}

/// The smallest lead since the window began.
#[derive(Debug)]
struct Window {
    began: Instant,
    lead: Duration,
}

impl Schedule {
    /// If the next media comes late, the clock counts anew from it: a pause in the source stays a pause, and what follows it
    /// keeps its pace.
    pub(crate) fn turn(&mut self) {
        self.turned = true;
    }

    /// When media of `time_us` that came at `now` leaves; never before `now`.
    pub(crate) fn release(&mut self, now: Instant, time_us: i64) -> Instant {
        let (at, since_us) = *self.anchor.get_or_insert((now, time_us));
        let offset = Duration::from_micros(time_us.abs_diff(since_us));
        let due = if time_us < since_us { at.checked_sub(offset) } else { at.checked_add(offset) };
        let due = due.unwrap_or(now);
        if std::mem::take(&mut self.turned) && due < now {
            self.anchor = Some((now, time_us));
        }
        let due = due.max(now);
        let lead = due.saturating_duration_since(now);
        self.follow(now, lead);
        if lead > EARLY_FINE { due } else { now }
    }

    /// Gives up half of a lead that held for a whole window. A source that is always far ahead is a file that is pushed
    /// as fast as it is read; following it would only make it run too fast.
    fn follow(&mut self, now: Instant, lead: Duration) {
        let window = self.window.get_or_insert(Window { began: now, lead });
        window.lead = window.lead.min(lead);
        if now.saturating_duration_since(window.began) < LEAD_WINDOW {
            return;
        }
        let steady = window.lead;
        self.window = None;
        if let Some((at, _)) = &mut self.anchor
            && steady > LEAD_KEPT
            && steady < AHEAD_MAX / 2
        {
            *at = at.checked_sub((steady - LEAD_KEPT) / 2).unwrap_or(*at);
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test starts its own clock")]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(33);

    fn us(duration: Duration) -> i64 {
        duration.as_micros() as i64
    }

    #[test]
    fn early_media_waits_and_late_media_leaves_at_once() {
        let (mut schedule, start) = (Schedule::default(), Instant::now());
        assert_eq!(schedule.release(start, 1_000_000), start);
        assert_eq!(schedule.release(start, 1_033_000), start + FRAME);
        let late = start + Duration::from_millis(200);
        assert_eq!(schedule.release(late, 1_066_000), late);
        assert_eq!(schedule.release(late, -5), late);
    }

    #[test]
    fn after_a_turn_what_is_late_keeps_its_pace() {
        let (mut schedule, start) = (Schedule::default(), Instant::now());
        schedule.release(start, 0);
        schedule.turn();
        assert_eq!(schedule.release(start, us(FRAME)), start + FRAME, "what is early is no pause");
        let late = start + Duration::from_secs(3);
        schedule.turn();
        assert_eq!(schedule.release(late, us(FRAME * 2)), late);
        assert_eq!(schedule.release(late, us(FRAME * 3)), late + FRAME);
    }

    #[test]
    fn a_late_beginning_does_not_stay_a_delay() {
        let (mut schedule, start) = (Schedule::default(), Instant::now());
        let late = Duration::from_millis(300);
        schedule.release(start + late, 0);
        let mut delay = Duration::MAX;
        for index in 1..600 {
            let now = start + (FRAME * index).max(late);
            delay = schedule.release(now, us(FRAME * index)) - now;
        }
        assert!(delay <= 2 * LEAD_KEPT, "{delay:?}");
    }

    #[test]
    fn an_hour_of_a_clock_that_runs_too_fast_or_too_slow_becomes_no_delay() {
        for share in [1.0003, 0.9997] {
            let (mut schedule, start) = (Schedule::default(), Instant::now());
            let (mut noise, mut longest) = (7u32, Duration::ZERO);
            for index in 0..3600 * 30 {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let jitter = Duration::from_micros(u64::from(noise >> 16) * 20_000 / 65_536);
                let now = start + (FRAME * index).mul_f64(share) + jitter;
                longest = longest.max(schedule.release(now, us(FRAME * index)) - now);
            }
            // Jitter, the lead that is kept, and what two windows of drift add.
            assert!(longest <= Duration::from_millis(35), "{share}: {longest:?}");
        }
    }

    #[test]
    fn a_file_pushed_as_fast_as_it_is_read_runs_at_its_own_speed() {
        let (mut schedule, start) = (Schedule::default(), Instant::now());
        let mut now = start;
        for index in 0..1800 {
            let release = schedule.release(now, us(FRAME * index));
            // The reader stops while it is ahead.
            now = now.max(release.checked_sub(AHEAD_MAX).unwrap_or(now));
        }
        let last = schedule.release(now, us(FRAME * 1800));
        let took = last - start;
        assert!(took > FRAME * 1800 - Duration::from_millis(50) && took <= FRAME * 1801, "{took:?}");
    }
}
