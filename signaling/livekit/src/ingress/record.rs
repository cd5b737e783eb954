//! An ingress as it is kept.

use std::fmt;

use livekit_protocol as proto;
use proto::IngressInfo;

/// One ingress, to be kept beyond the end of the server.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// `IN_` and more; unique.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The room that its media goes to.
    pub room: String,
    /// The identity of its participant.
    pub identity: String,
    /// What an encoder must know; a secret.
    pub stream_key: String,
    /// Everything else, as JSON without the key.
    pub settings: String,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({}, key hidden)", self.id)
    }
}

impl Record {
    pub(super) fn of(info: &IngressInfo) -> Self {
        let plain = IngressInfo { stream_key: String::new(), state: None, ..info.clone() };
        Self {
            id: info.ingress_id.clone(),
            name: info.name.clone(),
            room: info.room_name.clone(),
            identity: info.participant_identity.clone(),
            // Keys are unique where they are kept, and one that is pulled has none.
            stream_key: if info.stream_key.is_empty() { info.ingress_id.clone() } else { info.stream_key.clone() },
            // A message has no form that JSON lacks.
            settings: serde_json::to_string(&plain).unwrap_or_default(),
        }
    }

    /// Back from what was kept; `None` when that cannot be read.
    pub(super) fn info(self) -> Option<IngressInfo> {
        let plain: IngressInfo = serde_json::from_str(&self.settings).ok()?;
        let state = Some(proto::IngressState::default());
        let pulled = plain.input_type() == proto::IngressInput::UrlInput;
        let stream_key = if pulled { String::new() } else { self.stream_key };
        Some(IngressInfo { ingress_id: self.id, stream_key, state, ..plain })
    }
}
