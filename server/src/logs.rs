//! Log lines on standard error, as text or JSON.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::config::Logging;

/// Libraries that could log a request's address, and with it the token in its query.
const QUIET: &str = "hyper=warn,hyper_util=warn,tungstenite=warn,tokio_tungstenite=warn,axum=warn";

/// Starts logging for the process; a second start changes nothing. `RUST_LOG`, when set, overrides the level.
pub(crate) fn begin(logging: &Logging) {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(format!("{},{QUIET}", logging.level.name())));
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    // Failing means that a subscriber is there already, as in tests.
    let _ = if logging.json { lines.json().flatten_event(true).try_init() } else { lines.try_init() };
}
