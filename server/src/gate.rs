//! The HTTP port's gate: how much one address may ask, whoever it says it is.
//!
//! An address is the other end of the connection, or what a trusted proxy tells of it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use quota::{Quota, Rate, home};
use rand::TryRngCore as _;

use crate::config::{Cidr, Config};

/// The paths of those who look after the server: they are asked from few places, and at the worst of times.
pub(crate) const CARE: [&str; 3] = ["/healthz", "/readyz", "/metrics"];
/// Names in X-Forwarded-For that are looked at, from the nearest on.
const HOPS_MAX: usize = 16;

/// See the module.
pub(crate) struct Gate {
    proxies: Vec<Cidr>,
    requests: Quota,
    sockets: Quota,
    began: Instant,
}

/// The address that a request is from, behind proxies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Remote(pub(crate) IpAddr);

impl Gate {
    pub(crate) fn new(config: &Config) -> Self {
        // A table whose seed is known can be filled with less; the limit holds all the same.
        let seed = rand::rngs::OsRng.try_next_u64().unwrap_or_default();
        Self {
            proxies: config.trusted_proxies.clone(),
            requests: Quota::new(Rate::of(config.rates.http), seed),
            sockets: Quota::new(Rate::of(config.rates.joins), seed),
            began: Instant::now(),
        }
    }

    /// Requests and WebSockets that were refused.
    pub(crate) fn refused(&self) -> (u64, u64) {
        (self.requests.refused(), self.sockets.refused())
    }

    /// Counts a request; the time after which it may come again when it is one too many.
    fn admit(&self, remote: IpAddr, request: &Request) -> Result<(), Duration> {
        if CARE.contains(&request.uri().path()) {
            return Ok(());
        }
        let (who, now) = (home(remote), self.began.elapsed());
        self.requests.take(who, now)?;
        if request.headers().contains_key(header::UPGRADE) { self.sockets.take(who, now) } else { Ok(()) }
    }
}

/// Middleware: lets a request through that is not one too many, and tells those behind whom it is from.
pub(crate) async fn pass(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    let nearest = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let Some(nearest) = nearest else { return next.run(request).await };
    let remote = remote(request.headers(), nearest, &gate.proxies);
    match gate.admit(remote, &request) {
        Ok(()) => {
            request.extensions_mut().insert(Remote(remote));
            next.run(request).await
        }
        Err(wait) => {
            tracing::warn!(%remote, "too many requests of one address");
            too_many(wait)
        }
    }
}

/// Web pages of any origin may read it, as they may read any other refusal.
fn too_many(wait: Duration) -> Response {
    let seconds = HeaderValue::from(wait.as_secs().max(1));
    let headers =
        [(header::RETRY_AFTER, seconds), (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"))];
    (StatusCode::TOO_MANY_REQUESTS, headers, "too many requests of this address, try again later\n").into_response()
}

/// The last address in the chain that no trusted proxy vouches to be another proxy.
fn remote(headers: &HeaderMap, nearest: IpAddr, proxies: &[Cidr]) -> IpAddr {
    let trusted = |ip: IpAddr| proxies.iter().any(|proxy| proxy.contains(ip));
    let mut remote = nearest.to_canonical();
    if !trusted(remote) {
        return remote;
    }
    let told = headers.get_all("x-forwarded-for").iter().rev().filter_map(|line| line.to_str().ok());
    for name in told.flat_map(|line| line.rsplit(',')).take(HOPS_MAX) {
        let name = name.trim();
        let ip = name.parse::<IpAddr>().or_else(|_| name.parse::<SocketAddr>().map(|address| address.ip()));
        // What cannot be read was told by the one before.
        let Ok(ip) = ip else { return remote };
        remote = ip.to_canonical();
        if !trusted(remote) {
            return remote;
        }
    }
    remote
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;
    use crate::config::Sources;

    fn gate(settings: &[(&str, &str)]) -> Arc<Gate> {
        let mut sources = Sources::default();
        for (name, value) in settings {
            sources.environment.insert((*name).into(), (*value).into());
        }
        Arc::new(Gate::new(&Config::read(&sources).unwrap().0))
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let proxies: Vec<Cidr> = ["127.0.0.0/8", "10.0.0.0/8"].map(|it| Cidr::parse(it).unwrap()).into();
        for (nearest, told, expected) in [
            ("127.0.0.1", "", "127.0.0.1"),
            ("127.0.0.1", "192.0.2.1", "192.0.2.1"),
            ("::ffff:127.0.0.1", "192.0.2.1:4711", "192.0.2.1"),
            ("127.0.0.1", "198.51.100.9, 192.0.2.1, 10.0.0.7", "192.0.2.1"),
            ("127.0.0.1", "10.0.0.8, 10.0.0.7", "10.0.0.8"),
            ("127.0.0.1", "192.0.2.1, nonsense", "127.0.0.1"),
            ("203.0.113.4", "192.0.2.1", "203.0.113.4"),
        ] {
            let mut headers = HeaderMap::new();
            if !told.is_empty() {
                headers.insert("x-forwarded-for", told.parse().unwrap());
            }
            let found = remote(&headers, nearest.parse().unwrap(), &proxies);
            assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{nearest} {told}");
        }
    }

    #[tokio::test]
    async fn an_address_has_its_number_of_requests_and_care_is_never_refused() {
        let gate = gate(&[("THALWEG_LIMIT_RATE_HTTP", "2"), ("THALWEG_LIMIT_RATE_JOINS", "1")]);
        let ok = || async { "fine" };
        let router = Router::new().route("/", get(ok)).route("/metrics", get(ok));
        let router = router.layer(from_fn_with_state(Arc::clone(&gate), pass));
        let ask = async |path: &str, ip: [u8; 4], upgrade: bool| {
            let mut request = Request::builder().uri(path);
            if upgrade {
                request = request.header(header::UPGRADE, "websocket");
            }
            let mut request = request.body(Body::empty()).unwrap();
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from((ip, 9))));
            router.clone().oneshot(request).await.unwrap()
        };
        for _ in 0..10 {
            assert_eq!(ask("/", [192, 0, 2, 1], false).await.status(), StatusCode::OK);
        }
        let refused = ask("/", [192, 0, 2, 1], false).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(
            (&refused.headers()["retry-after"], &refused.headers()["access-control-allow-origin"]),
            (&HeaderValue::from_static("1"), &HeaderValue::from_static("*"))
        );
        assert_eq!(ask("/metrics", [192, 0, 2, 1], false).await.status(), StatusCode::OK);
        for expected in [200, 200, 200, 200, 200, 429] {
            assert_eq!(ask("/", [192, 0, 2, 2], true).await.status(), expected, "WebSockets are counted on their own");
        }
        assert_eq!(gate.refused(), (1, 1));
    }
}
