//! From an HTTP request to an endpoint and back: preflights, request ids, tokens, limits, bodies, counts.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{ConnectInfo, FromRequestParts as _, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use rand::distr::{Alphanumeric, SampleString as _};
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::endpoint::{Asked, Endpoint, Need};
use crate::error::{ApiError, Code};
use crate::service::Inner;
use crate::{openapi, routes, sockets};

/// Where all paths begin.
pub(crate) const PREFIX: &str = "/api/v1";
/// Longest body, in bytes: as many members as a call may have.
pub(crate) const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Carries the request's id, both ways.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken from a client, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 64;
/// How long a browser may remember a preflight's answer, in seconds.
const PREFLIGHT_S: HeaderValue = HeaderValue::from_static("7200");

/// The endpoints of one path.
type Group = Arc<Vec<Arc<Endpoint>>>;

/// All routes.
pub(crate) fn router(calls: &Arc<Inner>) -> Router {
    let endpoints: Vec<Arc<Endpoint>> = routes::all().into_iter().map(Arc::new).collect();
    let document = Bytes::from(openapi::document(&endpoints).to_string());
    let mut groups: BTreeMap<&str, Vec<Arc<Endpoint>>> = BTreeMap::new();
    for endpoint in endpoints {
        groups.entry(endpoint.path).or_default().push(endpoint);
    }
    let mut router = Router::new();
    for (path, group) in groups {
        let (calls, group): (_, Group) = (Arc::clone(calls), Arc::new(group));
        let serve = move |request: Request| serve(Arc::clone(&calls), Arc::clone(&group), request);
        router = router.route(&format!("{PREFIX}{path}"), any(serve));
    }
    let listener = Arc::clone(calls);
    let events = move |request: Request| events(Arc::clone(&listener), request);
    let stranger = Arc::clone(calls);
    let nowhere = move |request: Request| serve(Arc::clone(&stranger), Group::default(), request);
    let described = move || {
        let document = document.clone();
        async move { ([(header::CONTENT_TYPE, "application/json"), OPEN], document) }
    };
    router
        .route(&format!("{PREFIX}/events"), any(events))
        .route(&format!("{PREFIX}/openapi.json"), axum::routing::get(described))
        .route(&format!("{PREFIX}/docs"), axum::routing::get(openapi::page))
        .route(&format!("{PREFIX}/{{*rest}}"), any(nowhere))
}

/// The document holds no secret and may be read by tools of other origins.
const OPEN: (HeaderName, &str) = (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");

async fn serve(calls: Arc<Inner>, group: Group, request: Request) -> Response {
    let id = request_id(request.headers());
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = if is_preflight(&request) {
        preflight(&calls, &group, &request)
    } else {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answered = answer(&calls, &group, request).await;
        count(&calls, answered.as_ref().err());
        answered.unwrap_or_else(|error| {
            tracing::debug!(%method, path, request = id, code = error.code.name(), error.message, "request refused");
            error.answer(&id)
        })
    };
    share(&calls, &mut response, origin.as_ref());
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

async fn events(calls: Arc<Inner>, request: Request) -> Response {
    let id = request_id(request.headers());
    let origin = request.headers().get(header::ORIGIN).cloned();
    if is_preflight(&request) {
        let mut response = preflight(&calls, &Group::default(), &request);
        share(&calls, &mut response, origin.as_ref());
        return response;
    }
    let (mut parts, _) = request.into_parts();
    let (given, address) = (query(&parts), address(&parts));
    let token = given.iter().find(|(name, _)| name == "token").map(|(_, token)| token.as_str());
    let answered = match calls.caller(&parts.headers, token, address).await {
        Ok(_) if parts.method != Method::GET => Err(ApiError::new(Code::MethodNotAllowed)),
        Ok(caller) => sockets::listen(&calls, caller, &mut parts, &given).await,
        Err(error) => Err(error),
    };
    count(&calls, answered.as_ref().err());
    let mut response = answered.unwrap_or_else(|error| error.answer(&id));
    share(&calls, &mut response, origin.as_ref());
    response
}

async fn answer(calls: &Arc<Inner>, group: &Group, request: Request) -> Result<Response, ApiError> {
    let method = match request.method() {
        &Method::HEAD => &Method::GET,
        other => other,
    };
    let Some(endpoint) = group.iter().find(|endpoint| endpoint.method == *method) else {
        return not_allowed(group);
    };
    let endpoint = Arc::clone(endpoint);
    let (mut parts, body) = request.into_parts();
    let address = address(&parts);
    let given = query(&parts);
    let caller = match endpoint.need {
        Need::Nothing => {
            calls.spend_address(address)?;
            calls.stranger()?
        }
        _ => {
            let token = given.iter().find(|(name, _)| name == "token").map(|(_, token)| token.as_str());
            calls.caller(&parts.headers, token, address).await?
        }
    };
    if endpoint.need == Need::Server && !caller.is_trusted() {
        return Err(ApiError::new(Code::ServerOnly));
    }
    let path = RawPathParams::from_request_parts(&mut parts, &()).await;
    let path = path.map_err(|_| ApiError::field("path", "must be UTF-8"))?;
    let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let input = if endpoint.takes_query() { endpoint.read_query(given)? } else { read_body(body).await? };
    let url = url(&calls.config.url, &parts);
    endpoint.carry_out(Asked { calls: Arc::clone(calls), caller, path, url, input }).await
}

fn not_allowed(group: &Group) -> Result<Response, ApiError> {
    if group.is_empty() {
        return Err(ApiError::new(Code::NotFound));
    }
    let mut response = ApiError::new(Code::MethodNotAllowed).answer("");
    if let Ok(allow) = HeaderValue::from_str(&methods(group)) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    Ok(response)
}

async fn read_body(body: axum::body::Body) -> Result<Value, ApiError> {
    let read = timeout(BODY_TIMEOUT, to_bytes(body, BODY_BYTES_MAX)).await;
    let bytes = read.map_err(|_| ApiError::says(Code::Invalid, "the body did not arrive in time"))?;
    let bytes = bytes.map_err(|_| ApiError::new(Code::BodyTooLarge))?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(Map::new()));
    }
    serde_json::from_slice(&bytes).map_err(|error| ApiError::field("", format!("the body is not JSON: {error}")))
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
}

/// Fetch standard, section "CORS-preflight fetch": what may be sent to this path.
fn preflight(calls: &Inner, group: &Group, request: &Request) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if allowed_origin(calls, request.headers().get(header::ORIGIN)).is_none() {
        return response;
    }
    let headers = response.headers_mut();
    if let Ok(methods) = HeaderValue::from_str(&methods(group)) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    let allowed = HeaderValue::from_static("authorization, content-type, x-request-id, last-event-id");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_S);
    response
}

fn methods(group: &Group) -> String {
    let mut methods: Vec<&str> = group.iter().map(|endpoint| endpoint.method.as_str()).collect();
    if methods.is_empty() {
        methods.push("GET");
    }
    methods.push("OPTIONS");
    methods.join(", ")
}

/// Lets web pages of allowed origins read an answer.
fn share(calls: &Inner, response: &mut Response, origin: Option<&HeaderValue>) {
    let allowed = allowed_origin(calls, origin);
    let headers = response.headers_mut();
    if !calls.config.origins.is_empty() {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    let Some(allowed) = allowed else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    let exposed = HeaderValue::from_static("x-request-id, retry-after");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
}

fn allowed_origin(calls: &Inner, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
    let origins = &calls.config.origins;
    if origins.is_empty() {
        return Some(HeaderValue::from_static("*"));
    }
    origin.filter(|origin| origins.iter().any(|known| known.as_bytes() == origin.as_bytes())).cloned()
}

fn request_id(headers: &HeaderMap) -> String {
    /// Random characters of an id.
    const CHARS: usize = 16;
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let fits = |id: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        !id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX && id.bytes().all(plain)
    };
    given.filter(fits).map_or_else(|| Alphanumeric.sample_string(&mut rand::rng(), CHARS), str::to_owned)
}

fn query(parts: &Parts) -> Vec<(String, String)> {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    pairs.map(|pairs| pairs.0).unwrap_or_default()
}

fn address(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())
}

/// The media server's WebSocket URL: as configured, else where the client found this API.
fn url(configured: &str, parts: &Parts) -> String {
    if !configured.is_empty() {
        return configured.to_owned();
    }
    let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let secure = text(HeaderName::from_static("x-forwarded-proto")).is_some_and(|scheme| scheme == "https");
    let host = text(header::HOST).unwrap_or("localhost");
    format!("{}://{host}", if secure { "wss" } else { "ws" })
}

fn count(calls: &Inner, error: Option<&ApiError>) {
    calls.counters.requests.fetch_add(1, Ordering::Relaxed);
    match error {
        None => {}
        Some(error) if error.code.status() < 500 => _ = calls.counters.refused.fetch_add(1, Ordering::Relaxed),
        Some(_) => _ = calls.counters.failed.fetch_add(1, Ordering::Relaxed),
    }
}
