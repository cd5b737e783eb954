//! Ingresses of a URL: the server fetches FLV over HTTP and brings it into the room, at its own pace, until its end.

mod address;
mod fetch;
mod tap;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hooks::Reach;
use livekit::ingress::{IngressError, Puller, Push};
use rtmp::{Fault, FlvReader, Refusal};
use tokio::runtime::Handle;

use super::Door;
use super::channel::End;
use super::live::Live;
use super::source::{drive, linger};
use address::Address;
use fetch::{FetchError, fetch};
use tap::Tap;

/// Streams that are pulled at a time; each may hold 4 MiB and a connection.
const PULLS_MAX: usize = 64;
/// Tries in a row that bring nothing; then it is given up.
const TRIES_MAX: u32 = 6;
/// From the name to the answer, redirects and all.
const TRY_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause before the second try; each further one is twice as long as the last.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(16);

/// Pulls for all ingresses of the node.
pub(super) struct Well {
    door: Arc<Door>,
    reach: Reach,
    tls: Arc<rustls::ClientConfig>,
    runtime: Handle,
    running: Arc<AtomicUsize>,
}

impl Well {
    /// Pulls from addresses within `reach`, on the current runtime.
    pub(super) fn new(door: Arc<Door>, reach: Reach, tls: Arc<rustls::ClientConfig>) -> Self {
        Self { door, reach, tls, runtime: Handle::current(), running: Arc::default() }
    }
}

impl Puller for Well {
    fn check(&self, url: &str) -> Result<(), IngressError> {
        if self.running.load(Ordering::Relaxed) >= PULLS_MAX {
            return Err(IngressError::TooMany);
        }
        Address::parse(url).map(drop).map_err(|error| IngressError::Invalid(error.to_string()))
    }

    fn pull(&self, push: Push) {
        let place = Place::taken(&self.running);
        let (door, reach, tls) = (Arc::clone(&self.door), self.reach, Arc::clone(&self.tls));
        self.runtime.spawn(async move {
            serve(&door, reach, &tls, push).await;
            drop(place);
        });
    }
}

/// One of [`PULLS_MAX`]. Its drop gives it back.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn taken(running: &Arc<AtomicUsize>) -> Self {
        running.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(running))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why a try ended.
enum Broken {
    /// Another may do better; why, in words.
    Off(String),
    /// None will do better.
    Never(String),
    /// The ingress is no more wanted.
    Unwanted,
}

async fn serve(door: &Door, reach: Reach, tls: &Arc<rustls::ClientConfig>, push: Push) {
    let id = push.info().ingress_id.clone();
    // It was checked before.
    let Ok(address) = Address::parse(&push.info().url) else { return };
    tracing::info!(ingress = id, %address, "a URL is pulled");
    let (mut live, mut reader) = (Live::new(door, push), FlvReader::new(Instant::now()));
    let mut tries = 0;
    loop {
        let begun = Instant::now();
        let broken = match pull(&address, reach, tls, &mut reader, &mut live).await {
            Ok(()) => {
                tracing::info!(ingress = id, "a URL came to its end");
                live.complete();
                break;
            }
            Err(broken) => broken,
        };
        tries = if live.heard_at() > begun { 1 } else { tries + 1 };
        let why = match broken {
            Broken::Off(why) if tries < TRIES_MAX => why,
            Broken::Off(why) | Broken::Never(why) => {
                tracing::info!(ingress = id, why, "a URL is given up");
                live.fail(&why);
                break;
            }
            Broken::Unwanted => break,
        };
        let pause = PAUSE_FIRST.saturating_mul(1 << (tries - 1)).min(PAUSE_MAX);
        tracing::info!(ingress = id, why, ?pause, "a URL broke off");
        live.trouble(format!("{why}; trying again in {} s", pause.as_secs()), Instant::now());
        if linger(&mut live, Instant::now() + pause).await.is_err() {
            break;
        }
    }
    live.leave().await;
}

/// One try: until the end of the stream.
async fn pull(
    address: &Address,
    reach: Reach,
    tls: &Arc<rustls::ClientConfig>,
    reader: &mut FlvReader,
    live: &mut Live<'_>,
) -> Result<(), Broken> {
    // While nothing comes the room is heard, so that who is no more wanted goes at once.
    let body = tokio::select! {
        body = fetch(address, reach, tls) => body.map_err(|error| unfetched(&error))?,
        waited = linger(live, Instant::now() + TRY_TIMEOUT) => {
            waited.map_err(ended)?;
            return Err(unfetched(&FetchError::Late));
        }
    };
    let now = Instant::now();
    reader.anew(now);
    live.trouble(String::new(), now);
    let mut tap = Tap { reader, body, piece: Bytes::new() };
    let end = drive(&mut tap, live).await;
    match end {
        Err(End::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        Ok(()) => {}
        Err(end) => return Err(ended(end)),
    }
    // What is still to be shown.
    let until = live.ends(Instant::now());
    linger(live, until).await.map_err(ended)
}

fn unfetched(error: &FetchError) -> Broken {
    let words = format!("the URL cannot be pulled: {error}");
    if error.may_pass() { Broken::Off(words) } else { Broken::Never(words) }
}

fn ended(end: End) -> Broken {
    match end {
        End::Peer(fault @ Fault::PeerSilent(_)) => Broken::Off(format!("the URL's stream stalled: {fault}")),
        End::Peer(fault) => Broken::Never(format!("the URL cannot be pulled: {fault}")),
        End::Io(error) => Broken::Off(format!("the URL's stream broke off: {error}")),
        End::Refused(Refusal::Revoked | Refusal::TakenOver | Refusal::Removed | Refusal::Closing) => Broken::Unwanted,
        End::Refused(refusal) => Broken::Never(refusal.to_string()),
    }
}
