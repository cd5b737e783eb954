//! Log lines on standard error, as text or JSON. What one source can make us say is bounded.

mod bounded;

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::Logging;
use bounded::Bounded;
pub(crate) use bounded::withheld;

/// Libraries that could log a request's address, and with it the token in its query.
const QUIET: &str = "hyper=warn,hyper_util=warn,tungstenite=warn,tokio_tungstenite=warn,axum=warn";

/// Starts logging for the process; a second start changes nothing. `RUST_LOG`, when set, overrides the level.
pub(crate) fn begin(logging: &Logging) {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(format!("{},audit=info,{QUIET}", logging.level.name())));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let all = tracing_subscriber::registry().with(filter).with(Bounded::new(logging.per_source));
    // Failing means that a subscriber is there already, as in tests.
    let _ =
        if logging.json { all.with(lines.json().flatten_event(true)).try_init() } else { all.with(lines).try_init() };
}
