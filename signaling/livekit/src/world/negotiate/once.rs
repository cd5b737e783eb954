//! A client that offers once (RFC 9725 section 4.2): what it receives comes and goes on the sections of that offer.

use door::Kind;
use room::ParticipantSid;
use sdp::{Msid, Section};

use super::sections::receives;
use crate::world::{Mode, World};

/// Names all that flows to such a client: one stream, so that it plays sound and picture in step.
const STREAM: &str = "room";

impl World {
    /// How a section on which such a client receives is described; `None` for other clients and sections.
    pub(super) fn open_for(&self, sid: &ParticipantSid, section: &Section) -> Option<Msid> {
        self.sessions.get(sid).filter(|it| it.mode == Mode::Once && receives(section))?;
        section.kind.media()?;
        Some(Msid { stream: STREAM.to_owned(), track: format!("{STREAM}-{}", section.mid) })
    }

    /// Puts subscriptions that wait on sections that carry nothing, as long as there are both.
    pub(super) fn fill_sections(&mut self, sid: &ParticipantSid) {
        for kind in [Kind::Audio, Kind::Video] {
            while let Some((track, section)) = self.next_pair(sid, kind) {
                // One that the client cannot take waits no more, so that this ends.
                if self.attach(sid, &track, &section).is_none() && self.is_waiting(sid, &track) {
                    break;
                }
            }
        }
    }

    fn next_pair(&self, sid: &ParticipantSid, kind: Kind) -> Option<(room::TrackSid, Section)> {
        let session = self.sessions.get(sid)?;
        let free = |it: &&Section| it.kind.media() == Some(kind) && session.down_at(it.mid).is_none();
        let section = session.publisher.open.iter().find(free)?.clone();
        Some((session.waiting(kind).next()?.clone(), section))
    }

    fn is_waiting(&self, sid: &ParticipantSid, track: &room::TrackSid) -> bool {
        let down = self.sessions.get(sid).and_then(|it| it.downs.get(track));
        down.is_some_and(|it| it.place == crate::world::subscription::Place::Waiting)
    }
}
