//! What a run found out.

use std::time::Duration;

use crate::bare::Bare;
use crate::histogram::Histogram;
use crate::sink::SinkCounts;
use crate::source::SourceCounts;

/// One second of a run.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Second {
    /// Since the beginning.
    pub at: Duration,
    /// Whether it is part of the window that is measured.
    pub measured: bool,
    /// How long it really was.
    pub span: Duration,
    /// Participants with media.
    pub joined: usize,
    /// Participants that are to be there.
    pub wanted: usize,
    /// Packets that were received.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets lost since the beginning.
    pub lost: u64,
    /// CPU time of the server, when it is observed.
    pub server_cpu: Option<Duration>,
    /// Resident memory of the server, in bytes.
    pub server_rss_bytes: Option<u64>,
    /// CPU time of this program.
    pub own_cpu: Duration,
    /// Median of the latency.
    pub latency_p50: Duration,
    /// What 99 % of the latencies do not exceed.
    pub latency_p99: Duration,
}

impl Second {
    /// CPU time of the server for each packet that came out of it.
    pub fn cpu_per_packet(&self) -> Option<Duration> {
        per_packet(self.server_cpu?, self.packets)
    }
}

/// `cpu` for each of `packets`.
pub fn per_packet(cpu: Duration, packets: u64) -> Option<Duration> {
    (packets > 0).then(|| Duration::from_secs_f64(cpu.as_secs_f64() / packets as f64))
}

/// What the server used up in the window.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct ServerUsage {
    /// CPU time.
    pub cpu: Duration,
    /// Of that, in user mode, roughly.
    pub user: Duration,
    /// Of that, in the kernel, roughly.
    pub system: Duration,
    /// Resident memory before anybody came, in bytes.
    pub rss_empty_bytes: u64,
    /// With those who publish.
    pub rss_publishers_bytes: u64,
    /// With all.
    pub rss_full_bytes: u64,
}

/// What went wrong on our own side: where this is not zero the figures are not the server's alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OwnFaults {
    /// Frames that were not sent because we came too late.
    pub skipped_frames: u64,
    /// Datagrams that the kernel dropped because we did not read in time.
    pub kernel_dropped: u64,
    /// Datagrams that could not be sent.
    pub send_failed: u64,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The scenarios.
    pub words: Vec<String>,
    /// The server.
    pub url: String,
    /// When it began, seconds since 1970.
    pub began_unix_s: u64,
    /// The machine.
    pub machine: String,
    /// Participants that publish.
    pub publishers: usize,
    /// Participants that only receive.
    pub viewers: usize,
    /// All that came, those of a churning room included.
    pub came: usize,
    /// Those that were let in and got media.
    pub ready: usize,
    /// Those that failed, with the first reasons.
    pub failed: usize,
    /// Different reasons, and how many had each.
    pub reasons: Vec<(String, usize)>,
    /// Tracks that were announced to participants, and those of which something came.
    pub tracks: (usize, usize),
    /// How media is protected.
    pub profile: String,
    /// How long was measured.
    pub window: Duration,
    /// Packets received in the window.
    pub packets: u64,
    /// Their bytes, as datagrams.
    pub bytes: u64,
    /// Packets that publishers sent in the window.
    pub sent: u64,
    /// What receivers counted over the whole run.
    pub counts: SinkCounts,
    /// What publishers counted over the whole run.
    pub published: SourceCounts,
    /// Media that came before its receiver could decrypt.
    pub early: u64,
    /// Media of a source that nobody announced.
    pub strange: u64,
    /// Times from sending to arrival, in the window.
    pub latency: Histogram,
    /// Times from knocking until media could flow.
    pub join_connected: Histogram,
    /// Times from knocking until the first packet.
    pub join_media: Histogram,
    /// What the server used up, when it was observed.
    pub server: Option<ServerUsage>,
    /// What this program used up in the window.
    pub own_cpu: Duration,
    /// What went wrong on our own side.
    pub own_faults: OwnFaults,
    /// Every second.
    pub seconds: Vec<Second>,
    /// The bare loop doing the same sends, when it was asked for.
    pub bare: Option<Bare>,
}

impl Outcome {
    /// CPU time of the server for each forwarded packet.
    pub fn cpu_per_packet(&self) -> Option<Duration> {
        per_packet(self.server?.cpu, self.packets)
    }

    /// Forwarded packets each second.
    pub fn packets_per_second(&self) -> f64 {
        rate(self.packets, self.window)
    }

    /// Forwarded bits each second.
    pub fn bits_per_second(&self) -> f64 {
        rate(self.bytes * 8, self.window)
    }

    /// CPU time of the server over that of the bare loop, by packet: with segmentation offload and without.
    pub fn over_bare(&self) -> Option<(f64, f64)> {
        let (ours, bare) = (self.cpu_per_packet()?.as_secs_f64(), self.bare?);
        Some((ours / bare.offload.as_secs_f64(), ours / bare.datagrams.as_secs_f64()))
    }

    /// Resident memory for each participant, in bytes: of viewers where there are any, else of all.
    pub fn rss_per_participant(&self) -> Option<u64> {
        let server = self.server?;
        let (count, before) = match self.viewers {
            0 => (self.publishers, server.rss_empty_bytes),
            viewers => (viewers, server.rss_publishers_bytes),
        };
        server.rss_full_bytes.saturating_sub(before).checked_div(count as u64)
    }

    /// Whether everybody joined and nothing was lost, doubled, hidden or changed.
    pub fn is_clean(&self) -> bool {
        self.failed == 0 && self.counts.lost == 0 && self.counts.faults() == 0 && self.tracks.0 == self.tracks.1
    }

    /// What casts doubt on the figures, in words.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        let faults = self.own_faults;
        for (count, what) in [
            (faults.skipped_frames, "frames were not sent because the load tester came too late"),
            (faults.kernel_dropped, "datagrams were lost because the load tester did not read in time"),
            (faults.send_failed, "datagrams could not be sent"),
        ] {
            if count > 0 {
                doubts.push(format!("{count} {what}"));
            }
        }
        if let Some(server) = self.server.filter(|it| self.own_cpu > it.cpu / 3) {
            let share = self.own_cpu.as_secs_f64() / server.cpu.as_secs_f64().max(1e-9);
            doubts.push(format!("the load tester needed {share:.2} times the CPU of the server"));
        }
        doubts
    }
}

fn rate(count: u64, window: Duration) -> f64 {
    if window.is_zero() { 0.0 } else { count as f64 / window.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divides_by_what_was_forwarded() {
        let mut outcome =
            Outcome { window: Duration::from_secs(2), packets: 1000, bytes: 125_000, ..Outcome::default() };
        assert_eq!((outcome.cpu_per_packet(), outcome.over_bare(), outcome.rss_per_participant()), (None, None, None));
        assert_eq!((outcome.packets_per_second(), outcome.bits_per_second()), (500.0, 500_000.0));
        let rss = |mib: u64| mib << 20;
        outcome.server = Some(ServerUsage {
            cpu: Duration::from_millis(2),
            rss_empty_bytes: rss(10),
            rss_publishers_bytes: rss(12),
            rss_full_bytes: rss(20),
            ..ServerUsage::default()
        });
        (outcome.publishers, outcome.viewers) = (1, 8);
        assert_eq!(outcome.cpu_per_packet(), Some(Duration::from_micros(2)));
        assert_eq!(outcome.rss_per_participant(), Some(rss(1)));
        (outcome.publishers, outcome.viewers) = (10, 0);
        assert_eq!(outcome.rss_per_participant(), Some(rss(1)));
    }

    #[test]
    fn doubts_what_it_spoilt_itself() {
        let mut outcome = Outcome::default();
        assert!(outcome.is_clean() && outcome.doubts().is_empty());
        outcome.own_faults.kernel_dropped = 3;
        outcome.own_cpu = Duration::from_secs(2);
        outcome.server = Some(ServerUsage { cpu: Duration::from_secs(4), ..ServerUsage::default() });
        assert_eq!(outcome.doubts().len(), 2);
        outcome.counts.duplicates = 1;
        assert!(!outcome.is_clean());
    }
}
