//! When the CPU is short: the codecs' working time against the media's time.

/// Working and media time are summed over this much media, microseconds.
const WINDOW_US: u64 = 1_000_000;
/// From this share on the codecs will fall behind: other work on the machine needs its part, too.
const SHORT_PERCENT: u64 = 90;
/// So many windows in a row: one may be a hiccup of the machine.
const SHORT_WINDOWS: u32 = 2;
/// Below this share a layer more can be tried: the largest costs about as much as all the rest.
const AMPLE_PERCENT: u64 = 45;
/// So many windows in a row before the first try.
const AMPLE_WINDOWS: u32 = 15;
/// So many at most: each layer shed again doubles the wait.
const AMPLE_WINDOWS_MAX: u32 = 480;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The costliest layer must go.
    Shed {
        /// The codecs' share of the media's time, per cent.
        busy_percent: u32,
    },
    /// A layer may come back.
    Restore,
}

/// Watches one stream.
#[derive(Clone, Debug)]
pub struct Governor {
    busy_us: u64,
    media_us: u64,
    short: u32,
    ample: u32,
    patience: u32,
    shed: u32,
}

impl Default for Governor {
    fn default() -> Self {
        Self { busy_us: 0, media_us: 0, short: 0, ample: 0, patience: AMPLE_WINDOWS, shed: 0 }
    }
}

impl Governor {
    /// Takes the time worked for so much media, both in microseconds.
    pub fn observe(&mut self, busy_us: u64, media_us: u64) -> Option<Verdict> {
        self.busy_us = self.busy_us.saturating_add(busy_us);
        self.media_us = self.media_us.saturating_add(media_us);
        if self.media_us < WINDOW_US {
            return None;
        }
        let percent = self.busy_us.saturating_mul(100) / self.media_us;
        (self.busy_us, self.media_us) = (0, 0);
        self.short = if percent >= SHORT_PERCENT { self.short + 1 } else { 0 };
        self.ample = if percent < AMPLE_PERCENT { self.ample + 1 } else { 0 };
        if self.short >= SHORT_WINDOWS {
            self.short = 0;
            self.shed = self.shed.saturating_add(1);
            return Some(Verdict::Shed { busy_percent: u32::try_from(percent).unwrap_or(u32::MAX) });
        }
        if self.shed > 0 && self.ample >= self.patience {
            self.ample = 0;
            self.shed -= 1;
            self.patience = (self.patience * 2).min(AMPLE_WINDOWS_MAX);
            return Some(Verdict::Restore);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds until the verdict under a constant load, up to `seconds`.
    fn until(governor: &mut Governor, percent: u64, seconds: u32) -> Option<(u32, Verdict)> {
        (1..=seconds).find_map(|second| {
            let verdicts = (0..30).filter_map(|_| governor.observe(percent * 334, 33_400)).last();
            verdicts.map(|verdict| (second, verdict))
        })
    }

    #[test]
    fn sheds_when_short_and_restores_when_ample() {
        let mut governor = Governor::default();
        assert_eq!(until(&mut governor, 80, 100), None);
        assert_eq!(until(&mut governor, 95, 100), Some((2, Verdict::Shed { busy_percent: 95 })));
        assert_eq!(until(&mut governor, 60, 100), None, "neither short nor ample");
        assert_eq!(until(&mut governor, 40, 100), Some((15, Verdict::Restore)));
        assert_eq!(until(&mut governor, 40, 100), None, "nothing is left to restore");
        assert_eq!(until(&mut governor, 120, 100), Some((2, Verdict::Shed { busy_percent: 120 })));
        assert_eq!(until(&mut governor, 40, 100), Some((30, Verdict::Restore)), "patience grows");
    }

    #[test]
    fn a_hiccup_is_no_shortage() {
        let mut governor = Governor::default();
        for _ in 0..10 {
            assert_eq!(until(&mut governor, 300, 1), None);
            assert_eq!(until(&mut governor, 60, 1), None);
        }
    }
}
