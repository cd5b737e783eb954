//! The chat beside a call, reactions, and events of the app's own.

use ::calls::{Capability, Fault, UserId};
use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::tables::{CallMessage, call_message};

use super::{Custom, Done, Nothing, check_custom, check_text, page};
use crate::clock::now_ms;
use crate::endpoint::{Answer, Asked, Endpoint, Need, endpoint};
use crate::entry::Entry;
use crate::error::{ApiError, Code};
use crate::event::Kind;
use crate::service::Inner;

/// Longest message, in bytes.
const MESSAGE_BYTES_MAX: usize = 5_000;
/// Longest name of a reaction, in bytes.
const REACTION_BYTES_MAX: usize = 100;
/// Users whose last message's time is remembered for slow mode; beyond, it is forgotten, which only lets one more by.
const SAID_MAX: usize = 10_000;
/// Before the first page there is nothing newer.
const NEWEST: u64 = i64::MAX as u64;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let events = Need::Has(Capability::SendEvents);
    vec![
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/messages",
            "sendMessage",
            Need::Has(Capability::SendChat),
            "Writes in the chat, as its settings allow.",
            send,
        ),
        endpoint(
            Method::GET,
            "/calls/{type}/{id}/messages",
            "listMessages",
            Need::Has(Capability::ReadCall),
            "What was written, newest first, page by page.",
            list,
        ),
        endpoint(
            Method::DELETE,
            "/calls/{type}/{id}/messages/{message}",
            "deleteMessage",
            Need::Call,
            "Takes a message out: one's own, or any with block-users.",
            delete,
        ),
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/reactions",
            "sendReaction",
            events,
            "Shows a reaction to all.",
            react,
        ),
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/events",
            "sendEvent",
            events,
            "Sends an event of the app's own to all.",
            event,
        ),
    ]
}

/// What is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Message {
    #[schemars(length(min = 1, max = 5_000))]
    text: String,
    /// The app's own.
    #[serde(default)]
    custom: Custom,
}

/// A message.
#[derive(Debug, Serialize, JsonSchema)]
struct MessageView {
    /// Rises with every message of the call.
    id: u64,
    user: String,
    text: String,
    /// The app's own.
    custom: Custom,
    /// Milliseconds since 1970.
    created_at_ms: u64,
}

impl From<&CallMessage> for MessageView {
    fn from(message: &CallMessage) -> Self {
        Self {
            id: message.id,
            user: message.sender.clone(),
            text: message.body.clone(),
            custom: serde_json::from_str(&message.custom).unwrap_or_default(),
            created_at_ms: message.created_ms,
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct MessageAnswer {
    message: MessageView,
}

#[derive(Debug, Serialize, JsonSchema)]
struct MessagesAnswer {
    messages: Vec<MessageView>,
    /// What to ask the next page with; nothing after the last.
    next: Option<u64>,
}

impl Answer for MessagesAnswer {}
impl Answer for MessageAnswer {
    fn status(&self) -> StatusCode {
        StatusCode::CREATED
    }
}

/// Which messages.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Entries of a page.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u64>,
    /// Only those older than the message with this id: the `next` of the page before.
    before: Option<u64>,
}

/// A reaction.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Reaction {
    /// An emoji, or a word of the app's own.
    #[schemars(length(min = 1, max = 100))]
    reaction: String,
    /// The app's own.
    #[serde(default)]
    custom: Custom,
}

/// An event of the app's own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Event {
    custom: Custom,
}

async fn send(asked: Asked<Message>) -> Result<MessageAnswer, ApiError> {
    let mut entry = asked.calls.open(&asked.call()?).await?;
    let kind = asked.calls.kind(entry.body.call.id().kind())?;
    let (actor, wish) = (&asked.caller.actor, asked.input);
    let settings = entry.body.call.settings().chat;
    if !settings.enabled {
        return Err(ApiError::new(Code::ChatDisabled));
    }
    entry.body.call.check(&kind, actor, Capability::SendChat)?;
    if wish.text.is_empty() {
        return Err(ApiError::field("text", "it must not be empty"));
    }
    check_text("text", &wish.text, MESSAGE_BYTES_MAX)?;
    check_custom("custom", &wish.custom)?;
    let free = asked.caller.is_trusted();
    if settings.members_only && !free && !entry.body.call.members().contains_key(&actor.user) {
        return Err(ApiError::new(Code::MembersOnly));
    }
    let now = now_ms();
    if !free {
        slow(&mut entry, &actor.user, settings.slow_mode_s, now)?;
    }
    let message = asked.calls.keep_message(&mut entry, &actor.user, wish, now).await?;
    let facts = json!({ "message": { "id": message.id, "user": message.user, "text": message.text,
        "custom": message.custom, "created_at_ms": message.created_at_ms } });
    asked.calls.tell(&entry, Kind::Message, facts);
    Ok(MessageAnswer { message })
}

/// Who wrote a moment ago waits.
fn slow(entry: &mut Entry, user: &UserId, seconds: u32, now: u64) -> Result<(), ApiError> {
    let pause_ms = u64::from(seconds) * 1000;
    let said = &mut entry.chat.said;
    if let Some(last) = said.get(user) {
        let left_ms = last.saturating_add(pause_ms).saturating_sub(now);
        if left_ms > 0 {
            return Err(ApiError::later(Code::SlowMode, left_ms.div_ceil(1000)));
        }
    }
    if said.len() >= SAID_MAX {
        said.retain(|_, last| last.saturating_add(pause_ms) > now);
    }
    if said.len() < SAID_MAX && pause_ms > 0 {
        said.insert(user.clone(), now);
    }
    Ok(())
}

impl Inner {
    async fn keep_message(
        &self,
        entry: &mut Entry,
        user: &UserId,
        wish: Message,
        now: u64,
    ) -> Result<MessageView, ApiError> {
        let room = entry.room();
        if entry.chat.next == 0 {
            let last = call_message::before(&self.store, &room, NEWEST, 1).await?;
            entry.chat.next = last.first().map_or(1, |message| message.id.saturating_add(1));
        }
        let message = CallMessage {
            call: room,
            id: entry.chat.next,
            sender: user.to_string(),
            body: wish.text,
            custom: serde_json::to_string(&wish.custom).unwrap_or_default(),
            created_ms: now,
        };
        // A number that was tried is not tried again: its fate may be unknown.
        entry.chat.next = entry.chat.next.saturating_add(1);
        self.store.commit(vec![message.add()]).await?;
        Ok(MessageView::from(&message))
    }
}

async fn list(asked: Asked<Page>) -> Result<MessagesAnswer, ApiError> {
    let id = asked.call()?;
    let count = page(asked.input.limit)?;
    let entry = asked.calls.open(&id).await?;
    let kind = asked.calls.kind(id.kind())?;
    asked.calls.check_read(&entry, &kind, &asked.caller)?;
    let before = asked.input.before.unwrap_or(NEWEST);
    let found = call_message::before(&asked.calls.store, &id.to_string(), before, count).await?;
    let full = found.len() as u64 >= count;
    let next = found.last().filter(|_| full).map(|message| message.id);
    Ok(MessagesAnswer { messages: found.iter().map(MessageView::from).collect(), next })
}

async fn delete(asked: Asked<Nothing>) -> Result<Done, ApiError> {
    let id = asked.call()?;
    let entry = asked.calls.open(&id).await?;
    let kind = asked.calls.kind(id.kind())?;
    let actor = &asked.caller.actor;
    asked.calls.check_read(&entry, &kind, &asked.caller)?;
    let number: u64 =
        asked.part("message").parse().map_err(|_| ApiError::field("message", "must be a whole number"))?;
    let missing = || ApiError::new(Code::MessageNotFound);
    let room = id.to_string();
    let found = call_message::before(&asked.calls.store, &room, number.saturating_add(1).min(NEWEST), 1).await?;
    let message = found.first().filter(|message| message.id == number).ok_or_else(missing)?;
    let all = entry.body.call.capabilities(&kind, actor);
    if message.sender != actor.user.as_str() && !all.has(Capability::BlockUsers) {
        return Err(Fault::PeerForbidden(Capability::BlockUsers).into());
    }
    asked.calls.store.commit(vec![CallMessage::remove(&room, number)]).await.map_err(|error| match error {
        store::StoreError::Conflict => missing(),
        error => error.into(),
    })?;
    asked.calls.tell(&entry, Kind::MessageDeleted, json!({ "message_id": number, "by": actor.user }));
    Ok(Done {})
}

async fn react(asked: Asked<Reaction>) -> Result<Done, ApiError> {
    let entry = asked.calls.open(&asked.call()?).await?;
    let kind = asked.calls.kind(entry.body.call.id().kind())?;
    let (actor, wish) = (&asked.caller.actor, &asked.input);
    entry.body.call.check(&kind, actor, Capability::SendEvents)?;
    if wish.reaction.is_empty() {
        return Err(ApiError::field("reaction", "it must not be empty"));
    }
    check_text("reaction", &wish.reaction, REACTION_BYTES_MAX)?;
    check_custom("custom", &wish.custom)?;
    let facts = json!({ "user": actor.user, "reaction": wish.reaction, "custom": wish.custom });
    asked.calls.tell(&entry, Kind::Reaction, facts);
    Ok(Done {})
}

async fn event(asked: Asked<Event>) -> Result<Done, ApiError> {
    let entry = asked.calls.open(&asked.call()?).await?;
    let kind = asked.calls.kind(entry.body.call.id().kind())?;
    let (actor, custom) = (&asked.caller.actor, &asked.input.custom);
    entry.body.call.check(&kind, actor, Capability::SendEvents)?;
    check_custom("custom", custom)?;
    asked.calls.tell(&entry, Kind::Custom, json!({ "user": actor.user, "custom": custom }));
    Ok(Done {})
}
