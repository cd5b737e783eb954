//! The page for people, embedded at build time, and the plain answer for health checks at the same place.

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

/// One embedded file.
pub(super) struct File {
    /// Path below `/`, without the slash.
    pub(super) path: &'static str,
    /// Its media type.
    pub(super) mime: &'static str,
    /// Its bytes.
    pub(super) bytes: &'static [u8],
}

// `FILES`: what `web/` was built to, or a plain page when it could not be built.
include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// Built files carry a hash in their names, so that they never change.
const FOREVER: &str = "public, max-age=31536000, immutable";
const ALWAYS_ASK: &str = "no-cache";

/// `/` and the paths of calls: the page for whoever takes HTML; `OK` for health checks, as LiveKit answers.
pub(super) async fn index(headers: HeaderMap) -> Response {
    let takes_html = headers
        .get_all(header::ACCEPT)
        .iter()
        .any(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")));
    let mut response = match find("index.html") {
        Some(file) if takes_html => serve(file),
        _ => "OK".into_response(),
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

/// Any other path: an embedded file or 404.
pub(super) async fn asset(uri: Uri) -> Response {
    match find(uri.path().trim_start_matches('/')) {
        Some(file) => serve(file),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn find(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

fn serve(file: &'static File) -> Response {
    let cache = if file.path.starts_with("assets/") { FOREVER } else { ALWAYS_ASK };
    let headers = [
        (header::CONTENT_TYPE, file.mime),
        (header::CACHE_CONTROL, cache),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, file.bytes).into_response()
}
