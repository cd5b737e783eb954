//! One life of the server: start, run, stop.

use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{Config, Fault, TlsFiles, UdpPorts};
use crate::front::Front;
use crate::http::{CONNECTIONS_PER_SOURCE_MAX, HEAD_TIME_MAX};
use crate::listen::{Census, Secure};
use crate::reload::{Reload, Reread};
use crate::tls::Certificates;
use crate::{
    StartError, announce, audit, calls, external, front, gate, hooks, http, ingress, listen, logs, node, revocations,
    store, telemetry, tls, whip,
};

/// How long the last webhooks may take; what is not delivered then is delivered after the next start.
const HOOKS_GRACE: Duration = Duration::from_secs(2);
/// How long open HTTP requests may take to end after the rooms have ended.
const HTTP_GRACE: Duration = Duration::from_secs(1);

/// Runs the server until it is told to stop.
///
/// # Errors
/// When it cannot start.
pub(crate) fn serve(config: &Config, warnings: &[Fault], reread: Reread) -> Result<(), StartError> {
    logs::begin(&config.logging);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if let UdpPorts::Range { first, .. } = config.rtc.udp {
        tracing::warn!(port = first, "of the range rtc.udp_port the first port carries all media");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|source| StartError::Io { what: "start the runtime", source })?;
    let ended = runtime.block_on(run(config, reread));
    // What still runs after the grace is not waited for.
    runtime.shutdown_background();
    ended
}

async fn run(config: &Config, reread: Reread) -> Result<(), StartError> {
    let mut signals = Signals::new().map_err(|source| StartError::Io { what: "listen for signals", source })?;
    let listeners = listen::open(&config.http)?;
    let addresses: Vec<SocketAddr> = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let external = external::find(&config.rtc).await;
    let ips: Vec<IpAddr> = addresses.iter().map(SocketAddr::ip).collect();
    let hidden = config.development && config.is_loopback_only();
    let tls = tls::client()?;
    let store = store::open(&config.store, Some(Arc::clone(&tls))).await?;
    let certificates = certificates("tls", config.tls.as_ref())?;
    let turns_own = certificates_of_turn(config)?;
    let shown = turns_own.as_ref().or(certificates.as_ref());
    let node = node::start(config, listen::media(&ips, hidden), &external, shown)?;
    revocations::restore(&store, &node.lobby, config.limit.token_life).await.map_err(StartError::Revocations)?;
    let hooks = hooks::start(config, &node.lobby, &store, Arc::clone(&tls)).await?;
    ingress::restore(&store, &node.lobby).await.map_err(StartError::Ingresses)?;
    let rtmp = ingress::start(config, &node, certificates.as_ref(), tls)?;
    let house = whip::start(config, &node, addresses.first());
    let calls = calls::start(config, &node.lobby, &store, &hooks).await.map_err(StartError::Calls)?;
    let front = Front::new(config, &node).with(store, Arc::clone(&hooks)).with_rtmp(rtmp).with_whip(Arc::clone(&house));
    let front = Arc::new(front.with_calls(calls.clone()));
    let (stop, stopped) = watch::channel(false);
    let telemetry = telemetry::start(config)?.map(|it| tokio::spawn(it.run(stopped.clone())));
    let router = node.lobby.router().merge(whip::router(house)).merge(front::router(Arc::clone(&front)));
    let router = router.merge(calls.as_ref().map_or_else(Router::new, calls_api::Calls::router));
    let router = router.layer(from_fn(audit::keep)).layer(from_fn_with_state(Arc::clone(front.gate()), gate::pass));
    let router = router.layer(from_fn(telemetry::trace));
    let mut serving = open_doors(config, listeners, certificates.as_ref(), &router, &stopped)?;
    serving.extend(telemetry);
    let watched: Vec<_> = certificates.into_iter().chain(turns_own).collect();
    let reload = Reload::new(config, node.lobby.keys(), &watched, reread);
    tokio::spawn(reload.run(signals.hangup()?));
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
        calls.iter().for_each(calls_api::Calls::close);
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

/// The certificate that a section of the configuration names, if it names one.
fn certificates(key: &'static str, files: Option<&TlsFiles>) -> Result<Option<Arc<Certificates>>, StartError> {
    let Some(files) = files else { return Ok(None) };
    let opened = Certificates::open(&files.cert, &files.key);
    opened.map(Some).map_err(|fault| StartError::Certificate { key, fault: fault.to_string() })
}

/// The certificate that TURN alone shows, if there is TURN.
fn certificates_of_turn(config: &Config) -> Result<Option<Arc<Certificates>>, StartError> {
    if config.turn.enabled { certificates("turn", config.turn.tls.as_ref()) } else { Ok(None) }
}

/// Serves HTTP on all listeners, behind TLS when there is a certificate.
fn open_doors(
    config: &Config,
    listeners: Vec<TcpListener>,
    certificates: Option<&Arc<Certificates>>,
    router: &Router,
    stopped: &watch::Receiver<bool>,
) -> Result<Vec<JoinHandle<()>>, StartError> {
    let tls = certificates.map(|them| them.server(&["http/1.1"]).map_err(StartError::Tls)).transpose()?;
    let census = Census::new(CONNECTIONS_PER_SOURCE_MAX, &config.trusted_proxies);
    let door = |listener: TcpListener| {
        let (router, census, stopped) = (router.clone(), Arc::clone(&census), stopped.clone());
        let Some(tls) = &tls else {
            return Ok(tokio::spawn(http::serve(listener, router, census, HEAD_TIME_MAX, stopped)));
        };
        let secure = Secure::new(listener, Arc::clone(tls), &config.trusted_proxies);
        let secure = secure.map_err(|source| StartError::Io { what: "listen with TLS", source })?;
        Ok(tokio::spawn(http::serve(secure, router, census, HEAD_TIME_MAX, stopped)))
    };
    listeners.into_iter().map(door).collect()
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

    /// SIGHUP, which ends nothing.
    fn hangup(&self) -> Result<Signal, StartError> {
        signal(SignalKind::hangup()).map_err(|source| StartError::Io { what: "listen for SIGHUP", source })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.quit.recv() => "SIGQUIT",
        }
    }
}
