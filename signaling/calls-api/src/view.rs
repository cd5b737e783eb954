//! What answers look like.

use calls::{CallType, Capabilities, Capability, Role, Settings, UserId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use store::tables::CallUser;

use crate::access::Caller;
use crate::entry::Entry;
use crate::push::Push;
use crate::react::phase_name;
use crate::rooms::Ingress;
use crate::service::Inner;

/// Members that come with a call; the rest in pages of their own.
pub(crate) const MEMBERS_SHOWN: usize = 100;
/// Users of other lists that come with a call.
const LISTED_MAX: usize = 100;

/// A user.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct UserView {
    id: String,
    /// What people read.
    name: String,
    /// The address of a picture.
    image: String,
    /// What it is where neither token nor call say otherwise.
    role: String,
    /// The app's own.
    custom: Map<String, Value>,
    /// Milliseconds since 1970.
    created_at_ms: u64,
    /// Milliseconds since 1970.
    updated_at_ms: u64,
}

impl From<&CallUser> for UserView {
    fn from(user: &CallUser) -> Self {
        Self {
            id: user.id.clone(),
            name: user.name.clone(),
            image: user.image.clone(),
            role: user.role.clone(),
            custom: serde_json::from_str(&user.custom).unwrap_or_default(),
            created_at_ms: user.created_ms,
            updated_at_ms: user.updated_ms,
        }
    }
}

/// A member of a call.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MemberView {
    user: UserId,
    role: Role,
}

impl MemberView {
    pub(crate) fn new(user: &UserId, role: &Role) -> Self {
        Self { user: user.clone(), role: role.clone() }
    }
}

/// Somebody who asks for more than it may.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RequestView {
    user: UserId,
    capabilities: Capabilities,
}

/// From the first participant to the last.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SessionView {
    id: String,
    /// Milliseconds since 1970.
    started_at_ms: u64,
}

/// Where an encoder may push, and how that goes. The key is a secret.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct IngressView {
    /// The address.
    rtmp_url: String,
    /// The secret.
    stream_key: String,
    /// Who pushes there, and how that goes.
    push: Push,
}

impl From<Ingress> for IngressView {
    fn from(ingress: Ingress) -> Self {
        Self { rtmp_url: ingress.url, stream_key: ingress.stream_key, push: ingress.push }
    }
}

/// A call, as the caller may see it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CallView {
    /// The call type.
    r#type: String,
    /// Its own name; unique in its type.
    id: String,
    /// Its room, which media clients know.
    room: String,
    created_by: UserId,
    /// `backstage`, `live` or `ended`.
    state: &'static str,
    /// When it is planned to begin, in milliseconds since 1970.
    starts_at_ms: Option<u64>,
    /// When it last went live, in milliseconds since 1970.
    live_at_ms: Option<u64>,
    /// When it ended, in milliseconds since 1970.
    ended_at_ms: Option<u64>,
    /// When it will end at the latest, in milliseconds since 1970.
    ends_at_latest_ms: Option<u64>,
    /// Milliseconds since 1970.
    created_at_ms: u64,
    /// Milliseconds since 1970.
    updated_at_ms: u64,
    settings: Settings,
    /// The app's own.
    custom: Map<String, Value>,
    /// The first hundred members.
    members: Vec<MemberView>,
    members_count: usize,
    /// Who is there at present.
    session: Option<SessionView>,
    /// How many are there at present.
    participants: usize,
    /// Who is in everybody's view.
    pins: Vec<UserId>,
    /// What the caller is in this call.
    role: Role,
    /// What the caller may do in this call.
    capabilities: Capabilities,
    /// Who asks for more: everybody for those who may grant it, only the caller itself for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<Vec<RequestView>>,
    /// Who was sent out; for those who may do that.
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<Vec<UserId>>,
    /// For those who may push, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    ingress: Option<IngressView>,
}

fn request((user, asked): (&UserId, &Capabilities)) -> RequestView {
    RequestView { user: user.clone(), capabilities: *asked }
}

impl Inner {
    /// A call as a caller may see it.
    pub(crate) fn view(&self, entry: &Entry, kind: &CallType, caller: &Caller) -> CallView {
        let (body, call) = (&entry.body, &entry.body.call);
        let all = call.capabilities(kind, &caller.actor);
        let some = |time: u64| (time > 0).then_some(time);
        let grants = all.has(Capability::UpdatePermissions);
        let told = |(user, _): &(&UserId, &Capabilities)| grants || **user == caller.actor.user;
        let requests: Vec<_> = call.requests().iter().filter(told).take(LISTED_MAX).map(request).collect();
        let ingress = || self.rooms.known_ingress(&body.ingress).filter(|_| !body.ingress.is_empty());
        CallView {
            r#type: call.id().kind().to_owned(),
            id: call.id().name().to_owned(),
            room: call.id().to_string(),
            created_by: call.created_by().clone(),
            state: phase_name(call.phase()),
            starts_at_ms: call.starts_at_ms(),
            live_at_ms: some(body.live_ms),
            ended_at_ms: some(body.ended_ms),
            ends_at_latest_ms: call.deadline_ms(),
            created_at_ms: body.created_ms,
            updated_at_ms: body.updated_ms,
            settings: call.settings().clone(),
            custom: body.custom.clone(),
            members: call
                .members()
                .iter()
                .take(MEMBERS_SHOWN)
                .map(|(user, role)| MemberView::new(user, role))
                .collect(),
            members_count: call.members().len(),
            session: entry
                .session
                .as_ref()
                .map(|session| SessionView { id: session.id.clone(), started_at_ms: session.started_ms }),
            participants: entry.participants(),
            pins: body.pins.clone(),
            role: call.role_of(&caller.actor).clone(),
            capabilities: all,
            requests: (grants || !requests.is_empty()).then_some(requests),
            blocked: all.has(Capability::BlockUsers).then(|| call.blocked().iter().take(LISTED_MAX).cloned().collect()),
            ingress: all.has(Capability::UseIngress).then(ingress).flatten().map(IngressView::from),
        }
    }
}
