//! The node's ingresses: who may push media into which room, by which stream key, and how it fares.
//!
//! The table is in memory; a [`Keeper`] makes it outlive the server.

mod record;

use std::collections::BTreeMap;
use std::fmt;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proto::IngressInfo;
use proto::ingress_state::Status;
use tokio::sync::oneshot;

use rand::SeedableRng as _;
use rand::distr::{Alphanumeric, SampleString as _};
use rand::rngs::StdRng;

use crate::lobby::{now, seed};
use crate::view::Coded;
use crate::webhook::Webhooks;

pub use record::Record;

/// Ingresses of one node. More are refused.
pub const INGRESSES_MAX: usize = 10_000;
/// A publisher that sent nothing for so long gives way to a newer one with its key; until then the newer one is refused.
/// Encoders that lost their network come back before their old connection is known to be dead.
pub const SILENCE_MIN: Duration = Duration::from_secs(3);
/// Random characters of an id.
const ID_CHARS: usize = 12;
/// Random characters of a stream key: 119 bits.
const KEY_CHARS: usize = 20;

/// Why a request about ingresses is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IngressError {
    /// No ingress has this id.
    #[error("ingress does not exist")]
    Missing,
    /// Something about the request is not allowed.
    #[error("{0}")]
    Invalid(String),
    /// It asks for something that this server does not do.
    #[error("{0}")]
    Unserved(&'static str),
    /// The system gives no randomness for a key.
    #[error("the system gives no randomness")]
    Chanceless,
    /// The store does not take it.
    #[error("the ingress could not be kept, try again")]
    Unkept,
    /// There are [`INGRESSES_MAX`].
    #[error("too many ingresses")]
    TooMany,
}

/// Why a stream key opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyRefusal {
    /// No ingress has it.
    #[error("unknown stream key")]
    Unknown,
    /// Somebody is sending with it.
    #[error("stream key in use")]
    InUse,
    /// It is for another protocol.
    #[error("stream key of another input")]
    OtherInput,
    /// The ingress is disabled.
    #[error("ingress disabled")]
    Disabled,
    /// The ingress names no room.
    #[error("ingress without a room")]
    NoRoom,
}

/// What pulls ingresses by URL.
pub trait Puller: Send + Sync {
    /// Whether a URL can be pulled.
    ///
    /// # Errors
    /// In words, when it cannot, or when too many are pulled.
    fn check(&self, url: &str) -> Result<(), IngressError>;

    /// Pulls until there is no more, or until the push must stop.
    fn pull(&self, push: Push);
}

/// Why a push must stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PushEnd {
    /// A newer publisher came with the key.
    TakenOver,
    /// The ingress was deleted or disabled.
    Revoked,
}

/// What changes among the ingresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A new one.
    Add(Record),
    /// One is different.
    Replace(Record),
    /// The one with this id is gone.
    Remove(String),
}

/// Keeps a change beyond the end of the server; false when it could not.
pub type Keeper = Arc<dyn Fn(Change) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// All ingresses of the node; clones are handles to the same.
#[derive(Clone, Default)]
pub struct Ingresses(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    entries: BTreeMap<String, Entry>,
    rtmp_url: Option<String>,
    whip_url: Option<String>,
    puller: Option<Arc<dyn Puller>>,
    keeper: Option<Keeper>,
    webhooks: Option<Webhooks>,
    serial_next: u64,
}

struct Entry {
    info: IngressInfo,
    push: Option<Live>,
}

/// Who pushes at present.
struct Live {
    serial: u64,
    heard: Instant,
    /// Its media is in the room.
    started: bool,
    coded: Coded,
    end: oneshot::Sender<PushEnd>,
}

/// An ingress as it was when its push ended, and what its codecs cost.
type Ended = (IngressInfo, Coded);

impl fmt::Debug for Ingresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ingresses({})", self.table().entries.len())
    }
}

impl Ingresses {
    /// Tells the beginning and end of pushes from now on.
    pub(crate) fn tell(&self, webhooks: Webhooks) {
        self.table().webhooks = Some(webhooks);
    }

    /// Encoders are told to push RTMP to `url`; without one no RTMP ingress can be created.
    pub fn serve_rtmp(&self, url: &str) {
        self.table().rtmp_url = Some(url.to_owned());
    }

    /// Clients are told to publish by WHIP at `url`; without one no WHIP ingress can be created.
    pub fn serve_whip(&self, url: &str) {
        self.table().whip_url = Some(url.to_owned());
    }

    /// URLs are pulled by `puller`; without one no URL ingress can be created.
    pub fn serve_urls(&self, puller: Arc<dyn Puller>) {
        self.table().puller = Some(puller);
    }

    /// How many there are, and how many of them are pushed to.
    pub fn counts(&self) -> (usize, usize) {
        let table = self.table();
        (table.entries.len(), table.entries.values().filter(|entry| entry.push.is_some()).count())
    }

    /// Takes the ingresses that were kept, and has `keeper` keep what changes.
    pub fn keep(&self, known: impl IntoIterator<Item = Record>, keeper: Keeper) {
        let mut table = self.table();
        let infos = known.into_iter().filter_map(Record::info);
        table.entries.extend(infos.map(|info| (info.ingress_id.clone(), Entry { info, push: None })));
        table.keeper = Some(keeper);
    }

    /// A new ingress with a new key. One of a URL has none, and is pulled at once.
    ///
    /// # Errors
    /// When the request asks for what cannot be, there are too many, or it cannot be kept.
    pub async fn create(&self, request: proto::CreateIngressRequest) -> Result<IngressInfo, IngressError> {
        let pulled = request.input_type() == proto::IngressInput::UrlInput;
        let (full, url, puller) = {
            let table = self.table();
            let url = match request.input_type() {
                proto::IngressInput::RtmpInput => table.rtmp_url.clone(),
                proto::IngressInput::WhipInput => table.whip_url.clone(),
                proto::IngressInput::UrlInput => Some(request.url.clone()),
            };
            (table.entries.len() >= INGRESSES_MAX, url, table.puller.clone())
        };
        if full {
            return Err(IngressError::TooMany);
        }
        let puller = puller.filter(|_| pulled);
        let info = describe(request, url, puller.as_deref())?;
        self.store(Change::Add(Record::of(&info))).await?;
        self.table().entries.insert(info.ingress_id.clone(), Entry { info: info.clone(), push: None });
        let Some(puller) = puller else { return Ok(info) };
        let push = self.open(&info.ingress_id, Instant::now()).map_err(|_| IngressError::Missing)?;
        let info = IngressInfo { state: push.info.state.clone(), ..info };
        puller.pull(push);
        Ok(info)
    }

    /// Changes what the request names; a push that runs goes on as it began, unless the ingress is disabled.
    ///
    /// # Errors
    /// When there is no such ingress, or it cannot be kept.
    pub async fn update(&self, request: proto::UpdateIngressRequest) -> Result<IngressInfo, IngressError> {
        let known = self.table().entries.get(&request.ingress_id).map(|entry| entry.info.clone());
        let info = revise(known.ok_or(IngressError::Missing)?, request);
        self.store(Change::Replace(Record::of(&info))).await?;
        let mut table = self.table();
        let entry = table.entries.get_mut(&info.ingress_id).ok_or(IngressError::Missing)?;
        // The state may have changed meanwhile.
        let state = entry.info.state.take();
        entry.info = IngressInfo { state, ..info };
        let ended = if entry.info.enabled == Some(false) { entry.end(PushEnd::Revoked) } else { None };
        let info = entry.info.clone();
        drop(table);
        self.announce_end(ended);
        self.announce("ingress_updated", info.clone());
        Ok(info)
    }

    /// Gives an ingress another stream key; one of a URL has none. The old one opens nothing from this moment on, and who sends with it is cut
    /// off.
    ///
    /// # Errors
    /// When there is no such ingress, or its new key cannot be had or kept.
    pub async fn rotate(&self, id: &str) -> Result<IngressInfo, IngressError> {
        let known = self.table().entries.get(id).map(|entry| entry.info.clone());
        let known = known.ok_or(IngressError::Missing)?;
        if known.stream_key.is_empty() {
            return Err(IngressError::Invalid("an ingress of a URL has no stream key".into()));
        }
        let info = IngressInfo { stream_key: new_key(&mut rng()?), ..known };
        self.store(Change::Replace(Record::of(&info))).await?;
        let mut table = self.table();
        let entry = table.entries.get_mut(id).ok_or(IngressError::Missing)?;
        entry.info.stream_key = info.stream_key;
        let ended = entry.end(PushEnd::Revoked);
        let info = entry.info.clone();
        drop(table);
        self.announce_end(ended);
        self.announce("ingress_updated", info.clone());
        Ok(info)
    }

    /// All ingresses, or those of a room, or one.
    pub fn list(&self, room: &str, id: &str) -> Vec<IngressInfo> {
        let table = self.table();
        let wanted = |info: &&IngressInfo| {
            (room.is_empty() || info.room_name == room) && (id.is_empty() || info.ingress_id == id)
        };
        table.entries.values().map(|entry| &entry.info).filter(wanted).cloned().collect()
    }

    /// Forgets an ingress; a push that runs is ended.
    ///
    /// # Errors
    /// When there is no such ingress, or its end cannot be kept.
    pub async fn delete(&self, id: &str) -> Result<IngressInfo, IngressError> {
        if !self.table().entries.contains_key(id) {
            return Err(IngressError::Missing);
        }
        self.store(Change::Remove(id.to_owned())).await?;
        let mut entry = self.table().entries.remove(id).ok_or(IngressError::Missing)?;
        self.announce_end(entry.end(PushEnd::Revoked));
        Ok(entry.info)
    }

    /// Somebody pushes with a stream key, by `input`. One publisher at a time: a newer one is refused while the older one sends, and
    /// takes over once that was silent for [`SILENCE_MIN`]. Takes as long for a wrong key as for a right one.
    ///
    /// # Errors
    /// When the key opens nothing.
    pub fn begin(&self, key: &str, input: proto::IngressInput, now: Instant) -> Result<Push, KeyRefusal> {
        let mut found = None;
        for (id, entry) in &self.table().entries {
            // Whoever is pulled has none.
            if !entry.info.stream_key.is_empty() & same(entry.info.stream_key.as_bytes(), key.as_bytes()) {
                found = Some((id.clone(), entry.info.input_type()));
            }
        }
        match found {
            None => Err(KeyRefusal::Unknown),
            Some((_, other)) if other != input => Err(KeyRefusal::OtherInput),
            Some((id, _)) => self.open(&id, now),
        }
    }

    /// Somebody's media comes to an ingress.
    fn open(&self, id: &str, now: Instant) -> Result<Push, KeyRefusal> {
        let mut table = self.table();
        table.serial_next += 1;
        let serial = table.serial_next;
        let entry = table.entries.get_mut(id).ok_or(KeyRefusal::Unknown)?;
        if entry.info.enabled == Some(false) {
            return Err(KeyRefusal::Disabled);
        }
        if entry.info.room_name.is_empty() {
            return Err(KeyRefusal::NoRoom);
        }
        let busy = |live: &Live| now.saturating_duration_since(live.heard) < SILENCE_MIN;
        if entry.push.as_ref().is_some_and(busy) {
            return Err(KeyRefusal::InUse);
        }
        let taken_over = entry.end(PushEnd::TakenOver);
        let (end, ended) = oneshot::channel();
        entry.push = Some(Live { serial, heard: now, started: false, coded: Coded::default(), end });
        let at = unix_ns();
        let resource_id = entry.info.ingress_id.replacen("IN_", "RES_", 1);
        let status = Status::EndpointBuffering.into();
        entry.info.state =
            Some(proto::IngressState { status, started_at: at, updated_at: at, resource_id, ..Default::default() });
        let info = entry.info.clone();
        drop(table);
        self.announce_end(taken_over);
        Ok(Push { table: self.clone(), serial, info, ended })
    }

    fn announce(&self, kind: &'static str, info: impl Into<Option<IngressInfo>>) {
        let webhooks = self.table().webhooks.clone();
        if let (Some(webhooks), Some(info)) = (webhooks, info.into()) {
            webhooks.tell_ingress(kind, info, None, now().unix_ms);
        }
    }

    fn announce_end(&self, ended: Option<Ended>) {
        let webhooks = self.table().webhooks.clone();
        if let (Some(webhooks), Some((info, coded))) = (webhooks, ended) {
            webhooks.tell_ingress("ingress_ended", info, Some(coded), now().unix_ms);
        }
    }

    async fn store(&self, change: Change) -> Result<(), IngressError> {
        let keeper = self.table().keeper.clone();
        let Some(keeper) = keeper else { return Ok(()) };
        if keeper(change).await { Ok(()) } else { Err(IngressError::Unkept) }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Ends the push, if there is one; the ingress as it is then, if its media was in the room.
    fn end(&mut self, why: PushEnd) -> Option<Ended> {
        let live = self.push.take()?;
        close(self.info.state.get_or_insert_default());
        // A push that has just ended by itself needs no word.
        let _ = live.end.send(why);
        live.started.then(|| (self.info.clone(), live.coded))
    }
}

/// One publisher that holds a key. Its drop gives the key back.
pub struct Push {
    table: Ingresses,
    serial: u64,
    info: IngressInfo,
    ended: oneshot::Receiver<PushEnd>,
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Push({}, key hidden)", self.info.ingress_id)
    }
}

impl Push {
    /// The ingress as it was when the push began.
    pub fn info(&self) -> &IngressInfo {
        &self.info
    }

    /// Media came.
    pub fn heard(&self, now: Instant) {
        self.with(|entry| entry.push.iter_mut().for_each(|live| live.heard = now));
    }

    /// Changes what is told of the push. Its first media in the room is told to webhooks.
    pub fn note(&self, change: impl FnOnce(&mut proto::IngressState)) {
        let started = self.with(|entry| {
            let state = entry.info.state.get_or_insert_default();
            change(state);
            state.updated_at = unix_ns();
            let publishes = state.status() == Status::EndpointPublishing;
            let live = entry.push.as_mut().filter(|live| publishes && !live.started)?;
            live.started = true;
            Some(entry.info.clone())
        });
        self.table.announce("ingress_started", started.flatten());
    }

    /// Its codecs cost more.
    pub fn coded(&self, more: Coded) {
        self.with(|entry| entry.push.iter_mut().for_each(|live| live.coded.add(more)));
    }

    /// Waits until the push must stop. Safe to be cancelled.
    pub async fn ended(&mut self) -> PushEnd {
        match (&mut self.ended).await {
            Ok(end) => end,
            // Only an end takes the sender away; this is after one was told.
            Err(_) => std::future::pending().await,
        }
    }

    /// Looks at the ingress while the push holds it.
    fn with<T>(&self, look: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        let mut table = self.table.table();
        let own = |entry: &&mut Entry| entry.push.as_ref().is_some_and(|live| live.serial == self.serial);
        table.entries.get_mut(&self.info.ingress_id).filter(own).map(look)
    }
}

impl Drop for Push {
    fn drop(&mut self) {
        self.note(close);
        let ended = self.with(|entry| {
            let live = entry.push.take()?;
            live.started.then(|| (entry.info.clone(), live.coded))
        });
        self.table.announce_end(ended.flatten());
    }
}

/// A push is over.
fn close(state: &mut proto::IngressState) {
    // An error stays to be read, and that there is no more.
    if !matches!(state.status(), Status::EndpointError | Status::EndpointComplete) {
        state.status = Status::EndpointInactive.into();
    }
    state.ended_at = unix_ns();
    state.tracks.clear();
}

/// What a request makes.
fn describe(
    request: proto::CreateIngressRequest,
    url: Option<String>,
    puller: Option<&dyn Puller>,
) -> Result<IngressInfo, IngressError> {
    let input = proto::IngressInput::try_from(request.input_type);
    let input = input.map_err(|_| IngressError::Invalid("input_type is not known".into()))?;
    let transcodes = match input {
        proto::IngressInput::RtmpInput | proto::IngressInput::UrlInput => request.enable_transcoding.unwrap_or(true),
        proto::IngressInput::WhipInput if request.enable_transcoding == Some(true) => return Err(WHIP_TRANSCODES),
        proto::IngressInput::WhipInput => false,
    };
    let pulled = input == proto::IngressInput::UrlInput;
    if pulled {
        puller.ok_or(URL_INPUT)?.check(&request.url)?;
        if request.room_name.is_empty() || request.enabled == Some(false) {
            return Err(IngressError::Invalid(
                "a URL is pulled at once: it needs room_name, and cannot be disabled".into(),
            ));
        }
    }
    let url = url.ok_or(match input {
        proto::IngressInput::WhipInput => IngressError::Unserved("WHIP is not served"),
        _ => IngressError::Unserved("RTMP is switched off: set ingress.rtmp_port"),
    })?;
    if request.participant_identity.is_empty() {
        return Err(IngressError::Invalid("participant_identity is required".into()));
    }
    let mut rng = rng()?;
    let mut info = IngressInfo {
        ingress_id: format!("IN_{}", Alphanumeric.sample_string(&mut rng, ID_CHARS)),
        name: request.name,
        stream_key: if pulled { String::new() } else { new_key(&mut rng) },
        url,
        input_type: request.input_type,
        enable_transcoding: Some(transcodes),
        audio: request.audio,
        video: request.video,
        room_name: request.room_name,
        participant_identity: request.participant_identity,
        participant_name: request.participant_name,
        participant_metadata: request.participant_metadata,
        reusable: !pulled,
        state: Some(proto::IngressState::default()),
        enabled: request.enabled,
        ..Default::default()
    };
    fill_sources(&mut info);
    Ok(info)
}

const WHIP_TRANSCODES: IngressError = IngressError::Unserved(
    "WHIP is passed on as it comes: leave enable_transcoding out, and have the encoder send layers",
);
const URL_INPUT: IngressError = IngressError::Unserved("pulling from a URL is switched off: see ingress.url_input");

fn rng() -> Result<StdRng, IngressError> {
    seed().map(StdRng::from_seed).map_err(|_| IngressError::Chanceless)
}

fn new_key(rng: &mut StdRng) -> String {
    Alphanumeric.sample_string(rng, KEY_CHARS)
}

/// An ingress with what a request changes.
fn revise(mut info: IngressInfo, request: proto::UpdateIngressRequest) -> IngressInfo {
    let texts = [
        (&mut info.name, request.name),
        (&mut info.room_name, request.room_name),
        (&mut info.participant_identity, request.participant_identity),
        (&mut info.participant_name, request.participant_name),
        (&mut info.participant_metadata, request.participant_metadata),
    ];
    texts.into_iter().filter(|(_, new)| !new.is_empty()).for_each(|(old, new)| *old = new);
    info.enable_transcoding = request.enable_transcoding.or(info.enable_transcoding);
    info.enabled = request.enabled.or(info.enabled);
    info.audio = request.audio.or_else(|| info.audio.take());
    info.video = request.video.or_else(|| info.video.take());
    fill_sources(&mut info);
    info
}

/// A track of which nothing else is said comes from a camera or a microphone.
fn fill_sources(info: &mut IngressInfo) {
    let or = |source: &mut i32, default: proto::TrackSource| {
        if *source == i32::from(proto::TrackSource::Unknown) {
            *source = default.into();
        }
    };
    or(&mut info.audio.get_or_insert_default().source, proto::TrackSource::Microphone);
    or(&mut info.video.get_or_insert_default().source, proto::TrackSource::Camera);
}

/// Compares without stopping at the first difference, so that time tells nothing about a key.
fn same(known: &[u8], given: &[u8]) -> bool {
    let mut difference = usize::from(known.len() != given.len());
    for (index, byte) in known.iter().enumerate() {
        difference |= usize::from(byte ^ given.get(index).copied().unwrap_or(!byte));
    }
    black_box(difference) == 0
}

fn unix_ns() -> i64 {
    i64::try_from(now().unix_ms).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}

#[cfg(test)]
mod tests;
