//! Members of a call.

use std::collections::BTreeSet;
use std::ops::Bound;

use ::calls::{Capability, UserId};
use axum::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calls::{MemberWish, members};
use super::page;
use crate::endpoint::{Answer, Asked, Endpoint, Need, endpoint};
use crate::error::ApiError;
use crate::view::MemberView;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        endpoint(
            Method::GET,
            "/calls/{type}/{id}/members",
            "listMembers",
            Need::Has(Capability::ReadCall),
            "Members in the order of their ids, page by page.",
            list,
        ),
        endpoint(
            Method::POST,
            "/calls/{type}/{id}/members",
            "updateMembers",
            Need::Has(Capability::UpdateMembers),
            "Adds members, changes roles, removes members.",
            update,
        ),
    ]
}

/// Which members.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Entries of a page.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Who comes, who goes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// New members, and members with other roles.
    #[serde(default)]
    put: Vec<MemberWish>,
    /// Who is a member no longer.
    #[serde(default)]
    remove: BTreeSet<UserId>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct MembersAnswer {
    members: Vec<MemberView>,
    members_count: usize,
    /// What to ask the next page with; nothing after the last.
    next: Option<String>,
}

impl Answer for MembersAnswer {}

async fn list(asked: Asked<Page>) -> Result<MembersAnswer, ApiError> {
    let entry = asked.calls.open(&asked.call()?).await?;
    let kind = asked.calls.kind(entry.body.call.id().kind())?;
    let count = usize::try_from(page(asked.input.limit)?).unwrap_or(usize::MAX);
    asked.calls.check_read(&entry, &kind, &asked.caller)?;
    let after = asked.input.cursor.as_deref().map(UserId::new).transpose();
    let after = crate::error::named("cursor", after)?;
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let all = entry.body.call.members();
    let shown: Vec<_> = all.range((from, Bound::Unbounded)).take(count).collect();
    let next = shown.last().filter(|_| shown.len() == count).map(|(user, _)| user.to_string());
    let members = shown.into_iter().map(|(user, role)| MemberView::new(user, role)).collect();
    Ok(MembersAnswer { members, members_count: all.len(), next })
}

async fn update(asked: Asked<Change>) -> Result<MembersAnswer, ApiError> {
    let mut entry = asked.calls.open(&asked.call()?).await?;
    let actor = &asked.caller.actor;
    let put = members(asked.input.put)?;
    let shown: Vec<UserId> = put.keys().cloned().collect();
    let remove = asked.input.remove;
    let change = |body: &mut crate::entry::Body, kind: &::calls::CallType| {
        Ok(body.call.set_members(kind, actor, put, &remove)?)
    };
    asked.calls.change(&mut entry, &actor.user, change).await?;
    let all = entry.body.call.members();
    let named = shown.iter().filter_map(|user| all.get_key_value(user));
    let members = named.map(|(user, role)| MemberView::new(user, role)).collect();
    Ok(MembersAnswer { members, members_count: all.len(), next: None })
}
