//! One publisher's connection: bytes in, events out, replies beside.

mod aggregate;
mod reply;
#[cfg(test)]
mod tests;

use std::time::Instant;

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::Fault;
use crate::chunk::{Message, Reader, Writer, kind};
use crate::command::{Command, Connect, Verb};
use crate::handshake::Handshake;
use crate::limits::{HANDSHAKE_TIMEOUT, MEDIA_TIMEOUT, OUTPUT_BYTES_MAX, PUBLISH_TIMEOUT, STREAMS_MAX};
use crate::media::{AudioConfig, AudioUnit, Metadata, VideoConfig, VideoUnit};
use crate::meter::Meter;
use crate::tags::Tags;

use aggregate::Aggregate;
pub use reply::Refusal;

/// Received bytes after which the publisher is told so, until it sets its own (RTMP 1.0 section 5.4.4).
const WINDOW_BYTES: u32 = 2_500_000;
/// A smaller window would only make the server talk.
const WINDOW_BYTES_MIN: u32 = 1 << 16;

/// Somebody wants to publish; answer with [`Session::accept`] or [`Session::refuse`].
#[derive(Clone, PartialEq, Eq)]
pub struct PublishRequest {
    /// The application, from the address.
    pub app: String,
    /// The stream's name, which is a secret.
    pub name: String,
    /// The client's program as it names itself.
    pub client: String,
}

impl std::fmt::Debug for PublishRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublishRequest({:?} from {:?}, key hidden)", self.app.split('/').next(), self.client)
    }
}

impl PublishRequest {
    /// The stream key: the name without parameters. Somebody who pastes address and key into one field sends the key
    /// as the last part of the application.
    pub fn key(&self) -> &str {
        let name = self.name.split('?').next().unwrap_or_default().trim();
        if !name.is_empty() {
            return name.trim_start_matches('/');
        }
        let app = self.app.split('?').next().unwrap_or_default();
        app.rsplit_once('/').map_or("", |(_, key)| key).trim()
    }
}

/// What a publisher did.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// It wants to publish. Nothing more is read until it is answered.
    Publish(PublishRequest),
    /// What its encoder says of itself.
    Metadata(Metadata),
    /// How the pictures that follow are to be decoded.
    VideoConfig(VideoConfig),
    /// A picture.
    Video(VideoUnit),
    /// How the sound that follows is to be decoded.
    AudioConfig(AudioConfig),
    /// Some sound.
    Audio(AudioUnit),
    /// It stopped. It may publish again on the same connection.
    Ended,
}

/// How far publishing has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Nothing is published since then.
    Idle(Instant),
    /// It waits for the answer, on a message stream.
    Asked(u32),
    /// It is published on a message stream; the last media came then.
    Live(u32, Instant),
}

/// See the module's description. Call [`Session::receive`] until it gives nothing, then send [`Session::output`].
#[derive(Debug)]
pub struct Session {
    began: Instant,
    rng: StdRng,
    handshake: Option<Handshake>,
    reader: Reader,
    writer: Writer,
    output: Vec<u8>,
    connect: Option<Connect>,
    streams: u32,
    stage: Stage,
    aggregate: Option<Aggregate>,
    tags: Tags,
    meter: Meter,
    received: u64,
    acknowledged: u64,
    window: u32,
}

impl Session {
    /// A connection that begins. `seed` fills the handshake's random bytes.
    pub fn new(now: Instant, seed: u64) -> Self {
        Self {
            began: now,
            rng: StdRng::seed_from_u64(seed),
            handshake: Some(Handshake::new()),
            reader: Reader::new(),
            writer: Writer::new(),
            output: Vec::new(),
            connect: None,
            streams: 0,
            stage: Stage::Idle(now),
            aggregate: None,
            tags: Tags::default(),
            meter: Meter::new(now),
            received: 0,
            acknowledged: 0,
            window: WINDOW_BYTES,
        }
    }

    /// Takes bytes from the front of `input` up to the next event; `None` when they are used up without one.
    ///
    /// # Errors
    /// When the connection must end; tell the publisher by [`Session::fail`].
    pub fn receive(&mut self, now: Instant, input: &mut &[u8]) -> Result<Option<Event>, Fault> {
        if matches!(self.stage, Stage::Asked(_)) {
            return Ok(None);
        }
        let before = input.len();
        let event = self.step(now, input);
        let taken = before - input.len();
        self.received += taken as u64;
        self.meter.bytes(now, taken)?;
        self.acknowledge();
        if self.output.len() > OUTPUT_BYTES_MAX { Err(Fault::PeerDeaf) } else { event }
    }

    /// Bytes to send; the caller empties it.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Lets the publisher begin.
    pub fn accept(&mut self, now: Instant) {
        if let Stage::Asked(stream) = self.stage {
            self.stage = Stage::Live(stream, now);
            self.reply_started(stream);
        }
    }

    /// Turns the publisher away, or stops it; close the connection once the output is sent.
    pub fn refuse(&mut self, now: Instant, refusal: Refusal) {
        if let Stage::Asked(stream) | Stage::Live(stream, _) = self.stage {
            self.stage = Stage::Idle(now);
            self.status(stream, "error", refusal.code(), &refusal.to_string());
        }
    }

    /// Tells the publisher why it is cut off, if it has come far enough to understand.
    pub fn fail(&mut self, fault: Fault) {
        let stream = match self.stage {
            Stage::Asked(stream) | Stage::Live(stream, _) => stream,
            Stage::Idle(_) => self.streams,
        };
        if self.connect.is_some() {
            self.status(stream, "error", fault.code(), &fault.to_string());
        }
    }

    /// Whether a stream was accepted and has not ended.
    pub fn is_live(&self) -> bool {
        matches!(self.stage, Stage::Live(..))
    }

    /// When [`Session::expired`] has something to say, unless something comes before.
    pub fn deadline(&self) -> Instant {
        self.patience().0
    }

    /// What should have come by `now` and did not.
    pub fn expired(&self, now: Instant) -> Option<Fault> {
        let (deadline, awaited) = self.patience();
        (now >= deadline).then_some(Fault::PeerSilent(awaited))
    }

    fn patience(&self) -> (Instant, &'static str) {
        match self.stage {
            _ if self.handshake.is_some() => (self.began + HANDSHAKE_TIMEOUT, "handshake"),
            Stage::Live(_, last) => (last + MEDIA_TIMEOUT, "media"),
            Stage::Idle(since) => (since + PUBLISH_TIMEOUT, "stream"),
            Stage::Asked(_) => (self.began + PUBLISH_TIMEOUT + PUBLISH_TIMEOUT, "answer"),
        }
    }

    fn step(&mut self, now: Instant, input: &mut &[u8]) -> Result<Option<Event>, Fault> {
        if let Some(handshake) = &mut self.handshake {
            if !handshake.receive(input, &mut self.output, &mut self.rng)? {
                return Ok(None);
            }
            self.handshake = None;
        }
        while let Some(message) = self.next_message(input)? {
            self.meter.message()?;
            if let Some(event) = self.on_message(now, message)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// The next message, also out of an aggregate.
    fn next_message(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Fault> {
        if let Some(message) = self.aggregate.as_mut().and_then(Aggregate::next) {
            return Ok(Some(message));
        }
        self.aggregate = None;
        self.reader.next(input)
    }

    fn on_message(&mut self, now: Instant, message: Message) -> Result<Option<Event>, Fault> {
        let number = |at: usize| {
            let bytes = message.payload.get(at..)?.first_chunk::<4>()?;
            Some(u32::from_be_bytes(*bytes))
        };
        let control = number(0).ok_or(Fault::PeerControl(message.kind));
        match message.kind {
            kind::SET_CHUNK_SIZE => self.reader.set_chunk_size(control?)?,
            kind::ABORT => self.reader.abort(control?),
            kind::WINDOW_SIZE => self.window = control?.max(WINDOW_BYTES_MIN),
            kind::USER_CONTROL => self.on_user_control(&message.payload),
            kind::ACKNOWLEDGEMENT | kind::PEER_BANDWIDTH => {}
            kind::COMMAND => return self.on_command(now, &message, false),
            kind::COMMAND_AMF3 => return self.on_command(now, &message, true),
            kind::AUDIO | kind::VIDEO | kind::DATA | kind::DATA_AMF3 | kind::AGGREGATE => {
                return self.on_media(now, message);
            }
            _ => {}
        }
        Ok(None)
    }

    /// What belongs to a stream; before it was accepted and after it ended nobody wants it.
    fn on_media(&mut self, now: Instant, message: Message) -> Result<Option<Event>, Fault> {
        let Stage::Live(_, last) = &mut self.stage else { return Ok(None) };
        match message.kind {
            // A message within an aggregate cannot be one: nesting ends here.
            kind::AGGREGATE if self.aggregate.is_none() => {
                self.aggregate = Some(Aggregate::new(message));
                Ok(None)
            }
            kind => {
                if matches!(kind, kind::AUDIO | kind::VIDEO) {
                    *last = now;
                }
                self.tags.event(kind, message.timestamp, Bytes::from(message.payload))
            }
        }
    }

    fn on_command(&mut self, now: Instant, message: &Message, is_amf3: bool) -> Result<Option<Event>, Fault> {
        self.meter.command()?;
        let Command { transaction, verb } = Command::parse(&message.payload, is_amf3)?;
        if let Verb::Connect(connect) = verb {
            if self.connect.is_some() {
                return Err(Fault::PeerOrder("connected already"));
            }
            self.reply_connected(transaction, &connect);
            self.connect = Some(connect);
            return Ok(None);
        }
        let Some(connect) = &self.connect else { return Err(Fault::PeerOrder("a command before connect")) };
        match verb {
            Verb::Publish(name) => {
                if self.is_live() {
                    return Err(Fault::PeerOrder("this connection publishes already"));
                }
                let (app, client) = (connect.app.clone(), connect.client.clone());
                self.stage = Stage::Asked(message.stream);
                return Ok(Some(Event::Publish(PublishRequest { app, name, client })));
            }
            Verb::CreateStream => self.create_stream(transaction)?,
            Verb::FcPublish(name) => self.reply_announced(transaction, &name),
            Verb::DeleteStream(stream) => return Ok(self.end(now, stream)),
            Verb::CloseStream => return Ok(self.end(now, message.stream)),
            Verb::FcUnpublish => return Ok(self.end_any(now)),
            Verb::Play => return Err(Fault::PeerPlays),
            Verb::ReleaseStream | Verb::Other => self.reply_done(transaction),
            Verb::Connect(_) => {}
        }
        Ok(None)
    }

    fn create_stream(&mut self, transaction: f64) -> Result<(), Fault> {
        if self.streams >= STREAMS_MAX {
            return Err(Fault::PeerStreams);
        }
        self.streams += 1;
        self.reply_created(transaction, self.streams);
        Ok(())
    }

    /// A message stream ends, and what is published on it. Clients that never learned their stream say 0.
    fn end(&mut self, now: Instant, stream: u32) -> Option<Event> {
        match self.stage {
            Stage::Live(live, _) if stream == live || stream == 0 => self.end_any(now),
            _ => None,
        }
    }

    fn end_any(&mut self, now: Instant) -> Option<Event> {
        let Stage::Live(stream, _) = self.stage else { return None };
        self.stage = Stage::Idle(now);
        self.aggregate = None;
        self.status(stream, "status", "NetStream.Unpublish.Success", "the stream has ended");
        Some(Event::Ended)
    }

    /// Tells how much has come, once in a window.
    fn acknowledge(&mut self) {
        if self.handshake.is_none() && self.received - self.acknowledged >= u64::from(self.window) {
            self.acknowledged = self.received;
            // The count wraps by design (RTMP 1.0 section 5.4.3).
            let count = (self.received & u64::from(u32::MAX)) as u32;
            self.writer.write(&mut self.output, kind::ACKNOWLEDGEMENT, 0, 0, &count.to_be_bytes());
        }
    }
}
