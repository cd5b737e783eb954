//! One signal connection: a WebSocket whose frames are protobuf or, if the client likes, JSON.

use std::pin::pin;
use std::time::Duration;

use axum::Error;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use livekit_protocol as proto;
use prost::Message as _;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

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

/// What the reading half tells the writing half.
#[derive(Clone, Copy)]
struct Heard {
    /// The last frame.
    at: Instant,
    /// The last request was JSON.
    json: bool,
}

/// Serves the connection until it ends; the room learns of it by the drop of `connection`.
pub(crate) async fn run(socket: WebSocket, mut connection: Connection, settings: SignalSettings) {
    let (mut sink, mut stream) = socket.split();
    let (hears, heard) = watch::channel(Heard { at: Instant::now(), json: false });
    let Some((mut inbox, scissors, _alive)) = connection.open() else { return };
    let end = {
        let reading = read(&mut stream, &connection, &hears, settings.socket_silence_max);
        let writing = write(&mut sink, &mut inbox, &heard, settings.socket_ping_interval);
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
    hears: &watch::Sender<Heard>,
    silence_max: Duration,
) -> End {
    loop {
        let message = match timeout(silence_max, stream.next()).await {
            Err(_) => return End::PeerSilent,
            Ok(None | Some(Ok(Message::Close(_)))) => return End::PeerClosed,
            Ok(Some(Err(error))) => return broken(&error),
            Ok(Some(Ok(message))) => message,
        };
        hears.send_modify(|heard| heard.at = Instant::now());
        let request = match &message {
            Message::Binary(bytes) => proto::SignalRequest::decode(bytes.clone()).map_err(drop),
            Message::Text(text) => serde_json::from_str::<proto::SignalRequest>(text).map_err(drop),
            _ => continue,
        };
        let Ok(request) = request else { return End::PeerMalformed };
        hears.send_modify(|heard| heard.json = matches!(message, Message::Text(_)));
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

/// Sends what the room says. A client that is silent is pinged; one that speaks of itself, as all SDKs do every few
/// seconds, costs no pings.
async fn write(
    sink: &mut (impl Sink<Message> + Unpin),
    inbox: &mut Inbox,
    heard: &watch::Receiver<Heard>,
    ping_interval: Duration,
) -> End {
    let mut pinged = Instant::now();
    loop {
        let last = heard.borrow().at.max(pinged);
        let message = {
            let next = pin!(inbox.next());
            tokio::select! {
                response = next => match response {
                    Some(response) => encode(&response, heard.borrow().json),
                    None => return End::Room,
                },
                () = sleep_until(last + ping_interval) => {
                    if heard.borrow().at > last {
                        continue;
                    }
                    pinged = Instant::now();
                    Message::Ping(Default::default())
                }
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

    #[tokio::test(start_paused = true)]
    async fn only_the_silent_are_pinged() {
        let interval = Duration::from_secs(10);
        let (_outbox, mut inbox, _scissors) = mailbox();
        let (hears, heard) = watch::channel(Heard { at: Instant::now(), json: false });
        let (frames, mut sent) = tokio::sync::mpsc::unbounded_channel();
        let mut sink = pin!(futures_util::sink::unfold(frames, |frames, frame| async move {
            frames.send(frame).unwrap();
            Ok::<_, Error>(frames)
        }));
        let client = async {
            for _ in 0..6 {
                tokio::time::sleep(interval / 2).await;
                hears.send_modify(|heard| heard.at = Instant::now());
            }
            assert!(sent.try_recv().is_err(), "a client that speaks was pinged");
            tokio::time::sleep(interval * 2 + interval / 2).await;
            assert_eq!(sent.len(), 2, "one ping for each interval of silence");
        };
        tokio::select! {
            end = write(&mut sink, &mut inbox, &heard, interval) => panic!("ended: {end:?}"),
            () = client => {}
        }
    }
}
