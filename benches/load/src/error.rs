//! Why a load test cannot be run, in words for the one who started it.

use std::io;

use thiserror::Error;

/// See the module.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The URL is none, or of a scheme that is not spoken.
    #[error("the URL {url} {why}; it should look like ws://127.0.0.1:7880")]
    ConfigUrl {
        /// As given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A scenario that is not understood.
    #[error(
        "the scenario `{word}` {why}; such are livestream:200, meeting:12, audio-room:3x300, churn:5x20, idle:1000"
    )]
    ConfigScenario {
        /// As given.
        word: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no process with that id, or it may not be looked at.
    #[error("process {pid} cannot be measured: {source}; give --server-pid the id of the running server")]
    ConfigServerPid {
        /// As given.
        pid: u32,
        /// The system's reason.
        source: io::Error,
    },
    /// Nobody listens.
    #[error("no server answers at {url}: {reason}; is it running, and is that its address?")]
    PeerUnreachable {
        /// Where.
        url: String,
        /// The system's reason.
        reason: String,
    },
    /// The server does not let us in.
    #[error("the server at {url} refuses to let anybody in ({status}{}): {}", said(.text), advice(*.status))]
    PeerRefused {
        /// Where.
        url: String,
        /// HTTP status.
        status: u16,
        /// What it says.
        text: String,
    },
    /// Nobody could join, though the server answers.
    #[error("nobody could join at {url}: {reason}")]
    PeerUnusable {
        /// Where.
        url: String,
        /// What went wrong first.
        reason: String,
    },
    /// The system refuses sockets, threads or files.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The certificate by which clients are known cannot be made.
    #[error(transparent)]
    Identity(#[from] peer::IdentityError),
}

fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(", \"{text}\"") }
}

fn advice(status: u16) -> &'static str {
    match status {
        401 | 403 => "check --api-key and --api-secret",
        404 => "it does not speak /rtc/v1, or does not make rooms by itself",
        429 | 503 => "it has reached a limit of its configuration",
        _ => "is it a LiveKit-compatible server?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_one_line_with_advice() {
        let url = || "ws://127.0.0.1:1".to_owned();
        let refused = |status, text: &str| LoadError::PeerRefused { url: url(), status, text: text.into() }.to_string();
        assert!(refused(401, "invalid API key").contains("(401, \"invalid API key\"): check --api-key"));
        assert!(refused(404, "").contains("(404): it does not speak"));
        let unreachable = LoadError::PeerUnreachable { url: url(), reason: "connection refused".into() }.to_string();
        assert!(unreachable.contains("no server answers at ws://127.0.0.1:1: connection refused"));
        assert!(!unreachable.contains('\n'));
    }
}
