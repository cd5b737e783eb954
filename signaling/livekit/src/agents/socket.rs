//! `/agent`: a worker's connection, from its registration to its end.

use std::time::Duration;

use axum::extract::ws::{Message as Frame, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use livekit_protocol as proto;
use prost::Message as _;
use proto::server_message::Message;
use proto::worker_message::Message as Told;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::pool::{Worker, WorkerKey};
use super::{Agents, id, message, now_ns};
use crate::http::query;
use crate::lobby::{Lobby, unix_s};
use crate::token;
use crate::validate::bearer;

/// Longest message of a worker, in bytes.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// How long a worker may take to register.
const REGISTER_MAX: Duration = Duration::from_secs(10);
/// A worker that shows no frame for so long is gone: its library pings every few seconds.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How long one write may hang.
const WRITE_MAX: Duration = Duration::from_secs(5);
/// Messages that wait for a worker. When full, offers go to others.
const OUTBOX_MAX: usize = 64;

/// Lets a worker in whose token says `agent`.
pub(crate) async fn serve(State(lobby): State<Lobby>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let query = query(&parts.uri);
    let claims = match bearer(&parts.headers, &query) {
        Ok(Some(bearer)) => token::verify(&lobby.config().keys, bearer, unix_s()),
        Ok(None) => return (StatusCode::UNAUTHORIZED, "no authorization token").into_response(),
        Err(refusal) => return refusal.into_response(),
    };
    match claims {
        Ok(claims) if claims.video.as_ref().is_some_and(|grant| grant.agent) => {}
        Ok(_) => return (StatusCode::UNAUTHORIZED, "the token lacks the agent grant").into_response(),
        Err(error) => return (StatusCode::UNAUTHORIZED, error.to_string()).into_response(),
    }
    match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => {
            let upgrade = upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX);
            upgrade.on_upgrade(move |socket| run(lobby, socket))
        }
        Err(rejection) => rejection.into_response(),
    }
}

async fn run(lobby: Lobby, socket: WebSocket) {
    let (mut sink, mut stream) = socket.split();
    let Ok(Some(first)) = timeout(REGISTER_MAX, next(&mut stream)).await else { return };
    let Some(Told::Register(request)) = first else { return };
    let agents = lobby.agents();
    let (outbox, mut inbox) = mpsc::channel(OUTBOX_MAX);
    let worker_id = id("AW_");
    let name = request.agent_name.clone();
    let Some(key) = agents.register(worker(&worker_id, request, outbox.clone())) else { return };
    tracing::info!(worker = worker_id, agent = name, "agent worker registered");
    let server_info = Some(lobby.server_info());
    let welcome = proto::RegisterWorkerResponse { worker_id: worker_id.clone(), server_info, ..Default::default() };
    // The queue is fresh and has room.
    let _ = outbox.try_send(message(Message::Register(welcome)));
    tokio::select! {
        () = read(&lobby, key, &mut stream, &outbox) => {}
        () = write(&mut sink, &mut inbox) => {}
        () = lobby.closing() => {}
    }
    agents.pool().leave(key, now_ns());
    tracing::info!(worker = worker_id, agent = name, "agent worker left");
}

impl Agents {
    fn register(&self, worker: Worker) -> Option<WorkerKey> {
        self.pool().register(worker)
    }
}

fn worker(id: &str, request: proto::RegisterWorkerRequest, outbox: mpsc::Sender<proto::ServerMessage>) -> Worker {
    Worker {
        id: id.to_owned(),
        kind: request.r#type(),
        agent_name: request.agent_name,
        permissions: request.allowed_permissions,
        full: false,
        load: 0.0,
        outbox,
    }
}

/// The next message; `Some(None)` is one that is not understood, `None` the end.
async fn next(stream: &mut (impl Stream<Item = Result<Frame, axum::Error>> + Unpin)) -> Option<Option<Told>> {
    loop {
        let told = match stream.next().await?.ok()? {
            Frame::Binary(bytes) => proto::WorkerMessage::decode(bytes).ok()?,
            Frame::Text(text) => serde_json::from_str::<proto::WorkerMessage>(&text).ok()?,
            Frame::Close(_) => return None,
            Frame::Ping(_) | Frame::Pong(_) => continue,
        };
        return Some(told.message);
    }
}

async fn read(
    lobby: &Lobby,
    key: WorkerKey,
    stream: &mut (impl Stream<Item = Result<Frame, axum::Error>> + Unpin),
    outbox: &mpsc::Sender<proto::ServerMessage>,
) {
    while let Ok(Some(told)) = timeout(SILENCE_MAX, next(stream)).await {
        match told {
            Some(Told::Ping(ping)) => {
                let now_ms = now_ns() / 1_000_000;
                let pong = proto::WorkerPong { last_timestamp: ping.timestamp, timestamp: now_ms };
                let _ = outbox.try_send(message(Message::Pong(pong)));
            }
            Some(told) => lobby.agents().told(key, told),
            None => {}
        }
    }
}

impl Agents {
    fn told(&self, key: WorkerKey, told: Told) {
        let mut pool = self.pool();
        match told {
            Told::Availability(answer) => {
                // Only the worker that was asked may answer.
                if pool.offers.get(&answer.job_id).is_some_and(|(asked, _)| *asked == key)
                    && let Some((_, waiting)) = pool.offers.remove(&answer.job_id)
                {
                    let _ = waiting.send(answer);
                }
            }
            Told::UpdateWorker(update) => {
                let Some(worker) = pool.workers.get_mut(&key) else { return };
                worker.load = if update.load.is_finite() { update.load } else { 1.0 };
                worker.full = update.draining || update.status() == proto::WorkerStatus::WsFull;
            }
            Told::UpdateJob(update) => {
                if pool.jobs.get(&update.job_id).is_some_and(|(_, _, worker)| *worker == key) {
                    pool.update_job(&update.job_id, update.status(), &update.error, now_ns());
                }
            }
            // A job of one's own making, and its move to another node, are for clusters and tests.
            Told::Register(_) | Told::Ping(_) | Told::SimulateJob(_) | Told::MigrateJob(_) => {}
        }
    }
}

async fn write(sink: &mut (impl Sink<Frame> + Unpin), inbox: &mut mpsc::Receiver<proto::ServerMessage>) {
    while let Some(message) = inbox.recv().await {
        let frame = Frame::Binary(message.encode_to_vec().into());
        if !matches!(timeout(WRITE_MAX, sink.send(frame)).await, Ok(Ok(()))) {
            return;
        }
    }
}
