//! The URL that is pulled, checked.

use std::fmt;

use hyper::Uri;
use rustls::pki_types::ServerName;

/// Longest URL, bytes.
const URL_BYTES_MAX: usize = 2048;

/// An `http` or `https` URL. Its path and query may hold a secret and are not shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// Whether TLS is spoken.
    pub(super) tls: bool,
    /// Name or address, without brackets.
    pub(super) host: String,
    /// 80 or 443 unless given.
    pub(super) port: u16,
    /// As it stands in the `Host` header.
    pub(super) authority: String,
    /// Path and query.
    pub(super) target: String,
}

/// Why a text is no URL that can be pulled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum AddressError {
    /// It is no URL, or too long.
    #[error("url: expected one such as https://example.com/live.flv")]
    Malformed,
    /// Another scheme.
    #[error("url: only http:// and https:// are pulled; push SRT, RTSP and others with ffmpeg")]
    Scheme,
    /// It names a user.
    #[error("url: user and password in a URL are not sent; put a token into its query")]
    Userinfo,
}

impl Address {
    /// Reads a URL.
    pub(super) fn parse(text: &str) -> Result<Self, AddressError> {
        let uri: Uri = text.parse().map_err(|_| AddressError::Malformed)?;
        if text.len() > URL_BYTES_MAX {
            return Err(AddressError::Malformed);
        }
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err(AddressError::Scheme),
            None => return Err(AddressError::Malformed),
        };
        let authority = uri.authority().ok_or(AddressError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(AddressError::Userinfo);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        // The port's text is looked at by itself: the library takes `:` and `:99999` for no port.
        let rest = authority.as_str().rsplit_once(']').map_or(authority.as_str(), |(_, rest)| rest);
        let port = match rest.rsplit_once(':') {
            Some((_, port)) => port.parse().ok().filter(|port| *port > 0).ok_or(AddressError::Malformed)?,
            None if tls => 443,
            None => 80,
        };
        if host.is_empty() || ServerName::try_from(host.as_str()).is_err() {
            return Err(AddressError::Malformed);
        }
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self { tls, host, port, authority: authority.to_string(), target })
    }

    /// Where a redirect leads from here: a URL, or a path on the same host. From TLS it leads to TLS only.
    pub(super) fn follow(&self, location: &str) -> Result<Self, AddressError> {
        let next = if location.starts_with('/') && !location.starts_with("//") {
            Self::parse(&format!("{}://{}{location}", self.scheme(), self.authority))?
        } else {
            Self::parse(location)?
        };
        if self.tls && !next.tls { Err(AddressError::Scheme) } else { Ok(next) }
    }

    fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (text, host, port, target) in [
            ("https://example.com/live.flv?token=1", "example.com", 443, "/live.flv?token=1"),
            ("http://example.com", "example.com", 80, "/"),
            ("http://127.0.0.1:3000/a", "127.0.0.1", 3000, "/a"),
            ("http://[::1]:3000/a", "::1", 3000, "/a"),
        ] {
            let url = Address::parse(text).unwrap();
            assert_eq!((url.host.as_str(), url.port, url.target.as_str()), (host, port, target), "{text}");
        }
        for (text, error) in [
            ("", AddressError::Malformed),
            ("live.flv", AddressError::Malformed),
            ("file:///etc/passwd", AddressError::Malformed),
            ("srt://example.com:9000/", AddressError::Scheme),
            ("rtmp://example.com/live/x", AddressError::Scheme),
            ("http://ann:secret@h/", AddressError::Userinfo),
            ("http://h:0/", AddressError::Malformed),
            ("http://h:/", AddressError::Malformed),
            ("http://h:65536/", AddressError::Malformed),
            ("http://h\r\nX: y/", AddressError::Malformed),
        ] {
            assert_eq!(Address::parse(text), Err(error), "{text}");
        }
        assert_eq!(Address::parse(&format!("http://h/{}", "a".repeat(3000))), Err(AddressError::Malformed));
    }

    #[test]
    fn redirects_lead_to_urls_and_paths_and_never_out_of_tls() {
        let (plain, secure) = (Address::parse("http://h:81/a").unwrap(), Address::parse("https://h/a").unwrap());
        assert_eq!(plain.follow("/b?c").unwrap(), Address::parse("http://h:81/b?c").unwrap());
        assert_eq!(plain.follow("https://other/").unwrap(), Address::parse("https://other/").unwrap());
        assert_eq!(secure.follow("http://h/a"), Err(AddressError::Scheme));
        for no_url in ["//other/a", "b", "", "javascript:1"] {
            assert!(plain.follow(no_url).is_err(), "{no_url}");
        }
    }

    #[test]
    fn a_secret_in_a_url_is_not_shown() {
        let url = Address::parse("https://example.com/live/geheim?token=geheim").unwrap();
        assert_eq!(format!("{url} {url:?}"), "https://example.com Address(https://example.com)");
    }
}
