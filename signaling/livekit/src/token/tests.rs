//! Tokens: what opens the door and what must not.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW_S: u64 = 1_795_190_000;

fn keys() -> Keys {
    let secrets =
        [("devkey", "a secret of more than thirty-two bytes"), ("other", "another secret, also long enough!")];
    secrets.into_iter().map(|(key, secret)| (key.to_owned(), Secret::new(secret))).collect()
}

fn secret(key: &str) -> Secret {
    keys().secret(key).unwrap()
}

fn signed(alg: Algorithm, claims: &serde_json::Value, secret: &Secret) -> String {
    jsonwebtoken::encode(&Header::new(alg), claims, &EncodingKey::from_secret(secret.0.as_bytes())).unwrap()
}

fn plain(header: &serde_json::Value, claims: &serde_json::Value, signature: &str) -> String {
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

fn good() -> serde_json::Value {
    json!({"iss": "devkey", "sub": "alice", "exp": NOW_S + 600, "video": {"roomJoin": true, "room": "demo"}})
}

#[test]
fn a_minted_token_opens() {
    let token = AccessToken::new("devkey").join("demo", "alice").name("Alice").attribute("team", "blue");
    let claims = verify(&keys(), &token.mint(&secret("devkey"), NOW_S), NOW_S).unwrap();
    assert_eq!((claims.identity(), claims.name.as_str()), ("alice", "Alice"));
    assert_eq!(claims.attributes["team"], "blue");
    assert_eq!(claims.video.unwrap().room, "demo");
    assert_eq!(claims.exp.unwrap().as_u64(), Some(NOW_S + TTL_DEFAULT.as_secs()));
}

#[test]
fn every_key_opens_with_its_own_secret_only() {
    let mut claims = good();
    claims["iss"] = json!("other");
    assert!(verify(&keys(), &signed(Algorithm::HS256, &claims, &secret("other")), NOW_S).is_ok());
    let crossed = signed(Algorithm::HS256, &claims, &secret("devkey"));
    assert_eq!(verify(&keys(), &crossed, NOW_S), Err(TokenError::PeerSignature));
    claims["iss"] = json!("stranger");
    let foreign = signed(Algorithm::HS256, &claims, &secret("devkey"));
    assert_eq!(verify(&keys(), &foreign, NOW_S), Err(TokenError::PeerKeyUnknown));
}

#[test]
fn other_algorithms_are_malformed() {
    for alg in [Algorithm::HS384, Algorithm::HS512] {
        let token = signed(alg, &good(), &secret("devkey"));
        assert_eq!(verify(&keys(), &token, NOW_S), Err(TokenError::PeerMalformed), "{alg:?}");
    }
    for alg in ["none", "None", "NONE", "RS256", "ES256", ""] {
        for signature in ["", "AAAA"] {
            let token = plain(&json!({"alg": alg, "typ": "JWT"}), &good(), signature);
            assert_eq!(verify(&keys(), &token, NOW_S), Err(TokenError::PeerMalformed), "{alg}");
        }
    }
    let unsigned = plain(&json!({"alg": "HS256"}), &good(), "");
    assert_eq!(verify(&keys(), &unsigned, NOW_S), Err(TokenError::PeerSignature));
}

#[test]
fn unknown_critical_extensions_are_refused() {
    let mut header = Header::new(Algorithm::HS256);
    header.crit = Some(vec!["b64".into()]);
    let key = EncodingKey::from_secret(secret("devkey").0.as_bytes());
    let token = jsonwebtoken::encode(&header, &good(), &key).unwrap();
    assert_eq!(verify(&keys(), &token, NOW_S), Err(TokenError::PeerMalformed));
}

#[test]
fn an_empty_secret_opens_nothing() {
    let keys: Keys = [("devkey".to_owned(), Secret::new(""))].into_iter().collect();
    let token = signed(Algorithm::HS256, &good(), &Secret::new(""));
    assert_eq!(verify(&keys, &token, NOW_S), Err(TokenError::PeerKeyUnknown));
}

#[test]
fn time_is_kept_with_a_minute_of_leeway() {
    let cases = [
        (json!({"exp": NOW_S - 59}), Ok(())),
        (json!({"exp": NOW_S - 60}), Ok(())),
        (json!({"exp": NOW_S - 61}), Err(TokenError::PeerExpired)),
        (json!({"exp": 0}), Err(TokenError::PeerExpired)),
        (json!({"exp": (NOW_S + 5) as f64 + 0.5}), Ok(())),
        (json!({"exp": 1e300}), Ok(())),
        (json!({"exp": -1e300}), Err(TokenError::PeerExpired)),
        (json!({}), Err(TokenError::PeerEndless)),
        (json!({"exp": null}), Err(TokenError::PeerEndless)),
        (json!({"exp": "tomorrow"}), Err(TokenError::PeerMalformed)),
        (json!({"exp": NOW_S + 9, "nbf": NOW_S + 60}), Ok(())),
        (json!({"exp": NOW_S + 9, "nbf": NOW_S + 61}), Err(TokenError::PeerEarly)),
        (json!({"exp": NOW_S + 9, "nbf": null}), Ok(())),
    ];
    for (mut claims, expected) in cases {
        claims["iss"] = json!("devkey");
        let token = signed(Algorithm::HS256, &claims, &secret("devkey"));
        assert_eq!(verify(&keys(), &token, NOW_S).map(drop), expected, "{claims}");
    }
}

#[test]
fn null_claims_and_foreign_ones_do_no_harm() {
    let claims = json!({
        "iss": "devkey", "exp": NOW_S + 9, "jti": "bob", "aud": "elsewhere", "name": null, "attributes": null,
        "video": {"roomJoin": true, "room": null, "canPublishSources": null, "canPublish": null},
        "sip": {"admin": true}
    });
    let claims = verify(&keys(), &signed(Algorithm::HS256, &claims, &secret("devkey")), NOW_S).unwrap();
    assert_eq!(claims.identity(), "bob");
    assert!(claims.video.unwrap().rights().can_publish);
    assert_eq!(claims.other["sip"], json!({"admin": true}));
}

#[test]
fn a_refresh_keeps_who_and_takes_what_is_present() {
    let mut claims = good();
    claims["sip"] = json!({"call": true});
    let old = verify(&keys(), &signed(Algorithm::HS256, &claims, &secret("devkey")), NOW_S).unwrap();
    let rights = room::Grants { can_publish: false, hidden: true, ..Default::default() };
    let wish = |claims: &Claims| Refresh {
        claims_json: serde_json::to_string(claims).unwrap(),
        identity: "alice".into(),
        name: "Alice B.".into(),
        metadata: "m".into(),
        attributes: BTreeMap::from([("a".into(), "b".into())]),
        grants: rights.clone(),
    };
    let later_s = NOW_S + 500;
    let new = verify(&keys(), &refresh(&keys(), &wish(&old), later_s).unwrap(), later_s).unwrap();
    assert_eq!((new.identity(), new.name.as_str(), new.metadata.as_str()), ("alice", "Alice B.", "m"));
    assert_eq!(new.expires_s(), later_s + REFRESHED_TTL_S, "at least ten minutes");
    let grant = new.video.clone().unwrap();
    assert_eq!((grant.room.as_str(), grant.room_join, grant.rights()), ("demo", true, rights.clone()));
    assert_eq!(new.other["sip"], json!({"call": true}));

    let long = Claims { exp: Some((NOW_S + 9000).into()), iss: "gone".into(), ..old };
    let new = verify(&keys(), &refresh(&keys(), &wish(&long), NOW_S).unwrap(), NOW_S).unwrap();
    assert_eq!((new.expires_s(), new.iss.as_str()), (NOW_S + 9000, "devkey"));
    assert_eq!(refresh(&Keys::default(), &wish(&long), NOW_S), None);
}

#[test]
fn secrets_do_not_show() {
    let shown = format!("{:?} {:?}", keys(), secret("devkey"));
    assert!(!shown.contains("thirty-two") && shown.contains("devkey"), "{shown}");
}

#[test]
fn endless_tokens_are_not_looked_at() {
    assert_eq!(verify(&keys(), &"a".repeat(TOKEN_BYTES_MAX + 1), NOW_S), Err(TokenError::PeerMalformed));
}

proptest! {
    #[test]
    fn garbage_never_opens_and_never_panics(text in ".{0,200}") {
        prop_assert!(verify(&keys(), &text, NOW_S).is_err());
    }

    #[test]
    fn garbage_in_three_parts_never_opens(header in ".{0,60}", claims in ".{0,100}", signature in any::<[u8; 32]>()) {
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let token = format!("{}.{}.{}", part(header.as_bytes()), part(claims.as_bytes()), part(&signature));
        prop_assert!(verify(&keys(), &token, NOW_S).is_err());
    }

    #[test]
    fn one_changed_letter_shuts(at in any::<prop::sample::Index>(), letter in "[A-Za-z0-9_-]") {
        let token = AccessToken::new("devkey").join("demo", "alice").mint(&secret("devkey"), NOW_S);
        let at = at.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(at..=at, &letter);
        prop_assume!(changed != token);
        // The last letter of a 32-byte signature has two spare bits; the decoder refuses them set.
        prop_assert!(verify(&keys(), &changed, NOW_S).is_err());
    }

    #[test]
    fn any_names_survive(identity in ".{1,40}", room in ".{1,40}", name in ".{0,40}", ttl_s in 1_u64..1_000_000) {
        let token = AccessToken::new("other").join(room.clone(), identity.clone()).name(name.clone());
        let token = token.ttl(Duration::from_secs(ttl_s)).mint(&secret("other"), NOW_S);
        let claims = verify(&keys(), &token, NOW_S + ttl_s).unwrap();
        prop_assert_eq!(claims.identity(), identity);
        prop_assert_eq!(&claims.name, &name);
        prop_assert_eq!(claims.video.unwrap().room, room);
        let late = verify(&keys(), &token, NOW_S + ttl_s + LEEWAY_S + 1);
        prop_assert_eq!(late, Err(TokenError::PeerExpired));
    }
}

#[test]
fn keys_are_replaced_wherever_they_are_held() {
    let keys = keys();
    let held = keys.clone();
    let token = |secret: &Secret| AccessToken::new("fresh").join("r", "i").mint(secret, NOW_S);
    let other = Secret::new("0123456789abcdef0123456789abcdef");
    assert_eq!(verify(&held, &token(&other), NOW_S), Err(TokenError::PeerKeyUnknown));
    assert!(keys.replace([("fresh".to_owned(), other.clone())]));
    assert!(!keys.replace([("fresh".to_owned(), other.clone())]));
    assert!(verify(&held, &token(&other), NOW_S).is_ok());
    assert!(held.secret("devkey").is_none());
}
