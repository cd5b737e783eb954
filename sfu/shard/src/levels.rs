//! Loudness of one audio track over an interval, from RFC 6464 levels alone.

use std::time::Duration;

use door::{Level, TrackKey};

/// How often levels are told.
pub(crate) const LEVELS_INTERVAL: Duration = Duration::from_millis(400);

/// A packet louder than this counts as active, in -dBov.
const ACTIVE_DBOV_MAX: u8 = 35;

/// What was heard of one track since the last report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loudness {
    loudest_dbov: u8,
    packets: u32,
    active: u32,
}

impl Default for Loudness {
    fn default() -> Self {
        Self { loudest_dbov: 127, packets: 0, active: 0 }
    }
}

impl Loudness {
    /// Notes one packet's level in -dBov.
    pub(crate) fn note(&mut self, dbov: u8) {
        self.packets += 1;
        self.loudest_dbov = self.loudest_dbov.min(dbov);
        self.active += u32::from(dbov < ACTIVE_DBOV_MAX);
    }

    /// The interval's summary, and begins the next; `None` when nothing was heard.
    pub(crate) fn take(&mut self, track: TrackKey) -> Option<Level> {
        let Self { loudest_dbov, packets, active } = std::mem::take(self);
        let active_percent = u8::try_from(active * 100 / packets.max(1)).unwrap_or(100);
        (packets > 0).then_some(Level { track, dbov: loudest_dbov, active_percent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_loudest_and_share() {
        let track = TrackKey { shard: door::ShardId(0), serial: 1 };
        let mut loudness = Loudness::default();
        assert_eq!(loudness.take(track), None);
        for dbov in [60, 20, 30, 40] {
            loudness.note(dbov);
        }
        assert_eq!(loudness.take(track), Some(Level { track, dbov: 20, active_percent: 50 }));
        assert_eq!(loudness.take(track), None);
    }
}
