//! Users, guests, and tokens: made and voided.

use ::calls::{Role, UserId};
use axum::http::{Method, StatusCode};
use rand::distr::{Alphanumeric, SampleString as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::tables::CallUser;

use super::{Custom, Nothing, TEXT_BYTES_MAX, check_custom, check_text};
use crate::clock::{now_ms, now_s};
use crate::endpoint::{Answer, Asked, Endpoint, Need, endpoint};
use crate::error::{ApiError, Code, named};
use crate::service::{Calls, Inner};
use crate::token::{self, CALLS_MAX, Wish};
use crate::view::UserView;

/// Users in one request.
const USERS_MAX: usize = 100;
/// Life of a token that names none, and the longest, in seconds.
const TTL_S: u64 = 3_600;
const TTL_MAX_S: u64 = 366 * 24 * 3_600;
/// Life of a guest's token, in seconds.
const GUEST_TTL_S: u64 = 6 * 3_600;
/// Random characters of a guest's id.
const GUEST_CHARS: usize = 12;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        endpoint(Method::PUT, "/users", "upsertUsers", Need::Server, "Makes users, or changes them.", put),
        endpoint(Method::GET, "/users/{user}", "readUser", Need::Token, "A user.", read),
        endpoint(
            Method::PATCH,
            "/users/me",
            "updateMe",
            Need::Token,
            "Changes the caller's name, picture and own fields.",
            me,
        ),
        endpoint(
            Method::POST,
            "/users/{user}/tokens",
            "createToken",
            Need::Server,
            "A user token, for back ends that do not sign their own.",
            mint,
        ),
        endpoint(
            Method::POST,
            "/users/{user}/revoke",
            "revokeUser",
            Need::Server,
            "Voids a user's tokens that were issued before a time, and ends the sessions that began with one.",
            revoke,
        ),
        endpoint(
            Method::POST,
            "/tokens/revoke",
            "revokeAll",
            Need::Server,
            "Voids all tokens that were issued before a time, server tokens and sessions included.",
            revoke_all,
        ),
        endpoint(
            Method::POST,
            "/guests",
            "createGuest",
            Need::Nothing,
            "A guest with a token, where the server lets guests in.",
            guest,
        ),
    ]
}

/// A user as it is to be; what is left out is empty.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UserWish {
    /// Unique.
    id: UserId,
    /// What people read.
    #[serde(default)]
    name: String,
    /// The address of a picture.
    #[serde(default)]
    image: String,
    /// What it is where neither token nor call say otherwise; `user` when left out.
    role: Option<Role>,
    /// The app's own.
    #[serde(default)]
    custom: Custom,
}

/// Users as they are to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UsersWish {
    users: Vec<UserWish>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct UsersAnswer {
    users: Vec<UserView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct UserAnswer {
    user: UserView,
}

/// What a user says of itself; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MeWish {
    name: Option<String>,
    image: Option<String>,
    custom: Option<Custom>,
}

/// What a token is to be like.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TokenWish {
    /// How long it is good for, in seconds; an hour when left out.
    #[schemars(range(min = 1, max = 31_622_400))]
    ttl_s: Option<u64>,
    /// The role that it gives; the user's own when left out.
    role: Option<Role>,
    /// The only calls that it is good for, such as `default:standup`; all when left out.
    calls: Option<Vec<String>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TokenAnswer {
    user: UserId,
    token: String,
    /// Milliseconds since 1970.
    expires_at_ms: u64,
}

/// Which tokens are void.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RevokeWish {
    /// Those issued before this second since 1970; when left out, all until the end of the present one.
    issued_before_s: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct RevokeAnswer {
    /// Seconds since 1970.
    issued_before_s: u64,
}

/// A guest.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GuestWish {
    /// What people read.
    #[serde(default)]
    name: String,
    /// The address of a picture.
    #[serde(default)]
    image: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct GuestAnswer {
    user: UserView,
    token: String,
    /// Milliseconds since 1970.
    expires_at_ms: u64,
}

impl Answer for UsersAnswer {}
impl Answer for UserAnswer {}
impl Answer for TokenAnswer {}
impl Answer for RevokeAnswer {}
impl Answer for GuestAnswer {
    fn status(&self) -> StatusCode {
        StatusCode::CREATED
    }
}

async fn put(asked: Asked<UsersWish>) -> Result<UsersAnswer, ApiError> {
    let wishes = asked.input.users;
    if wishes.len() > USERS_MAX {
        return Err(ApiError::field("users", format!("at most {USERS_MAX} in one request")));
    }
    let mut users = Vec::new();
    for (index, wish) in wishes.into_iter().enumerate() {
        let within = |mut error: ApiError| {
            error.field = error.field.map(|field| format!("users.{index}.{field}"));
            error
        };
        let id = token::user_id(wish.id.as_str()).map_err(within)?;
        let user = row(&asked.calls, &id, wish).await.map_err(within)?;
        users.push((id, user));
    }
    let views = users.iter().map(|(_, user)| UserView::from(user)).collect();
    asked.calls.users.put(users).await?;
    Ok(UsersAnswer { users: views })
}

async fn row(calls: &Inner, id: &UserId, wish: UserWish) -> Result<CallUser, ApiError> {
    check_text("name", &wish.name, TEXT_BYTES_MAX)?;
    check_text("image", &wish.image, TEXT_BYTES_MAX)?;
    check_custom("custom", &wish.custom)?;
    let now = now_ms();
    let known = calls.users.find(id).await?;
    Ok(CallUser {
        id: id.to_string(),
        name: wish.name,
        image: wish.image,
        role: wish.role.unwrap_or_else(Role::user).to_string(),
        custom: serde_json::to_string(&wish.custom).unwrap_or_default(),
        created_ms: known.map_or(now, |user| user.created_ms),
        updated_ms: now,
    })
}

async fn read(asked: Asked<Nothing>) -> Result<UserAnswer, ApiError> {
    let id = asked.user()?;
    let user = asked.calls.users.find(&id).await?.ok_or_else(|| ApiError::new(Code::UserNotFound))?;
    Ok(UserAnswer { user: UserView::from(&*user) })
}

async fn me(asked: Asked<MeWish>) -> Result<UserAnswer, ApiError> {
    if asked.caller.server || asked.caller.anonymous {
        return Err(ApiError::says(Code::NotServed, "only users with a token have a self to change"));
    }
    let (id, wish) = (asked.caller.actor.user, asked.input);
    let known = asked.calls.users.find(&id).await?;
    let known = known.as_deref().cloned().unwrap_or_default();
    let custom = wish.custom.unwrap_or_else(|| serde_json::from_str(&known.custom).unwrap_or_default());
    // A token's role is not the user's own to keep.
    let role = Role::new(&known.role).ok();
    let wish = UserWish {
        id: id.clone(),
        name: wish.name.unwrap_or(known.name),
        image: wish.image.unwrap_or(known.image),
        role,
        custom,
    };
    let user = row(&asked.calls, &id, wish).await?;
    let view = UserView::from(&user);
    asked.calls.users.put(vec![(id, user)]).await?;
    Ok(UserAnswer { user: view })
}

async fn mint(asked: Asked<TokenWish>) -> Result<TokenAnswer, ApiError> {
    let (user, wish) = (asked.user()?, &asked.input);
    let calls = wish.calls.as_deref();
    for (index, call) in calls.unwrap_or_default().iter().enumerate() {
        if ::calls::CallId::of_room(call).is_none() || index >= CALLS_MAX {
            let text = format!("at most {CALLS_MAX} texts such as default:standup");
            return Err(ApiError::field(format!("calls.{index}"), text));
        }
    }
    let ttl_s = wish.ttl_s.unwrap_or(TTL_S);
    if !(1..=TTL_MAX_S).contains(&ttl_s) {
        return Err(ApiError::field("ttl_s", format!("from 1 to {TTL_MAX_S} seconds")));
    }
    let wish = Wish { user: &user, role: wish.role.as_ref(), calls, ttl_s };
    let (token, expires_at_ms) = sign(&asked.calls, &asked.caller.key, &wish)?;
    Ok(TokenAnswer { token, expires_at_ms, user: user.clone() })
}

impl Calls {
    /// An hour's user token, signed with the first key, for whoever the caller trusts: its own back end has no door.
    ///
    /// # Errors
    /// The user or the role is none, or the server has no key.
    pub fn user_token(&self, user: &str, role: Option<&str>) -> Result<String, ApiError> {
        let user = token::user_id(user)?;
        let role = role.map(|role| named("role", Role::new(role))).transpose()?;
        let wish = Wish { user: &user, role: role.as_ref(), calls: None, ttl_s: TTL_S };
        sign(&self.0, "", &wish).map(|(token, _)| token)
    }
}

/// A token signed with a key, and when it ends.
fn sign(calls: &Inner, key: &str, wish: &Wish<'_>) -> Result<(String, u64), ApiError> {
    let keys = calls.rooms.keys();
    let found = keys.get_key_value(key).or_else(|| keys.iter().next());
    let (key, secret) = found.ok_or_else(|| ApiError::new(Code::Internal))?;
    let now = now_s();
    Ok((token::mint(key, secret, wish, now), now.saturating_add(wish.ttl_s).saturating_mul(1000)))
}

async fn revoke(asked: Asked<RevokeWish>) -> Result<RevokeAnswer, ApiError> {
    let user = asked.user()?;
    void(&asked.calls, Some(&user), &asked.input).await
}

async fn revoke_all(asked: Asked<RevokeWish>) -> Result<RevokeAnswer, ApiError> {
    void(&asked.calls, None, &asked.input).await
}

async fn void(calls: &Inner, user: Option<&UserId>, wish: &RevokeWish) -> Result<RevokeAnswer, ApiError> {
    let latest = now_s().saturating_add(1);
    let issued_before_s = wish.issued_before_s.unwrap_or(latest);
    if issued_before_s > latest {
        return Err(ApiError::field("issued_before_s", "must not lie in the future"));
    }
    calls.rooms.revoke(user.map(UserId::as_str), issued_before_s).await;
    calls.hub.cut_revoked(|user, issued_s| calls.rooms.is_revoked(user.as_str(), issued_s));
    Ok(RevokeAnswer { issued_before_s })
}

async fn guest(asked: Asked<GuestWish>) -> Result<GuestAnswer, ApiError> {
    if !asked.calls.config.guests {
        return Err(ApiError::says(Code::NotServed, "this server lets no guests in: set calls.guests"));
    }
    let id = format!("guest-{}", Alphanumeric.sample_string(&mut rand::rng(), GUEST_CHARS));
    let id = token::user_id(&id)?;
    let GuestWish { name, image } = asked.input;
    let wish = UserWish { id: id.clone(), name, image, role: Some(Role::viewer()), custom: Custom::new() };
    let user = row(&asked.calls, &id, wish).await?;
    let view = UserView::from(&user);
    asked.calls.users.put(vec![(id.clone(), user)]).await?;
    let wish = Wish { user: &id, role: Some(&Role::viewer()), calls: None, ttl_s: GUEST_TTL_S };
    let (token, expires_at_ms) = sign(&asked.calls, "", &wish)?;
    Ok(GuestAnswer { user: view, token, expires_at_ms })
}
