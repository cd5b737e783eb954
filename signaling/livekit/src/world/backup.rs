//! The same picture in a second codec, for viewers that cannot take the first: asked of the publisher when the first such
//! viewer comes, published on a section of its own, and shown to those who need it, or to all.

use std::time::Duration;

use door::{Codec, Command};
use livekit_protocol as proto;
use proto::BackupCodecPolicy;
use room::{ParticipantSid, TrackSid};
use sdp::Section;

use super::alarm::Alarm;
use super::publication::{Live, Published};
use super::subscription::{Place, Rendition};
use super::{Mode, Now, World};

/// A publisher that was asked for a second codec is asked again after this time: clients overlook what comes before their
/// own publishing is done.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(3);
/// From so many participants on, a publisher that would rather send one codec is asked for both: the better codec then
/// saves more in sum than its encoder costs. LiveKit's default.
const REGRESSION_PARTICIPANTS: usize = 5;

impl Published {
    /// The picture's media in one of its codecs, once described.
    pub(super) fn live_as(&self, rendition: Rendition) -> Option<&Live> {
        match rendition {
            Rendition::Primary => self.live.as_ref(),
            Rendition::Backup => self.backup.as_ref(),
        }
    }

    pub(super) fn live_as_mut(&mut self, rendition: Rendition) -> Option<&mut Live> {
        match rendition {
            Rendition::Primary => self.live.as_mut(),
            Rendition::Backup => self.backup.as_mut(),
        }
    }

    /// All that is described of it.
    pub(super) fn lives(&self) -> impl Iterator<Item = &Live> {
        self.live.iter().chain(&self.backup)
    }

    /// The second codec, if the publisher has one to offer.
    pub(super) fn backup_codec(&self) -> Option<Codec> {
        let codec = self.info.codecs.get(Rendition::Backup.index()).filter(|_| self.is_video())?;
        sdp::codec_named(&codec.mime_type)
    }

    /// What newcomers are shown if they can take it.
    pub(super) fn preferred(&self) -> Rendition {
        if self.regressed && self.backup.is_some() { Rendition::Backup } else { Rendition::Primary }
    }
}

impl World {
    /// Which codec of a track a viewer's section takes. Notes when there is none, or none yet.
    pub(super) fn choose(&mut self, sid: &ParticipantSid, track: &TrackSid, section: &Section) -> Option<Rendition> {
        let published = self.tracks.get(track)?;
        let preferred = published.preferred();
        let suits = |it: &Rendition| self.takes(sid, track, section, *it) == Some(true);
        let found = [preferred, preferred.other()].into_iter().find(suits);
        let backup = published.backup_codec();
        let might = |codec: Codec| section.formats().any(|(_, format)| format.codec == codec);
        if found.is_none() && published.backup.is_none() && backup.is_some_and(might) {
            let down = self.sessions.get_mut(sid)?.downs.get_mut(track)?;
            down.place = Place::AwaitsBackup;
            self.viewers_changed.insert(track.clone());
            return None;
        }
        // Publishers may send another codec than they said: what is negotiated at all may come.
        let found = found.or_else(|| self.takes(sid, track, section, preferred).map(|_| preferred));
        match found {
            Some(rendition) => self.sessions.get_mut(sid)?.downs.get_mut(track)?.rendition = rendition,
            None => self.refuse(sid, track),
        }
        found
    }

    /// Whether the section takes what the publisher sends in this codec; nothing when it takes nothing of it at all.
    fn takes(&self, sid: &ParticipantSid, track: &TrackSid, section: &Section, rendition: Rendition) -> Option<bool> {
        let codecs = &self.tracks.get(track)?.live_as(rendition)?.up.params.codecs;
        let params = sdp::down_params(section, &self.send_as(sid, track, rendition)?).ok()?;
        let first = codecs.first()?.codec;
        let mut sent = codecs.iter().filter(|it| it.codec == first);
        Some(sent.any(|it| params.payloads.iter().any(|map| map.from == it.pt)))
    }

    /// Notes that a second codec is waited for, if one is.
    pub(super) fn await_backup(&mut self, track: &TrackSid, now: Now) {
        let waits = |it: &Published| it.told_wanted.backup.is_some() && it.backup.is_none();
        if self.tracks.get(track).is_some_and(waits) {
            self.alarms.set_once(now.monotonic + ASK_AGAIN, Alarm::Backup(track.clone()));
        } else {
            self.alarms.clear(&Alarm::Backup(track.clone()));
        }
    }

    /// Asks for the second codec again, if it is still waited for.
    pub(super) fn ask_for_backup(&mut self, track: &TrackSid, now: Now) {
        self.await_backup(track, now);
        if let Some(published) = self.tracks.get(track).filter(|it| it.backup.is_none()) {
            let wanted = published.told_wanted;
            if wanted.backup.is_some() {
                self.tell_wanted(track, wanted);
            }
        }
    }

    /// The second codec's media is there: who waited for it is served, and all others too if the publisher wants to
    /// send one codec only.
    pub(super) fn backup_began(&mut self, track: &TrackSid) {
        let participants = self.room.len();
        let Some(published) = self.tracks.get_mut(track) else { return };
        published.regressed = regresses(published.info.backup_codec_policy, participants);
        let regressed = published.regressed;
        let viewers: Vec<_> = self.sessions.iter().filter(|(_, it)| it.downs.contains_key(track)).collect();
        for sid in viewers.into_iter().map(|(sid, _)| sid.clone()).collect::<Vec<_>>() {
            match self.sessions.get(&sid).and_then(|it| it.downs.get(track)).map(|it| it.place) {
                Some(Place::AwaitsBackup) => self.show_as(&sid, track, Rendition::Backup),
                Some(_) if regressed => self.show_as(&sid, track, Rendition::Backup),
                _ => {}
            }
        }
        self.viewers_changed.insert(track.clone());
    }

    /// The publisher sends the second codec no longer.
    pub(super) fn end_backup(&mut self, track: &TrackSid) {
        let viewers: Vec<_> = self.sessions.keys().cloned().collect();
        for sid in viewers {
            let down = self.sessions.get(&sid).and_then(|it| it.downs.get(track));
            if down.is_some_and(|it| it.rendition == Rendition::Backup) {
                self.show_as(&sid, track, Rendition::Primary);
            }
        }
        let Some(published) = self.tracks.get_mut(track) else { return };
        published.regressed = false;
        let Some(live) = published.backup.take() else { return };
        if published.borrowed.is_some() {
            self.lent.remove(&live.key);
        } else {
            self.ups.remove(&live.key);
            self.command(Command::RemoveUpTrack(live.key));
        }
        self.viewers_changed.insert(track.clone());
    }

    /// Lets a viewer have a track in the other codec. Its section stays, so that what it shows goes on.
    fn show_as(&mut self, sid: &ParticipantSid, track: &TrackSid, rendition: Rendition) {
        let Some(session) = self.sessions.get_mut(sid) else { return };
        let mode = session.mode;
        let Some(down) = session.downs.get(track) else { return };
        if down.rendition == rendition && down.place.mid().is_some() {
            return;
        }
        // Packets of another track have numbers of their own.
        let (ssrc, rtx_ssrc) = super::effects::free_pair(&session.downs, down.kind, &mut self.rng);
        let Some(down) = session.downs.get_mut(track) else { return };
        let before = down.place;
        (down.ssrc, down.rtx_ssrc, down.rendition) = (ssrc, rtx_ssrc, rendition);
        down.place = match (before.mid(), mode) {
            (Some(mid), Mode::Single) => Place::Switching(mid),
            (Some(mid), Mode::Dual) => {
                session.subscriber.offer_anew(mid);
                Place::Offered(mid)
            }
            // A section of its only offer takes whatever comes.
            (Some(_), Mode::Once) | (None, _) => Place::Waiting,
        };
        if let Some(key) = before.key() {
            self.command(Command::RemoveDownTrack(key));
        }
        self.dirty.insert(sid.clone());
    }
}

/// Whether a publisher with this policy sends one codec at a time in a room of so many.
fn regresses(policy: i32, participants: usize) -> bool {
    match BackupCodecPolicy::try_from(policy).unwrap_or_default() {
        BackupCodecPolicy::Regression => true,
        BackupCodecPolicy::Simulcast => false,
        BackupCodecPolicy::PreferRegression => participants < REGRESSION_PARTICIPANTS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_rooms_regress_unless_the_publisher_says_otherwise() {
        let policy = |it: BackupCodecPolicy, participants| regresses(it.into(), participants);
        assert!(policy(BackupCodecPolicy::PreferRegression, 2));
        assert!(!policy(BackupCodecPolicy::PreferRegression, REGRESSION_PARTICIPANTS));
        assert!(policy(BackupCodecPolicy::Regression, 100));
        assert!(!policy(BackupCodecPolicy::Simulcast, 2));
        assert!(regresses(77, 2), "an unknown policy is the default");
    }
}
