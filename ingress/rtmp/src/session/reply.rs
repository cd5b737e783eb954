//! What a publisher is told.

use super::{Session, WINDOW_BYTES};
use crate::amf::Encoder;
use crate::chunk::kind;
use crate::command::Connect;
use crate::flv::FOURCCS;

/// Chunk size of our own messages: each fits one chunk.
const CHUNK_BYTES: u32 = 4096;
/// The limit of a peer bandwidth that we may be asked to heed, too (RTMP 1.0 section 5.4.5).
const LIMIT_DYNAMIC: u8 = 2;
/// User control events (section 7.1.7).
const STREAM_BEGIN: u16 = 0;
const PING_REQUEST: u16 = 6;
const PING_RESPONSE: u16 = 7;
/// Enhanced RTMP: what a receiver can do with a codec.
const CAN_FORWARD: f64 = 4.0;

/// Why a stream is not taken, or not any more. The publisher is told in these words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// No stream has this key.
    #[error("this stream key is not known here: copy it again")]
    WrongKey,
    /// Somebody publishes with this key.
    #[error("this stream key is in use")]
    InUse,
    /// A newer publisher has taken the key over.
    #[error("another encoder has taken this stream over")]
    TakenOver,
    /// The ingress was deleted, disabled or given another key.
    #[error("this stream was ended by its owner")]
    Revoked,
    /// The room does not let it in.
    #[error("the room is full or closed")]
    RoomRefuses,
    /// The participant was removed from the room.
    #[error("the participant was removed from the room")]
    Removed,
    /// The server stops.
    #[error("the server stops")]
    Closing,
    /// The stream's form is not what can be carried.
    #[error("this stream cannot be carried: {0}")]
    Unfit(&'static str),
}

impl Refusal {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::WrongKey | Self::InUse => "NetStream.Publish.BadName",
            Self::TakenOver | Self::Revoked | Self::Removed => "NetStream.Unpublish.Success",
            Self::RoomRefuses | Self::Closing | Self::Unfit(_) => "NetStream.Publish.Rejected",
        }
    }
}

impl Session {
    /// The answer to `connect`, with enhanced RTMP's list of codecs.
    pub(super) fn reply_connected(&mut self, transaction: f64, connect: &Connect) {
        let bandwidth = [&WINDOW_BYTES.to_be_bytes()[..], &[LIMIT_DYNAMIC]].concat();
        self.writer.write(&mut self.output, kind::WINDOW_SIZE, 0, 0, &WINDOW_BYTES.to_be_bytes());
        self.writer.write(&mut self.output, kind::PEER_BANDWIDTH, 0, 0, &bandwidth);
        self.writer.set_chunk_size(&mut self.output, CHUNK_BYTES);
        let able = |it: Encoder, names: &[&str]| {
            it.object(|it| names.iter().fold(it, |it, name| it.name(name).number(CAN_FORWARD)))
        };
        let (videos, audios) = FOURCCS.split_at(3);
        let properties = |it: Encoder| {
            let it = it.name("fmsVer").string("FMS/3,5,7,7009").name("capabilities").number(31.0);
            let it = able(it.name("fourCcList").strings(&FOURCCS).name("videoFourCcInfoMap"), videos);
            able(it.name("audioFourCcInfoMap"), audios).name("capsEx").number(0.0)
        };
        let information = |it: Encoder| {
            let it = it.name("level").string("status").name("code").string("NetConnection.Connect.Success");
            let it = it.name("description").string("connected");
            it.name("objectEncoding").number(connect.object_encoding)
        };
        let reply = Encoder::default().string("_result").number(transaction).object(properties).object(information);
        self.command_out(0, reply);
    }

    /// `createStream` is done.
    pub(super) fn reply_created(&mut self, transaction: f64, stream: u32) {
        let reply = Encoder::default().string("_result").number(transaction).null().number(f64::from(stream));
        self.command_out(0, reply);
    }

    /// Whatever it was is done; who gave no number awaits nothing.
    pub(super) fn reply_done(&mut self, transaction: f64) {
        if transaction != 0.0 {
            self.command_out(0, Encoder::default().string("_result").number(transaction).null());
        }
    }

    /// `FCPublish` is heard; some encoders wait for `onFCPublish`.
    pub(super) fn reply_announced(&mut self, transaction: f64, _name: &str) {
        let information = |it: Encoder| {
            let it = it.name("level").string("status").name("code").string("NetStream.Publish.Start");
            it.name("description").string("announced")
        };
        self.command_out(0, Encoder::default().string("onFCPublish").number(0.0).null().object(information));
        self.reply_done(transaction);
    }

    /// The stream is taken.
    pub(super) fn reply_started(&mut self, stream: u32) {
        self.user_control(STREAM_BEGIN, &stream.to_be_bytes());
        self.status(stream, "status", "NetStream.Publish.Start", "publishing");
    }

    /// A status of a stream.
    pub(super) fn status(&mut self, stream: u32, level: &str, code: &str, description: &str) {
        let information = |it: Encoder| {
            let it = it.name("level").string(level).name("code").string(code);
            it.name("description").string(description)
        };
        self.command_out(stream, Encoder::default().string("onStatus").number(0.0).null().object(information));
    }

    /// Answers pings; the rest needs nothing.
    pub(super) fn on_user_control(&mut self, payload: &[u8]) {
        let Some((event, data)) = payload.split_first_chunk::<2>() else { return };
        if let (PING_REQUEST, Some(time)) = (u16::from_be_bytes(*event), data.first_chunk::<4>()) {
            self.user_control(PING_RESPONSE, time);
        }
    }

    fn user_control(&mut self, event: u16, data: &[u8; 4]) {
        let payload = [&event.to_be_bytes()[..], data].concat();
        self.writer.write(&mut self.output, kind::USER_CONTROL, 0, 0, &payload);
    }

    fn command_out(&mut self, stream: u32, command: Encoder) {
        self.writer.write(&mut self.output, kind::COMMAND, stream, 0, &command.finish());
    }
}
