//! A span for each HTTP request, whatever it asks for.

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use spans::{Context, Kind, Open};

use crate::gate::CARE;

/// Middleware: follows a request until its answer's head. A trace that its sender began (`traceparent`) goes on.
pub(crate) async fn trace(mut request: Request, next: Next) -> Response {
    if CARE.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let told = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    let Some(context) = Context::fresh(told.and_then(Context::parse)) else { return next.run(request).await };
    let parent = told.and_then(Context::parse);
    // The route, not the path: a path may name anything, and a span's name is one of few.
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let mut span = Open::known(context, &format!("{} {route}", request.method()), Kind::Server, parent);
    span.note("http.request.method", request.method().as_str());
    span.note("http.route", route.as_str());
    request.extensions_mut().insert(context);
    let response = next.run(request).await;
    let status = response.status();
    span.note("http.response.status_code", u64::from(status.as_u16()));
    if status.is_server_error() {
        span.fail(status.canonical_reason().unwrap_or("server error"));
    }
    response
}
