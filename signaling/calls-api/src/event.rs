//! What users' clients and back ends are told, by name.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use calls::CallId;
use serde_json::{Map, Value, json};

macro_rules! events {
    ($($variant:ident = $name:literal, $meaning:literal;)*) => {
        /// Every event that is told, for webhooks' filters.
        pub const EVENTS: &[&str] = &[$($name,)*];

        /// Something to tell.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Kind {
            $($variant,)*
        }

        impl Kind {
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            pub(crate) fn meaning(name: &str) -> &'static str {
                match name {
                    $($name => $meaning,)*
                    _ => "",
                }
            }
        }
    };
}

events! {
    Created = "call_created", "a call was made";
    Updated = "call_updated", "settings, plan or words changed";
    Ended = "call_ended", "the call is over for good";
    LiveStarted = "call_live_started", "the call went live: who may join may come in";
    LiveEnded = "call_live_ended", "the call went back into backstage";
    MediaStarted = "call_media_started", "there is something to see or hear, from a browser or an encoder";
    MediaEnded = "call_media_ended", "there is nothing any more";
    SessionStarted = "call_session_started", "the first participant is there";
    SessionEnded = "call_session_ended", "the last participant left";
    ParticipantJoined = "call_participant_joined", "somebody is there; in large calls only call_participants tells";
    ParticipantLeft = "call_participant_left", "somebody went; in large calls only call_participants tells";
    Participants = "call_participants", "how many are there, at most once a second";
    MembersChanged = "call_members_changed", "members came, went, or have another role";
    PermissionRequested = "call_permission_requested", "somebody asks for more; told to those who may grant it";
    PermissionWithdrawn = "call_permission_withdrawn", "a request is there no longer, and no rights changed; told as the request was, and to its user";
    PermissionsChanged = "call_permissions_changed", "what somebody may do changed";
    UserBlocked = "call_user_blocked", "somebody was sent out and kept out";
    UserUnblocked = "call_user_unblocked", "somebody may come back";
    UserKicked = "call_user_kicked", "somebody was sent out";
    UsersMuted = "call_users_muted", "participants were muted";
    PinsChanged = "call_pins_changed", "who is in everybody's view changed";
    Ring = "call_ring", "the call rings; told to those it rings for";
    Accepted = "call_accepted", "somebody took the call";
    Rejected = "call_rejected", "somebody declined the call";
    Missed = "call_missed", "somebody did not answer in time";
    Message = "call_message", "a message in the chat";
    MessageDeleted = "call_message_deleted", "a message was taken out of the chat";
    Reaction = "call_reaction", "a reaction";
    Custom = "call_custom", "an event of the app's own";
}

/// One event, written once for all who are told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) kind: Kind,
    pub(crate) text: Arc<str>,
    pub(crate) created_ms: u64,
}

/// Writes an event. Its id is unique in this process and most likely everywhere.
pub(crate) fn write(kind: Kind, call: &CallId, facts: Value, now_ms: u64) -> Told {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let id = format!("EV_{now_ms:x}{:04x}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut event = Map::new();
    event.insert("event".into(), json!(kind.name()));
    event.insert("id".into(), json!(id));
    event.insert("call_type".into(), json!(call.kind()));
    event.insert("call_id".into(), json!(call.name()));
    event.insert("created_at_ms".into(), json!(now_ms));
    if let Value::Object(facts) = facts {
        event.extend(facts);
    }
    Told { kind, text: Value::Object(event).to_string().into(), created_ms: now_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_name_themselves_and_their_call() {
        let call = CallId::new("default", "one").unwrap();
        let told = write(Kind::Ended, &call, json!({ "by": "ann" }), 7);
        let event: Value = serde_json::from_str(&told.text).unwrap();
        assert_eq!((&event["event"], &event["call_type"]), (&json!("call_ended"), &json!("default")));
        assert_eq!((&event["call_id"], &event["by"]), (&json!("one"), &json!("ann")));
        for kind in Kind::ALL {
            let line = format!("| `{}` | {} |", kind.name(), Kind::meaning(kind.name()));
            let guide = include_str!("../../../docs/guide/calls.md");
            assert!(
                EVENTS.contains(&kind.name()) && guide.contains(&line),
                "docs/guide/calls.md lacks the line\n{line}"
            );
        }
    }
}
