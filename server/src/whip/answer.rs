//! Answers in HTTP's words.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use livekit_protocol::IceServer;
use whip::{Refusal, link};

use super::{FRAGMENT, SDP};

/// What came of a request.
pub(super) enum Answer {
    /// A session began.
    Created {
        /// Where it is found.
        location: String,
        /// The state of its transport.
        etag: String,
        /// Our description.
        sdp: String,
        /// `Link` headers.
        links: Vec<String>,
    },
    /// Nothing more to say.
    Taken,
    /// ICE begins anew.
    Restarted {
        /// The state of its transport.
        etag: String,
        /// Our credentials and addresses.
        fragment: String,
    },
    /// The session is over.
    Ended,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Created { location, etag, sdp, links } => {
                let mut response = (StatusCode::CREATED, sdp).into_response();
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SDP));
                set(headers, header::LOCATION, &location);
                set(headers, header::ETAG, &etag);
                headers.insert("accept-patch", HeaderValue::from_static(FRAGMENT));
                for value in links.iter().filter_map(|link| HeaderValue::from_str(link).ok()) {
                    headers.append(header::LINK, value);
                }
                response
            }
            Self::Taken => StatusCode::NO_CONTENT.into_response(),
            Self::Restarted { etag, fragment } => {
                let mut response = fragment.into_response();
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(FRAGMENT));
                set(headers, header::ETAG, &etag);
                response
            }
            Self::Ended => StatusCode::OK.into_response(),
        }
    }
}

/// A refusal: its status, and its text for whoever set up the client.
pub(super) fn refuse(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, format!("{refusal}\n")).into_response();
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// Lets pages of other origins read what they need, and tells what may be posted (RFC 9725 section 4.2).
pub(super) fn expose(headers: &mut HeaderMap) {
    let names = HeaderValue::from_static("Location, ETag, Link, Accept-Patch, WWW-Authenticate, Retry-After");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, names);
    headers.insert("accept-post", HeaderValue::from_static(SDP));
}

/// The `Link` headers of servers that help clients to find their way.
pub(super) fn links(servers: &[IceServer]) -> Vec<String> {
    let of = |server: &IceServer| {
        let links: Vec<_> =
            server.urls.iter().filter_map(|url| link(url, &server.username, &server.credential)).collect();
        links
    };
    servers.iter().flat_map(of).collect()
}

/// What is no header text is left out; ours always is.
fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
