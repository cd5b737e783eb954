//! Care for others: mute, kick, block, pin.

use std::collections::BTreeSet;

use ::calls::{Capability, Fault, UserId};
use axum::http::Method;
use room::Source;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{CallAnswer, Done, call_answer};
use crate::endpoint::{Answer, Asked, Endpoint, Need, endpoint};
use crate::error::{ApiError, Code};
use crate::event::Kind;

/// Users whom one call pins.
const PINS_MAX: usize = 16;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let block = Need::Has(Capability::BlockUsers);
    vec![
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/mute",
            "muteUsers",
            Need::Has(Capability::MuteUsers),
            "Mutes what others publish; they may unmute themselves.",
            mute,
        ),
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/kick",
            "kickUser",
            block,
            "Sends a user out, who may join again.",
            kick,
        ),
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/block",
            "blockUser",
            block,
            "Sends a user out and keeps it out.",
            block_,
        ),
        endpoint(Method::POST, "/calls/{type}/{id}/unblock", "unblockUser", block, "Lets a user come back.", unblock),
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/pins",
            "updatePins",
            Need::Has(Capability::PinForAll),
            "Puts users into everybody's view, or out of it.",
            pin,
        ),
    ]
}

/// Whom, and what of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Mute {
    /// Everybody but the caller when left out.
    users: Option<BTreeSet<UserId>>,
    /// Microphones and the sound of screens; yes when left out.
    audio: Option<bool>,
    /// Cameras.
    #[serde(default)]
    video: bool,
    /// Screens.
    #[serde(default)]
    screenshare: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Muted {
    /// Tracks that were not muted before.
    tracks: usize,
}

/// Whom.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Whom {
    user: UserId,
}

/// Who comes into view, who goes out of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Pins {
    #[serde(default)]
    pin: Vec<UserId>,
    #[serde(default)]
    unpin: BTreeSet<UserId>,
}

impl Answer for Muted {}

async fn mute(asked: Asked<Mute>) -> Result<Muted, ApiError> {
    let entry = asked.calls.open(&asked.call()?).await?;
    let kind = asked.calls.kind(entry.body.call.id().kind())?;
    let (actor, wish) = (&asked.caller.actor, asked.input);
    entry.body.call.check(&kind, actor, Capability::MuteUsers)?;
    let chosen = [
        (wish.audio.unwrap_or(true), &[Source::Microphone, Source::ScreenShareAudio][..]),
        (wish.video, &[Source::Camera]),
        (wish.screenshare, &[Source::ScreenShare, Source::ScreenShareAudio]),
    ];
    let sources: BTreeSet<Source> =
        chosen.iter().filter(|(wanted, _)| *wanted).flat_map(|(_, sources)| sources.iter().copied()).collect();
    let there = entry.seats.keys().filter(|name| match &wish.users {
        Some(users) => users.iter().any(|user| user.as_str() == *name),
        None => actor.user.as_str() != *name,
    });
    let there: Vec<String> = there.cloned().collect();
    let mut tracks = 0;
    for identity in &there {
        tracks += asked.calls.rooms.mute(&entry.room(), identity, sources.clone()).await;
    }
    let facts = json!({ "by": actor.user, "users": there, "audio": wish.audio.unwrap_or(true), "video": wish.video,
        "screenshare": wish.screenshare });
    asked.calls.tell(&entry, Kind::UsersMuted, facts);
    Ok(Muted { tracks })
}

async fn kick(asked: Asked<Whom>) -> Result<Done, ApiError> {
    let entry = asked.calls.open(&asked.call()?).await?;
    let kind = asked.calls.kind(entry.body.call.id().kind())?;
    let (actor, user) = (&asked.caller.actor, &asked.input.user);
    entry.body.call.check(&kind, actor, Capability::BlockUsers)?;
    if user == entry.body.call.created_by() {
        return Err(Fault::PeerCreator.into());
    }
    if !asked.calls.rooms.remove(&entry.room(), user.as_str(), true).await {
        return Err(ApiError::new(Code::NotThere));
    }
    asked.calls.tell(&entry, Kind::UserKicked, json!({ "user": user, "by": actor.user }));
    Ok(Done {})
}

async fn block_(asked: Asked<Whom>) -> Result<Done, ApiError> {
    let mut entry = asked.calls.open(&asked.call()?).await?;
    let (actor, user) = (&asked.caller.actor, &asked.input.user);
    asked.calls.change(&mut entry, &actor.user, |body, kind| Ok(body.call.block(kind, actor, user)?)).await?;
    Ok(Done {})
}

async fn unblock(asked: Asked<Whom>) -> Result<Done, ApiError> {
    let mut entry = asked.calls.open(&asked.call()?).await?;
    let (actor, user) = (&asked.caller.actor, &asked.input.user);
    asked.calls.change(&mut entry, &actor.user, |body, kind| Ok(body.call.unblock(kind, actor, user)?)).await?;
    Ok(Done {})
}

async fn pin(asked: Asked<Pins>) -> Result<CallAnswer, ApiError> {
    let mut entry = asked.calls.open(&asked.call()?).await?;
    let (actor, wish) = (&asked.caller.actor, asked.input);
    let change = |body: &mut crate::entry::Body, kind: &::calls::CallType| {
        body.call.check(kind, actor, Capability::PinForAll)?;
        body.pins.retain(|user| !wish.unpin.contains(user));
        for user in wish.pin {
            if !body.pins.contains(&user) {
                body.pins.push(user);
            }
        }
        if body.pins.len() > PINS_MAX {
            return Err(ApiError::field("pin", format!("at most {PINS_MAX} users in everybody's view")));
        }
        Ok(Vec::new())
    };
    let before = entry.body.pins.clone();
    asked.calls.change(&mut entry, &actor.user, change).await?;
    if entry.body.pins != before {
        asked.calls.tell(&entry, Kind::PinsChanged, json!({ "pins": entry.body.pins, "by": actor.user }));
    }
    call_answer(&asked.calls, &entry, &asked.caller)
}
