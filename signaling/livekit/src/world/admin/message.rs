//! A data message that an administrator sends into the room.
#![allow(deprecated)] // Older server SDKs name recipients by `destination_sids`.

use livekit_protocol as proto;
use proto::data_packet::Value;

use super::{Fault, Reply};
use crate::world::{Now, World};

/// Longest payload of a message, in bytes: with its envelope it must fit into what clients take at once, 64 KiB.
pub(in crate::world) const DATA_BYTES_MAX: usize = 60_000;

impl World {
    pub(super) fn send_remotely(&mut self, request: proto::SendDataRequest, now: Now) -> Result<Reply, Fault> {
        if request.data.len() > DATA_BYTES_MAX {
            return Err(Fault::DataTooLong(DATA_BYTES_MAX));
        }
        let user = proto::UserPacket {
            payload: request.data,
            destination_sids: request.destination_sids,
            destination_identities: request.destination_identities.clone(),
            topic: request.topic,
            nonce: request.nonce,
            ..Default::default()
        };
        let packet = proto::DataPacket {
            kind: request.kind,
            destination_identities: request.destination_identities,
            value: Some(Value::User(user)),
            ..Default::default()
        };
        self.send_of_server(packet, now);
        Ok(Reply::Done)
    }
}
