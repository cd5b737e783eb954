//! The HTTP front besides signalling: the page, health, metrics, and what development needs.

mod admin;
mod development;
mod metrics;
mod page;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use calls_api::Calls;
use hooks::Hooks;
use livekit::Lobby;
use store::Store;

use crate::config::Config;
use crate::gate::Gate;
use crate::ingress::Door;
use crate::listen;
use crate::node::{Node, Stats};
use crate::relay::Relay;
use crate::whip::House;

/// Rooms of which the metrics tell by name: each is a handful of time series.
const METRICS_ROOMS_MAX: usize = 50;
/// Prometheus' text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the front's answers are made of.
pub(crate) struct Front {
    config: Config,
    lobby: Lobby,
    media: Arc<net::Running>,
    stats: Arc<Stats>,
    kept: Option<(Store, Arc<Hooks>)>,
    rtmp: Option<Arc<Door>>,
    relay: Option<Arc<Relay>>,
    whip: Option<Arc<House>>,
    calls: Option<Calls>,
    gate: Arc<Gate>,
    draining: AtomicBool,
}

impl Front {
    /// A front of a running node.
    pub(crate) fn new(config: &Config, node: &Node) -> Self {
        Self {
            config: config.clone(),
            lobby: node.lobby.clone(),
            media: Arc::clone(&node.media),
            stats: Arc::clone(&node.stats),
            kept: None,
            rtmp: None,
            relay: node.relay.clone(),
            whip: None,
            calls: None,
            gate: Arc::new(Gate::new(config)),
            draining: AtomicBool::new(false),
        }
    }

    /// Has the metrics tell of what outlives the rooms, too.
    pub(crate) fn with(mut self, store: Store, hooks: Arc<Hooks>) -> Self {
        self.kept = Some((store, hooks));
        self
    }

    /// Has the metrics tell of encoders, too.
    pub(crate) fn with_rtmp(mut self, rtmp: Option<Arc<Door>>) -> Self {
        self.rtmp = rtmp;
        self
    }

    /// Has the metrics tell of WHIP and WHEP, too.
    pub(crate) fn with_whip(mut self, whip: Arc<House>) -> Self {
        self.whip = Some(whip);
        self
    }

    /// Has the metrics tell of calls, too.
    pub(crate) fn with_calls(mut self, calls: Option<Calls>) -> Self {
        self.calls = calls;
        self
    }

    /// Who counts requests by address.
    pub(crate) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// What was too much of one source, by entrance.
    fn throttled(&self) -> Vec<(&'static str, u64)> {
        let (http, websocket) = self.gate.refused();
        let lobby = self.lobby.counts();
        let shards = self.stats.shards();
        let sum = |value: fn(&door::ShardStats) -> u64| shards.iter().map(value).sum::<u64>();
        let mut all = vec![
            ("http", http),
            ("websocket", websocket),
            ("identity", lobby.joins_throttled),
            ("key", lobby.api_throttled),
            ("ice", sum(|shard| shard.checks_throttled)),
            ("dtls", sum(|shard| shard.handshakes_throttled)),
            ("connection", listen::refused()),
        ];
        all.extend(self.calls.as_ref().map(|calls| ("calls", calls.counts().throttled)));
        all.extend(self.relay.as_ref().map(|relay| ("turn", relay.numbers().counts.throttled)));
        all.extend(self.rtmp.as_ref().map(|rtmp| ("rtmp", rtmp.refused())));
        all
    }

    /// Tells load balancers to send nobody any more.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// The front's routes. What only development has is a plain 404 elsewhere.
pub(crate) fn router(front: Arc<Front>) -> Router {
    let mut router = Router::new()
        .route("/", get(page::index))
        .route("/meet/{call}", get(page::index))
        .route("/talk/{call}", get(page::index))
        .route("/live/{call}", get(page::index))
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .merge(admin::router())
        .fallback(get(page::asset));
    if front.config.development {
        router = router.route("/debug/counts", get(development::counts));
        if front.config.is_loopback_only() {
            router = router.route("/dev/token", get(development::token));
            router = router.route("/dev/user-token", get(development::user_token));
        }
    }
    router.with_state(front)
}

/// The process lives: its media threads run.
async fn health(State(front): State<Arc<Front>>) -> Response {
    match front.media.is_alive() {
        true => "OK\n".into_response(),
        false => (StatusCode::INTERNAL_SERVER_ERROR, "a media thread has ended\n").into_response(),
    }
}

/// New participants are welcome.
async fn ready(State(front): State<Arc<Front>>) -> Response {
    match (front.media.is_alive(), front.is_draining()) {
        (true, false) => "OK\n".into_response(),
        (_, true) => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response(),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "a media thread has ended\n").into_response(),
    }
}

async fn metrics(State(front): State<Arc<Front>>) -> Response {
    let mut text =
        metrics::text(&front.lobby.counts(), &front.stats.shards(), &front.media.stats(), front.stats.commands_lost());
    text.push_str(&metrics::traffic(&front.lobby.counts().traffic, &front.lobby.busiest(METRICS_ROOMS_MAX)));
    text.push_str(&metrics::throttled(&front.throttled(), crate::logs::withheld()));
    if let Some((store, hooks)) = &front.kept {
        text.push_str(&metrics::kept(&hooks.counts(), &store.counts()));
    }
    if let Some(rtmp) = &front.rtmp {
        text.push_str(&metrics::numbers(&rtmp.numbers(), 3));
        text.push_str(&metrics::transcoded(rtmp.transcoded()));
    }
    if let Some(whip) = &front.whip {
        text.push_str(&metrics::numbers(&whip.numbers(), 1));
    }
    if let Some(relay) = &front.relay {
        text.push_str(&metrics::relay(&relay.numbers()));
    }
    if let Some(calls) = &front.calls {
        text.push_str(&metrics::calls(&calls.counts()));
    }
    text.push_str(&metrics::numbers(&crate::telemetry::numbers(), 0));
    ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response()
}

#[cfg(test)]
mod tests;
