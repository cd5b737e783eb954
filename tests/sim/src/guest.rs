//! One participant's app: what it knows of the room and of its own connection.

use std::collections::BTreeMap;

use door::{IceCredentials, SsrcPair};
use livekit::world::ConnectionId;
use livekit_protocol as proto;
use wire::Mid;

use crate::description::Section;
use crate::media::ClientIndex;
use crate::publisher::Publisher;

/// A track of another participant, as the last update told it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Who publishes it.
    pub identity: String,
    /// Whether it is muted.
    pub muted: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Guest {
    /// Its websocket.
    pub connection: ConnectionId,
    /// Its name in the room.
    pub identity: String,
    /// Its media client, once the first answer came.
    pub node: Option<ClientIndex>,
    /// Its side of ICE.
    pub ice: IceCredentials,
    /// What it offers.
    pub sections: Vec<Section>,
    /// Offers sent; the next has this number and one.
    pub offers: u32,
    /// An offer waits for its answer.
    pub waiting: bool,
    /// Another offer must follow.
    pub stale: bool,
    /// The id of its track as it names it, while it publishes.
    pub cid: Option<String>,
    /// The server's name for it.
    pub track: Option<String>,
    /// Tracks of others.
    pub seen: BTreeMap<String, Seen>,
    /// Which track comes by which section.
    pub places: BTreeMap<Mid, String>,
    /// It left, or was sent away.
    pub gone: bool,
    serial: u32,
    publications: u32,
}

impl Guest {
    /// A guest that has not yet knocked.
    pub fn new(serial: u32, connection: ConnectionId, identity: String) -> Self {
        let ice =
            IceCredentials { ufrag: format!("guest{serial}"), pwd: format!("a-password-of-22-characters-{serial}") };
        let sections = vec![Section::Receive, Section::Receive, Section::Data];
        let (node, cid, track) = (None, None, None);
        let (seen, places) = (BTreeMap::new(), BTreeMap::new());
        let (offers, publications, waiting, stale, gone) = (0, 0, false, false, false);
        Self {
            connection,
            identity,
            node,
            ice,
            sections,
            offers,
            waiting,
            stale,
            cid,
            track,
            seen,
            places,
            gone,
            serial,
            publications,
        }
    }

    /// Begins to publish: a request, and a section of its own or one used before.
    pub fn publish(&mut self) -> proto::AddTrackRequest {
        self.publications += 1;
        let cid = format!("{}-{}", self.identity, self.publications);
        let section = Section::Send(self.ssrcs());
        match self.sections.iter_mut().find(|section| **section == Section::Idle) {
            Some(idle) => *idle = section,
            None => self.sections.push(section),
        }
        self.cid = Some(cid.clone());
        proto::AddTrackRequest {
            cid,
            name: "camera".into(),
            r#type: proto::TrackType::Video.into(),
            source: proto::TrackSource::Camera.into(),
            width: 640,
            height: 360,
            ..Default::default()
        }
    }

    /// Stops to publish.
    pub fn unpublish(&mut self) {
        (self.cid, self.track) = (None, None);
        for section in &mut self.sections {
            if matches!(section, Section::Send(_)) {
                *section = Section::Idle;
            }
        }
    }

    /// The sources of the present publication: each has its own, as a browser's.
    pub fn ssrcs(&self) -> SsrcPair {
        Publisher::ssrcs(self.serial * 1000 + self.publications)
    }

    /// The section that sends.
    pub fn sending(&self) -> Option<Mid> {
        let at = self.sections.iter().position(|section| matches!(section, Section::Send(_)))?;
        Mid::new(at.to_string().as_bytes())
    }

    /// Takes what an update says of others.
    pub fn update(&mut self, participants: &[proto::ParticipantInfo]) {
        for info in participants.iter().filter(|info| info.identity != self.identity) {
            let identity = info.identity.clone();
            self.seen.retain(|_, seen| seen.identity != identity);
            if info.state() != proto::participant_info::State::Disconnected {
                let tracks = info.tracks.iter();
                self.seen.extend(
                    tracks.map(|track| (track.sid.clone(), Seen { identity: identity.clone(), muted: track.muted })),
                );
            }
        }
    }
}
