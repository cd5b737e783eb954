//! One signal connection: a WebSocket whose frames are protobuf or, if the client likes, JSON.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use axum::Error;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use livekit_protocol as proto;
use prost::Message as _;
use proto::signal_request::Message as Asked;
use tokio::time::{Instant, sleep_until, timeout};

use crate::config::SignalSettings;
use crate::lobby::{self, Connection};
use crate::mailbox::Inbox;

/// How long one write may hang before the client counts as dead.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long we wait for the client's half of the closing handshake (RFC 6455 section 7.1.1).
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Frames that are read in a row before writing has its turn.
const FRAMES_MAX: u32 = 16;
/// How often the room is told that the client lives, when all that it says is pings: well within the time for which a room
/// remembers what a client has missed.
const ROOM_PING_INTERVAL: Duration = Duration::from_secs(30);

/// How a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// The room said goodbye: all is sent.
    Room,
    /// The client closed, or the network did.
    PeerClosed,
    /// No frame for too long.
    PeerSilent,
    /// It does not read, or not fast enough.
    PeerSlow,
    /// A frame that is no signal request.
    PeerMalformed,
    /// A message over the cap, or a breach of the WebSocket protocol.
    PeerProtocol,
    /// The node stops.
    Stopped,
}

/// What the reading half tells the writing half. Both are one task, in which the reading half goes first: nobody ever waits for
/// the lock, and nobody needs to be woken.
struct Heard(Mutex<Last>);

#[derive(Clone, Copy)]
struct Last {
    /// The last frame.
    at: Instant,
    /// The last request was JSON.
    json: bool,
    /// The answer to the last ping, if it is still to be written; it does for those before.
    answer: Option<Answer>,
}

/// To a ping, in the form in which it was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    Older,
    /// With the time that the client told.
    Newer(i64),
}

impl Heard {
    fn new() -> Self {
        Self(Mutex::new(Last { at: Instant::now(), json: false, answer: None }))
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer that is to be written. It wakes nobody: it is there before it is asked for, in one turn of the task.
    async fn answer(&self) -> Answer {
        poll_fn(|_| self.last().answer.take().map_or(Poll::Pending, Poll::Ready)).await
    }
}

/// Serves the connection until it ends; the room learns of it by the drop of `connection`.
pub(crate) async fn run(socket: WebSocket, mut connection: Connection, settings: SignalSettings) {
    let (mut sink, mut stream) = socket.split();
    let heard = Heard::new();
    let Some((mut inbox, scissors, _alive)) = connection.open() else { return };
    let end = {
        let reading = read(&mut stream, &connection, &heard);
        let writing = write(&mut sink, &mut inbox, &heard, &settings);
        tokio::select! {
            biased;
            end = reading => end,
            end = writing => end,
            () = scissors.cut() => End::PeerSlow,
            () = connection.stopped() => End::Stopped,
        }
    };
    tracing::debug!(
        room = connection.room(),
        participant = connection.identity(),
        connection = connection.id().0,
        ?end,
        "signal connection ends"
    );
    // The room is told first: saying goodbye may take a while.
    drop(connection);
    if matches!(end, End::PeerSilent | End::PeerSlow) {
        return;
    }
    let goodbye = async {
        if let Some(code) = close_code_of(end) {
            let frame = CloseFrame { code, reason: Utf8Bytes::default() };
            if sink.send(Message::Close(Some(frame))).await.is_err() {
                return;
            }
        }
        // Reading on waits for the client's half, and sends ours if the client was first.
        while let Some(Ok(_)) = stream.next().await {}
    };
    // The client's half may stay out; the socket is dropped in any case.
    let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
}

/// The code to close with, or `None` when there is nobody to tell or the WebSocket answers by itself.
fn close_code_of(end: End) -> Option<u16> {
    match end {
        End::Room => Some(close_code::NORMAL),
        End::PeerMalformed => Some(close_code::INVALID),
        End::PeerProtocol => Some(close_code::SIZE),
        End::Stopped => Some(close_code::AWAY),
        End::PeerClosed | End::PeerSilent | End::PeerSlow => None,
    }
}

async fn read(
    stream: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
    connection: &Connection,
    heard: &Heard,
) -> End {
    let (mut pings, mut taken) = (Pings::default(), 0);
    loop {
        taken += 1;
        if taken > FRAMES_MAX {
            taken = 0;
            // Whoever never falls silent must still be written to, and can be cut off.
            tokio::task::yield_now().await;
        }
        let message = match stream.next().await {
            None | Some(Ok(Message::Close(_))) => return End::PeerClosed,
            Some(Err(error)) => return broken(&error),
            Some(Ok(message)) => message,
        };
        let now = Instant::now();
        heard.last().at = now;
        let request = match &message {
            Message::Binary(bytes) => proto::SignalRequest::decode(bytes.clone()).map_err(drop),
            Message::Text(text) => serde_json::from_str::<proto::SignalRequest>(text).map_err(drop),
            _ => continue,
        };
        let Ok(request) = request else { return End::PeerMalformed };
        heard.last().json = matches!(message, Message::Text(_));
        let Some(asked) = &request.message else { continue };
        if pings.is_ours(asked, now) {
            if let Some(answer) = pings.answer(asked) {
                heard.last().answer = Some(answer);
            }
            continue;
        }
        // A full room queue stops the reading, and by TCP the client: nothing is lost.
        if !connection.send(request).await {
            // The room has let go; what it still has to say is in the inbox.
            std::future::pending::<()>().await;
        }
    }
}

/// Pings are answered here: thousands of idle clients say nothing else, and their rooms need not wake for it.
#[derive(Default)]
struct Pings {
    /// When the room heard of the client last.
    told: Option<Instant>,
    /// The client asks in the newer way: its SDK sends both, and needs but one answer.
    newer: bool,
}

impl Pings {
    /// Whether a request is a ping that the room does not need; it is told of the client now and then.
    fn is_ours(&mut self, asked: &Asked, now: Instant) -> bool {
        let is_ping = matches!(asked, Asked::Ping(_) | Asked::PingReq(_));
        let ours = is_ping && self.told.is_some_and(|told| now < told + ROOM_PING_INTERVAL);
        if !ours {
            self.told = Some(now);
        }
        ours
    }

    fn answer(&mut self, asked: &Asked) -> Option<Answer> {
        match asked {
            Asked::PingReq(ping) => {
                self.newer = true;
                Some(Answer::Newer(ping.timestamp))
            }
            Asked::Ping(_) if !self.newer => Some(Answer::Older),
            _ => None,
        }
    }
}

impl Answer {
    fn tell(self) -> proto::SignalResponse {
        use proto::signal_response::Message::{Pong, PongResp};
        let timestamp = i64::try_from(lobby::now().unix_ms).unwrap_or(i64::MAX);
        let message = match self {
            Self::Older => Pong(timestamp),
            Self::Newer(last_ping_timestamp) => PongResp(proto::Pong { last_ping_timestamp, timestamp }),
        };
        proto::SignalResponse { message: Some(message) }
    }
}

/// Tells a breach of rules from a lost network.
fn broken(error: &Error) -> End {
    use std::error::Error as _;
    let mut cause: Option<&dyn std::error::Error> = error.source();
    while let Some(inner) = cause {
        if inner.is::<std::io::Error>() {
            return End::PeerClosed;
        }
        cause = inner.source();
    }
    End::PeerProtocol
}

/// Sends what the room says, and answers to pings. A client that is silent is pinged; one that speaks of itself, as all SDKs
/// do every few seconds, costs no pings. One that is silent for too long is dead.
async fn write(
    sink: &mut (impl Sink<Message> + Unpin),
    inbox: &mut Inbox,
    heard: &Heard,
    settings: &SignalSettings,
) -> End {
    let mut pinged = Instant::now();
    let alarm = |heard: Instant, pinged: Instant| {
        (heard.max(pinged) + settings.socket_ping_interval).min(heard + settings.socket_silence_max)
    };
    let mut due = pin!(sleep_until(alarm(heard.last().at, pinged)));
    loop {
        let message = tokio::select! {
            response = inbox.next() => match response {
                Some(response) => encode(&response, heard.last().json),
                None => return End::Room,
            },
            answer = heard.answer() => encode(&answer.tell(), heard.last().json),
            () = due.as_mut() => {
                let (at, now) = (heard.last().at, Instant::now());
                if now >= at + settings.socket_silence_max {
                    return End::PeerSilent;
                }
                // What was heard meanwhile moves the alarm, once it rings.
                let is_silent = now >= alarm(at, pinged);
                if is_silent {
                    pinged = now;
                }
                due.as_mut().reset(alarm(at, pinged));
                if !is_silent {
                    continue;
                }
                Message::Ping(Default::default())
            }
        };
        match timeout(WRITE_TIMEOUT, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return End::PeerClosed,
            Err(_) => return End::PeerSlow,
        }
    }
}

fn encode(response: &proto::SignalResponse, json: bool) -> Message {
    if json && let Ok(text) = serde_json::to_string(response) {
        return Message::Text(text.into());
    }
    Message::Binary(response.encode_to_vec().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::mailbox;

    fn settings() -> SignalSettings {
        SignalSettings {
            socket_ping_interval: Duration::from_secs(10),
            socket_silence_max: Duration::from_secs(60),
            ..SignalSettings::default()
        }
    }

    /// Writes for a client that does as told, and gives the frames that were sent and how it ended, if it did.
    async fn written(client: impl Future<Output = ()>, heard: &Heard) -> (Vec<Message>, Option<End>) {
        let (_outbox, mut inbox, _scissors) = mailbox();
        let ((frames, mut sent), settings) = (tokio::sync::mpsc::unbounded_channel(), settings());
        let mut sink = pin!(futures_util::sink::unfold(frames, |frames, frame| async move {
            frames.send(frame).unwrap();
            Ok::<_, Error>(frames)
        }));
        let end = tokio::select! {
            end = write(&mut sink, &mut inbox, heard, &settings) => Some(end),
            () = client => None,
        };
        (std::iter::from_fn(|| sent.try_recv().ok()).collect(), end)
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_silent_are_pinged() {
        let heard = Heard::new();
        let speaks = async {
            for _ in 0..6 {
                tokio::time::sleep(Duration::from_secs(5)).await;
                heard.last().at = Instant::now();
            }
        };
        assert_eq!(written(speaks, &heard).await, (vec![], None), "a client that speaks was pinged");
        let is_silent = tokio::time::sleep(Duration::from_secs(25));
        let (frames, end) = written(is_silent, &Heard::new()).await;
        assert_eq!((frames.len(), end), (2, None), "one ping for each interval of silence");
    }

    #[tokio::test(start_paused = true)]
    async fn the_silent_are_given_up_in_time() {
        let began = Instant::now();
        let (frames, end) = written(std::future::pending(), &Heard::new()).await;
        assert_eq!((frames.len(), end), (5, Some(End::PeerSilent)));
        assert_eq!(began.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn rooms_hear_of_pings_now_and_then() {
        let mut pings = Pings::default();
        let (ping, newer) = (Asked::Ping(0), Asked::PingReq(proto::Ping { timestamp: 7, rtt: 0 }));
        let mut told = 0;
        for second in 0..=60 {
            let now = Instant::now() + Duration::from_secs(second * 5);
            told += usize::from(!pings.is_ours(&ping, now));
        }
        assert_eq!(told, 11, "at once, and then every half minute");
        assert!(!pings.is_ours(&Asked::Leave(proto::LeaveRequest::default()), Instant::now()));
        // Old clients get the old answer; those that ask in both ways need the newer one alone.
        assert_eq!(pings.answer(&ping), Some(Answer::Older));
        assert_eq!(pings.answer(&newer), Some(Answer::Newer(7)));
        assert_eq!(pings.answer(&ping), None);
    }
}
