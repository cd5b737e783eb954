//! A call to rows of the store and back.

use std::collections::BTreeMap;

use calls::{Call, CallId, Capabilities, Exception, Kept, Phase, Role, UserId};
use store::tables::call::{self, put_member, remove_member};
use store::tables::{self, CallException};
use store::{Change, Store};

use crate::entry::Body;
use crate::error::{ApiError, Code};

/// The call with an id, if the store has it.
pub(crate) async fn load(store: &Store, id: &CallId) -> Result<Option<Body>, ApiError> {
    let key = id.to_string();
    let Some(row) = call::by_id(store, &key).await? else { return Ok(None) };
    let (members, exceptions) = (call::members(store, &key).await?, call::exceptions(store, &key).await?);
    restore(id.clone(), row, members, exceptions).map(Some).ok_or_else(|| {
        tracing::error!(call = key, "a call in the store cannot be read");
        ApiError::new(Code::Internal)
    })
}

/// All rows of a new call.
pub(crate) fn added(body: &Body) -> Vec<Change> {
    let kept = body.call.kept();
    let id = body.call.id().to_string();
    let members = kept.members.iter().map(|(user, role)| put_member(&id, user.as_str(), role.as_str()));
    std::iter::once(row(body, &kept).add()).chain(members).collect()
}

/// The rows that differ; nothing when all is as it was.
pub(crate) fn changed(before: &Body, after: &Body) -> Vec<Change> {
    let (old, new) = (before.call.kept(), after.call.kept());
    let id = after.call.id().to_string();
    let (mut old_row, new_row) = (row(before, &old), row(after, &new));
    // A time alone is no change.
    old_row.updated_ms = new_row.updated_ms;
    let mut changes = Vec::new();
    if old.members != new.members {
        let put = new.members.iter().filter(|(user, role)| old.members.get(*user) != Some(*role));
        changes.extend(put.map(|(user, role)| put_member(&id, user.as_str(), role.as_str())));
        let gone = old.members.keys().filter(|user| !new.members.contains_key(*user));
        changes.extend(gone.map(|user| remove_member(&id, user.as_str())));
    }
    if old.exceptions != new.exceptions {
        let put = new.exceptions.iter().filter(|(user, it)| old.exceptions.get(*user) != Some(*it));
        changes.extend(put.map(|(user, it)| exception(*it).put(&id, user.as_str())));
        let gone = old.exceptions.keys().filter(|user| !new.exceptions.contains_key(*user));
        changes.extend(gone.map(|user| CallException::default().put(&id, user.as_str())));
    }
    if old_row != new_row || !changes.is_empty() {
        changes.insert(0, new_row.replace());
    }
    changes
}

fn row(body: &Body, kept: &Kept) -> tables::Call {
    let call = &body.call;
    // What is written here serialises: texts, numbers and maps with text for keys.
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    tables::Call {
        id: call.id().to_string(),
        kind: call.id().kind().to_owned(),
        created_by: kept.created_by.to_string(),
        phase: match kept.phase {
            Phase::Backstage => 0,
            Phase::Live => 1,
            Phase::Ended => 2,
        },
        starts_ms: kept.starts_at_ms.unwrap_or_default(),
        first_join_ms: kept.first_join_ms.unwrap_or_default(),
        live_ms: body.live_ms,
        ended_ms: body.ended_ms,
        deadline_ms: call.deadline_ms().unwrap_or_default(),
        created_ms: body.created_ms,
        updated_ms: body.updated_ms,
        settings: json(serde_json::to_string(&kept.settings)),
        custom: json(serde_json::to_string(&body.custom)),
        pins: json(serde_json::to_string(&body.pins)),
        ingress: body.ingress.clone(),
    }
}

fn exception(it: Exception) -> CallException {
    CallException { more: it.more.bits(), less: it.less.bits(), asked: it.asked.bits(), blocked: it.blocked }
}

fn restore(
    id: CallId,
    row: tables::Call,
    members: BTreeMap<String, String>,
    exceptions: BTreeMap<String, CallException>,
) -> Option<Body> {
    let some = |time: u64| (time > 0).then_some(time);
    let members = members.iter().map(|(user, role)| Some((UserId::new(user).ok()?, Role::new(role).ok()?)));
    let bits = Capabilities::from_bits;
    let exceptions = exceptions.iter().map(|(user, it)| {
        let kept = Exception { more: bits(it.more), less: bits(it.less), asked: bits(it.asked), blocked: it.blocked };
        Some((UserId::new(user).ok()?, kept))
    });
    let kept = Kept {
        created_by: UserId::new(&row.created_by).ok()?,
        members: members.collect::<Option<_>>()?,
        settings: serde_json::from_str(&row.settings).ok()?,
        phase: match row.phase {
            0 => Phase::Backstage,
            1 => Phase::Live,
            _ => Phase::Ended,
        },
        starts_at_ms: some(row.starts_ms),
        first_join_ms: some(row.first_join_ms),
        exceptions: exceptions.collect::<Option<_>>()?,
    };
    Some(Body {
        call: Call::restore(id, kept),
        live_ms: row.live_ms,
        ended_ms: row.ended_ms,
        created_ms: row.created_ms,
        updated_ms: row.updated_ms,
        custom: serde_json::from_str(&row.custom).ok()?,
        pins: serde_json::from_str(&row.pins).ok()?,
        ingress: row.ingress,
    })
}
