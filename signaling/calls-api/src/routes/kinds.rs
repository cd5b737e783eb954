//! Call types: how calls of each begin, and what each role may do in them.

use std::collections::BTreeMap;

use ::calls::{CallType, Capabilities, Role, Settings, builtin_types};
use axum::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::tables;

use super::{Done, Nothing, patched};
use crate::clock::now_ms;
use crate::endpoint::{Answer, Asked, Endpoint, Need, endpoint};
use crate::error::{ApiError, Code, named};

/// Call types at a time.
const TYPES_MAX: usize = 200;
/// Roles of one type.
const ROLES_MAX: usize = 50;
/// The type after which a new one is made.
const PATTERN: &str = "default";

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        endpoint(Method::GET, "/types", "listTypes", Need::Token, "All call types.", list),
        endpoint(Method::GET, "/types/{type}", "readType", Need::Token, "A call type.", read),
        endpoint(
            Method::PUT,
            "/types/{type}",
            "upsertType",
            Need::Server,
            "Makes a call type, or changes what is named of it; who is in a call feels it at once.",
            put,
        ),
        endpoint(
            Method::DELETE,
            "/types/{type}",
            "deleteType",
            Need::Server,
            "Forgets a call type that no call has; a built-in one becomes as it was.",
            delete,
        ),
    ]
}

/// A call type.
#[derive(Debug, Serialize, JsonSchema)]
struct TypeView {
    name: String,
    /// It is always there.
    built_in: bool,
    /// How calls of it begin.
    settings: Settings,
    /// What each role may do.
    grants: BTreeMap<String, Capabilities>,
}

impl TypeView {
    fn new(name: &str, kind: &CallType) -> Self {
        Self {
            name: name.to_owned(),
            built_in: builtin_types().contains_key(name),
            settings: kind.settings.clone(),
            grants: kind.grants.iter().map(|(role, all)| (role.to_string(), *all)).collect(),
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct TypesAnswer {
    types: Vec<TypeView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TypeAnswer {
    r#type: TypeView,
}

/// What a call type is to be; what is left out stays, or is as in the type `default`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TypeWish {
    /// Any part of a call's settings.
    #[serde(default)]
    settings: Map<String, Value>,
    /// Roles with all that each may do.
    #[serde(default)]
    grants: BTreeMap<String, Capabilities>,
}

impl Answer for TypesAnswer {}
impl Answer for TypeAnswer {}

async fn list(asked: Asked<Nothing>) -> Result<TypesAnswer, ApiError> {
    let types = asked.calls.kinds().iter().map(|(name, kind)| TypeView::new(name, kind)).collect();
    Ok(TypesAnswer { types })
}

async fn read(asked: Asked<Nothing>) -> Result<TypeAnswer, ApiError> {
    let name = asked.part("type");
    Ok(TypeAnswer { r#type: TypeView::new(name, &*asked.calls.kind(name)?) })
}

async fn put(asked: Asked<TypeWish>) -> Result<TypeAnswer, ApiError> {
    let (calls, wish) = (&asked.calls, &asked.input);
    // A type's name is a name like a role's.
    let name = named("type", Role::new(asked.part("type")))?.to_string();
    let known = calls.kind(&name);
    if known.is_err() && calls.kinds().len() >= TYPES_MAX {
        return Err(ApiError::says(Code::LimitReached, format!("at most {TYPES_MAX} call types")));
    }
    let mut kind = CallType::clone(&*known.or_else(|_| calls.kind(PATTERN))?);
    kind.settings = patched(&kind.settings, &wish.settings)?;
    for (role, all) in &wish.grants {
        kind.grants.insert(named(&format!("grants.{role}"), Role::new(role))?, *all);
    }
    if kind.grants.len() > ROLES_MAX {
        return Err(ApiError::field("grants", format!("at most {ROLES_MAX} roles")));
    }
    let body = serde_json::to_string(&kind).unwrap_or_default();
    calls.store.commit(vec![tables::CallType { name: name.clone(), body, updated_ms: now_ms() }.put()]).await?;
    calls.set_kind(&name, Some(kind.clone()));
    refresh(&asked, &name).await?;
    Ok(TypeAnswer { r#type: TypeView::new(&name, &kind) })
}

async fn delete(asked: Asked<Nothing>) -> Result<Done, ApiError> {
    let (calls, name) = (&asked.calls, asked.part("type"));
    let kind = calls.kind(name)?;
    let built_in = builtin_types().remove(name);
    if built_in.as_ref() == Some(&*kind) {
        return Err(ApiError::says(Code::Conflict, "a built-in type that is as it was cannot be deleted"));
    }
    let change = match built_in {
        // Its calls go on, by the built-in rules.
        Some(_) => tables::CallType::forget(name),
        None => tables::CallType::remove(name),
    };
    let removed = calls.store.commit(vec![change]).await;
    removed.map_err(|error| match error {
        store::StoreError::Conflict => ApiError::says(Code::Conflict, "there are calls of this type"),
        error => error.into(),
    })?;
    calls.set_kind(name, None);
    refresh(&asked, name).await?;
    Ok(Done {})
}

/// Gives everybody in calls of a type what its roles may do by now.
async fn refresh<T>(asked: &Asked<T>, name: &str) -> Result<(), ApiError> {
    let Ok(kind) = asked.calls.kind(name) else { return Ok(()) };
    for id in asked.calls.cache.ids().into_iter().filter(|id| id.kind() == name) {
        if let Ok(mut entry) = asked.calls.open(&id).await {
            asked.calls.refresh(&mut entry, &kind).await;
        }
    }
    Ok(())
}
