//! Who speaks, and who is told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use door::{Kind, Level};
use livekit_protocol as proto;
use proto::signal_response::Message;
use room::ParticipantSid;

use super::alarm::{Alarm, SPEAKER_TIMEOUT};
use super::subscription::Down;
use super::{Now, World};

/// A packet louder than this is speech, in -dBov.
const ACTIVE_DBOV: u8 = 35;
/// An interval with at least so much speech counts, in percent.
const ACTIVE_PERCENT: u8 = 40;
/// Weight of the newest interval: smooths over two of them.
const SMOOTHING: f32 = 2.0 / 3.0;
/// How loud feigned speech is.
const FEIGNED_LEVEL: f32 = 0.9;
/// Levels are told in steps of one eighth, rounded up, so that small changes are not told.
const STEPS: f32 = 8.0;

/// Everybody who speaks.
#[derive(Debug, Default)]
pub(super) struct Speakers {
    active: BTreeMap<ParticipantSid, Speaker>,
}

#[derive(Clone, Copy, Debug)]
struct Speaker {
    smoothed: f32,
    told: f32,
    heard: Instant,
    /// Until then it only pretends to speak, on its own wish.
    feigned_until: Option<Instant>,
}

/// A level that others are to be told; zero is the end of speech.
type Change = (ParticipantSid, f32);

impl Speakers {
    /// Takes how loud everybody was in the last interval, and tells what changed.
    fn hear(&mut self, loudness: BTreeMap<ParticipantSid, f32>, now: Instant) -> Vec<Change> {
        let mut changes = Vec::new();
        for (sid, level) in loudness {
            let silent = Speaker { smoothed: 0.0, told: 0.0, heard: now, feigned_until: None };
            let speaker = self.active.entry(sid.clone()).or_insert(silent);
            if speaker.feigned_until.is_some_and(|until| now < until) {
                continue;
            }
            speaker.heard = now;
            speaker.smoothed += (level - speaker.smoothed) * SMOOTHING;
            let tells = if speaker.smoothed < linear(ACTIVE_DBOV) { 0.0 } else { quantised(speaker.smoothed) };
            if tells != speaker.told {
                speaker.told = tells;
                changes.push((sid.clone(), tells));
            }
            if tells == 0.0 {
                self.active.remove(&sid);
            }
        }
        changes
    }

    /// Takes somebody for a speaker for a while.
    fn feign(&mut self, sid: &ParticipantSid, until: Instant) -> Change {
        let speaker =
            Speaker { smoothed: FEIGNED_LEVEL, told: FEIGNED_LEVEL, heard: until, feigned_until: Some(until) };
        self.active.insert(sid.clone(), speaker);
        (sid.clone(), FEIGNED_LEVEL)
    }

    /// Whoever was not heard lately speaks no longer.
    fn expire(&mut self, now: Instant) -> Vec<Change> {
        let mut changes = Vec::new();
        self.active.retain(|sid, speaker| {
            let stays = now.saturating_duration_since(speaker.heard) < SPEAKER_TIMEOUT;
            if !stays {
                changes.push((sid.clone(), 0.0));
            }
            stays
        });
        changes
    }
}

impl World {
    /// Loudness of the last interval, from one shard.
    pub(super) fn levels(&mut self, levels: &[Level], now: Now) {
        let mut loudness: BTreeMap<ParticipantSid, f32> = BTreeMap::new();
        for level in levels {
            let Some(track) = self.ups.get(&level.track).or_else(|| self.lent.get(&level.track)) else { continue };
            let Some(track) = self.tracks.get(track) else { continue };
            let speaks = level.dbov <= ACTIVE_DBOV && level.active_percent >= ACTIVE_PERCENT;
            let loud = if speaks { linear(level.dbov) } else { 0.0 };
            let known = loudness.entry(track.publisher.clone()).or_default();
            *known = known.max(loud);
        }
        let known = |sid: &ParticipantSid, loud: &mut f32| *loud > 0.0 || self.speakers.active.contains_key(sid);
        loudness.retain(known);
        let changes = self.speakers.hear(loudness, now.monotonic);
        self.tell_changes(&changes);
        self.watch_speakers(now);
    }

    /// Somebody pretends to speak.
    pub(super) fn feign_speech(&mut self, sid: &ParticipantSid, time: Duration, now: Now) {
        let change = self.speakers.feign(sid, now.monotonic + time);
        self.tell_changes(&[change]);
        self.watch_speakers(now);
    }

    /// Looks whether speakers have stopped without a word.
    pub(super) fn silence_speakers(&mut self, now: Now) {
        let changes = self.speakers.expire(now.monotonic);
        self.tell_changes(&changes);
        self.watch_speakers(now);
    }

    fn watch_speakers(&mut self, now: Now) {
        if !self.speakers.active.is_empty() {
            self.alarms.set_once(now.monotonic + SPEAKER_TIMEOUT, Alarm::Speakers);
        }
    }

    pub(super) fn forget_speaker(&mut self, sid: &ParticipantSid) {
        self.speakers.active.remove(sid);
    }

    /// Tells the speaker itself and whoever hears it.
    fn tell_changes(&mut self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        let mut messages = Vec::new();
        for session in self.sessions.values() {
            let Some(connection) = session.connection else { continue };
            let heard = |down: &Down, sid: &ParticipantSid| down.kind == Kind::Audio && down.publisher == *sid;
            let concerns =
                |sid: &ParticipantSid| *sid == session.sid || session.downs.values().any(|it| heard(it, sid));
            let mut speakers: Vec<_> = changes.iter().filter(|(sid, _)| concerns(sid)).map(info).collect();
            speakers.sort_by(|a, b| b.level.total_cmp(&a.level));
            if !speakers.is_empty() {
                messages.push((connection, proto::SpeakersChanged { speakers }));
            }
        }
        for (connection, message) in messages {
            self.say(connection, Message::SpeakersChanged(message));
        }
    }

    /// Tells a new listener that the publisher speaks, if it does.
    pub(super) fn tell_speaker(&mut self, listener: &ParticipantSid, publisher: &ParticipantSid) {
        let Some(speaker) = self.speakers.active.get(publisher) else { return };
        let speakers = vec![info(&(publisher.clone(), speaker.told))];
        self.tell(listener, Message::SpeakersChanged(proto::SpeakersChanged { speakers }));
    }

    /// Tells a former listener that the publisher is not to be heard.
    pub(super) fn hush_speaker(&mut self, listener: &ParticipantSid, down: &Down) {
        if down.kind == Kind::Audio && self.speakers.active.contains_key(&down.publisher) {
            let speakers = vec![info(&(down.publisher.clone(), 0.0))];
            self.tell(listener, Message::SpeakersChanged(proto::SpeakersChanged { speakers }));
        }
    }
}

fn info((sid, level): &Change) -> proto::SpeakerInfo {
    proto::SpeakerInfo { sid: sid.to_string(), level: *level, active: *level > 0.0 }
}

/// Linear level of 0..=1.
fn linear(dbov: u8) -> f32 {
    10_f32.powf(-f32::from(dbov) / 20.0)
}

fn quantised(level: f32) -> f32 {
    (level * STEPS).ceil() / STEPS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(speakers: &mut Speakers, level: f32, now: Instant) -> Vec<f32> {
        let sid = ParticipantSid::new("PA_x");
        speakers.hear(BTreeMap::from([(sid, level)]), now).into_iter().map(|(_, level)| level).collect()
    }

    #[test]
    fn tells_only_steps_and_the_end() {
        let (mut speakers, now) = (Speakers::default(), Instant::now());
        assert_eq!(heard(&mut speakers, 1.0, now), [0.75]);
        assert_eq!(heard(&mut speakers, 1.0, now), [1.0]);
        assert!(heard(&mut speakers, 1.0, now).is_empty());
        assert_eq!(heard(&mut speakers, 0.0, now), [0.375]);
        let mut told = Vec::new();
        (0..6).for_each(|_| told.extend(heard(&mut speakers, 0.0, now)));
        assert_eq!(told, [0.125, 0.0]);
        assert!(speakers.active.is_empty());
    }

    #[test]
    fn the_unheard_fall_silent() {
        let (mut speakers, now) = (Speakers::default(), Instant::now());
        heard(&mut speakers, 1.0, now);
        assert!(speakers.expire(now + SPEAKER_TIMEOUT / 2).is_empty());
        assert_eq!(speakers.expire(now + SPEAKER_TIMEOUT).len(), 1);
    }
}
