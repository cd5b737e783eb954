//! Calls: made, read, changed, listed, ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::calls::{Actor, Call, CallId, Capability, Draft, Role, UserId};
use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::tables::{CallQuery, CallSort, CallState, call_query};

use super::{CallAnswer, Custom, Nothing, call_answer, check_custom, check_time, page, patched};
use crate::access::Caller;
use crate::cache::Held;
use crate::clock::now_ms;
use crate::endpoint::{Answer, Asked, Endpoint, Need, endpoint};
use crate::error::{ApiError, Code};
use crate::event::Kind;
use crate::service::Inner;
use crate::view::CallView;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        endpoint(
            Method::POST,
            "/calls/{type}/{id}",
            "getOrCreateCall",
            Need::Has(Capability::CreateCall),
            "The call, made if it is not there (201); one that is there stays as it is (200).",
            find_or_make,
        ),
        endpoint(Method::GET, "/calls/{type}/{id}", "readCall", Need::Has(Capability::ReadCall), "A call.", read),
        endpoint(
            Method::PATCH,
            "/calls/{type}/{id}",
            "updateCall",
            Need::Has(Capability::UpdateCall),
            "Changes plan, settings and own fields of a call; what is left out stays.",
            update,
        ),
        endpoint(
            Method::GET,
            "/calls",
            "queryCalls",
            Need::Token,
            "Calls that the caller may read: filtered, sorted, page by page.",
            query,
        ),
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/end",
            "endCall",
            Need::Has(Capability::EndCall),
            "Ends a call for everybody and for good.",
            end,
        ),
    ]
}

/// A member as it is to be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberWish {
    pub(super) user: UserId,
    /// `user` when left out.
    pub(super) role: Option<Role>,
}

/// What a call begins with.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CallWish {
    /// Who makes it and is its host: the caller; back ends and admins name a user.
    created_by: Option<UserId>,
    /// Who belongs to it.
    #[serde(default)]
    #[schemars(length(max = 10_000))]
    members: Vec<MemberWish>,
    /// When it is planned to begin, in milliseconds since 1970.
    starts_at_ms: Option<u64>,
    /// The app's own.
    #[serde(default)]
    custom: Custom,
    /// Any part of the settings; the rest is as the type has it.
    #[serde(default)]
    settings: Map<String, Value>,
}

/// What changes of a call; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CallChange {
    /// When it is planned to begin, in milliseconds since 1970; `null` is no plan.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<u64>")]
    starts_at_ms: Option<Option<u64>>,
    /// In place of what was there.
    custom: Option<Custom>,
    /// Any part of the settings.
    settings: Option<Map<String, Value>>,
}

/// Tells `null` from what is left out.
fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::<u64>::deserialize(from).map(Some)
}

/// A call, and whether it is new.
#[derive(Debug, Serialize, JsonSchema)]
struct CreatedAnswer {
    call: CallView,
    created: bool,
}

impl Answer for CreatedAnswer {
    fn status(&self) -> StatusCode {
        if self.created { StatusCode::CREATED } else { StatusCode::OK }
    }
}

/// Which calls.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Query {
    /// Only of this type.
    r#type: Option<String>,
    /// Only made by this user.
    created_by: Option<String>,
    /// Only those that this user is a member of.
    member: Option<String>,
    /// `upcoming`, `live`, `backstage` or `ended`.
    state: Option<State>,
    /// Only planned to begin at this time or later, in milliseconds since 1970.
    starts_from_ms: Option<u64>,
    /// Only planned to begin before, in milliseconds since 1970.
    starts_before_ms: Option<u64>,
    /// `created_at` or `starts_at`, with `-` before it for the latest first; `-created_at` when left out.
    sort: Option<Sort>,
    /// Entries of a page.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    Upcoming,
    Live,
    Backstage,
    Ended,
}

#[derive(Clone, Copy, PartialEq, Debug, Default, Deserialize, JsonSchema)]
enum Sort {
    #[serde(rename = "created_at")]
    Created,
    #[default]
    #[serde(rename = "-created_at")]
    CreatedLast,
    #[serde(rename = "starts_at")]
    Starts,
    #[serde(rename = "-starts_at")]
    StartsLast,
}

#[derive(Debug, Serialize, JsonSchema)]
struct CallsAnswer {
    calls: Vec<CallView>,
    /// What to ask the next page with; nothing after the last.
    next: Option<String>,
}

impl Answer for CallsAnswer {}

async fn find_or_make(asked: Asked<CallWish>) -> Result<CreatedAnswer, ApiError> {
    let id = asked.call()?;
    let (calls, caller) = (asked.calls, asked.caller);
    let (held, created) = make(&calls, &caller, &id, asked.input).await?;
    let kind = calls.kind(id.kind())?;
    let entry = held.as_ref().ok_or_else(|| ApiError::new(Code::CallNotFound))?;
    if !created {
        calls.check_read(entry, &kind, &caller)?;
    }
    Ok(CreatedAnswer { call: calls.view(entry, &kind, &caller), created })
}

/// The call in its place, made as it is wished if it is not there.
pub(super) async fn make(
    calls: &Arc<Inner>,
    caller: &Caller,
    id: &CallId,
    wish: CallWish,
) -> Result<(Held, bool), ApiError> {
    let kind = calls.kind(id.kind())?;
    let mut held = calls.place(id).await?;
    if held.is_some() {
        return Ok((held, false));
    }
    let created_by = creator(caller, wish.created_by)?;
    check_time("starts_at_ms", wish.starts_at_ms)?;
    check_custom("custom", &wish.custom)?;
    let draft = Draft {
        created_by,
        members: members(wish.members)?,
        starts_at_ms: wish.starts_at_ms,
        settings: patched(&kind.settings, &wish.settings)?,
    };
    let call = Call::new(id.clone(), draft, &kind, &caller.actor)?;
    calls.add(&mut held, call, wish.custom).await?;
    if let Some(entry) = held.as_ref() {
        let call = &entry.body.call;
        let facts = json!({ "created_by": call.created_by(), "starts_at_ms": call.starts_at_ms(),
            "members_count": call.members().len(), "custom": entry.body.custom });
        calls.tell(entry, Kind::Created, facts);
    }
    Ok((held, true))
}

fn creator(caller: &Caller, named: Option<UserId>) -> Result<UserId, ApiError> {
    match named {
        None if caller.server => Err(ApiError::field("created_by", "a back end names the user who makes the call")),
        None => Ok(caller.actor.user.clone()),
        Some(user) if caller.is_trusted() || user == caller.actor.user => {
            crate::token::user_id(user.as_str()).map_err(|error| ApiError::field("created_by", error.message))
        }
        Some(_) => Err(ApiError::field("created_by", "a user makes calls in no other's name")),
    }
}

/// Members by their ids.
pub(super) fn members(wishes: Vec<MemberWish>) -> Result<BTreeMap<UserId, Role>, ApiError> {
    let mut members = BTreeMap::new();
    for (index, wish) in wishes.into_iter().enumerate() {
        let id = crate::token::user_id(wish.user.as_str());
        let id = id.map_err(|error| ApiError::field(format!("members.{index}.user"), error.message))?;
        members.insert(id, wish.role.unwrap_or_else(Role::user));
    }
    Ok(members)
}

async fn read(asked: Asked<Nothing>) -> Result<CallAnswer, ApiError> {
    let id = asked.call()?;
    let entry = asked.calls.open(&id).await?;
    asked.calls.check_read(&entry, &*asked.calls.kind(id.kind())?, &asked.caller)?;
    call_answer(&asked.calls, &entry, &asked.caller)
}

async fn update(asked: Asked<CallChange>) -> Result<CallAnswer, ApiError> {
    let mut entry = asked.calls.open(&asked.call()?).await?;
    let (wish, actor) = (&asked.input, &asked.caller.actor);
    check_time("starts_at_ms", wish.starts_at_ms.flatten())?;
    wish.custom.iter().try_for_each(|custom| check_custom("custom", custom))?;
    let change = |body: &mut crate::entry::Body, kind: &::calls::CallType| {
        let patch = wish.settings.as_ref();
        let settings = patch.map(|patch| patched(body.call.settings(), patch)).transpose()?;
        let events = body.call.update(kind, actor, settings, wish.starts_at_ms)?;
        if let Some(custom) = &wish.custom {
            body.custom.clone_from(custom);
        }
        Ok(events)
    };
    asked.calls.change(&mut entry, &actor.user, change).await?;
    call_answer(&asked.calls, &entry, &asked.caller)
}

async fn end(asked: Asked<Nothing>) -> Result<CallAnswer, ApiError> {
    let mut entry = asked.calls.open(&asked.call()?).await?;
    let actor: &Actor = &asked.caller.actor;
    asked.calls.change(&mut entry, &actor.user, |body, kind| Ok(body.call.end(kind, actor)?)).await?;
    call_answer(&asked.calls, &entry, &asked.caller)
}

async fn query(asked: Asked<Query>) -> Result<CallsAnswer, ApiError> {
    let Query { r#type, created_by, member, state, starts_from_ms, starts_before_ms, sort, limit, cursor } =
        asked.input;
    let count = page(limit)?;
    let sort = sort.unwrap_or_default();
    let text = |field: &str, text: Option<String>| -> Result<String, ApiError> {
        let text = text.unwrap_or_default();
        super::check_text(field, &text, ::calls::NAME_BYTES_MAX)?;
        Ok(text)
    };
    let query = CallQuery {
        kind: text("type", r#type)?,
        created_by: text("created_by", created_by)?,
        member: text("member", member)?,
        state: state.map(|state| match state {
            State::Upcoming => CallState::Upcoming,
            State::Live => CallState::Live,
            State::Backstage => CallState::Backstage,
            State::Ended => CallState::Ended,
        }),
        starts_from_ms: starts_from_ms.unwrap_or_default(),
        starts_before_ms: starts_before_ms.unwrap_or_default(),
        sort: if matches!(sort, Sort::Starts | Sort::StartsLast) { CallSort::Starts } else { CallSort::Created },
        descending: matches!(sort, Sort::CreatedLast | Sort::StartsLast),
        after: cursor.as_deref().map(read_cursor).transpose()?,
        count,
        now_ms: now_ms(),
    };
    let rows = call_query::list(&asked.calls.store, &query).await?;
    let full = rows.len() as u64 >= count;
    let next = rows.last().filter(|_| full).map(|row| {
        let time = if query.sort == CallSort::Starts { row.starts_ms } else { row.created_ms };
        format!("{time}~{}", row.id)
    });
    let mut found = Vec::new();
    for id in rows.iter().filter_map(|row| CallId::of_room(&row.id)) {
        if asked.caller.check_call(&id).is_err() {
            continue;
        }
        let Ok(entry) = asked.calls.open(&id).await else { continue };
        let kind = asked.calls.kind(id.kind())?;
        if asked.calls.check_read(&entry, &kind, &asked.caller).is_ok() {
            found.push(asked.calls.view(&entry, &kind, &asked.caller));
        }
    }
    Ok(CallsAnswer { calls: found, next })
}

fn read_cursor(text: &str) -> Result<(u64, String), ApiError> {
    let parts = text.split_once('~').and_then(|(time, id)| Some((time.parse().ok()?, CallId::of_room(id)?)));
    let (time, id) = parts.ok_or_else(|| ApiError::field("cursor", "must be the next of a page"))?;
    Ok((time, id.to_string()))
}
