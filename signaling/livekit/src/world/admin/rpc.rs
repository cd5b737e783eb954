//! Calls a procedure of a participant's client over its data channel.
#![allow(deprecated)] // Clients still read the kind in a `DataPacket`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proto::data_packet::{Kind, Value};
use proto::rpc_response::Value as Answer;
use room::ParticipantSid;
use room::ids::random_text;

use super::{Fault, OrderId, Reply};
use crate::world::{Now, World};

/// Longest payload of a call, in bytes, as RPC has it.
pub(in crate::world) const PAYLOAD_BYTES_MAX: usize = 15 * 1024;
/// Calls of one room that wait for their answers; more are refused.
pub(in crate::world) const RPCS_MAX: usize = 1000;
/// A client that has not acknowledged a call by then has not got it; clients give each other as long.
pub(in crate::world) const ACK_TIMEOUT: Duration = Duration::from_secs(7);
/// How long an answer may take when the caller does not say, as LiveKit's server has it.
pub(in crate::world) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time an answer may take: beyond, the caller's connection is gone anyway.
pub(in crate::world) const ANSWER_TIMEOUT_MAX: Duration = Duration::from_secs(600);
/// The version of RPC in which a payload stands in the packet itself.
const VERSION: u32 = 1;

/// RPC's own codes, with their texts.
const CONNECTION_TIMEOUT: (u32, &str) = (1501, "Connection timeout");
const RESPONSE_TIMEOUT: (u32, &str) = (1502, "Response timeout");
const RECIPIENT_DISCONNECTED: (u32, &str) = (1503, "Recipient disconnected");
const RESPONSE_TOO_LARGE: (u32, &str) = (1504, "Response payload too large");
const REQUEST_TOO_LARGE: (u32, &str) = (1402, "Request payload too large");
const UNSUPPORTED_VERSION: (u32, &str) = (1404, "Unsupported RPC version");

/// Calls that wait for their answers.
#[derive(Debug, Default)]
pub(in crate::world) struct Rpcs {
    pending: BTreeMap<String, Pending>,
    due: BTreeSet<(Instant, String)>,
}

#[derive(Debug)]
struct Pending {
    order: OrderId,
    callee: ParticipantSid,
    acknowledged: bool,
    answer_by: Instant,
    due: Instant,
}

impl Rpcs {
    pub(in crate::world) fn deadline(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    fn insert(&mut self, id: String, pending: Pending) {
        self.due.insert((pending.due, id.clone()));
        self.pending.insert(id, pending);
    }

    fn remove(&mut self, id: &str) -> Option<Pending> {
        let pending = self.pending.remove(id)?;
        self.due.remove(&(pending.due, id.to_owned()));
        Some(pending)
    }

    /// The call has arrived: only its answer is waited for.
    fn acknowledge(&mut self, id: &str) {
        if let Some(mut pending) = self.remove(id) {
            (pending.acknowledged, pending.due) = (true, pending.answer_by);
            self.insert(id.to_owned(), pending);
        }
    }

    fn is_of(&self, id: &str, callee: &ParticipantSid) -> bool {
        self.pending.get(id).is_some_and(|it| it.callee == *callee)
    }

    fn expired(&mut self, now: Instant) -> Option<Pending> {
        let (_, id) = self.due.first().filter(|(at, _)| *at <= now)?.clone();
        self.remove(&id)
    }

    fn of(&self, callee: &ParticipantSid) -> Vec<String> {
        self.pending.iter().filter(|(_, it)| it.callee == *callee).map(|(id, _)| id.clone()).collect()
    }
}

impl World {
    pub(super) fn perform_rpc(&mut self, order: OrderId, request: proto::PerformRpcRequest, now: Now) {
        let callee = match self.callee(&request) {
            Ok(callee) => callee,
            Err(fault) => return self.reply(order, Err(fault)),
        };
        let asked = Duration::from_millis(request.response_timeout_ms.into());
        let timeout = if asked.is_zero() { ANSWER_TIMEOUT } else { asked.min(ANSWER_TIMEOUT_MAX) };
        let answer_by = now.monotonic + timeout;
        let due = answer_by.min(now.monotonic + ACK_TIMEOUT);
        let id = random_text("RPC_", &mut self.rng);
        self.rpcs.insert(id.clone(), Pending { order, callee, acknowledged: false, answer_by, due });
        let call = proto::RpcRequest {
            id: id.clone(),
            method: request.method,
            payload: request.payload,
            response_timeout_ms: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
            version: VERSION,
            ..Default::default()
        };
        let packet = proto::DataPacket {
            kind: Kind::Reliable.into(),
            // Nobody's: the answer comes back addressed to it.
            participant_identity: id,
            destination_identities: vec![request.destination_identity],
            value: Some(Value::RpcRequest(call)),
            ..Default::default()
        };
        self.send_of_server(packet, now);
    }

    fn callee(&self, request: &proto::PerformRpcRequest) -> Result<ParticipantSid, Fault> {
        let callee = self.named(&request.destination_identity)?;
        if request.payload.len() > PAYLOAD_BYTES_MAX {
            return Err(fault(REQUEST_TOO_LARGE));
        }
        if self.rpcs.pending.len() >= RPCS_MAX {
            return Err(Fault::TooManyRpcs(RPCS_MAX));
        }
        Ok(callee)
    }

    /// Takes a packet that answers one of our calls; true when it did and is for nobody else.
    pub(in crate::world) fn takes_rpc_answer(&mut self, sid: &ParticipantSid, packet: &proto::DataPacket) -> bool {
        match &packet.value {
            Some(Value::RpcAck(ack)) if self.rpcs.is_of(&ack.request_id, sid) => {
                self.rpcs.acknowledge(&ack.request_id);
                true
            }
            Some(Value::RpcResponse(response)) if self.rpcs.is_of(&response.request_id, sid) => {
                if let Some(pending) = self.rpcs.remove(&response.request_id) {
                    self.reply(pending.order, answer(response.value.as_ref()));
                }
                true
            }
            _ => false,
        }
    }

    /// Gives up what was not answered in time.
    pub(in crate::world) fn expire_rpcs(&mut self, now: Now) {
        while let Some(pending) = self.rpcs.expired(now.monotonic) {
            let cause = if pending.acknowledged { RESPONSE_TIMEOUT } else { CONNECTION_TIMEOUT };
            self.reply(pending.order, Err(fault(cause)));
        }
    }

    /// Gives up what a participant who has left would have answered.
    pub(in crate::world) fn forget_rpcs(&mut self, sid: &ParticipantSid) {
        for id in self.rpcs.of(sid) {
            if let Some(pending) = self.rpcs.remove(&id) {
                self.reply(pending.order, Err(fault(RECIPIENT_DISCONNECTED)));
            }
        }
    }
}

fn answer(answer: Option<&Answer>) -> Result<Reply, Fault> {
    match answer {
        Some(Answer::Payload(payload)) if payload.len() > PAYLOAD_BYTES_MAX => Err(fault(RESPONSE_TOO_LARGE)),
        Some(Answer::Payload(payload)) => Ok(Reply::Payload(payload.clone())),
        Some(Answer::Error(error)) => {
            Err(Fault::Rpc { code: error.code, message: error.message.clone(), data: error.data.clone() })
        }
        None => Ok(Reply::Payload(String::new())),
        // We never say that we take compressed answers.
        Some(Answer::CompressedPayload(_)) => Err(fault(UNSUPPORTED_VERSION)),
    }
}

fn fault((code, message): (u32, &str)) -> Fault {
    Fault::Rpc { code, message: message.to_owned(), data: String::new() }
}
