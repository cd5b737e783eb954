//! The room as an operator looks at it.

use door::{DownReport, Flow, Kind, LayerTarget, PeerReport, TrackKey, UpReport};
use livekit_protocol as proto;
use proto::client_info::Sdk;
use proto::participant_info::Kind as ProtoKind;
use room::{Participant, ParticipantSid, TrackSid};

use crate::verdict::judge;
use crate::view::{EncodingView, PersonView, RoomView, TrackView, WatchView, Way, name};
use crate::world::observed::Observed;
use crate::world::publication::{Published, proto_source};
use crate::world::session::Session;
use crate::world::{Now, World, participant};

impl World {
    /// Everybody, and what is wrong.
    pub(super) fn view(&self, now: Now) -> RoomView {
        RoomView {
            name: self.config.room_name.clone(),
            sid: self.room.sid().to_string(),
            since_ms: self.created_unix_ms,
            people: self.room.participants().map(|it| self.person(it, now)).collect(),
            traffic: self.usage().traffic,
            transcode: self.usage().transcode,
        }
    }

    fn person(&self, who: &Participant, now: Now) -> PersonView {
        let info = participant::info(who, self.sessions.get(&who.sid).map(Box::as_ref));
        let mut view = PersonView {
            sid: info.sid,
            identity: info.identity,
            name: info.name,
            kind: ProtoKind::try_from(info.kind).unwrap_or_default().as_str_name().to_lowercase(),
            joined_ms: who.joined_unix_ms,
            here_s: now.unix_ms.saturating_sub(who.joined_unix_ms) / 1000,
            ..PersonView::default()
        };
        if let Some(session) = self.sessions.get(&who.sid) {
            self.describe_session(&mut view, session, now);
        }
        view.tracks = who.publications.iter().filter_map(|sid| self.track_view(who, sid, now)).collect();
        view.verdicts = judge(&view);
        view
    }

    fn describe_session(&self, view: &mut PersonView, session: &Session, now: Now) {
        view.client = client(&session.client);
        view.signalled = session.connection.is_some();
        view.connected = session.links().next().is_none() || session.links().any(|link| link.connected);
        view.silent = session.links().any(|link| link.connected && link.silent);
        (view.traffic, view.transcode) = (session.usage.traffic, session.usage.transcode);
        view.address.clone_from(&session.client.address);
        // The way is of the connection that decides, the worst of both tells how it fares.
        let primary = session.primary().and_then(|link| session.observed.get(&link.key));
        view.leg = primary.or_else(|| session.observed.values().next()).and_then(|it| it.last().leg).map(name);
        for observed in session.observed.values() {
            let Some(report) = observed.fresh(now) else { continue };
            let (up_bps, down_bps) = observed.bps();
            note_way(&mut view.up, up_bps, report.up);
            note_way(&mut view.down, down_bps, report.down);
            view.rtt_ms = view.rtt_ms.max(report.rtt_ms);
            view.estimate_bps = view.estimate_bps.max(report.estimate_bps);
            view.watches.extend(report.downs.iter().filter_map(|down| self.watch_view(session, observed, down, now)));
        }
        view.watches.sort_by(|one, other| (&one.of, &one.sid).cmp(&(&other.of, &other.sid)));
    }

    fn track_view(&self, who: &Participant, sid: &TrackSid, now: Now) -> Option<TrackView> {
        let publication = self.room.publication(sid)?;
        let published = self.tracks.get(sid)?;
        let mut view = TrackView {
            sid: sid.to_string(),
            name: publication.name.clone(),
            source: proto_source(publication.source).as_str_name().to_lowercase(),
            is_video: publication.kind == Kind::Video,
            codec: codec(published),
            muted: publication.muted,
            width: publication.width,
            height: publication.height,
            viewers: publication.subscribers.len(),
            ..TrackView::default()
        };
        for live in published.lives() {
            let Some((observed, report, up)) = self.observed_up(&who.sid, live.key) else { continue };
            view.bytes += up.bytes;
            if observed.fresh(now).is_none() {
                continue;
            }
            debug_assert_eq!(report.peer, observed.last().peer);
            let encodings = up.encodings.iter().map(|it| EncodingView {
                index: it.index,
                bps: it.bps,
                fps: it.fps,
                fps_best: observed.best_fps(up, it),
            });
            view.encodings.extend(encodings);
        }
        view.bps = view.encodings.iter().map(|it| it.bps).sum();
        Some(view)
    }

    /// What was told last of a track, and by which connection.
    fn observed_up(&self, sid: &ParticipantSid, key: TrackKey) -> Option<(&Observed, &PeerReport, &UpReport)> {
        let session = self.sessions.get(sid)?;
        session.observed.values().map(Box::as_ref).find_map(|observed| {
            let report = observed.last();
            Some((observed, report, report.ups.iter().find(|up| up.track == key)?))
        })
    }

    fn watch_view(&self, session: &Session, observed: &Observed, report: &DownReport, now: Now) -> Option<WatchView> {
        let (sid, down) = session.downs.iter().find(|(_, down)| down.place.key() == Some(report.down))?;
        let publication = self.room.publication(sid)?;
        let layers = self.observed_up(&down.publisher, report.track).map_or(0, |(_, _, up)| up.encodings.len());
        let is_video = down.kind == Kind::Video;
        let up = self.uplink(&down.publisher, now);
        Some(WatchView {
            sid: sid.to_string(),
            of: self.room.participant(&down.publisher).map(|it| it.identity.clone()).unwrap_or_default(),
            source: proto_source(publication.source).as_str_name().to_lowercase(),
            is_video,
            bps: observed.down_bps(report),
            bytes: report.bytes,
            layer: report.layer,
            layers: u8::try_from(layers).unwrap_or(u8::MAX),
            limited: is_video && is_limited(report, layers),
            paused: is_video && report.limit == LayerTarget::Off && report.wish != LayerTarget::Off,
            off: report.wish == LayerTarget::Off || publication.muted,
            up_loss_permille: up.loss_permille.unwrap_or_default(),
            up_jitter_ms: up.jitter_ms.unwrap_or_default(),
        })
    }

    /// How what somebody sends arrives here.
    fn uplink(&self, sid: &ParticipantSid, now: Now) -> Way {
        let mut way = Way::default();
        let observed = self.sessions.get(sid).into_iter().flat_map(|session| session.observed.values());
        for report in observed.filter_map(|it| it.fresh(now)) {
            note_way(&mut way, 0, report.up);
        }
        way
    }
}

/// Whether a viewer's link allows less than its viewer wishes and its publisher sends.
fn is_limited(report: &DownReport, layers: usize) -> bool {
    let top = u8::try_from(layers.saturating_sub(1)).unwrap_or(u8::MAX);
    match (report.wish, report.limit) {
        (LayerTarget::Off, _) => false,
        (_, LayerTarget::Off) => true,
        (LayerTarget::UpTo { spatial: wish, .. }, LayerTarget::UpTo { spatial: limit, .. }) => limit < wish.min(top),
    }
}

fn note_way(way: &mut Way, bps: u64, flow: Option<Flow>) {
    way.bps += bps;
    way.loss_permille = way.loss_permille.max(flow.map(|it| it.loss_permille));
    way.jitter_ms = way.jitter_ms.max(flow.map(|it| it.jitter_ms));
}

fn codec(published: &Published) -> String {
    let mime = &published.info.mime_type;
    mime.rsplit_once('/').map_or(mime.as_str(), |(_, name)| name).to_owned()
}

/// Browser, system and SDK in a line.
fn client(info: &proto::ClientInfo) -> String {
    let sdk = Sdk::try_from(info.sdk).unwrap_or_default().as_str_name().to_lowercase();
    let browser = [info.browser.as_str(), info.browser_version.as_str()].join(" ");
    let parts = [browser.trim(), info.os.as_str(), info.device_model.as_str()];
    let told: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    match (told.join(", "), info.sdk) {
        (told, 0) => told,
        (told, _) if told.is_empty() => format!("{sdk} {}", info.version),
        (told, _) => format!("{told} ({sdk} {})", info.version),
    }
}
