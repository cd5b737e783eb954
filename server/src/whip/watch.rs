//! WHEP: a client watches a room with a token, on the sections that it offers. What it sees changes with the room, without
//! another description.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use door::Kind;
use livekit::{Caller, CallerNews, People};
use livekit_protocol as proto;
use rand::distr::{Alphanumeric, SampleString as _};
use serde::Deserialize;
use spans::Context;
use whip::{Refusal, Seats, Seen, Watch, choose};

use super::WHEP;
use super::answer::Answer;
use super::house::House;
use super::session::{self, Part};

/// Random characters behind a viewer's identity.
const SUFFIX_CHARS: usize = 8;

/// What a viewer wants to see; from path and query.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wish {
    /// The room; the token's own when it is not named.
    #[serde(skip)]
    pub(super) room: Option<String>,
    /// Only this participant, by identity.
    pub(super) participant: Option<String>,
}

/// Watches as the bearer of a token. Many may watch with one token: each is a participant of its own.
pub(super) async fn by_token(
    house: &Arc<House>,
    token: &str,
    (remote, request): (SocketAddr, Option<Context>),
    wish: Wish,
    offer: Watch,
) -> Result<Answer, Refusal> {
    let pass = house.lobby().pass(token, Some(remote)).map_err(|error| session::refuse(&error))?.traced(request);
    if !pass.grants().can_subscribe {
        return Err(Refusal::NotAllowed("the token may not subscribe"));
    }
    if wish.room.is_some_and(|room| room != pass.room()) {
        return Err(Refusal::NotAllowed("the token is for another room"));
    }
    let pass = pass.watching(&format!("#{}", Alphanumeric.sample_string(&mut rand::rng(), SUFFIX_CHARS)));
    tracing::info!(room = pass.room(), participant = pass.identity(), "WHEP");
    let seats = Seats { sounds: offer.sounds, pictures: offer.pictures };
    let viewer = Viewer { seats, wanted: wish.participant, people: People::default(), watched: BTreeSet::new() };
    session::begin(house, pass, offer.sdp, viewer).await
}

struct Viewer {
    seats: Seats,
    wanted: Option<String>,
    people: People,
    watched: BTreeSet<String>,
}

impl Part for Viewer {
    const PATH: &'static str = WHEP;
    const SPAN: &'static str = "whep";

    async fn enter(&mut self, _: &Caller) {}

    async fn hear(&mut self, news: &CallerNews, caller: &Caller) {
        let CallerNews::People(people) = news else { return };
        self.people.take(people.clone());
        let seen: Vec<Seen> = self.people.iter().filter(|it| it.sid != caller.sid()).flat_map(seen).collect();
        let chosen = choose(&seen, self.wanted.as_deref(), &self.watched, self.seats);
        let gone: Vec<_> = self.watched.difference(&chosen).cloned().collect();
        let come: Vec<_> = chosen.difference(&self.watched).cloned().collect();
        // Seats must be free before others are taken.
        if !gone.is_empty() {
            caller.subscribe(gone, false).await;
        }
        if !come.is_empty() {
            caller.subscribe(come, true).await;
        }
        self.watched = chosen;
    }

    fn pulse(&mut self, _: bool) {}

    async fn ended(&mut self) {
        std::future::pending().await
    }
}

/// What of a participant can be watched.
fn seen(person: &proto::ParticipantInfo) -> impl Iterator<Item = Seen> {
    person.tracks.iter().filter_map(|track| {
        let kind = match track.r#type() {
            proto::TrackType::Audio => Kind::Audio,
            proto::TrackType::Video => Kind::Video,
            proto::TrackType::Data => return None,
        };
        let screen = matches!(track.source(), proto::TrackSource::ScreenShare | proto::TrackSource::ScreenShareAudio);
        Some(Seen {
            track: track.sid.clone(),
            person: person.sid.clone(),
            identity: person.identity.clone(),
            since_ms: person.joined_at_ms,
            kind,
            screen,
            muted: track.muted,
        })
    })
}
