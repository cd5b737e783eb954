//! HTTP/1.1 on one listener, until the server stops. A connection that is slow to say what it wants is closed, so that
//! nobody can hold many by saying nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::Service as _;

use crate::listen::{Census, Place};

/// How long a request's head may take, from the connection's beginning or the answer before; browsers wait less with a
/// request on a connection that they keep.
pub(crate) const HEAD_TIME_MAX: Duration = Duration::from_secs(30);

/// Connections of one source at a time that are no WebSockets: six for each of an office's browsers that open the page
/// together. Each takes some 10 KiB.
pub(crate) const CONNECTIONS_PER_SOURCE_MAX: u32 = 4096;

type Make = IntoMakeServiceWithConnectInfo<Router, SocketAddr>;

/// Serves `router` to whom `census` has places for. When it is `stopped`, requests under way are answered, and then it
/// returns.
pub(crate) async fn serve<L>(
    mut listener: L,
    router: Router,
    census: Arc<Census>,
    head_time_max: Duration,
    mut stopped: watch::Receiver<bool>,
) where
    L: Listener<Addr = SocketAddr>,
{
    let make: Make = router.into_make_service_with_connect_info();
    let mut connections = JoinSet::new();
    loop {
        let (stream, remote) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = told(&mut stopped) => break,
        };
        let Some(place) = census.admit(remote.ip()) else { continue };
        let connection = connection(stream, remote, make.clone(), head_time_max, stopped.clone());
        connections.spawn(held(place, connection));
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Waits for the end.
async fn told(stopped: &mut watch::Receiver<bool>) {
    // The sender outlives the listeners; its loss means the end as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// A WebSocket leaves its connection's place to the next.
async fn held(place: Place, connection: impl Future<Output = ()>) {
    connection.await;
    drop(place);
}

async fn connection<S>(
    stream: S,
    remote: SocketAddr,
    mut make: Make,
    head_time_max: Duration,
    mut stopped: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Ok(service) = make.call(remote).await;
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(head_time_max);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection.with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%remote, %error, "a connection ended");
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::{ConnectInfo, Request};
    use axum::http::{StatusCode, header};
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinHandle;

    use super::*;

    async fn served(head_time_max: Duration) -> (SocketAddr, watch::Sender<bool>, JoinHandle<()>) {
        served_to(CONNECTIONS_PER_SOURCE_MAX, head_time_max).await
    }

    async fn served_to(most: u32, head_time_max: Duration) -> (SocketAddr, watch::Sender<bool>, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, (stop, stopped)) = (listener.local_addr().unwrap(), watch::channel(false));
        let who = async |ConnectInfo(remote): ConnectInfo<SocketAddr>| remote.to_string();
        let other = async |request: Request| {
            let upgrade = hyper::upgrade::on(request);
            tokio::spawn(async move {
                let _stays = upgrade.await;
                std::future::pending::<()>().await;
            });
            (StatusCode::SWITCHING_PROTOCOLS, [(header::CONNECTION, "upgrade"), (header::UPGRADE, "other")])
        };
        let router = Router::new().route("/", get(who)).route("/other", get(other));
        let census = Census::new(most, &[]);
        (address, stop, tokio::spawn(serve(listener, router, census, head_time_max, stopped)))
    }

    async fn rest(stream: &mut TcpStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn who_never_says_what_it_wants_is_sent_away() {
        let (address, _stop, _task) = served(Duration::from_millis(50)).await;
        for begun in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: here\r\nX: "] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begun.as_bytes()).await.unwrap();
            let said = rest(&mut stream).await;
            assert!(!said.contains("200 OK"), "{begun:?} was answered {said}");
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
        let said = rest(&mut stream).await;
        assert!(
            said.starts_with("HTTP/1.1 200 OK") && said.ends_with(&stream.local_addr().unwrap().to_string()),
            "{said}"
        );
    }

    #[tokio::test]
    async fn a_source_holds_so_many_connections() {
        let (address, _stop, _task) = served_to(2, HEAD_TIME_MAX).await;
        let ask = async |stream: &mut TcpStream| {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").await?;
            stream.read_u8().await
        };
        // Who speaks another protocol from there on, as WebSockets do, is none of them.
        let mut other = TcpStream::connect(address).await.unwrap();
        let upgrade = b"GET /other HTTP/1.1\r\nHost: here\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n";
        other.write_all(upgrade).await.unwrap();
        let mut said = [0; 12];
        other.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"HTTP/1.1 101");
        let mut held = Vec::new();
        for _ in 0..2 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            ask(&mut stream).await.unwrap();
            held.push(stream);
        }
        let mut third = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut third).await.is_err(), "one too many");
        drop((held, other));
    }

    #[tokio::test]
    async fn the_end_closes_idle_connections() {
        let (address, stop, task) = served(HEAD_TIME_MAX).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
        let mut first = [0; 15];
        stream.read_exact(&mut first).await.unwrap();
        stop.send_replace(true);
        task.await.unwrap();
        rest(&mut stream).await;
        assert!(TcpStream::connect(address).await.is_err());
    }
}
