//! Ingresses of a URL: the server fetches media over HTTP and brings them into the room, at their own pace, until their end.

mod fetch;
mod supply;
mod tap;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hooks::{HttpUrl, Reach, UrlError};
use livekit::ingress::{IngressError, Puller, Push};
use reel::{Fault, Reader};
use rtmp::Refusal;
use spans::{Kind, Open};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::Door;
use super::channel::End;
use super::connection::traced;
use super::live::Live;
use super::source::{drive, linger};
use fetch::{Client, FetchError};
use supply::{PIECES_MAX, Supply};
use tap::Tap;

/// Streams that are pulled at a time; each may hold a connection and 4 MiB, of MP4 up to 20 MiB.
const PULLS_MAX: usize = 64;
/// Tries in a row that bring nothing; then it is given up.
const TRIES_MAX: u32 = 6;
/// Pause before the second try; each further one is twice as long as the last.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(16);

/// Pulls for all ingresses of the node.
pub(super) struct Well {
    door: Arc<Door>,
    client: Client,
    runtime: Handle,
    running: Arc<AtomicUsize>,
}

impl Well {
    /// Pulls from addresses within `reach`, on the current runtime.
    pub(super) fn new(door: Arc<Door>, reach: Reach, tls: Arc<rustls::ClientConfig>) -> Self {
        Self { door, client: Client { reach, tls }, runtime: Handle::current(), running: Arc::default() }
    }
}

impl Puller for Well {
    fn check(&self, url: &str) -> Result<(), IngressError> {
        if self.running.load(Ordering::Relaxed) >= PULLS_MAX {
            return Err(IngressError::TooMany);
        }
        HttpUrl::parse(url).map(drop).map_err(|error| {
            let advice = if error == UrlError::Scheme { "; push SRT, RTSP and others with ffmpeg" } else { "" };
            IngressError::Invalid(format!("url: {error}{advice}"))
        })
    }

    fn pull(&self, push: Push) {
        let place = Place::taken(&self.running);
        let (door, client) = (Arc::clone(&self.door), self.client.clone());
        self.runtime.spawn(async move {
            serve(&door, &client, push).await;
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

async fn serve(door: &Door, client: &Client, push: Push) {
    let id = push.info().ingress_id.clone();
    // It was checked before.
    let Ok(url) = HttpUrl::parse(&push.info().url) else { return };
    tracing::info!(ingress = id, %url, "a URL is pulled");
    let mut span = traced(&push, Kind::Internal);
    let (mut live, mut reader) = (Live::new(door, push), Reader::new(Instant::now()));
    let mut tries = 0;
    loop {
        let begun = Instant::now();
        let mut tried = Open::begin("pull", Kind::Client, span.context());
        tried.note("server.address", url.host.as_str());
        let broken = match pull(&url, client, &mut reader, &mut live).await {
            Ok(()) => {
                tracing::info!(ingress = id, "a URL came to its end");
                live.complete();
                break;
            }
            Err(broken) => broken,
        };
        if let Broken::Off(why) | Broken::Never(why) = &broken {
            tried.fail(why);
        }
        drop(tried);
        tries = if live.heard_at() > begun { 1 } else { tries + 1 };
        let why = match broken {
            Broken::Off(why) if tries < TRIES_MAX => why,
            Broken::Off(why) | Broken::Never(why) => {
                tracing::info!(ingress = id, why, "a URL is given up");
                live.fail(&why);
                span.fail(&why);
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
async fn pull(url: &HttpUrl, client: &Client, reader: &mut Reader, live: &mut Live<'_>) -> Result<(), Broken> {
    let (pieces, coming) = mpsc::channel(PIECES_MAX);
    let (seek, seeks) = mpsc::channel(1);
    reader.anew(Instant::now());
    live.trouble(String::new(), Instant::now());
    let mut fetching = pin!(Supply { client: client.clone(), pieces, seeks }.run(url));
    let mut fetched = None;
    let end = {
        let mut tap = Tap::new(reader, coming, seek);
        let mut driving = pin!(drive(&mut tap, live));
        // What was fetched is shown to its end, also when no more can be had.
        loop {
            tokio::select! {
                biased;
                end = &mut driving => break end,
                result = &mut fetching, if fetched.is_none() => fetched = Some(result),
            }
        }
    };
    match (end, fetched) {
        (Err(End::Io(_)), Some(Err(error))) => return Err(unfetched(&error)),
        (Err(end), _) => return Err(ended(end)),
        (Ok(()), _) => {}
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
        End::Pulled(fault @ Fault::Flv(rtmp::Fault::PeerSilent(_))) => {
            Broken::Off(format!("the URL's stream stalled: {fault}"))
        }
        End::Pulled(fault) => Broken::Never(format!("the URL cannot be pulled: {fault}")),
        End::Peer(fault) => Broken::Never(format!("the URL cannot be pulled: {fault}")),
        End::Io(error) => Broken::Off(format!("the URL's stream broke off: {error}")),
        End::Refused(Refusal::Revoked | Refusal::TakenOver | Refusal::Removed | Refusal::Closing) => Broken::Unwanted,
        End::Refused(refusal) => Broken::Never(refusal.to_string()),
    }
}
