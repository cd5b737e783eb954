//! What the codecs of one stream cost, for metrics and webhooks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use livekit::view::Coded;
use publish::Line;
use transcode::Cost;

/// The sums of all streams since the start, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Transcoded {
    video_ms: AtomicU64,
    audio_ms: AtomicU64,
    cpu_ms: AtomicU64,
}

impl Transcoded {
    fn add(&self, line: Line, cost: Cost) -> Coded {
        let coded = Coded { ran_ms: ms(cost.ran), cpu_ms: ms(cost.cpu) };
        let ran = if line == Line::Video { &self.video_ms } else { &self.audio_ms };
        ran.fetch_add(coded.ran_ms, Ordering::Relaxed);
        self.cpu_ms.fetch_add(coded.cpu_ms, Ordering::Relaxed);
        coded
    }

    /// Seconds in which pictures were transcoded, sound was, and of processor time.
    pub(super) fn seconds(&self) -> [f64; 3] {
        [&self.video_ms, &self.audio_ms, &self.cpu_ms].map(|ms| ms.load(Ordering::Relaxed) as f64 / 1000.0)
    }
}

/// What is accounted for already of one stream.
#[derive(Debug, Default)]
pub(super) struct Account {
    video: Cost,
    audio: Cost,
}

impl Account {
    /// Takes what a transcoder has cost until now; what is new of it.
    pub(super) fn take(&mut self, line: Line, cost: Cost, all: &Transcoded) -> Coded {
        let known = if line == Line::Video { &mut self.video } else { &mut self.audio };
        // One that ran for less than was known is another one.
        let before = if cost.ran < known.ran { Cost::default() } else { *known };
        *known = cost;
        all.add(line, cost.since(before))
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_counts_once() {
        let (mut account, all) = (Account::default(), Transcoded::default());
        let cost = |ran, cpu| Cost { ran: Duration::from_millis(ran), cpu: Duration::from_millis(cpu) };
        for (line, cost, expected) in [
            (Line::Video, cost(1000, 300), (1000, 300)),
            (Line::Audio, cost(1000, 10), (1000, 10)),
            (Line::Video, cost(2000, 700), (1000, 400)),
            (Line::Video, cost(2000, 700), (0, 0)),
            (Line::Video, cost(500, 200), (500, 200)),
        ] {
            let coded = account.take(line, cost, &all);
            assert_eq!((coded.ran_ms, coded.cpu_ms), expected);
        }
        assert_eq!(all.seconds(), [2.5, 1.0, 0.91]);
    }
}
