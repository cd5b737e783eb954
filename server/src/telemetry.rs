//! Traces for those who want them: spans go to a collector by OTLP over HTTP, as JSON.

mod otlp;
mod requests;
mod send;

use std::sync::mpsc::Receiver;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use spans::{Span, World};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::StartError;
use crate::config::Config;
pub(crate) use requests::trace;
use send::Collector;

/// How long a span waits for others at most.
const EVERY: Duration = Duration::from_secs(1);
/// Spans in one request: with their notes, some hundreds of kilobytes.
const BATCH_MAX: usize = 2048;

/// Traces, being made.
pub(crate) struct Telemetry {
    spans: Receiver<Span>,
    collector: Collector,
}

/// Begins to make spans if the configuration names a collector.
///
/// # Errors
/// TLS cannot be had.
pub(crate) fn start(config: &Config) -> Result<Option<Telemetry>, StartError> {
    let Some(endpoint) = &config.otlp else { return Ok(None) };
    let collector = Collector::new(endpoint.clone())?;
    let Some(spans) = spans::listen(World { now_ns, random: rand::random }) else { return Ok(None) };
    tracing::info!(endpoint = %endpoint.url, "traces go to a collector");
    Ok(Some(Telemetry { spans, collector }))
}

impl Telemetry {
    /// Sends what has ended, every second and once more when the server stops.
    pub(crate) async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            let is_last = timeout(EVERY, stopped.wait_for(|stopped| *stopped)).await.is_ok();
            while self.flush().await {}
            if is_last {
                return;
            }
        }
    }

    /// Sends a batch; whether more may wait.
    async fn flush(&mut self) -> bool {
        let batch: Vec<Span> = self.spans.try_iter().take(BATCH_MAX).collect();
        if !batch.is_empty() {
            self.collector.send(&batch).await;
        }
        batch.len() == BATCH_MAX
    }
}

/// Spans that a collector took, and those that it did not or that found too many waiting: name, meaning, value.
pub(crate) fn numbers() -> [(&'static str, &'static str, u64); 2] {
    let (sent, lost) = send::counts();
    [
        ("spans_sent", "Spans of traces that the collector took", sent),
        (
            "spans_dropped",
            "Spans of traces that it did not take, or for which there was no place",
            lost + spans::dropped(),
        ),
    ]
}

fn now_ns() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
