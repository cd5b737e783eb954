//! A run from the first knock to the last goodbye, and what is measured in between.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use peer::Identity;

use crate::LoadError;
use crate::bare;
use crate::crowd::{Common, Crowd, JOIN_TIMEOUT};
use crate::media::Sampling;
use crate::outcome::{Outcome, OwnFaults, Second, ServerUsage};
use crate::plan::{Knobs, RoomPlan, Scenario};
use crate::process::{Process, Usage};
use crate::signal::Refusal;
use crate::sink::SinkCounts;
use crate::source::SourceCounts;
use crate::target::Target;

/// After the last packet was sent, what is under way may arrive for so long.
const DRAIN: Duration = Duration::from_millis(300);
/// Goodbyes may take so long.
const GOODBYE: Duration = Duration::from_millis(300);
/// How much time all joins together may take beyond what their rate asks for.
const JOINS_SLACK: Duration = Duration::from_secs(30);

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server.
    pub target: Target,
    /// The rooms.
    pub scenarios: Vec<Scenario>,
    /// What is common to them.
    pub knobs: Knobs,
    /// Begins the names of rooms and participants.
    pub prefix: String,
    /// The names of the scenarios' rooms; others have made-up ones.
    pub room_names: Vec<String>,
    /// How many knock each second.
    pub joins_per_second: f64,
    /// From when all are there until measuring begins.
    pub warmup: Duration,
    /// How long is measured.
    pub duration: Duration,
    /// One packet of so many of each track is decrypted and read in full.
    pub sample_every: u32,
    /// The server's process, when it runs on this machine.
    pub server_pid: Option<u32>,
    /// Whether participants open data channels, as LiveKit's clients do.
    pub data: bool,
    /// Whether the bare loop does the same sends afterwards.
    pub bare: bool,
}

/// Runs it. `progress` hears of every second.
///
/// # Errors
/// When it cannot begin: nobody is let in, or the machine refuses something.
pub fn run(options: &Options, progress: &mut dyn FnMut(&Second)) -> Result<Outcome, LoadError> {
    let server =
        options.server_pid.map(|pid| Process::of(pid).map_err(|source| LoadError::ConfigServerPid { pid, source }));
    let own = Process::own().map_err(|source| LoadError::Io { what: "cannot observe this process", source })?;
    let rooms: Vec<RoomPlan> = options.scenarios.iter().map(|it| it.room(&options.knobs)).collect();
    let common = Common {
        target: options.target.clone(),
        prefix: options.prefix.clone(),
        room_names: options.room_names.clone(),
        identity: Identity::generate()?,
        sampling: Sampling { every: options.sample_every },
        data: options.data,
        joins_per_second: options.joins_per_second,
    };
    let crowd = Crowd::new(common, rooms.clone())?;
    let now = Instant::now();
    let meter =
        Meter { server: server.transpose()?, own, last: (Usage::default(), Usage::default()), packets: 0, bytes: 0 };
    let mut run = Run { crowd, meter, progress, began: now, tick: now, seconds: Vec::new(), over: false };
    let mut outcome = run.play(options)?;
    outcome.words = options.scenarios.iter().map(Scenario::word).collect();
    outcome.url = options.target.url().to_owned();
    if options.bare {
        outcome.bare = Some(bare::run(&rooms, options.duration)?);
    }
    Ok(outcome)
}

/// Reads the processes' costs.
struct Meter {
    server: Option<Process>,
    own: Process,
    /// At the end of the last second: server, own.
    last: (Usage, Usage),
    packets: u64,
    bytes: u64,
}

impl Meter {
    /// Both costs; a server that is gone keeps its last.
    fn read(&mut self) -> (Usage, Usage) {
        let server = self.server.as_mut().and_then(|it| it.usage().ok()).unwrap_or(self.last.0);
        (server, self.own.usage().unwrap_or(self.last.1))
    }
}

struct Run<'a> {
    crowd: Crowd,
    meter: Meter,
    progress: &'a mut dyn FnMut(&Second),
    began: Instant,
    tick: Instant,
    seconds: Vec<Second>,
    over: bool,
}

/// Everything that is read where the window begins and ends.
#[derive(Clone, Copy)]
struct Stand {
    at: Instant,
    packets: u64,
    bytes: u64,
    sent: u64,
    server: Usage,
    own: Usage,
}

impl Run<'_> {
    fn play(&mut self, options: &Options) -> Result<Outcome, LoadError> {
        let began_unix_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let empty = self.meter.read();
        self.meter.last = empty;
        self.gather(true, options)?;
        let publishers = self.meter.read();
        self.gather(false, options)?;
        self.crowd.begin_churn(Instant::now());
        self.turns(options.warmup);
        self.crowd.tally.measuring = true;
        let from = self.stand();
        self.turns(options.duration);
        let to = self.stand();
        self.crowd.tally.measuring = false;
        self.crowd.end_churn();
        self.turns(DRAIN);
        let mut outcome = self.conclude(from, to);
        outcome.began_unix_s = began_unix_s;
        outcome.machine = machine();
        if self.meter.server.is_some() {
            outcome.server = Some(ServerUsage {
                cpu: to.server.cpu.saturating_sub(from.server.cpu),
                user: to.server.user.saturating_sub(from.server.user),
                system: to.server.system.saturating_sub(from.server.system),
                rss_empty_bytes: empty.0.rss_bytes,
                rss_publishers_bytes: publishers.0.rss_bytes,
                rss_full_bytes: to.server.rss_bytes,
            });
        }
        self.over = true;
        self.crowd.dismiss_all();
        self.turns(GOODBYE);
        Ok(outcome)
    }

    /// Lets those who publish, or those who do not, come in, and waits until they are there.
    fn gather(&mut self, publishers: bool, options: &Options) -> Result<(), LoadError> {
        self.crowd.invite(publishers);
        let wanted = self.crowd.present().1;
        let patience =
            JOIN_TIMEOUT + JOINS_SLACK + Duration::from_secs_f64(wanted as f64 / options.joins_per_second.max(0.01));
        let end = Instant::now() + patience;
        while !self.crowd.is_settled() && Instant::now() < end {
            self.turn();
            self.usable(options)?;
        }
        self.usable(options)
    }

    /// Gives up when nobody gets in.
    fn usable(&mut self, options: &Options) -> Result<(), LoadError> {
        let url = || options.target.url().to_owned();
        let crowd = &self.crowd;
        let anybody = crowd.participants.iter().any(|it| it.steps.joined.is_some());
        match &crowd.refused {
            Some(Refusal::Unreachable(reason)) if !anybody => {
                return Err(LoadError::PeerUnreachable { url: url(), reason: reason.clone() });
            }
            Some(Refusal::Status(status, text)) if !anybody => {
                return Err(LoadError::PeerRefused { url: url(), status: *status, text: text.clone() });
            }
            _ => {}
        }
        let all_failed = !crowd.participants.is_empty() && crowd.participants.iter().all(|it| it.fault.is_some());
        let reason = crowd.participants.iter().find_map(|it| it.fault.clone()).filter(|_| all_failed);
        reason.map_or(Ok(()), |reason| Err(LoadError::PeerUnusable { url: url(), reason }))
    }

    fn turns(&mut self, span: Duration) {
        let end = Instant::now() + span;
        while Instant::now() < end {
            self.turn();
        }
    }

    fn turn(&mut self) {
        self.crowd.turn();
        let now = Instant::now();
        if now >= self.tick + Duration::from_secs(1) && !self.over {
            self.second(now);
        }
    }

    fn second(&mut self, now: Instant) {
        let (server, own) = self.meter.read();
        let tally = &mut self.crowd.tally;
        let (packets, bytes) = (tally.packets - self.meter.packets, tally.bytes - self.meter.bytes);
        (self.meter.packets, self.meter.bytes) = (tally.packets, tally.bytes);
        let latency = std::mem::take(&mut tally.second);
        let measured = tally.measuring;
        let (joined, wanted) = self.crowd.present();
        let observed = self.meter.server.is_some();
        let second = Second {
            at: now - self.began,
            measured,
            span: now - self.tick,
            joined,
            wanted,
            packets,
            bytes,
            lost: self.received().lost,
            server_cpu: observed.then(|| server.cpu.saturating_sub(self.meter.last.0.cpu)),
            server_rss_bytes: observed.then_some(server.rss_bytes),
            own_cpu: own.cpu.saturating_sub(self.meter.last.1.cpu),
            latency_p50: latency.quantile(0.5),
            latency_p99: latency.quantile(0.99),
        };
        self.meter.last = (server, own);
        self.tick = now;
        self.seconds.push(second);
        (self.progress)(&second);
    }

    fn stand(&mut self) -> Stand {
        let (server, own) = self.meter.read();
        let tally = &self.crowd.tally;
        Stand {
            at: Instant::now(),
            packets: tally.packets,
            bytes: tally.bytes,
            sent: self.published().packets,
            server,
            own,
        }
    }

    fn received(&self) -> SinkCounts {
        let media = self.crowd.participants.iter().filter_map(|it| it.media.as_ref());
        media.fold(SinkCounts::default(), |sum, it| sum.combine(&it.received(), |a, b| a + b))
    }

    fn published(&self) -> SourceCounts {
        let media = self.crowd.participants.iter().filter_map(|it| it.media.as_ref());
        media.fold(SourceCounts::default(), |sum, it| {
            let own = it.sent();
            SourceCounts {
                packets: sum.packets + own.packets,
                bytes: sum.bytes + own.bytes,
                repeated: sum.repeated + own.repeated,
                key_requests: sum.key_requests + own.key_requests,
                skipped_frames: sum.skipped_frames + own.skipped_frames,
            }
        })
    }

    fn conclude(&mut self, from: Stand, to: Stand) -> Outcome {
        let mut outcome = Outcome {
            window: to.at - from.at,
            packets: to.packets - from.packets,
            bytes: to.bytes - from.bytes,
            sent: to.sent.saturating_sub(from.sent),
            own_cpu: to.own.cpu.saturating_sub(from.own.cpu),
            counts: self.received(),
            published: self.published(),
            early: self.crowd.tally.early,
            strange: self.crowd.tally.strange,
            latency: std::mem::take(&mut self.crowd.tally.window),
            reasons: self.crowd.reasons(),
            seconds: std::mem::take(&mut self.seconds),
            ..Outcome::default()
        };
        let sockets = self.crowd.seats.sockets.counts();
        outcome.own_faults = OwnFaults {
            skipped_frames: outcome.published.skipped_frames,
            kernel_dropped: sockets.kernel_dropped,
            send_failed: sockets.send_failed,
        };
        for participant in &self.crowd.participants {
            outcome.came += 1;
            outcome.failed += usize::from(participant.fault.is_some());
            outcome.ready += usize::from(participant.fault.is_none() && participant.is_ready());
            if !participant.left {
                outcome.publishers += usize::from(!participant.member.publishes.is_empty());
                outcome.viewers += usize::from(participant.member.publishes.is_empty());
            }
            let Some(media) = &participant.media else { continue };
            if !participant.left {
                let (announced, heard) = media.tracks_received();
                outcome.tracks = (outcome.tracks.0 + announced, outcome.tracks.1 + heard);
            }
            let asked = participant.steps.asked;
            media.connected().into_iter().for_each(|at| outcome.join_connected.note(at - asked));
            media.first_at().into_iter().for_each(|at| outcome.join_media.note(at - asked));
            if let Some(profile) = media.profile() {
                outcome.profile = format!("{profile:?}");
            }
        }
        outcome
    }
}

/// Processor and kernel, as `/proc` names them.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let models: Vec<_> = info.lines().filter_map(|it| it.strip_prefix("model name")).collect();
    let model = models.first().and_then(|it| it.split_once(':')).map_or("unknown processor", |(_, name)| name.trim());
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{} x {model}, Linux {}", models.len(), kernel.trim())
}

/// When something was written, for reports: seconds since 1970 as a date and time in UTC.
pub fn date(unix_s: u64) -> String {
    let (days, seconds) = (unix_s / 86_400, unix_s % 86_400);
    // Howard Hinnant's civil-from-days, for days after 1970.
    let z = days + 719_468;
    let era_day = z % 146_097;
    let year_of_era = (era_day - era_day / 1_460 + era_day / 36_524 - era_day / 146_096) / 365;
    let day_of_year = era_day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + z / 146_097 * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", seconds / 3600, seconds % 3600 / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_dates() {
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(date(1_795_278_245), "2026-11-21 16:24 UTC");
        assert!(machine().contains("Linux"));
    }
}
