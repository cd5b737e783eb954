//! One life of the server: start, run, stop.

use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::config::{Config, Fault, UdpPorts};
use crate::front::Front;
use crate::{StartError, announce, external, front, hooks, ingress, listen, logs, node, revocations, store, tls};

/// How long the last webhooks may take; what is not delivered then is delivered after the next start.
const HOOKS_GRACE: Duration = Duration::from_secs(2);
/// How long open HTTP requests may take to end after the rooms have ended.
const HTTP_GRACE: Duration = Duration::from_secs(1);

/// Runs the server until it is told to stop.
///
/// # Errors
/// When it cannot start.
pub(crate) fn serve(config: &Config, warnings: &[Fault]) -> Result<(), StartError> {
    logs::begin(&config.logging);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if let UdpPorts::Range { first, .. } = config.rtc.udp {
        tracing::warn!(port = first, "of the range rtc.udp_port the first port carries all media");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|source| StartError::Io { what: "start the runtime", source })?;
    let ended = runtime.block_on(run(config));
    // What still runs after the grace is not waited for.
    runtime.shutdown_background();
    ended
}

async fn run(config: &Config) -> Result<(), StartError> {
    let mut signals = Signals::new().map_err(|source| StartError::Io { what: "listen for signals", source })?;
    let listeners = listen::open(&config.http)?;
    let addresses: Vec<SocketAddr> = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let external = external::find(&config.rtc).await;
    let ips: Vec<IpAddr> = addresses.iter().map(SocketAddr::ip).collect();
    let hidden = config.development && config.is_loopback_only();
    let tls = tls::client()?;
    let store = store::open(&config.store, Some(Arc::clone(&tls))).await?;
    let node = node::start(config, listen::media(&ips, hidden), &external)?;
    revocations::restore(&store, &node.lobby).await.map_err(StartError::Revocations)?;
    let hooks = hooks::start(config, &node.lobby, &store, tls).await?;
    ingress::restore(&store, &node.lobby).await.map_err(StartError::Ingresses)?;
    let rtmp = ingress::start(config, &node)?;
    let front = Arc::new(Front::new(config, &node).with(store, Arc::clone(&hooks)).with_rtmp(rtmp));
    let (stop, stopped) = watch::channel(false);
    let router = node.lobby.router().merge(front::router(Arc::clone(&front)));
    let serving: Vec<_> =
        listeners.into_iter().map(|socket| tokio::spawn(http(socket, router.clone(), stopped.clone()))).collect();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), ?addresses, media = ?node.candidates, tcp = ?node.tcp_candidates, "up");
    if let Some(address) = addresses.first() {
        print(&announce::text(config, *address, &node.candidates, &node.tcp_candidates));
    }
    let name = signals.next().await;
    let (drain, grace) = (config.shutdown_drain, config.shutdown_grace);
    tracing::info!(signal = name, ?drain, ?grace, "stopping; a second signal stops at once");
    front.drain();
    let farewell = async {
        if !node.lobby.drain(drain).await && !drain.is_zero() {
            tracing::info!("the drain is over; who is left is asked to reconnect");
        }
        node.lobby.shutdown(grace).await;
        hooks.shutdown(HOOKS_GRACE).await;
        stop.send_replace(true);
        let all = async {
            for listener in serving {
                // A listener that panicked has ended, too.
                let _ = listener.await;
            }
        };
        let _ = tokio::time::timeout(HTTP_GRACE, all).await;
    };
    tokio::select! {
        () = farewell => tracing::info!("stopped"),
        name = signals.next() => tracing::warn!(signal = name, "stopped at once"),
    }
    Ok(())
}

async fn http(listener: TcpListener, router: Router, mut stopped: watch::Receiver<bool>) {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let end = async move {
        // The sender outlives the listeners; its loss means the end as well.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(end).await {
        tracing::error!(%error, "the HTTP port failed");
    }
}

/// Standard output may be closed; the server runs all the same.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The signals that mean the end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    quit: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.quit.recv() => "SIGQUIT",
        }
    }
}
