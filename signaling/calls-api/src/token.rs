//! User tokens and server tokens: who asks, signed with an API secret (RFC 7519, HS256 only).
//!
//! A user token names a user in `sub`; a server token says `"server": true` and may do everything. Both say when they were
//! issued (`iat`) and end (`exp`); `iss` is the API key and may be left out where there is only one. A media token, which
//! has a `video` claim, opens nothing here.

use std::collections::{BTreeMap, BTreeSet};

use calls::{CallId, Role, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::config::Secret;
use crate::error::{ApiError, Code};

/// How far the clocks of minter and server may differ, in seconds, for `iat` and `nbf`. `exp` is taken at its word.
pub(crate) const LEEWAY_S: u64 = 60;
/// Longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Calls that one token may name.
pub(crate) const CALLS_MAX: usize = 100;
/// What begins the ids that are nobody's but the server's.
pub(crate) const RESERVED: char = '@';

/// What a good token says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Bearer {
    /// The API key that signed it.
    pub(crate) key: String,
    /// The user; nothing for a back end.
    pub(crate) user: Option<UserId>,
    /// The role that it gives.
    pub(crate) role: Option<Role>,
    /// The only calls that it is good for.
    pub(crate) calls: Option<BTreeSet<CallId>>,
    /// When it was issued, in seconds since 1970.
    pub(crate) issued_s: u64,
    /// When it ends, in seconds since 1970.
    pub(crate) expires_s: u64,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    iat: Option<Number>,
    exp: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calls: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    server: bool,
    /// A media token has it.
    #[serde(default, skip_serializing)]
    video: Option<Value>,
}

/// Reads a token and checks it at a time, in seconds since 1970.
///
/// # Errors
/// [`Code::TokenInvalid`] or [`Code::TokenExpired`].
pub(crate) fn verify(keys: &BTreeMap<String, Secret>, token: &str, now_s: u64) -> Result<Bearer, ApiError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(invalid("it is too long"));
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| invalid("it is no JSON Web Token"))?;
    // RFC 7515 section 4.1.11: critical extensions that are not known must be refused.
    if header.alg != Algorithm::HS256 || header.crit.is_some() {
        return Err(invalid("it must be signed with HS256"));
    }
    let named: Claims =
        jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|_| invalid("its claims cannot be read"))?;
    let (key, secret) = match &named.iss {
        Some(key) => keys.get_key_value(key).ok_or_else(|| invalid("iss names no API key of this server"))?,
        None if keys.len() == 1 => keys.iter().next().ok_or_else(|| invalid("there is no API key"))?,
        None => return Err(invalid("iss, the API key, is missing")),
    };
    let decoded = jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_secret(secret.bytes()), &signature_only());
    let claims = decoded.map_err(|_| invalid("its signature does not match"))?.claims;
    read(key, claims, now_s)
}

fn read(key: &str, claims: Claims, now_s: u64) -> Result<Bearer, ApiError> {
    if claims.video.is_some() {
        return Err(invalid("it is a media token; use a user token"));
    }
    let expires_s = seconds(claims.exp.as_ref()).ok_or_else(|| invalid("exp is missing"))?;
    let issued_s = seconds(claims.iat.as_ref()).ok_or_else(|| invalid("iat is missing"))?;
    if expires_s <= now_s {
        return Err(ApiError::new(Code::TokenExpired));
    }
    let begins_s = issued_s.max(seconds(claims.nbf.as_ref()).unwrap_or_default());
    if begins_s > now_s.saturating_add(LEEWAY_S) {
        return Err(invalid("it is not valid yet"));
    }
    let user = match (claims.sub.as_deref(), claims.server) {
        (_, true) => None,
        (Some(sub), false) => Some(user_id(sub).map_err(|error| invalid(&format!("sub: {}", error.message)))?),
        (None, false) => return Err(invalid("sub, the user's id, is missing")),
    };
    let role = claims.role.map(|role| Role::new(&role).map_err(|_| invalid("role is no role's name"))).transpose()?;
    let calls = claims.calls.map(|calls| {
        let calls = calls.iter().take(CALLS_MAX).map(|call| CallId::of_room(call));
        calls
            .collect::<Option<BTreeSet<CallId>>>()
            .ok_or_else(|| invalid("calls must hold texts such as default:standup"))
    });
    Ok(Bearer { key: key.to_owned(), user, role, calls: calls.transpose()?, issued_s, expires_s })
}

/// A user's id, which must not look like one of the server's own.
///
/// # Errors
/// A fault of the field `id`.
pub(crate) fn user_id(text: &str) -> Result<UserId, ApiError> {
    let id = crate::error::named("id", UserId::new(text))?;
    if text.starts_with(RESERVED) {
        return Err(ApiError::field("id", "ids that begin with @ are the server's own"));
    }
    Ok(id)
}

/// What a user token is to say.
pub(crate) struct Wish<'a> {
    pub(crate) user: &'a UserId,
    pub(crate) role: Option<&'a Role>,
    pub(crate) calls: Option<&'a [String]>,
    pub(crate) ttl_s: u64,
}

/// Signs a user token with the secret of a key.
pub(crate) fn mint(key: &str, secret: &Secret, wish: &Wish<'_>, now_s: u64) -> String {
    let claims = Claims {
        iss: Some(key.to_owned()),
        sub: Some(wish.user.to_string()),
        iat: Some(now_s.into()),
        exp: Some(now_s.saturating_add(wish.ttl_s).into()),
        nbf: None,
        role: wish.role.map(Role::to_string),
        calls: wish.calls.map(<[String]>::to_vec),
        server: false,
        video: None,
    };
    // HS256 takes a secret of any length and these claims always serialise; an empty token, which nobody accepts, stands
    // for the impossible.
    let key = EncodingKey::from_secret(secret.bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap_or_default()
}

fn invalid(why: &str) -> ApiError {
    ApiError::says(Code::TokenInvalid, format!("the token is not valid: {why}"))
}

fn seconds(number: Option<&Number>) -> Option<u64> {
    // A float-to-integer cast saturates.
    number.and_then(Number::as_f64).map(|seconds| seconds as u64)
}

fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    // Times are checked with the caller's clock, and these tokens have no audience of ours.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn keys(names: &[&str]) -> BTreeMap<String, Secret> {
        names.iter().map(|name| ((*name).to_owned(), Secret::new(format!("secret of {name}")))).collect()
    }

    fn signed(claims: &Value, secret: &str, algorithm: Algorithm) -> String {
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
    }

    #[test]
    fn what_is_minted_is_taken() {
        let (keys, ann, role) = (keys(&["a", "b"]), UserId::new("ann").unwrap(), Role::host());
        let calls = ["default:one".to_owned()];
        let wish = Wish { user: &ann, role: Some(&role), calls: Some(&calls), ttl_s: 60 };
        let token = mint("b", &keys["b"], &wish, NOW);
        let bearer = verify(&keys, &token, NOW).unwrap();
        assert_eq!((bearer.key.as_str(), bearer.user, bearer.role), ("b", Some(ann), Some(role)));
        assert_eq!(bearer.calls.map(|calls| calls.len()), Some(1));
        assert_eq!((bearer.issued_s, bearer.expires_s), (NOW, NOW + 60));
        assert_eq!(verify(&keys, &token, NOW + 60).unwrap_err().code, Code::TokenExpired);
    }

    #[test]
    fn a_server_token_is_nobody() {
        let claims = json!({ "iss": "a", "server": true, "iat": NOW, "exp": NOW + 60 });
        let token = signed(&claims, "secret of a", Algorithm::HS256);
        assert_eq!(verify(&keys(&["a", "b"]), &token, NOW).unwrap().user, None);
    }

    #[test]
    fn the_key_may_be_left_out_where_there_is_one() {
        let claims = json!({ "sub": "ann", "iat": NOW, "exp": NOW + 60 });
        let token = signed(&claims, "secret of a", Algorithm::HS256);
        assert!(verify(&keys(&["a"]), &token, NOW).is_ok());
        assert!(verify(&keys(&["a", "b"]), &token, NOW).is_err());
    }

    #[test]
    fn bad_tokens() {
        let good = json!({ "iss": "a", "sub": "ann", "iat": NOW, "exp": NOW + 60 });
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            claims
        };
        for (claims, says) in [
            (with("iss", json!("c")), "iss names no"),
            (with("sub", json!("a b")), "sub:"),
            (with("sub", json!("@server")), "sub:"),
            (with("sub", Value::Null), "sub, the user's id"),
            (with("iat", Value::Null), "iat is missing"),
            (with("exp", Value::Null), "exp is missing"),
            (with("iat", json!(NOW + 120)), "not valid yet"),
            (with("nbf", json!(NOW + 120)), "not valid yet"),
            (with("role", json!("a b")), "role"),
            (with("calls", json!(["one"])), "calls must hold"),
            (with("video", json!({ "roomJoin": true })), "a media token"),
            (with("iss", json!(7)), "claims cannot be read"),
        ] {
            let token = signed(&claims, "secret of a", Algorithm::HS256);
            let error = verify(&keys(&["a"]), &token, NOW).unwrap_err();
            assert!(error.code == Code::TokenInvalid && error.message.contains(says), "{claims}: {}", error.message);
        }
        for (token, says) in [
            (signed(&good, "another", Algorithm::HS256), "signature"),
            (signed(&good, "secret of a", Algorithm::HS384), "HS256"),
            ("e30.e30.".to_owned(), "no JSON Web Token"),
            ("x".repeat(TOKEN_BYTES_MAX + 1), "too long"),
        ] {
            let error = verify(&keys(&["a"]), &token, NOW).unwrap_err();
            assert!(error.message.contains(says), "{}", error.message);
        }
    }
}
