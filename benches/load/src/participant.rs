//! One simulated participant: what it knows of the room, and what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Instant;

use door::{IceCredentials, Kind};
use livekit_protocol as proto;
use peer::Identity;
use proto::signal_request::Message as Ask;
use proto::signal_response::Message as Tell;
use wire::Mid;

use crate::answer::{self, Answer};
use crate::media::{Media, Sampling};
use crate::offer::{self, Section};
use crate::plan::{Member, Tiles};
use crate::signal::Line;
use crate::source::Model;

/// Sections that a client offers in advance for what it will receive, of each kind: as LiveKit's clients do.
const RECEIVING_SECTIONS: usize = 3;
/// The most sections that a server may ask for at once.
const MORE_SECTIONS_MAX: u32 = 250;
/// LiveKit's protocol version that is spoken.
const PROTOCOL: i32 = 17;
/// What is said of one whom the server told to leave.
const LEFT: &str = "the server sent it away";

/// When the steps of joining were done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Steps {
    /// It knocked.
    pub asked: Instant,
    /// It was let in.
    pub joined: Option<Instant>,
    /// ICE and DTLS are done.
    pub connected: Option<Instant>,
}

/// What it does next with media, when the first answer came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wish {
    /// It needs an address toward the server.
    Seat(SocketAddr),
    /// Nothing.
    None,
}

/// See the module.
pub struct Participant {
    /// Its name.
    pub identity: String,
    /// Which room of the plan.
    pub room: usize,
    /// What it does.
    pub member: Member,
    /// The numbers of its tracks in the run, as [`Member::publishes`] lists them.
    pub tracks: Vec<u32>,
    /// When it came.
    pub steps: Steps,
    /// Its media, once the first answer came.
    pub media: Option<Media>,
    /// It was to leave, and did.
    pub left: bool,
    /// What went wrong first.
    pub fault: Option<String>,
    settled: bool,
    line: Option<Line>,
    ice: IceCredentials,
    sections: Vec<Section>,
    offers: u32,
    waiting: bool,
    stale: bool,
    /// The first answer, until there is a seat.
    answer: Option<Answer>,
    candidates: Vec<SocketAddr>,
    /// Video tracks of others, to choose tiles by.
    seen: BTreeSet<String>,
}

impl Participant {
    /// Somebody who is about to knock.
    pub fn new(
        serial: u32,
        room: usize,
        member: Member,
        tracks: Vec<u32>,
        identity: String,
        data: bool,
        now: Instant,
    ) -> Self {
        let ice =
            IceCredentials { ufrag: format!("load{serial}"), pwd: format!("a-password-of-22-characters-{serial}") };
        let mut sections = if data { vec![Section::Data] } else { Vec::new() };
        if member.subscribes {
            let kinds = [Kind::Audio, Kind::Video].into_iter();
            sections.extend(kinds.flat_map(|kind| std::iter::repeat_n(Section::Receive(kind), RECEIVING_SECTIONS)));
        }
        let sends = member.publishes.iter().zip(&tracks);
        sections.extend(sends.map(|(model, &track)| Section::Send {
            kind: model.kind(),
            track,
            encodings: model.encodings(),
        }));
        Self {
            identity,
            room,
            member,
            tracks,
            steps: Steps { asked: now, joined: None, connected: None },
            media: None,
            left: false,
            fault: None,
            settled: false,
            line: None,
            ice,
            sections,
            offers: 0,
            waiting: false,
            stale: false,
            answer: None,
            candidates: Vec::new(),
            seen: BTreeSet::new(),
        }
    }

    /// What it says when it knocks: settings, tracks and offer at once.
    pub fn request(&mut self, identity: &Identity) -> proto::JoinRequest {
        let add_track_requests =
            self.member.publishes.iter().zip(&self.tracks).map(|(model, &track)| add_track(model, track));
        let info = proto::ClientInfo {
            sdk: proto::client_info::Sdk::Rust.into(),
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").into(),
            ..Default::default()
        };
        let settings = proto::ConnectionSettings { auto_subscribe: self.member.subscribes, ..Default::default() };
        let add_track_requests = add_track_requests.collect();
        proto::JoinRequest {
            client_info: Some(info),
            connection_settings: Some(settings),
            add_track_requests,
            publisher_offer: Some(self.description(identity)),
            ..Default::default()
        }
    }

    /// It knocked: from here on it can speak.
    pub fn knocked(&mut self, line: Line) {
        self.line = Some(line);
    }

    /// Whether all that it waits for is there: media runs both ways, as far as it wants any.
    pub fn is_ready(&self) -> bool {
        let Some(media) = self.media.as_ref().filter(|_| self.steps.connected.is_some()) else { return false };
        media.first_at().is_some() || self.member.expects == 0
    }

    /// Whether there is nothing more to wait for, as it turns out: true once.
    pub fn settles(&mut self) -> bool {
        let settles = !self.settled && (self.left || self.fault.is_some() || self.is_ready());
        self.settled |= settles;
        settles
    }

    /// Notes what went wrong, if it is the first thing.
    pub fn fail(&mut self, what: impl Into<String>) {
        if !self.left {
            self.fault.get_or_insert_with(|| what.into());
        }
    }

    fn say(&mut self, message: Ask) {
        if !self.line.as_ref().is_some_and(|line| line.say(message)) {
            self.fail("its signal connection is stuck or gone");
        }
    }

    fn description(&mut self, identity: &Identity) -> proto::SessionDescription {
        (self.waiting, self.stale, self.offers) = (true, false, self.offers + 1);
        let sdp = offer::offer(&self.sections, &self.ice, identity.fingerprint(), self.offers);
        proto::SessionDescription { r#type: "offer".into(), sdp, id: self.offers, ..Default::default() }
    }

    fn offer(&mut self, identity: &Identity) {
        if self.waiting {
            self.stale = true;
        } else {
            let description = self.description(identity);
            self.say(Ask::Offer(description));
        }
    }

    /// Takes what the server says.
    pub fn hear(&mut self, now: Instant, message: Tell, identity: &Identity, sampling: Sampling) -> Wish {
        match message {
            Tell::Join(join) => {
                self.steps.joined = Some(now);
                self.look(&join.other_participants);
            }
            Tell::Update(update) => self.look(&update.participants),
            Tell::MediaSectionsRequirement(wanted) => {
                let wanted = [(Kind::Audio, wanted.num_audios), (Kind::Video, wanted.num_videos)];
                for (kind, count) in wanted {
                    let count = count.min(MORE_SECTIONS_MAX) as usize;
                    self.sections.extend(std::iter::repeat_n(Section::Receive(kind), count));
                }
                self.offer(identity);
            }
            Tell::Answer(answer) => return self.answered(now, &answer, identity, sampling),
            Tell::Trickle(trickle) => {
                self.candidates.extend(trickled(&trickle.candidate_init));
                return self.wish();
            }
            Tell::Leave(leave) => self.fail(format!("{LEFT} ({:?})", leave.reason())),
            Tell::RequestResponse(response) if response.reason() != proto::request_response::Reason::Ok => {
                self.fail(format!("the server refused a request ({:?}: {})", response.reason(), response.message));
            }
            _ => {}
        }
        Wish::None
    }

    /// Looks for pictures of others and says how it wants to see them.
    fn look(&mut self, participants: &[proto::ParticipantInfo]) {
        let others = participants.iter().filter(|info| info.identity != self.identity);
        let pictures = others.flat_map(|info| &info.tracks).filter(|track| track.r#type() == proto::TrackType::Video);
        let fresh: Vec<_> =
            pictures.filter(|track| !self.seen.contains(&track.sid)).map(|track| track.sid.clone()).collect();
        if !self.member.subscribes {
            return;
        }
        for sid in fresh {
            let place = self.seen.len();
            self.seen.insert(sid.clone());
            if let Some(settings) = tile(self.member.tiles, place, sid) {
                self.say(Ask::TrackSetting(settings));
            }
        }
    }

    fn answered(
        &mut self,
        now: Instant,
        answer: &proto::SessionDescription,
        identity: &Identity,
        sampling: Sampling,
    ) -> Wish {
        let read = match Answer::read(&answer.sdp) {
            Ok(read) => read,
            Err(what) => {
                self.fail(what);
                return Wish::None;
            }
        };
        self.waiting = false;
        if self.media.is_none() {
            for candidate in
                read.meeting.candidates.iter().filter(|it| !self.candidates.contains(it)).copied().collect::<Vec<_>>()
            {
                self.candidates.push(candidate);
            }
            self.answer = Some(read);
        } else {
            self.place(now, &read, sampling);
        }
        if self.stale {
            self.offer(identity);
        }
        self.wish()
    }

    /// An address toward the server is needed as soon as one of its addresses is known.
    fn wish(&self) -> Wish {
        match (&self.answer, &self.media, self.candidates.first()) {
            (Some(_), None, Some(&server)) => Wish::Seat(server),
            _ => Wish::None,
        }
    }

    /// The server's addresses, in the order in which they are to be tried.
    pub fn candidates(&self) -> &[SocketAddr] {
        &self.candidates
    }

    /// Sits down at `local` and begins to meet the server at `remote`.
    pub fn sit(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        data: bool,
        identity: &Identity,
        sampling: Sampling,
    ) {
        let Some(answer) = self.answer.take() else { return };
        self.media = Some(Media::new(&self.ice, &answer.meeting, local, remote, data, identity, now));
        self.place(now, &answer, sampling);
    }

    /// Brings what is sent and received in line with an answer.
    fn place(&mut self, now: Instant, answer: &Answer, sampling: Sampling) {
        let Some(media) = &mut self.media else { return };
        media.receive_tracks(answer.sent.values(), sampling, now);
        let mids: BTreeMap<Mid, (u32, Model)> = self
            .sections
            .iter()
            .enumerate()
            .filter_map(|(at, section)| {
                let Section::Send { track, .. } = section else { return None };
                let model =
                    self.tracks.iter().position(|it| it == track).and_then(|at| self.member.publishes.get(at))?;
                Some((Mid::new(at.to_string().as_bytes())?, (*track, model.clone())))
            })
            .collect();
        for (mid, (track, model)) in mids {
            match answer.taken.get(&mid) {
                Some(wiring) => media.send_track(track, model, *wiring),
                None => self.fault = Some("the server does not take its track".into()),
            }
        }
    }

    /// Says nothing to nobody from here on.
    pub fn vanish(&mut self) {
        (self.left, self.line, self.media) = (true, None, None);
    }

    /// Says goodbye on the signal connection and hangs up. Media says its own.
    pub fn leave(&mut self) {
        let reason = proto::DisconnectReason::ClientInitiated.into();
        self.say(Ask::Leave(proto::LeaveRequest { reason, ..Default::default() }));
        (self.left, self.line) = (true, None);
    }
}

fn add_track(model: &Model, track: u32) -> proto::AddTrackRequest {
    let cid = offer::cid(track);
    match model {
        Model::Microphone(_) => proto::AddTrackRequest {
            cid,
            name: "microphone".into(),
            r#type: proto::TrackType::Audio.into(),
            source: proto::TrackSource::Microphone.into(),
            disable_red: true,
            ..Default::default()
        },
        Model::Camera(encodings) => {
            let qualities = [proto::VideoQuality::Low, proto::VideoQuality::Medium, proto::VideoQuality::High];
            let single = encodings.len() == 1;
            let layers = encodings.iter().zip(qualities).map(|(model, quality)| proto::VideoLayer {
                quality: if single { proto::VideoQuality::High } else { quality }.into(),
                width: model.width,
                height: model.height,
                bitrate: model.bitrate_bps,
                ..Default::default()
            });
            let codec = proto::SimulcastCodec { codec: "vp8".into(), cid: cid.clone(), ..Default::default() };
            let best = encodings.last();
            proto::AddTrackRequest {
                cid,
                name: "camera".into(),
                r#type: proto::TrackType::Video.into(),
                source: proto::TrackSource::Camera.into(),
                width: best.map_or(0, |it| it.width),
                height: best.map_or(0, |it| it.height),
                layers: layers.collect(),
                simulcast_codecs: vec![codec],
                ..Default::default()
            }
        }
    }
}

/// How the picture that came as number `place` is to be seen; `None` where there is nothing to say.
fn tile(tiles: Tiles, place: usize, sid: String) -> Option<proto::UpdateTrackSettings> {
    let quality = tiles.quality(place)?;
    let (width, height) = quality.size();
    Some(proto::UpdateTrackSettings {
        track_sids: vec![sid],
        disabled: width == 0,
        quality: quality.proto().into(),
        width,
        height,
        ..Default::default()
    })
}

/// The address in a trickled candidate.
fn trickled(init: &str) -> Option<SocketAddr> {
    let value: serde_json::Value = serde_json::from_str(init).ok()?;
    answer::candidate(value.get("candidate")?.as_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_trickled_candidates() {
        let init = r#"{"candidate":"candidate:1 1 udp 2130706431 127.0.0.1 7882 typ host","sdpMid":"0"}"#;
        assert_eq!(trickled(init), Some("127.0.0.1:7882".parse().unwrap()));
        assert_eq!(trickled("{}"), None);
        assert_eq!(trickled(""), None);
    }

    #[test]
    fn announces_simulcast_by_layers() {
        let request = add_track(&Model::Camera(crate::encoder::VideoModel::SIMULCAST.to_vec()), 3);
        let heights: Vec<_> = request.layers.iter().map(|it| (it.quality().as_str_name(), it.height)).collect();
        assert_eq!(heights, [("LOW", 180), ("MEDIUM", 360), ("HIGH", 720)]);
        assert_eq!((request.height, request.cid.as_str()), (720, "load-3"));
    }
}
