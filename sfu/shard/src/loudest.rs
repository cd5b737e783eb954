//! Sound at scale: of a large room's sounds only the loudest are sent on. Chosen by RFC 6464 levels, without decoding; who
//! begins to speak is let in with what was said just before, so that no first syllable is clipped.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use door::TrackKey;
use forward::Arrival;

use crate::Shard;

/// When sounds are chosen, and how many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SoundLimits {
    /// Sounds of one room that are sent on at the most. 0 sends all.
    pub loudest: usize,
    /// Rooms with fewer sounds than this send all.
    pub from: usize,
}

impl Default for SoundLimits {
    fn default() -> Self {
        Self { loudest: 10, from: 30 }
    }
}

/// Packets sent when a sound is let in: 100 ms before it was loud enough to be heard over the others.
pub(crate) const PRE_ROLL_PACKETS: u64 = 5;

/// A sound must be this much louder than the quietest that is in to take its place, in dB: as loud as its echo is not.
const MARGIN_DB: f32 = 6.0;
/// A sound that was let in stays for this long at least, so that two who talk at once do not chop each other up.
const STAY: Duration = Duration::from_millis(700);
/// What a sound loses of its loudness in a second, in dB: pauses between words do not make it quiet.
const FALL_DB_PER_S: f32 = 25.0;
/// Share of a packet's loudness that counts at once: a click of 20 ms does not let a sound in, two loud packets do.
const RISE: f32 = 0.6;
/// A sound without packets for so long does not count as one of the room's.
const SILENT: Duration = Duration::from_secs(5);
/// A room goes back to sending all when it has so many sounds fewer than where choosing begins.
const SLACK: usize = 3;
/// The level of silence in -dBov (RFC 6464).
const SILENCE_DBOV: u8 = 127;

/// What becomes of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// It is sent on.
    Send,
    /// It is not.
    Drop,
    /// It is sent on, and what came just before it as well.
    Enter,
    /// It is not, and was until here.
    Leave,
}

/// The sounds of all rooms of a shard, published here or mirrored.
#[derive(Debug, Default)]
pub(crate) struct Loudest {
    limits: SoundLimits,
    /// By the room's serial.
    rooms: BTreeMap<u64, Room>,
}

#[derive(Debug, Default)]
struct Room {
    sounds: BTreeMap<TrackKey, Sound>,
    chooses: bool,
    looked_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Sound {
    /// Loudness above silence in dB when it was last heard.
    loudness: f32,
    heard: Instant,
    /// It is among the loudest.
    is_in: bool,
    /// Its last packet was sent on.
    flows: bool,
    entered: Instant,
}

impl Sound {
    fn loudness_at(&self, now: Instant) -> f32 {
        let fallen = now.saturating_duration_since(self.heard).as_secs_f32() * FALL_DB_PER_S;
        (self.loudness - fallen).max(0.0)
    }
}

impl Loudest {
    /// Takes limits; rooms choose anew as packets come.
    pub(crate) fn limit(&mut self, limits: SoundLimits) {
        self.limits = limits;
        self.rooms.clear();
    }

    /// Decides on a packet that came at `now` with this level in -dBov. A sound that tells no level cannot be judged and
    /// is sent on.
    pub(crate) fn judge(&mut self, now: Instant, track: TrackKey, dbov: Option<u8>) -> Verdict {
        if self.limits.loudest == 0 {
            return Verdict::Send;
        }
        let Some(dbov) = dbov else { return self.judge_unheard(track) };
        let room = self.rooms.entry(track.serial >> 32).or_default();
        room.look_around(now, self.limits);
        room.judge(now, track, dbov, self.limits.loudest)
    }

    fn judge_unheard(&self, track: TrackKey) -> Verdict {
        let sound = self.rooms.get(&(track.serial >> 32)).and_then(|room| room.sounds.get(&track));
        if sound.is_some_and(|sound| !sound.is_in) { Verdict::Drop } else { Verdict::Send }
    }

    /// The track ended.
    pub(crate) fn forget(&mut self, track: TrackKey) {
        let Some(room) = self.rooms.get_mut(&(track.serial >> 32)) else { return };
        room.sounds.remove(&track);
        if room.sounds.is_empty() {
            self.rooms.remove(&(track.serial >> 32));
        }
    }
}

impl Room {
    /// Once in a while: who is still here, and are they many?
    fn look_around(&mut self, now: Instant, limits: SoundLimits) {
        let recent = |at: Instant| now.saturating_duration_since(at) < Duration::from_secs(1);
        if self.looked_at.is_some_and(recent) && self.sounds.len() < limits.from {
            return;
        }
        if !self.looked_at.is_some_and(recent) {
            self.looked_at = Some(now);
            self.sounds.retain(|_, sound| now.saturating_duration_since(sound.heard) < SILENT);
        }
        let many = if self.chooses { limits.from.saturating_sub(SLACK) } else { limits.from };
        let chooses = self.sounds.len() >= many.max(limits.loudest + 1);
        if chooses != std::mem::replace(&mut self.chooses, chooses) {
            self.choose(now, if chooses { limits.loudest } else { usize::MAX });
        }
    }

    /// Lets in the `count` loudest and nobody else.
    fn choose(&mut self, now: Instant, count: usize) {
        let mut order: Vec<_> = self.sounds.iter().map(|(&track, sound)| (sound.loudness_at(now), track)).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (place, (_, track)) in order.into_iter().enumerate() {
            self.set_in(track, place < count, now);
        }
    }

    fn judge(&mut self, now: Instant, track: TrackKey, dbov: u8, loudest: usize) -> Verdict {
        // Where there are few all are in; who comes to many must be heard first.
        let new = Sound { loudness: 0.0, heard: now, is_in: !self.chooses, flows: !self.chooses, entered: now };
        let sound = self.sounds.entry(track).or_insert(new);
        let (before, loud) = (sound.loudness_at(now), f32::from(SILENCE_DBOV.saturating_sub(dbov)));
        sound.loudness = if loud > before { before + (loud - before) * RISE } else { before };
        sound.heard = now;
        let (is_in, loudness) = (sound.is_in, sound.loudness);
        if !is_in {
            self.try_to_enter(now, track, loudness, loudest);
        }
        let Some(sound) = self.sounds.get_mut(&track) else { return Verdict::Drop };
        match (std::mem::replace(&mut sound.flows, sound.is_in), sound.is_in) {
            (true, true) => Verdict::Send,
            (true, false) => Verdict::Leave,
            (false, true) => Verdict::Enter,
            (false, false) => Verdict::Drop,
        }
    }

    fn try_to_enter(&mut self, now: Instant, track: TrackKey, loudness: f32, loudest: usize) {
        let inside = self.sounds.values().filter(|sound| sound.is_in).count();
        if inside < loudest {
            self.set_in(track, true, now);
        } else if let Some((quietest, sound)) = self.quietest(now)
            && gives_way(now, &sound, loudness)
        {
            self.set_in(quietest, false, now);
            self.set_in(track, true, now);
        }
    }

    fn quietest(&self, now: Instant) -> Option<(TrackKey, Sound)> {
        let inside = self.sounds.iter().filter(|(_, sound)| sound.is_in);
        let quieter = |a: &Sound, b: &Sound| a.loudness_at(now).total_cmp(&b.loudness_at(now));
        inside.min_by(|a, b| quieter(a.1, b.1)).map(|(&track, &sound)| (track, sound))
    }

    fn set_in(&mut self, track: TrackKey, is_in: bool, now: Instant) {
        if let Some(sound) = self.sounds.get_mut(&track) {
            (sound.is_in, sound.entered) = (is_in, now);
        }
    }
}

fn gives_way(now: Instant, quietest: &Sound, loudness: f32) -> bool {
    let stayed = now.saturating_duration_since(quietest.entered) >= STAY;
    stayed && loudness > quietest.loudness_at(now) + MARGIN_DB
}

impl Shard {
    /// Sets which sounds of large rooms are sent on; [`SoundLimits::default`] holds before.
    pub fn limit_sound(&mut self, limits: SoundLimits) {
        self.loudest.limit(limits);
    }

    /// Whether a packet of sound is sent on.
    pub(crate) fn admits(&mut self, now: Instant, key: TrackKey, arrival: &Arrival) -> bool {
        match self.loudest.judge(now, key, arrival.level.map(|level| level.dbov)) {
            Verdict::Send => return true,
            Verdict::Enter => {
                self.pre_roll(now, key, arrival);
                return true;
            }
            Verdict::Leave => self.silence(key),
            Verdict::Drop => {}
        }
        self.stats.sounds_withheld += 1;
        false
    }

    /// Nothing of the track is sent until it is let in again.
    fn silence(&mut self, key: TrackKey) {
        let Some(track) = self.tracks.at(key) else { return };
        track.pending.clear();
        track.subscribers.iter_mut().for_each(|subscriber| subscriber.down.pause());
    }

    /// Puts what came just before `arrival` in front of it.
    fn pre_roll(&mut self, now: Instant, key: TrackKey, arrival: &Arrival) {
        for seq in arrival.seq.saturating_sub(PRE_ROLL_PACKETS)..arrival.seq {
            let track = self.tracks.at(key);
            if track.is_some_and(|track| track.up.packet(arrival.encoding, seq).is_some()) {
                self.keep_pending(now, key, Arrival { seq, ..*arrival });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: Duration = Duration::from_millis(20);
    const LIMITS: SoundLimits = SoundLimits { loudest: 3, from: 8 };

    struct Hall {
        now: Instant,
        loudest: Loudest,
        /// Level of each sound; `None` sends nothing.
        levels: Vec<Option<u8>>,
        /// Who is in by the verdicts.
        inside: Vec<bool>,
        changes: usize,
    }

    impl Hall {
        fn new(sounds: usize, limits: SoundLimits) -> Self {
            let mut loudest = Loudest::default();
            loudest.limit(limits);
            let (levels, inside) = (vec![Some(70); sounds], vec![true; sounds]);
            Self { now: Instant::now(), loudest, levels, inside, changes: 0 }
        }

        fn key(index: usize) -> TrackKey {
            TrackKey { shard: door::ShardId(0), serial: 7 << 32 | index as u64 }
        }

        fn run(&mut self, span: Duration) {
            let end = self.now + span;
            while self.now < end {
                for index in 0..self.levels.len() {
                    let Some(dbov) = self.levels[index] else { continue };
                    let verdict = self.loudest.judge(self.now, Self::key(index), Some(dbov));
                    self.take(index, verdict);
                }
                self.now += PACKET;
            }
        }

        fn take(&mut self, index: usize, verdict: Verdict) {
            let before = self.inside.clone();
            match verdict {
                Verdict::Send => assert!(self.inside[index]),
                Verdict::Drop | Verdict::Leave => self.inside[index] = false,
                Verdict::Enter => self.inside[index] = true,
            }
            self.changes += usize::from(before != self.inside);
        }

        fn count(&self) -> usize {
            self.inside.iter().filter(|&&is_in| is_in).count()
        }
    }

    #[test]
    fn a_small_room_hears_everybody() {
        let mut hall = Hall::new(7, LIMITS);
        hall.levels[0] = Some(20);
        hall.run(Duration::from_secs(5));
        assert_eq!((hall.count(), hall.changes), (7, 0));
        let mut off = Hall::new(50, SoundLimits { loudest: 0, from: 0 });
        off.run(Duration::from_secs(1));
        assert_eq!(off.count(), 50);
    }

    #[test]
    fn a_large_room_hears_the_loudest() {
        let mut hall = Hall::new(40, LIMITS);
        hall.run(Duration::from_secs(2));
        assert_eq!(hall.count(), 3);
        for speaker in [30, 12] {
            hall.levels[speaker] = Some(25);
            hall.run(Duration::from_secs(1));
            assert!(hall.inside[speaker] && hall.count() == 3, "{speaker}");
        }
        assert!(hall.inside[30], "who speaks on stays");
    }

    #[test]
    fn who_begins_to_speak_is_heard_within_the_pre_roll() {
        let mut hall = Hall::new(40, LIMITS);
        hall.run(Duration::from_secs(2));
        hall.levels[33] = Some(30);
        hall.run(PACKET * (PRE_ROLL_PACKETS as u32));
        assert!(hall.inside[33]);
    }

    #[test]
    fn equals_do_not_push_each_other_out() {
        let mut hall = Hall::new(40, LIMITS);
        for index in 0..10 {
            hall.levels[index] = Some(30);
        }
        hall.run(Duration::from_secs(2));
        hall.changes = 0;
        for turn in 0..100 {
            for index in 0..10 {
                hall.levels[index] = Some(28 + ((index + turn) % 5) as u8);
            }
            hall.run(Duration::from_millis(100));
        }
        assert_eq!((hall.count(), hall.changes), (3, 0));
    }

    #[test]
    fn a_pause_between_words_costs_nobody_the_floor() {
        let mut hall = Hall::new(40, LIMITS);
        for index in 0..3 {
            hall.levels[index] = Some(30);
        }
        hall.run(Duration::from_secs(2));
        for index in 0..3 {
            hall.levels[index] = None;
        }
        hall.levels[20] = Some(60);
        hall.run(Duration::from_millis(600));
        assert!(hall.inside[..3].iter().all(|&is_in| is_in) && !hall.inside[20]);
        hall.run(Duration::from_secs(2));
        assert!(hall.inside[20], "after a while somebody else is worth hearing");
    }

    #[test]
    fn a_room_that_empties_hears_everybody_again() {
        let mut hall = Hall::new(9, LIMITS);
        hall.run(Duration::from_secs(2));
        assert_eq!(hall.count(), 3);
        for index in 0..6 {
            hall.levels[index] = None;
            hall.loudest.forget(Hall::key(index));
            hall.inside[index] = false;
        }
        hall.run(Duration::from_secs(2));
        assert_eq!(hall.count(), 3);
        assert!(hall.inside[6..].iter().all(|&is_in| is_in));
        (6..9).for_each(|index| hall.loudest.forget(Hall::key(index)));
        assert!(hall.loudest.rooms.is_empty());
    }
}
