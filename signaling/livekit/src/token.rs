//! Access tokens: who somebody is and what they may do, signed with an API secret (RFC 7519, HS256 only).
//!
//! The clock is an argument. A secret or a token never reaches a log: see the `Debug` of [`Secret`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Deserializer, Serialize};

use crate::world::Refresh;

/// How far the clocks of minter and server may differ, in seconds, at `exp` and `nbf`.
pub const LEEWAY_S: u64 = 60;
/// Life of a minted token that names none.
pub const TTL_DEFAULT: Duration = Duration::from_secs(6 * 3600);
/// Shortest life of a refreshed token, in seconds.
pub const REFRESHED_TTL_S: u64 = 600;
/// Longest token that is looked at, in bytes; a room configuration inside may be long, but not endless.
pub const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// A claim of ours: the role for which the Calls API made a token. It survives a refresh.
pub const ROLE_CLAIM: &str = "callRole";

/// An API secret. It shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret as the operator wrote it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for another dialect that signs with it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Length in bytes; fewer than 32 are guessable and worth a warning.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is empty; an empty secret signs nothing and opens nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// API keys and their secrets. Copies share one table, so that replacing it reaches all who hold one.
#[derive(Clone, Debug, Default)]
pub struct Keys(Arc<RwLock<BTreeMap<String, Secret>>>);

impl Keys {
    /// Adds a key, or replaces its secret.
    pub fn insert(&self, key: impl Into<String>, secret: Secret) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key.into(), secret);
    }

    /// Puts others in the place of all; false when they are the same. A token signed with a key that is gone opens nothing
    /// from here on; who is in a room stays.
    pub fn replace(&self, others: impl IntoIterator<Item = (String, Secret)>) -> bool {
        let others = others.into_iter().collect();
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let changed = *keys != others;
        *keys = others;
        changed
    }

    /// The secret of `key`; an empty one counts as absent.
    pub fn secret(&self, key: &str) -> Option<Secret> {
        self.read().get(key).filter(|secret| !secret.is_empty()).cloned()
    }

    /// All keys with their secrets, as they are at present.
    pub fn all(&self) -> Vec<(String, Secret)> {
        self.read().iter().map(|(key, secret)| (key.clone(), secret.clone())).collect()
    }

    /// The first key, by name.
    pub fn first(&self) -> Option<(String, Secret)> {
        self.read().iter().next().map(|(key, secret)| (key.clone(), secret.clone()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    /// No code that can panic runs under the lock, so a poisoned one is sound.
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Secret>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FromIterator<(String, Secret)> for Keys {
    fn from_iter<I: IntoIterator<Item = (String, Secret)>>(pairs: I) -> Self {
        Self(Arc::new(RwLock::new(pairs.into_iter().collect())))
    }
}

/// Why a token was refused. The display is what the client reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenError {
    /// Not a token, or not one signed with HS256.
    #[error("invalid authorization token")]
    PeerMalformed,
    /// `iss` names no key of ours.
    #[error("invalid API key")]
    PeerKeyUnknown,
    /// The signature is not by that key's secret.
    #[error("invalid authorization token: signature does not match")]
    PeerSignature,
    /// No `exp`: such a token would open the door for ever.
    #[error("invalid authorization token: exp is missing")]
    PeerEndless,
    /// `exp` has passed.
    #[error("invalid authorization token: token is expired")]
    PeerExpired,
    /// It would be good for longer than this server lets tokens live.
    #[error("invalid authorization token: it lives longer than this server allows")]
    PeerLongLived,
    /// `nbf` has not come.
    #[error("invalid authorization token: token is not valid yet")]
    PeerEarly,
}

/// What a token says, with the names of LiveKit's JSON.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Claims {
    /// The API key.
    #[serde(deserialize_with = "null_is_default")]
    pub iss: String,
    /// The identity.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub sub: String,
    /// The identity where `sub` is empty.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub jti: String,
    /// End, seconds since 1970; fractions occur.
    pub exp: Option<serde_json::Number>,
    /// Begin, seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<serde_json::Number>,
    /// Display name.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `standard`, `ingress`, `egress`, `sip`, `agent`, `connector` or `bridge`; empty is standard.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// More on the kind: `cloudAgent`, `forwarded`.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub kind_details: Vec<String>,
    /// What may be done in rooms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<VideoGrant>,
    /// Hash of a webhook's body, base64.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    /// The participant's metadata.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub metadata: String,
    /// The participant's attributes.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// What a room that this token creates should be like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_config: Option<serde_json::Value>,
    /// Names the settings of a room that this token creates.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub room_preset: String,
    /// What we do not read, kept for the refreshed token.
    #[serde(flatten)]
    pub other: BTreeMap<String, serde_json::Value>,
}

impl Claims {
    /// Who the bearer is; may be empty.
    pub fn identity(&self) -> &str {
        if self.sub.is_empty() { &self.jti } else { &self.sub }
    }

    /// From when on the token is good, in whole seconds since 1970: when it was issued, as SDKs mint; 0 when it does
    /// not say.
    pub fn issued_s(&self) -> u64 {
        // A float-to-integer cast saturates.
        self.nbf.as_ref().and_then(serde_json::Number::as_f64).map_or(0, |seconds| seconds as u64)
    }

    /// End of the token in whole seconds since 1970; 0 when it has none.
    pub fn expires_s(&self) -> u64 {
        // A float-to-integer cast saturates, so a hostile 1e300 becomes the largest integer.
        self.exp.as_ref().and_then(serde_json::Number::as_f64).map_or(0, |seconds| seconds as u64)
    }
}

/// The `video` claim.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct VideoGrant {
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "is_false")]
    pub room_create: bool,
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "is_false")]
    pub room_list: bool,
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "is_false")]
    pub room_record: bool,
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "is_false")]
    pub room_admin: bool,
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "is_false")]
    pub room_join: bool,
    /// The only room that the token is good for.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub room: String,
    /// Absent: yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish: Option<bool>,
    /// Absent: yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe: Option<bool>,
    /// Absent: as `can_publish`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish_data: Option<bool>,
    /// `camera`, `microphone`, `screen_share`, `screen_share_audio`; empty is all.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub can_publish_sources: Vec<String>,
    /// Absent: no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_update_own_metadata: Option<bool>,
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "is_false")]
    pub ingress_admin: bool,
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "is_false")]
    pub hidden: bool,
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "is_false")]
    pub recorder: bool,
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "is_false")]
    pub agent: bool,
    /// Absent: no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe_metrics: Option<bool>,
    /// Absent: no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_manage_agent_session: Option<bool>,
    /// Where a room admin may move participants to.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub destination_room: String,
}

/// Reads a token, checks its signature by the key that it names, and its time against `now_s`, seconds
/// since 1970.
///
/// # Errors
/// The first fault found, see [`TokenError`].
pub fn verify(keys: &Keys, token: &str, now_s: u64) -> Result<Claims, TokenError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenError::PeerMalformed);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::PeerMalformed)?;
    // RFC 7515 section 4.1.11: critical extensions that we do not know (we know none) must be refused.
    if header.alg != Algorithm::HS256 || header.crit.is_some() {
        return Err(TokenError::PeerMalformed);
    }
    let named: Issuer =
        jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|_| TokenError::PeerMalformed)?;
    let secret = keys.secret(&named.iss).ok_or(TokenError::PeerKeyUnknown)?;
    let key = DecodingKey::from_secret(secret.0.as_bytes());
    let claims =
        jsonwebtoken::decode::<Claims>(token, &key, &signature_only()).map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenError::PeerSignature,
            _ => TokenError::PeerMalformed,
        })?;
    check_time(&claims.claims, now_s)?;
    Ok(claims.claims)
}

/// The key and the identity that a token claims, whoever signed it: for records of what was done, once something else has
/// told that it was good.
pub fn claimed(token: &str) -> Option<(String, String)> {
    let fits = Some(token).filter(|token| token.len() <= TOKEN_BYTES_MAX)?;
    let claims: Claims = jsonwebtoken::dangerous::insecure_decode_claims(fits).ok()?;
    Some((claims.iss.clone(), claims.identity().to_owned()))
}

/// Signs `claims` as they are with the secret of a key.
pub fn mint(claims: &Claims, secret: &Secret) -> String {
    let key = EncodingKey::from_secret(secret.0.as_bytes());
    // HS256 takes a secret of any length and these claims always serialise; an empty token, which no
    // one accepts, stands for the impossible.
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap_or_default()
}

/// Renews the token with which a participant joined: the same claims with its present name, words and
/// rights, good for [`REFRESHED_TTL_S`] at least. `None` when the claims cannot be read or all keys are gone.
pub fn refresh(keys: &Keys, refresh: &Refresh, now_s: u64) -> Option<String> {
    let mut claims: Claims = serde_json::from_str(&refresh.claims_json).ok()?;
    claims.name.clone_from(&refresh.name);
    claims.metadata.clone_from(&refresh.metadata);
    claims.attributes.clone_from(&refresh.attributes);
    claims.video.get_or_insert_default().set_rights(&refresh.grants);
    claims.exp = Some(claims.expires_s().max(now_s.saturating_add(REFRESHED_TTL_S)).into());
    claims.nbf = Some(now_s.into());
    let (key, secret) = keys.secret(&claims.iss).map(|secret| (claims.iss.clone(), secret)).or_else(|| keys.first())?;
    claims.iss = key;
    Some(mint(&claims, &secret))
}

/// Builds a token as a back end would.
#[derive(Clone, Debug)]
pub struct AccessToken {
    claims: Claims,
    ttl: Duration,
}

impl AccessToken {
    /// A token of `key` that allows nothing yet.
    pub fn new(key: impl Into<String>) -> Self {
        Self { claims: Claims { iss: key.into(), ..Claims::default() }, ttl: TTL_DEFAULT }
    }

    /// Lets `identity` join `room`.
    pub fn join(mut self, room: impl Into<String>, identity: impl Into<String>) -> Self {
        let grant = self.claims.video.get_or_insert_default();
        grant.room_join = true;
        grant.room = room.into();
        self.claims.sub = identity.into();
        self
    }

    /// Changes the grants.
    pub fn grant(mut self, change: impl FnOnce(&mut VideoGrant)) -> Self {
        change(self.claims.video.get_or_insert_default());
        self
    }

    /// Sets the display name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.claims.name = name.into();
        self
    }

    /// Sets what kind of participant it is: `agent`, `ingress` and so on.
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.claims.kind = kind.into();
        self
    }

    /// Sets the participant's metadata.
    pub fn metadata(mut self, metadata: impl Into<String>) -> Self {
        self.claims.metadata = metadata.into();
        self
    }

    /// Sets one of the participant's attributes.
    pub fn attribute(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.claims.attributes.insert(key.into(), value.into());
        self
    }

    /// Says for which role the Calls API makes it.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.claims.other.insert(ROLE_CLAIM.to_owned(), serde_json::Value::String(role.into()));
        self
    }

    /// Limits the participants of a room that the token makes; 0 is without limit.
    pub fn max_participants(mut self, most: u32) -> Self {
        self.claims.room_config = (most > 0).then(|| serde_json::json!({ "maxParticipants": most }));
        self
    }

    /// Sets how long the token lives; [`TTL_DEFAULT`] otherwise.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Signs it at `now_s`, seconds since 1970.
    pub fn mint(mut self, secret: &Secret, now_s: u64) -> String {
        self.claims.nbf = Some(now_s.into());
        self.claims.exp = Some(now_s.saturating_add(self.ttl.as_secs()).into());
        mint(&self.claims, secret)
    }
}

/// Only what is needed to find the key; nothing here is trusted.
#[derive(Deserialize)]
struct Issuer {
    #[serde(default)]
    iss: String,
}

fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    // Time is checked by `check_time`, with the caller's clock; LiveKit's tokens have no audience of ours.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn check_time(claims: &Claims, now_s: u64) -> Result<(), TokenError> {
    let (now, leeway) = (now_s as f64, LEEWAY_S as f64);
    let exp = claims.exp.as_ref().and_then(serde_json::Number::as_f64).ok_or(TokenError::PeerEndless)?;
    if exp + leeway < now {
        return Err(TokenError::PeerExpired);
    }
    let nbf = claims.nbf.as_ref().and_then(serde_json::Number::as_f64);
    if nbf.is_some_and(|nbf| nbf - leeway > now) { Err(TokenError::PeerEarly) } else { Ok(()) }
}

/// Go writes `null` where others leave out.
fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(input: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(input).map(Option::unwrap_or_default)
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests;
