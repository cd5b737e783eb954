//! Webhooks over real sockets on loopback.

mod receiver;
mod refusals;
mod retries;
mod tls;

use std::sync::Arc;

use store::{Place, Store};
use thalweg_hooks::{Event, Filter, HookUrl, Hooks, Policy, Reach};

/// A store in memory, which outlives the hooks of a test.
pub(crate) async fn memory() -> Store {
    Store::open(Place::Memory, None).await.expect("memory is there")
}

pub(crate) fn policy(urls: &[String]) -> Policy {
    let urls = urls.iter().map(|url| HookUrl::parse(url).expect("a URL")).collect();
    Policy { urls, filter: Filter::default(), reach: Reach::Anywhere }
}

/// TLS that trusts nobody, or one certificate.
pub(crate) fn trust(certificate: Option<rustls::pki_types::CertificateDer<'static>>) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(certificate) = certificate {
        roots.add(certificate).expect("a certificate");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(builder.expect("versions").with_root_certificates(roots).with_no_client_auth())
}

pub(crate) async fn start(store: &Store, policy: Policy) -> Hooks {
    let signer = Arc::new(|hash: &str| format!("signed {hash}"));
    Hooks::start(store.clone(), policy, signer, trust(None)).await.expect("it starts")
}

pub(crate) fn event(room: &str, text: &str) -> Event {
    let created_ms =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis();
    let created_ms = u64::try_from(created_ms).expect("before the end of time");
    Event { room: room.into(), kind: "room_started", body: text.into(), created_ms }
}
