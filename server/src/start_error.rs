//! Why the program does not start, in one line that says what to do.

use std::io;
use std::net::SocketAddr;

use crate::config::Faults;

/// Why the program does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration has faults.
    #[error(transparent)]
    Config(#[from] Faults),
    /// The configuration file cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    ConfigFile {
        /// As the operator named it.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
    /// No address is left to tell to clients.
    #[error("no address remains that clients could send media to: name one with rtc.node_ip")]
    ConfigNoAddress,
    /// A server's address is none.
    #[error("{0} is no address of a server: write http://host:7880 or https://host")]
    RoomUrl(String),
    /// A running server is not reached.
    #[error("cannot ask the server at {host}:{port}: {source}; is it running, and is --url right?")]
    RoomReach {
        /// Its name or address.
        host: String,
        /// Its port.
        port: u16,
        /// The system's reason.
        source: io::Error,
    },
    /// A running server said no.
    #[error("the server answered {status}: {said}")]
    RoomRefused {
        /// HTTP's status.
        status: u16,
        /// Its words.
        said: String,
    },
    /// The doctor found something.
    #[error("{0} of these must be mended")]
    DoctorFaults(usize),
    /// A load test cannot be run.
    #[error(transparent)]
    Load(#[from] load::LoadError),
    /// A load test was to be clean and was not.
    #[error("the load test was not clean: somebody did not join, or packets were lost, doubled, hidden or changed")]
    LoadUnclean,
    /// A load test's report cannot be written.
    #[error("cannot write the report {path}: {source}")]
    LoadReport {
        /// As the user named it.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A token was asked for with a key that has no secret here.
    #[error("no secret is known for the key {0}: name one of the configuration's keys with --api-key")]
    ConfigKeyUnknown(String),
    /// The HTTP port cannot be had.
    #[error("cannot listen on {address} for HTTP: {source}; {}", advice(source, "--port"))]
    IoHttp {
        /// Where.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The RTMP port cannot be had.
    #[error("cannot listen on {address} for RTMP: {source}; {}", advice(source, "--ingress.rtmp_port"))]
    IoRtmp {
        /// Where.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The media port cannot be had.
    #[error("cannot listen on {address} for media: {source}; {}", advice(source, "--udp-port"))]
    IoMedia {
        /// Where.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The TCP port of media cannot be had.
    #[error("cannot listen on {address} for media over TCP: {source}; {}", advice(source, "--rtc.tcp_port"))]
    IoMediaTcp {
        /// Where.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The media house does not start for another reason.
    #[error("cannot start the media threads: {source}{}", because(source))]
    Media {
        /// What failed.
        source: net::NetError,
    },
    /// The store does not open.
    #[error("cannot open the store: {source}; {}", crate::store::advice(source))]
    Store {
        /// The reason.
        source: store::OpenError,
    },
    /// Webhooks left from before cannot be read.
    #[error(transparent)]
    Hooks(#[from] hooks::StartError),
    /// Revoked tokens cannot be read.
    #[error("cannot read which tokens are revoked: {0}")]
    Revocations(::store::StoreError),
    /// Call types cannot be read.
    #[error("cannot read which call types there are: {0}")]
    Calls(::store::StoreError),
    /// Ingresses cannot be read.
    #[error("cannot read which ingresses there are: {0}")]
    Ingresses(::store::StoreError),
    /// A TURN port cannot be had.
    #[error("cannot listen on {address} for TURN: {source}; {}", advice(source, "--turn.udp_port and --turn.tls_port"))]
    IoTurn {
        /// Where.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// A certificate cannot be used.
    #[error("{key}: {fault}")]
    Certificate {
        /// The key that names the files.
        key: &'static str,
        /// What is wrong with them.
        fault: String,
    },
    /// No TLS for clients.
    #[error("cannot set TLS up: {0}")]
    Tls(rustls::Error),
    /// No certificate for DTLS.
    #[error(transparent)]
    Identity(#[from] peer::IdentityError),
    /// Threads or signals cannot be had.
    #[error("cannot {what}: {source}")]
    Io {
        /// What failed.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

impl From<net::NetError> for StartError {
    fn from(error: net::NetError) -> Self {
        match error {
            net::NetError::IoListen { address, source } => Self::IoMedia { address, source },
            net::NetError::IoListenTcp { address, source } => Self::IoMediaTcp { address, source },
            source => Self::Media { source },
        }
    }
}

fn advice(error: &io::Error, flag: &str) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!("another program has this port, choose another with {flag}"),
        io::ErrorKind::PermissionDenied => format!("ports below 1024 need a privilege, choose another with {flag}"),
        io::ErrorKind::AddrNotAvailable => "no interface has this address, choose another with --bind".into(),
        _ => format!("choose another port with {flag} or another address with --bind"),
    }
}

fn because(error: &net::NetError) -> String {
    std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default()
}
