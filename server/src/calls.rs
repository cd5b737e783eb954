//! The Calls API put together: its calls are the lobby's rooms, its events go to webhooks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use calls_api::{
    Calls, Done, Hook, Ingress, Knock, News, Pass, Push, PushState, PushedAudio, PushedVideo, Rates, Rooms, Visitor,
};
use hooks::{Event, Hooks};
use livekit::world::RoomEvent;
use livekit::{AccessToken, Lobby, Opening};
use livekit_protocol as proto;
use proto::ingress_state::Status;
use room::{Grants, ParticipantKind, Source};
use store::{Store, StoreError};

use crate::config::Config;

/// The participant's attribute that holds the address of its user's picture.
const IMAGE: &str = "image";

/// Starts the API, if it is wanted, and puts it at the doors of the rooms.
///
/// # Errors
/// The store cannot be read.
pub(crate) async fn start(
    config: &Config,
    lobby: &Lobby,
    store: &Store,
    hooks: &Arc<Hooks>,
) -> Result<Option<Calls>, StoreError> {
    if !config.calls.enabled {
        return Ok(None);
    }
    let rooms = Arc::new(LobbyRooms(lobby.clone()));
    let sink = Arc::clone(hooks);
    let tell = move |hook: Hook| {
        sink.tell(Event { room: hook.room, kind: hook.kind, body: hook.body, created_ms: hook.created_ms });
    };
    let calls = Calls::start(settings(config), store.clone(), rooms, Arc::new(tell)).await?;
    let gate = calls.clone();
    lobby.guard(Arc::new(move |knock| {
        let (gate, knock) = (gate.clone(), told(knock));
        Box::pin(async move { opening(gate.admit(knock).await) })
    }));
    let observer = calls.clone();
    lobby.observe(Arc::new(move |room, event| {
        if let Some(news) = news(event) {
            observer.news(room, news);
        }
    }));
    Ok(Some(calls))
}

fn settings(config: &Config) -> calls_api::Config {
    calls_api::Config {
        url: config.calls.url.clone(),
        guests: config.calls.guests,
        anonymous: config.calls.anonymous,
        origins: config.calls.origins.clone(),
        token_life_s: config.limit.token_life.as_secs(),
        rates: Rates { user: config.calls.user_rate, key: config.calls.key_rate },
    }
}

fn told(knock: livekit::Knock) -> Knock {
    let visitor = visitor(knock.kind);
    let livekit::Knock { room, identity, role, only_asks, second, .. } = knock;
    Knock { room, identity, visitor, role, only_asks, second }
}

fn visitor(kind: ParticipantKind) -> Visitor {
    if kind == ParticipantKind::Standard { Visitor::Person } else { Visitor::Machine }
}

fn opening(opening: calls_api::Opening) -> Opening {
    match opening {
        calls_api::Opening::Unguarded => Opening::Unguarded,
        calls_api::Opening::Granted(grants) => Opening::Granted(grants),
        calls_api::Opening::Refused(why) => Opening::Refused(why),
    }
}

fn news(event: &RoomEvent) -> Option<News> {
    Some(match event {
        RoomEvent::ParticipantJoined(_, who) => News::Joined {
            identity: who.identity.clone(),
            session: who.sid.clone(),
            visitor: match who.kind() {
                proto::participant_info::Kind::Standard => Visitor::Person,
                _ => Visitor::Machine,
            },
        },
        RoomEvent::ParticipantLeft(_, who, _) => {
            News::Left { identity: who.identity.clone(), session: who.sid.clone() }
        }
        RoomEvent::LiveStarted(..) => News::MediaStarted,
        RoomEvent::LiveEnded(_) => News::MediaEnded,
        RoomEvent::RoomFinished(..) => News::Finished,
        _ => return None,
    })
}

/// The lobby as the API needs it.
struct LobbyRooms(Lobby);

impl Rooms for LobbyRooms {
    fn keys(&self) -> BTreeMap<String, calls_api::Secret> {
        let keys = self.0.keys().all().into_iter();
        keys.map(|(key, secret)| (key, calls_api::Secret::new(secret.expose()))).collect()
    }

    fn token(&self, pass: &Pass) -> String {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        // Without any key there is no user token either that could have asked.
        let Some((key, secret)) = self.0.keys().first() else { return String::new() };
        let grants = pass.grants.clone();
        let token = AccessToken::new(key)
            .join(pass.room.as_str(), pass.user.as_str())
            .name(pass.name.as_str())
            .role(pass.role.as_str())
            .max_participants(pass.max_participants)
            .grant(|grant| grant.set_rights(&grants))
            .ttl(Duration::from_secs(pass.ttl_s));
        let token = if pass.image.is_empty() { token } else { token.attribute(IMAGE, pass.image.as_str()) };
        token.mint(&secret, now_s)
    }

    fn permit(&self, room: &str, identity: &str, grants: Grants) -> Done<bool> {
        let (lobby, room, identity) = (self.0.clone(), room.to_owned(), identity.to_owned());
        Box::pin(async move { lobby.permit(&room, &identity, &grants).await })
    }

    fn remove(&self, room: &str, identity: &str, void: bool) -> Done<bool> {
        let (lobby, room, identity) = (self.0.clone(), room.to_owned(), identity.to_owned());
        Box::pin(async move {
            match void {
                true => lobby.expel(&room, &identity).await,
                false => lobby.send_out(&room, &identity).await,
            }
        })
    }

    fn close(&self, room: &str) -> Done<()> {
        let (lobby, room) = (self.0.clone(), room.to_owned());
        Box::pin(async move { lobby.end_room(&room).await })
    }

    fn mute(&self, room: &str, identity: &str, sources: BTreeSet<Source>) -> Done<usize> {
        let (lobby, room, identity) = (self.0.clone(), room.to_owned(), identity.to_owned());
        Box::pin(async move { lobby.silence(&room, &identity, &sources).await })
    }

    fn is_revoked(&self, identity: &str, issued_s: u64) -> bool {
        self.0.is_revoked_everywhere(identity, issued_s)
    }

    fn revoke(&self, identity: Option<&str>, before_s: u64) -> Done<()> {
        let (lobby, identity) = (self.0.clone(), identity.map(str::to_owned));
        Box::pin(async move {
            lobby.revoke_everywhere(identity.as_deref(), before_s).await;
        })
    }

    fn ingress(&self, room: &str, identity: &str, id: &str) -> Done<Option<Ingress>> {
        let (ingresses, known) = (self.0.ingresses().clone(), self.known_ingress(id));
        let request = proto::CreateIngressRequest {
            input_type: proto::IngressInput::RtmpInput.into(),
            name: room.to_owned(),
            room_name: room.to_owned(),
            participant_identity: identity.to_owned(),
            ..Default::default()
        };
        Box::pin(async move {
            match known {
                Some(known) => Some(known),
                // Without RTMP, or with too many ingresses, the call goes on without one.
                None => ingresses.create(request).await.ok().map(described),
            }
        })
    }

    fn known_ingress(&self, id: &str) -> Option<Ingress> {
        let known = |id: &str| self.0.ingresses().list("", id).into_iter().next().map(described);
        if id.is_empty() { None } else { known(id) }
    }

    fn renew_key(&self, id: &str) -> Done<Option<Ingress>> {
        let (ingresses, id) = (self.0.ingresses().clone(), id.to_owned());
        Box::pin(async move { ingresses.rotate(&id).await.ok().map(described) })
    }

    fn remove_ingress(&self, id: &str) -> Done<()> {
        let (ingresses, id) = (self.0.ingresses().clone(), id.to_owned());
        Box::pin(async move {
            // One that is gone already is what is wanted.
            let _ = ingresses.delete(&id).await;
        })
    }
}

fn described(info: proto::IngressInfo) -> Ingress {
    let push = info.state.map(push).unwrap_or_default();
    Ingress { id: info.ingress_id, url: info.url, stream_key: info.stream_key, push }
}

fn push(state: proto::IngressState) -> Push {
    Push {
        state: match state.status() {
            Status::EndpointInactive | Status::EndpointComplete => PushState::Inactive,
            Status::EndpointBuffering => PushState::Buffering,
            Status::EndpointPublishing => PushState::Publishing,
            Status::EndpointError => PushState::Error,
        },
        video: state.video.map(|video| PushedVideo {
            mime_type: video.mime_type,
            width: video.width,
            height: video.height,
            frames_per_s: video.framerate,
            bits_per_s: video.average_bitrate,
        }),
        audio: state.audio.map(|audio| PushedAudio {
            mime_type: audio.mime_type,
            bits_per_s: audio.average_bitrate,
            channels: audio.channels,
            samples_per_s: audio.sample_rate,
        }),
        remark: state.error,
    }
}
