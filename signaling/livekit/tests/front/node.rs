//! A lobby on a loopback socket, and clients that speak to it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use livekit_protocol as proto;
use prost::Message as _;
pub(crate) use thalweg_livekit::Config;
use thalweg_livekit::{
    AccessToken, Keys, Limits, Lobby, MediaFacts, RoomSettings, Secret, ServerFacts, SignalSettings,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub(crate) const SECRET: &str = "a secret of more than thirty-two bytes";
/// Longer than anything here takes, short enough to notice a hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A node without media.
pub(crate) struct Node {
    pub(crate) lobby: Lobby,
    pub(crate) address: SocketAddr,
    pub(crate) commands: Arc<Mutex<Vec<door::Command>>>,
}

/// One answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) fn config() -> Config {
    let keys: Keys = [("devkey".to_owned(), Secret::new(SECRET))].into_iter().collect();
    Config {
        keys,
        shards: 2,
        spread_after: 100,
        media: MediaFacts { fingerprint: door::Fingerprint([7; 32]), candidates: Vec::new() },
        room: RoomSettings { departure_timeout_s: 1, ..Default::default() },
        limits: Limits::default(),
        ice_servers: Default::default(),
        signal: SignalSettings::default(),
        server: ServerFacts { version: "1.13.5".into(), node_id: "ND_test".into(), region: String::new() },
    }
}

pub(crate) async fn node(config: Config) -> Node {
    let commands: Arc<Mutex<Vec<door::Command>>> = Arc::default();
    let sink = Arc::clone(&commands);
    let lobby = Lobby::new(config, Arc::new(move |command| sink.lock().unwrap().push(command)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = lobby.router().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    Node { lobby, address, commands }
}

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn token(identity: &str) -> AccessToken {
    AccessToken::new("devkey").join("demo", identity)
}

pub(crate) fn mint(token: AccessToken) -> String {
    token.mint(&Secret::new(SECRET), now_s())
}

pub(crate) fn packed(request: &proto::JoinRequest) -> String {
    thalweg_livekit::join_request::pack(request).replace('=', "%3D")
}

impl Node {
    /// One HTTP exchange; `headers` are whole lines.
    pub(crate) async fn http(&self, method: &str, target: &str, headers: &[String]) -> Answer {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: test\r\n");
        for line in headers {
            request.push_str(line);
            request.push_str("\r\n");
        }
        if !headers.iter().any(|line| line.starts_with("Connection:")) {
            request.push_str("Connection: close\r\n");
        }
        request.push_str("\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        read_answer(&mut socket).await
    }

    /// One HTTP exchange with a body.
    pub(crate) async fn post(&self, target: &str, headers: &[String], body: &[u8]) -> Answer {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let mut request = format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n", body.len());
        for line in headers {
            request.push_str(line);
            request.push_str("\r\n");
        }
        request.push_str("Connection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        // A server that refuses the body need not read it.
        let _ = socket.write_all(body).await;
        read_answer(&mut socket).await
    }

    /// Asks for a WebSocket and reads the refusal.
    pub(crate) async fn refused(&self, target: &str, bearer: Option<&str>) -> Answer {
        let mut headers: Vec<String> = [
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
        .map(String::from)
        .to_vec();
        headers.extend(bearer.map(|token| format!("Authorization: Bearer {token}")));
        self.http("GET", target, &headers).await
    }

    pub(crate) async fn client(&self, target: &str) -> Client {
        let (socket, _) = connect_async(format!("ws://{}{target}", self.address)).await.unwrap();
        Client { socket }
    }

    /// Waits until the counts are as wanted.
    pub(crate) async fn until(&self, what: &str, check: impl Fn(thalweg_livekit::LobbyCounts) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !check(self.lobby.counts()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        assert!(waited.await.is_ok(), "{what}: {:?}", self.lobby.counts());
    }
}

async fn read_answer(socket: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    let head_end = loop {
        let read = tokio::time::timeout(PATIENCE, socket.read(&mut piece)).await.unwrap().unwrap();
        bytes.extend_from_slice(&piece[..read]);
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        assert!(read > 0, "closed within the head");
    };
    let headers = String::from_utf8_lossy(&bytes[..head_end]).to_ascii_lowercase();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    while bytes.len() < head_end + length {
        let read = tokio::time::timeout(PATIENCE, socket.read(&mut piece)).await.unwrap().unwrap();
        assert!(read > 0, "closed within the body");
        bytes.extend_from_slice(&piece[..read]);
    }
    let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
    let bytes = bytes.split_off(head_end);
    Answer { status, headers, body: String::from_utf8_lossy(&bytes).into_owned(), bytes }
}

/// One signal connection.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub(crate) async fn send(&mut self, message: proto::signal_request::Message) {
        let request = proto::SignalRequest { message: Some(message) };
        self.socket.send(Message::binary(request.encode_to_vec())).await.unwrap();
    }

    /// The next frame that is no WebSocket ping.
    pub(crate) async fn frame(&mut self) -> Option<Message> {
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("no frame in time") {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message)) => return Some(message),
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The next message, from a binary frame.
    pub(crate) async fn message(&mut self) -> proto::signal_response::Message {
        match self.frame().await {
            Some(Message::Binary(bytes)) => proto::SignalResponse::decode(bytes).unwrap().message.unwrap(),
            other => panic!("expected a binary frame: {other:?}"),
        }
    }

    /// Reads on until `pick` takes a message.
    pub(crate) async fn until<T>(&mut self, pick: impl Fn(proto::signal_response::Message) -> Option<T>) -> T {
        loop {
            if let Some(found) = pick(self.message().await) {
                return found;
            }
        }
    }

    /// Reads on to the end and returns the code of the server's close frame.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.frame().await {
                Some(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                Some(_) => {}
                None => return None,
            }
        }
    }
}
