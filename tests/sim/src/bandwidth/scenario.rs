//! Runs viewers of one studio over links that change, and notes what the server makes of them.

use std::time::{Duration, Instant};

use door::{Command, DownKey, LayerTarget, Notice, TrackKey};
use wire::Ssrc;

use super::studio::{Cast, Studio};
use super::trace::{ROW_INTERVAL, Row, Trace};
use super::viewer::Viewer;
use crate::link::LinkProfile;
use crate::media::{ClientIndex, Media};

/// What happens to the viewers' links.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Name of the file and the plot.
    pub name: &'static str,
    /// What it shows, in a line.
    pub title: &'static str,
    /// Seconds from the viewers' coming, and the capacity from there on in bits per second.
    pub steps: Vec<(f64, f64)>,
    /// The link toward each viewer but for its rate; the way back has its delay.
    pub link: LinkProfile,
    /// Viewers.
    pub viewers: usize,
    /// All viewers are behind one link.
    pub shared: bool,
    /// The first viewer only has the link; the others have fiber.
    pub only_first: bool,
    /// Seconds between which something else takes this many bits per second of the link.
    pub cross: Option<(f64, f64, f64)>,
    /// What the studio sends.
    pub cast: Cast,
    /// Videos that do not fit are paused, and do not keep their lowest layer.
    pub pauses: bool,
    /// How long it takes.
    pub seconds: f64,
}

impl Scenario {
    /// One viewer of six videos on a link of 20 ms each way that is as fast as the steps say.
    pub fn new(name: &'static str, title: &'static str, steps: &[(f64, f64)], seconds: f64) -> Self {
        let delay = Duration::from_millis(20);
        let link = LinkProfile { delay, queue_max: Duration::from_millis(400), ..LinkProfile::FIBER };
        Self {
            name,
            title,
            steps: steps.to_vec(),
            link,
            viewers: 1,
            shared: false,
            only_first: false,
            cross: None,
            cast: Cast::MEETING,
            pauses: true,
            seconds,
        }
    }

    /// One viewer of one browser's camera behind a shaper with a small bucket and 200 ms of queue, with the server's usual
    /// configuration.
    pub fn narrow(name: &'static str, title: &'static str, steps: &[(f64, f64)], seconds: f64) -> Self {
        let mut narrow = Self::new(name, title, steps, seconds);
        narrow.link.queue_max = Duration::from_millis(200);
        narrow.link.delay = Duration::from_millis(5);
        narrow.link.burst_bytes = 4000;
        (narrow.cast, narrow.pauses) = (Cast::CAMERA, false);
        narrow
    }

    /// All that the report shows.
    pub fn all() -> Vec<Self> {
        let steps = [(0.0, 4e6), (25.0, 1e6), (50.0, 0.3e6), (75.0, 2e6)];
        let steady = [(0.0, 2e6)];
        let base = |name, title, seconds| Self::new(name, title, &steady, seconds);
        let lossy = |name, title, loss| {
            let mut scenario = base(name, title, 40.0);
            scenario.link.loss = loss;
            scenario
        };
        let mut far = base("far", "200 ms round trip at 2 Mbit/s", 40.0);
        far.link.delay = Duration::from_millis(100);
        let mut jitter = base("jitter", "30 ms jitter at 2 Mbit/s", 40.0);
        jitter.link.jitter = Duration::from_millis(30);
        let mut cross = Self::new("cross", "1 Mbit/s of other traffic on 3 Mbit/s, 15 to 35 s", &[(0.0, 3e6)], 55.0);
        cross.cross = Some((15.0, 35.0, 1e6));
        let mut shared = Self::new("shared", "two viewers behind one link of 3 Mbit/s", &[(0.0, 3e6)], 60.0);
        (shared.viewers, shared.shared) = (2, true);
        let mut layered = Self::new("steps-svc", "capacity 4, 1, 0.3, 2 Mbit/s, spatial layers", &steps, 100.0);
        layered.cast = Cast::LAYERED_MEETING;
        vec![
            Self::new("steps", "capacity 4, 1, 0.3, 2 Mbit/s", &steps, 100.0),
            layered,
            base("steady", "2 Mbit/s and nothing else", 60.0),
            lossy("loss3", "3 % random loss at 2 Mbit/s", 0.03),
            lossy("loss10", "10 % random loss at 2 Mbit/s", 0.10),
            far,
            jitter,
            cross,
            shared,
            Self::narrow("middle", "one camera behind 800 kbit/s", &[(0.0, 0.8e6)], 60.0),
            Self::narrow("thin", "one camera behind 200 kbit/s", &[(0.0, 0.2e6)], 60.0),
            Self::narrow(
                "limited",
                "one camera, 300 kbit/s from the 15th second on",
                &[(0.0, 20e6), (15.0, 0.3e6)],
                45.0,
            ),
        ]
    }

    /// The scenario of this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn named(name: &str) -> Self {
        Self::all().into_iter().find(|it| it.name == name).expect("a scenario of this name")
    }
}

/// A scenario under way.
struct Run<'a> {
    scenario: &'a Scenario,
    world: Media,
    began: Instant,
    viewers: Vec<ClientIndex>,
    downs: Vec<(ClientIndex, DownKey, Ssrc)>,
    traces: Vec<Trace>,
    /// Bytes sent and bytes of media that came, up to the last row.
    before: Vec<(u64, u64)>,
}

/// Plays `scenario` with everything drawn from `seed`.
///
/// # Panics
/// When a handshake fails.
pub fn run(scenario: &Scenario, seed: u64) -> Vec<Trace> {
    let mut world = Media::new(1, seed);
    let host = world.join(0, LinkProfile::FIBER, LinkProfile::FIBER);
    let fiber = LinkProfile::FIBER;
    let viewers: Vec<_> =
        (0..scenario.viewers).map(|_| world.join_as(0, fiber, fiber, Some(scenario.pauses))).collect();
    let all = |world: &Media| world.nodes.iter().all(|node| node.connected);
    assert!(world.run_until(Duration::from_secs(20), all), "no handshake");
    let tracks = world.publish_studio(host, Studio::new(world.now, 1, scenario.cast, seed));
    world.run(Duration::from_secs(2));
    let began = world.now;
    let names = (1..=scenario.viewers).map(|it| format!("viewer {it}"));
    let traces = names.map(|name| Trace { name, rows: Vec::new() }).collect();
    let before = vec![(0, 0); scenario.viewers];
    let mut run = Run { scenario, world, began, viewers, downs: Vec::new(), traces, before };
    run.set_links();
    run.subscribe(&tracks);
    run.play();
    run.traces
}

impl Run<'_> {
    fn seconds(&self) -> f64 {
        (self.world.now - self.began).as_secs_f64()
    }

    fn capacity(&self) -> f64 {
        let now = self.seconds() + 1e-6;
        self.scenario.steps.iter().rev().find(|step| step.0 <= now).map_or(f64::MAX, |step| step.1)
    }

    /// Gives each viewer its link at its present capacity.
    fn set_links(&mut self) {
        let profile = LinkProfile { rate_bps: Some(self.capacity() as u64), ..self.scenario.link };
        let first = self.viewers[0];
        for (index, &viewer) in self.viewers.clone().iter().enumerate() {
            if self.scenario.only_first && index > 0 {
                continue;
            }
            self.world.nodes[viewer].down_mut().set_profile(profile);
            let back = LinkProfile { delay: profile.delay, ..LinkProfile::FIBER };
            self.world.nodes[viewer].up_mut().set_profile(back);
            if self.scenario.shared && index > 0 {
                let wire = self.world.nodes[first].down_mut().wire();
                self.world.nodes[viewer].down_mut().share(wire);
            }
        }
    }

    fn subscribe(&mut self, tracks: &[(TrackKey, door::UpTrackParams)]) {
        for &index in &self.viewers.clone() {
            let mut viewer = Viewer::default();
            let peer = self.world.nodes[index].key.expect("joined by this world");
            for (place, (track, up)) in (0_u32..).zip(tracks) {
                let ssrc = Ssrc(0x10_0000 * (index as u32 + 1) + place * 2);
                let params = Box::new(viewer.params(self.world.now, up, ssrc));
                let down = DownKey { shard: peer.shard, serial: u64::from(ssrc.0) };
                let (target, up) = (LayerTarget::BEST, Box::new(up.clone()));
                self.world.command(Command::AddDownTrack { down, peer, track: *track, up, params, target });
                self.downs.push((index, down, ssrc));
            }
            self.world.nodes[index].viewer = Some(viewer);
        }
    }

    fn play(&mut self) {
        let mut capacity = self.capacity();
        while self.seconds() < self.scenario.seconds {
            for _ in 0..10 {
                self.cross();
                self.world.run(ROW_INTERVAL / 10);
                self.hear();
            }
            for place in 0..self.viewers.len() {
                let row = self.row(place, capacity);
                self.traces[place].rows.push(row);
            }
            if self.capacity() != capacity {
                capacity = self.capacity();
                self.set_links();
            }
        }
    }

    /// Other traffic of the last hundredth of a second.
    fn cross(&mut self) {
        let now = self.seconds();
        if let Some((_, _, bps)) = self.scenario.cross.filter(|it| (it.0..it.1).contains(&now)) {
            let (at, first) = (self.world.now, self.viewers[0]);
            self.world.nodes[first].down_mut().occupy(at, (bps / 100.0 / 8.0) as usize);
        }
    }

    /// What control is told of pauses reaches the viewers.
    fn hear(&mut self) {
        let now = self.world.now;
        for notice in std::mem::take(&mut self.world.notices) {
            let Notice::Paused { down, paused, .. } = notice else { continue };
            let Some(&(index, _, ssrc)) = self.downs.iter().find(|it| it.1 == down) else { continue };
            let viewer = self.world.nodes[index].viewer.as_mut();
            if let Some(screen) = viewer.and_then(|viewer| viewer.screens.get_mut(&ssrc)) {
                screen.set_paused(now, paused);
            }
        }
    }

    fn row(&mut self, place: usize, capacity: f64) -> Row {
        let index = self.viewers[place];
        let estimate = self.world.estimate(index).map_or(0.0, |it| it.target_bps as f64);
        let now = self.world.now;
        let link = self.world.nodes[index].down_mut();
        let (sent, queue) = (link.sent_bytes, link.queued(now));
        let (seconds, sent_pictures) = (self.seconds(), self.pictures());
        let viewer = self.world.nodes[index].viewer.as_mut().expect("a viewer");
        let pause = viewer.screens.values_mut().map(|it| it.take_pause(now)).max().unwrap_or_default();
        let screens = || viewer.screens.values();
        let picture = 1000.0 / f64::from(self.scenario.cast.pictures);
        let first = viewer.screens.values().next();
        let behind = first.and_then(|it| Some(sent_pictures.get(usize::from(it.layer?.0))?.saturating_sub(it.newest)));
        let media = viewer.sound_bytes + screens().map(|it| it.bytes).sum::<u64>();
        let (sent_before, media_before) = std::mem::replace(&mut self.before[place], (sent, media));
        let rate = |bytes: u64| bytes as f64 * 8.0 / ROW_INTERVAL.as_secs_f64();
        let spatial = |it: &super::viewer::Screen| match it.layer {
            Some((spatial, _)) if !it.paused => f64::from(spatial),
            _ => -1.0,
        };
        Row {
            seconds,
            capacity_bps: capacity,
            estimate_bps: estimate,
            sent_bps: rate(sent - sent_before),
            media_bps: rate(media - media_before),
            queue_ms: queue.as_secs_f64() * 1000.0,
            spatial: screens().map(spatial).sum::<f64>() / screens().count().max(1) as f64,
            paused: screens().filter(|it| it.paused).count() as u32,
            switches: screens().map(|it| it.switches.len() as u32).sum(),
            frozen_seconds: screens().map(|it| it.frozen.as_secs_f64()).sum(),
            pause_ms: pause.as_secs_f64() * 1000.0,
            behind_ms: f64::from(behind.unwrap_or(0)) * picture,
            overtaken: screens().map(|it| it.overtaken).sum(),
            orphans: screens().map(|it| it.orphans).sum(),
        }
    }

    /// Pictures that each encoding of the first video has sent.
    fn pictures(&self) -> [u32; 3] {
        let studio = self.world.nodes.iter().find_map(|node| node.studio.as_ref());
        [0, 1, 2].map(|encoding| studio.map_or(0, |studio| studio.pictures(encoding)))
    }
}
