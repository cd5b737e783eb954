//! An `http` or `https` URL, checked, and what is written beside it.

use std::fmt;

use hyper::Uri;
use rustls::pki_types::ServerName;

/// Longest URL, in bytes.
const URL_BYTES_MAX: usize = 2048;

/// An `http` or `https` URL. Its path and query may hold a secret and are not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpUrl {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// 80 or 443 unless given.
    pub port: u16,
    /// As it stands in the `Host` header.
    pub authority: String,
    /// Path and query.
    pub target: String,
}

/// Why a text is no URL that is asked for anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UrlError {
    /// It is no URL, or too long.
    #[error("expected a URL such as https://app.example.com/path")]
    Malformed,
    /// Another scheme.
    #[error("only http:// and https:// are spoken")]
    Scheme,
    /// It names a user.
    #[error("user and password in a URL are not sent")]
    Userinfo,
}

impl HttpUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let uri: Uri = text.parse().map_err(|_| UrlError::Malformed)?;
        if text.len() > URL_BYTES_MAX {
            return Err(UrlError::Malformed);
        }
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err(UrlError::Scheme),
            None => return Err(UrlError::Malformed),
        };
        let authority = uri.authority().ok_or(UrlError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::Userinfo);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        // The port's text is looked at by itself: the library takes `:` and `:99999` for no port.
        let rest = authority.as_str().rsplit_once(']').map_or(authority.as_str(), |(_, rest)| rest);
        let port = match rest.rsplit_once(':') {
            Some((_, port)) => port.parse().ok().filter(|port| *port > 0).ok_or(UrlError::Malformed)?,
            None if tls => 443,
            None => 80,
        };
        if host.is_empty() || ServerName::try_from(host.as_str()).is_err() {
            return Err(UrlError::Malformed);
        }
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self { tls, host, port, authority: authority.to_string(), target })
    }

    /// Where a reference leads from here (RFC 3986 section 5.2): a URL, or what stands for one beside this. From TLS it leads
    /// to TLS only.
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn follow(&self, reference: &str) -> Result<Self, UrlError> {
        let reference = reference.split('#').next().unwrap_or_default();
        let first = reference.split(['/', '?']).next().unwrap_or_default();
        let next = if first.contains(':') {
            Self::parse(reference)?
        } else if reference.starts_with("//") {
            Self::parse(&format!("{}:{reference}", self.scheme()))?
        } else {
            Self::parse(&format!("{}://{}{}", self.scheme(), self.authority, self.beside(reference)))?
        };
        if self.tls && !next.tls { Err(UrlError::Scheme) } else { Ok(next) }
    }

    /// The path and query of a reference without a host.
    fn beside(&self, reference: &str) -> String {
        let own = self.target.split('?').next().unwrap_or_default();
        let (path, query) = reference.find('?').map_or((reference, ""), |at| reference.split_at(at));
        let path = match path {
            "" => own.to_owned(),
            path if path.starts_with('/') => level(path),
            path => level(&format!("{}/{path}", own.rsplit_once('/').map_or("", |(folder, _)| folder))),
        };
        let own_query = if reference.is_empty() { self.target.get(own.len()..).unwrap_or_default() } else { "" };
        format!("{path}{query}{own_query}")
    }

    fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

/// A path without steps that stay or lead up (section 5.2.4).
fn level(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for step in path.split('/').skip(1) {
        match step {
            "." => {}
            ".." => drop(kept.pop()),
            step => kept.push(step),
        }
    }
    // Who ends with such a step names a folder.
    let folder = if matches!(path.rsplit('/').next(), Some("." | "..")) && !kept.is_empty() { "/" } else { "" };
    format!("/{}{folder}", kept.join("/"))
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority)
    }
}

impl fmt::Debug for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_to_urls_and_paths_and_never_out_of_tls() {
        let base = HttpUrl::parse("http://h:81/a/b/c.m3u8?d=1").unwrap();
        for (reference, target) in [
            ("/x?y", "/x?y"),
            ("x.ts?y=/../z", "/a/b/x.ts?y=/../z"),
            ("../x", "/a/x"),
            ("../../../x", "/x"),
            ("./x/./y/..", "/a/b/x/"),
            ("?e", "/a/b/c.m3u8?e"),
            ("", "/a/b/c.m3u8?d=1"),
            ("x#y", "/a/b/x"),
            ("/a//b", "/a//b"),
        ] {
            let next = base.follow(reference).unwrap();
            assert_eq!((next.authority.as_str(), next.target.as_str()), ("h:81", target), "{reference}");
        }
        assert_eq!(base.follow("https://other/"), HttpUrl::parse("https://other/"));
        assert_eq!(base.follow("//other/a"), HttpUrl::parse("http://other/a"));
        let secure = HttpUrl::parse("https://h/a").unwrap();
        assert_eq!(secure.follow("b"), HttpUrl::parse("https://h/b"));
        assert_eq!(secure.follow("//other:444/b"), HttpUrl::parse("https://other:444/b"));
        for no_url in ["http://h/a", "javascript:1", "data:,x", "file:///etc/passwd", "//ann@h/", "a b", "//"] {
            assert!(secure.follow(no_url).is_err(), "{no_url}");
        }
    }

    #[test]
    fn urls() {
        for (text, host, port, target) in [
            ("https://app.example.com/hook?k=1", "app.example.com", 443, "/hook?k=1"),
            ("http://app.example.com", "app.example.com", 80, "/"),
            ("http://app.example.com?k=1", "app.example.com", 80, "/?k=1"),
            ("http://127.0.0.1:3000/hook", "127.0.0.1", 3000, "/hook"),
            ("http://[::1]:3000/hook", "::1", 3000, "/hook"),
            ("https://[2001:db8::7]/", "2001:db8::7", 443, "/"),
        ] {
            let url = HttpUrl::parse(text).unwrap();
            assert_eq!((url.host.as_str(), url.port, url.target.as_str()), (host, port, target), "{text}");
        }
    }

    #[test]
    fn what_is_no_url() {
        for (text, error) in [
            ("", UrlError::Malformed),
            ("app.example.com/hook", UrlError::Malformed),
            ("/hook", UrlError::Malformed),
            ("file:///etc/passwd", UrlError::Malformed),
            ("gopher://app.example.com/", UrlError::Scheme),
            ("http://", UrlError::Malformed),
            ("http://:80/", UrlError::Malformed),
            ("http://h:/", UrlError::Malformed),
            ("http://h:0/", UrlError::Malformed),
            ("http://h:65536/", UrlError::Malformed),
            ("http://ann:secret@h/", UrlError::Userinfo),
            ("http://h\r\nX: y/", UrlError::Malformed),
            ("http://h/a b", UrlError::Malformed),
        ] {
            assert_eq!(HttpUrl::parse(text), Err(error), "{text}");
        }
        assert_eq!(HttpUrl::parse(&format!("http://h/{}", "a".repeat(3000))), Err(UrlError::Malformed));
    }
}
