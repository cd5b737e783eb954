//! A participant goes to another room.
//!
//! The client is given a token for the other room and asked to connect anew, which every LiveKit client does by
//! itself: for everybody here it has left, and there it joins and publishes again what it published.

use room::LeaveReason;
use serde_json::Value;

use super::{Fault, Reply};
use crate::world::{Now, Output, Refresh, World};

/// Rights over rooms, not in them: they hold for the room of their token and do not move.
const LEFT_BEHIND: [&str; 6] = ["roomAdmin", "roomCreate", "roomList", "roomRecord", "ingressAdmin", "destinationRoom"];

impl World {
    pub(super) fn transfer(&mut self, identity: &str, destination: &str, now: Now) -> Result<Reply, Fault> {
        let sid = self.named(identity)?;
        let participant = self.room.participant(&sid).ok_or(Fault::ParticipantMissing)?;
        let session = self.sessions.get(&sid).ok_or(Fault::ParticipantMissing)?;
        let connection = session.connection.ok_or(Fault::SignalLost)?;
        let refresh = Refresh {
            claims_json: claims_for(&session.claims_json, destination).ok_or(Fault::ParticipantMissing)?,
            identity: participant.identity.clone(),
            name: participant.name.clone(),
            metadata: participant.metadata.clone(),
            attributes: participant.attributes.clone(),
            grants: participant.grants.clone(),
        };
        self.outputs.push_back(Output::RefreshToken(connection, Box::new(refresh)));
        self.room.leave(&sid, LeaveReason::Moved, now.monotonic);
        Ok(Reply::Done)
    }
}

/// A token's claims for another room.
fn claims_for(claims_json: &str, room: &str) -> Option<String> {
    let mut claims: Value = serde_json::from_str(claims_json).ok()?;
    let video = claims.as_object_mut()?.entry("video").or_insert_with(|| Value::Object(Default::default()));
    let video = video.as_object_mut()?;
    video.retain(|right, _| !LEFT_BEHIND.contains(&right.as_str()));
    video.insert("room".into(), room.into());
    video.insert("roomJoin".into(), true.into());
    Some(claims.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_token_administrates_nothing() {
        let before = r#"{"sub":"ann","video":{"room":"a","roomAdmin":true,"destinationRoom":"b","canPublish":false}}"#;
        let after: Value = serde_json::from_str(&claims_for(before, "b").unwrap()).unwrap();
        let wanted = serde_json::json!({
            "sub": "ann", "video": {"room": "b", "roomJoin": true, "canPublish": false},
        });
        assert_eq!(after, wanted);
        assert!(claims_for("[]", "b").is_none());
    }
}
