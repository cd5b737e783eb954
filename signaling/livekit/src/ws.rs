//! One signal connection: a WebSocket whose frames are protobuf or, if the client likes, JSON.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Error;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use livekit_protocol as proto;
use prost::Message as _;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use crate::config::SignalSettings;
use crate::lobby::Connection;
use crate::mailbox::Inbox;

/// How long one write may hang before the client counts as dead.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long we wait for the client's half of the closing handshake (RFC 6455 section 7.1.1).
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

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

/// Serves the connection until it ends; the room learns of it by the drop of `connection`.
pub(crate) async fn run(socket: WebSocket, mut connection: Connection, settings: SignalSettings) {
    let (mut sink, mut stream) = socket.split();
    let speaks_json = AtomicBool::new(false);
    let Some((mut inbox, scissors, _alive)) = connection.open() else { return };
    let end = {
        let reading = read(&mut stream, &connection, &speaks_json, settings.socket_silence_max);
        let writing = write(&mut sink, &mut inbox, &speaks_json, settings.socket_ping_interval);
        tokio::select! {
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
    speaks_json: &AtomicBool,
    silence_max: Duration,
) -> End {
    loop {
        let message = match timeout(silence_max, stream.next()).await {
            Err(_) => return End::PeerSilent,
            Ok(None | Some(Ok(Message::Close(_)))) => return End::PeerClosed,
            Ok(Some(Err(error))) => return broken(&error),
            Ok(Some(Ok(message))) => message,
        };
        let request = match &message {
            Message::Binary(bytes) => proto::SignalRequest::decode(bytes.clone()).map_err(drop),
            Message::Text(text) => serde_json::from_str::<proto::SignalRequest>(text).map_err(drop),
            _ => continue,
        };
        let Ok(request) = request else { return End::PeerMalformed };
        speaks_json.store(matches!(message, Message::Text(_)), Ordering::Relaxed);
        // A full room queue stops the reading, and by TCP the client: nothing is lost.
        if request.message.is_some() && !connection.send(request).await {
            // The room has let go; what it still has to say is in the inbox.
            std::future::pending::<()>().await;
        }
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

async fn write(
    sink: &mut (impl Sink<Message> + Unpin),
    inbox: &mut Inbox,
    speaks_json: &AtomicBool,
    ping_interval: Duration,
) -> End {
    let mut pings = interval_at(Instant::now() + ping_interval, ping_interval);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = {
            let next = pin!(inbox.next());
            tokio::select! {
                response = next => match response {
                    Some(response) => encode(&response, speaks_json.load(Ordering::Relaxed)),
                    None => return End::Room,
                },
                _ = pings.tick() => Message::Ping(Default::default()),
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
