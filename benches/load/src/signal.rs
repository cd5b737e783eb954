//! The signal connections: one thread that carries protobuf to and from the server and understands none of it.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use livekit_protocol as proto;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

/// How long a server may take to let somebody in, as LiveKit's clients have it.
const KNOCK_TIMEOUT: Duration = Duration::from_secs(15);
/// Between two pings of ours, as servers ask for it.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// Events that may wait for the media thread; more hold up the signal thread.
const EVENTS_MAX: usize = 16_384;
/// Room for reading at once: most messages are small, and there are many connections.
const READ_BYTES: usize = 8 << 10;
/// Requests of one participant that may wait; more are a fault.
const REQUESTS_MAX: usize = 64;

/// What happened on a participant's connection.
#[derive(Debug)]
pub enum Event {
    /// The server says something.
    Message(Box<proto::SignalResponse>),
    /// The connection ended.
    Closed,
    /// The server did not let it in.
    Refused(Refusal),
}

/// Why somebody is not let in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Nobody answers.
    Unreachable(String),
    /// An HTTP status and what it says.
    Status(u16, String),
}

/// A way into a room.
pub struct Knock {
    /// Whose events they will be.
    pub index: usize,
    /// Where, with the join request.
    pub url: String,
    /// The access token.
    pub token: String,
}

/// One participant's way to say something. Dropping it hangs up.
#[derive(Clone, Debug)]
pub struct Line(mpsc::Sender<proto::SignalRequest>);

impl Line {
    /// Queues a request; false when the connection is gone or stuck.
    pub fn say(&self, message: proto::signal_request::Message) -> bool {
        self.0.try_send(proto::SignalRequest { message: Some(message) }).is_ok()
    }
}

/// The thread's handle.
pub struct Signals {
    knocks: Option<mpsc::UnboundedSender<(Knock, mpsc::Receiver<proto::SignalRequest>)>>,
    events: Receiver<(usize, Event)>,
    thread: Option<JoinHandle<()>>,
}

impl Signals {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start() -> io::Result<Self> {
        let (knocks, mut knocked) = mpsc::unbounded_channel::<(Knock, mpsc::Receiver<proto::SignalRequest>)>();
        let (sender, events) = sync_channel(EVENTS_MAX);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let life = move || {
            runtime.block_on(async {
                while let Some((knock, requests)) = knocked.recv().await {
                    tokio::spawn(converse(knock, requests, sender.clone()));
                }
            });
        };
        let thread = std::thread::Builder::new().name("signals".into()).spawn(life)?;
        Ok(Self { knocks: Some(knocks), events, thread: Some(thread) })
    }

    /// Begins a connection.
    pub fn knock(&self, knock: Knock) -> Line {
        let (line, requests) = mpsc::channel(REQUESTS_MAX);
        if let Some(knocks) = &self.knocks {
            // The thread lives as long as this handle.
            let _ = knocks.send((knock, requests));
        }
        Line(line)
    }

    /// The next event, without waiting.
    pub fn poll(&self) -> Option<(usize, Event)> {
        self.events.try_recv().ok()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.knocks = None;
        // A thread that waits for room among the events must not wait for ever.
        while self.events.try_recv().is_ok() {}
        if let Some(thread) = self.thread.take() {
            // It panicked or not: there is nothing left to do with it.
            let _ = thread.join();
        }
    }
}

async fn converse(
    knock: Knock,
    mut requests: mpsc::Receiver<proto::SignalRequest>,
    events: SyncSender<(usize, Event)>,
) {
    let index = knock.index;
    // The receiver is gone only when the run is over.
    let tell = |event| drop(events.send((index, event)));
    let mut socket = match timeout(KNOCK_TIMEOUT, connect(&knock)).await {
        Ok(Ok(socket)) => socket,
        Ok(Err(refusal)) => return tell(Event::Refused(refusal)),
        Err(_) => return tell(Event::Refused(Refusal::Unreachable("it did not answer in time".into()))),
    };
    let mut pings = interval(PING_INTERVAL);
    pings.tick().await;
    loop {
        tokio::select! {
            request = requests.recv() => {
                let Some(request) = request else { break };
                if socket.send(Message::Binary(request.encode_to_vec().into())).await.is_err() {
                    return tell(Event::Closed);
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    if let Ok(response) = proto::SignalResponse::decode(bytes) {
                        tell(Event::Message(Box::new(response)));
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return tell(Event::Closed),
                Some(Ok(_)) => {}
            },
            _ = pings.tick() => {
                // LiveKit's clients send both, for servers of all ages.
                use proto::signal_request::Message::{Ping, PingReq};
                for ping in [Ping(0), PingReq(proto::Ping::default())] {
                    let request = proto::SignalRequest { message: Some(ping) };
                    if socket.send(Message::Binary(request.encode_to_vec().into())).await.is_err() {
                        return tell(Event::Closed);
                    }
                }
            }
        }
    }
    // We hung up: the goodbye was sent before.
    let _ = timeout(Duration::from_secs(1), socket.close(None)).await;
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn connect(knock: &Knock) -> Result<Socket, Refusal> {
    let unreachable = |error: &dyn std::fmt::Display| Refusal::Unreachable(error.to_string());
    let mut request = knock.url.as_str().into_client_request().map_err(|error| unreachable(&error))?;
    let bearer = format!("Bearer {}", knock.token).parse().map_err(|error| unreachable(&error))?;
    request.headers_mut().insert("authorization", bearer);
    let config = WebSocketConfig::default().read_buffer_size(READ_BYTES);
    match connect_async_with_config(request, Some(config), true).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => {
            let body = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            let line = body.lines().next().unwrap_or_default().chars().take(200).collect();
            Err(Refusal::Status(response.status().as_u16(), line))
        }
        Err(Error::Io(error)) => Err(unreachable(&error)),
        Err(error) => Err(unreachable(&error)),
    }
}
