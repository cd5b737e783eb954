//! What is told a sender of its reception (RFC 3550 section 6.4.1, appendices A.3 and A.8), and what its
//! own reports tell of time.

use std::time::{Duration, Instant};

use wire::Ssrc;

/// A reception report block (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReceptionReport {
    /// Whose reception is reported.
    pub ssrc: Ssrc,
    /// Loss since the last report in 1/256.
    pub fraction_lost: u8,
    /// Loss since the beginning, within 24 bits signed.
    pub cumulative_lost: i32,
    /// Extended highest sequence number received.
    pub highest_seq: u32,
    /// Interarrival jitter in timestamp ticks.
    pub jitter: u32,
    /// Middle 32 bits of the last sender report's NTP time, or 0.
    pub last_sender_report: u32,
    /// Time since then in 1/65536 s, or 0.
    pub delay_since_last: u32,
}

/// What has come of one source since its numbering began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReceptionTotals {
    /// Packets that should have come.
    pub expected: u64,
    /// Packets that came in time; retransmissions do not count.
    pub received: u64,
    /// Interarrival jitter in milliseconds.
    pub jitter_ms: u32,
}

/// One point at which the sender's wall clock and an RTP clock are known to agree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockPoint {
    /// NTP time, 32.32 fixed point.
    pub ntp: u64,
    /// RTP timestamp.
    pub rtp: u32,
    /// When the report arrived.
    pub arrived: Instant,
}

impl ClockPoint {
    /// The RTP timestamp, in this point's clock of `clock_hz`, of the moment that is `rtp` in the clock of
    /// `other`; both must be of one sender.
    pub(crate) fn translate(&self, other: &Self, rtp: u32, clock_hz: u32) -> u32 {
        let seconds = i128::from(other.ntp.wrapping_sub(self.ntp) as i64);
        let ticks = (seconds * i128::from(clock_hz)) >> 32;
        self.rtp.wrapping_add(ticks as u32).wrapping_add(rtp.wrapping_sub(other.rtp))
    }

    /// NTP time and RTP timestamp `elapsed` later.
    pub(crate) fn later(&self, elapsed: Duration, clock_hz: u32) -> (u64, u32) {
        let fraction = (u64::from(elapsed.subsec_nanos()) << 32) / 1_000_000_000;
        let ntp = self.ntp.wrapping_add(elapsed.as_secs() << 32 | fraction);
        (ntp, self.rtp.wrapping_add(ticks(elapsed, clock_hz)))
    }
}

/// `span` in ticks of a clock, modulo 2^32.
pub(crate) fn ticks(span: Duration, clock_hz: u32) -> u32 {
    (span.as_nanos() * u128::from(clock_hz) / 1_000_000_000) as u32
}

/// Counts the packets of one source as RFC 3550 asks.
#[derive(Debug, Default)]
pub(crate) struct Reception {
    first_seq: u64,
    received: u64,
    reported: (u64, u64),
    began: Option<Instant>,
    transit: u32,
    /// Scaled by 16, as appendix A.8 has it.
    jitter: u32,
}

impl Reception {
    /// A source begins with `seq`.
    pub(crate) fn restart(&mut self, seq: u64) {
        *self = Self { first_seq: seq, ..Self::default() };
    }

    /// A packet came; retransmissions do not count.
    pub(crate) fn count(&mut self, now: Instant, timestamp: u32, clock_hz: u32) {
        let first = self.began.is_none();
        let began = *self.began.get_or_insert(now);
        let transit = ticks(now.saturating_duration_since(began), clock_hz).wrapping_sub(timestamp);
        let change = (transit.wrapping_sub(self.transit) as i32).unsigned_abs();
        self.transit = transit;
        self.received += 1;
        if !first {
            self.jitter = self.jitter.saturating_add(change).saturating_sub((self.jitter + 8) >> 4);
        }
    }

    /// Counts since the source began; `highest` is its highest sequence number.
    pub(crate) fn totals(&self, highest: u64, clock_hz: u32) -> ReceptionTotals {
        let expected = (highest + 1).saturating_sub(self.first_seq);
        let jitter_ms = u64::from(self.jitter >> 4) * 1000 / u64::from(clock_hz.max(1));
        ReceptionTotals { expected, received: self.received, jitter_ms: u32::try_from(jitter_ms).unwrap_or(u32::MAX) }
    }

    /// The report of the interval that ends at `now`.
    pub(crate) fn report(
        &mut self,
        now: Instant,
        ssrc: Ssrc,
        highest: u64,
        clock: Option<ClockPoint>,
    ) -> ReceptionReport {
        let expected = (highest + 1).saturating_sub(self.first_seq);
        let (expected_before, received_before) = self.reported;
        self.reported = (expected, self.received);
        let expected_new = expected.saturating_sub(expected_before);
        let lost_new = expected_new.saturating_sub(self.received - received_before);
        let fraction = (lost_new << 8).checked_div(expected_new).unwrap_or(0).min(255);
        let lost = (expected as i64 - self.received as i64).clamp(-0x80_0000, 0x7f_ffff);
        ReceptionReport {
            ssrc,
            fraction_lost: fraction as u8,
            cumulative_lost: lost as i32,
            highest_seq: highest as u32,
            jitter: self.jitter >> 4,
            last_sender_report: clock.map_or(0, |point| (point.ntp >> 16) as u32),
            delay_since_last: clock.map_or(0, |point| ticks(now.saturating_duration_since(point.arrived), 65_536)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn loss_is_told_of_the_interval_and_of_all() {
        let (mut reception, start) = (Reception::default(), crate::testing::start());
        reception.restart(100);
        for _ in 0..75 {
            reception.count(start, 0, 90_000);
        }
        let report = reception.report(start, Ssrc(1), 199, None);
        assert_eq!((report.fraction_lost, report.cumulative_lost, report.highest_seq), (64, 25, 199));
        for _ in 0..100 {
            reception.count(start, 0, 90_000);
        }
        let report = reception.report(start, Ssrc(1), 299, None);
        assert_eq!((report.fraction_lost, report.cumulative_lost), (0, 25));
        let report = reception.report(start, Ssrc(1), 299, None);
        assert_eq!((report.fraction_lost, report.cumulative_lost), (0, 25));
    }

    #[test]
    fn jitter_is_of_arrival_against_timestamp() {
        let (mut steady, mut shaky, start) = (Reception::default(), Reception::default(), crate::testing::start());
        for index in 0..200 {
            let (now, timestamp) = (start + SECOND / 50 * index, 7 + 960 * index);
            steady.count(now, timestamp, 48_000);
            shaky.count(now + SECOND / 100 * (index % 2), timestamp, 48_000);
        }
        assert_eq!(steady.report(start, Ssrc(1), 1, None).jitter, 0);
        let jitter = shaky.report(start, Ssrc(1), 1, None).jitter;
        assert!((460..=480).contains(&jitter), "{jitter}");
    }

    #[test]
    fn the_senders_report_is_echoed() {
        let start = crate::testing::start();
        let clock = ClockPoint { ntp: 0x1122_3344_5566_7788, rtp: 0, arrived: start };
        let report = Reception::default().report(start + SECOND / 2, Ssrc(1), 1, Some(clock));
        assert_eq!((report.last_sender_report, report.delay_since_last), (0x3344_5566, 0x8000));
    }

    #[test]
    fn timestamps_translate_by_the_wall_clock() {
        let arrived = crate::testing::start();
        let low = ClockPoint { ntp: 10 << 32, rtp: 1000, arrived };
        let high = ClockPoint { ntp: (12 << 32) + (1 << 31), rtp: 5_000_000, arrived };
        assert_eq!(low.translate(&high, 5_000_900, 90_000), 1000 + 225_000 + 900);
        assert_eq!(high.translate(&low, 1000, 90_000), 5_000_000 - 225_000);
        assert_eq!(low.later(SECOND / 2, 90_000), ((10 << 32) + (1 << 31), 46_000));
    }
}
