//! What stands in headers: who a client is, and the servers that help it to find its way.

use crate::limits::CREDENTIAL_BYTES_MAX;
use crate::refusal::Refusal;

/// What a client shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// A signed token: three parts with dots between them.
    Token(&'a str),
    /// A stream key.
    Key(&'a str),
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(hidden)",
            Self::Key(_) => "Key(hidden)",
        })
    }
}

const SCHEME: &str = "bearer";

/// The credential of a request: the stream key in its path, else the bearer of its `Authorization` header.
///
/// # Errors
/// When there is none, or one of another scheme.
pub fn credential<'a>(authorization: Option<&'a str>, key: Option<&'a str>) -> Result<Credential<'a>, Refusal> {
    if let Some(key) = key.filter(|key| !key.is_empty()) {
        return if key.len() > CREDENTIAL_BYTES_MAX { Err(Refusal::Scheme) } else { Ok(Credential::Key(key)) };
    }
    let value = authorization.map(str::trim).filter(|value| !value.is_empty()).ok_or(Refusal::NoCredential)?;
    let (scheme, bearer) = value.split_once(' ').ok_or(Refusal::Scheme)?;
    let bearer = bearer.trim();
    if !scheme.eq_ignore_ascii_case(SCHEME) || bearer.is_empty() || bearer.len() > CREDENTIAL_BYTES_MAX {
        return Err(Refusal::Scheme);
    }
    let is_token = bearer.split('.').count() == 3;
    Ok(if is_token { Credential::Token(bearer) } else { Credential::Key(bearer) })
}

/// A server of ICE as a `Link` header names it (RFC 9725 section 4.6). `None` when it cannot stand in a header.
pub fn link(url: &str, username: &str, password: &str) -> Option<String> {
    let plain = |text: &str| text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if url.is_empty() || !plain(url) || url.contains(['<', '>', ' ']) || !plain(username) || !plain(password) {
        return None;
    }
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut value = format!("<{url}>; rel=\"ice-server\"");
    if !username.is_empty() {
        let (username, password) = (quoted(username), quoted(password));
        value.push_str(&format!("; username=\"{username}\"; credential=\"{password}\"; credential-type=\"password\""));
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_tokens_from_keys_and_prefers_the_path() {
        let told = |header, path| credential(header, path);
        assert_eq!(told(Some("Bearer a.b.c"), None), Ok(Credential::Token("a.b.c")));
        assert_eq!(told(Some("bearer  k3y "), None), Ok(Credential::Key("k3y")));
        assert_eq!(told(Some("Bearer a.b.c"), Some("k3y")), Ok(Credential::Key("k3y")));
        assert_eq!(told(None, Some("")), Err(Refusal::NoCredential));
        assert_eq!(told(Some(" "), None), Err(Refusal::NoCredential));
        for wrong in ["Basic a.b.c", "Bearer", "Bearer ", "a.b.c"] {
            assert_eq!(told(Some(wrong), None), Err(Refusal::Scheme), "{wrong}");
        }
        let long = format!("Bearer {}", "x".repeat(CREDENTIAL_BYTES_MAX + 1));
        assert_eq!(told(Some(&long), None), Err(Refusal::Scheme));
        assert_eq!(told(None, Some(&long)), Err(Refusal::Scheme));
    }

    #[test]
    fn a_credential_does_not_show_itself() {
        let shown = format!("{:?}", credential(Some("Bearer geheim"), None));
        assert!(!shown.contains("geheim"), "{shown}");
    }

    #[test]
    fn links_quote_what_they_must() {
        assert_eq!(link("stun:a:3478", "", "").unwrap(), "<stun:a:3478>; rel=\"ice-server\"");
        let turn = link("turn:a:3478?transport=udp", "u\"x", "p\\y").unwrap();
        let expected = "<turn:a:3478?transport=udp>; rel=\"ice-server\"; username=\"u\\\"x\"; credential=\"p\\\\y\"; \
                        credential-type=\"password\"";
        assert_eq!(turn, expected);
        assert_eq!(link("stun:a>\r\nx: y", "", ""), None);
        assert_eq!(link("turn:a", "u\n", "p"), None);
    }
}
