//! TLS: only a receiver whose certificate is trusted gets anything.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use thalweg_hooks::Hooks;
use tokio_rustls::TlsAcceptor;

use crate::receiver::{OK, Receiver};
use crate::{event, memory, policy, trust};

const GRACE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn certificates_are_verified() {
    for (names, host, trusted, delivered) in [
        (vec!["localhost"], "localhost", true, true),
        (vec!["127.0.0.1"], "127.0.0.1", true, true),
        (vec!["localhost"], "localhost", false, false),
        (vec!["other.example.com"], "localhost", true, false),
    ] {
        let names: Vec<String> = names.into_iter().map(String::from).collect();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).expect("a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("versions").with_no_client_auth().with_single_cert(vec![cert.der().clone()], key);
        let acceptor = TlsAcceptor::from(Arc::new(config.expect("a certificate with its key")));
        let receiver = Receiver::with_tls(Some(acceptor), |_, _| OK.into()).await;
        let policy = policy(&[format!("https://{host}:{}/hook", receiver.port)]);
        let tls = trust(trusted.then(|| cert.der().clone()));
        let hooks = Hooks::start(memory().await, policy, Arc::new(|_: &str| "signed".into()), tls).await.unwrap();
        hooks.tell(event("river", "1"));
        hooks.shutdown(GRACE).await;
        let counts = hooks.counts();
        assert_eq!((counts.delivered == 1, counts.tries_failed == 1), (delivered, !delivered), "{host} {trusted}");
        assert_eq!(receiver.so_far(), usize::from(delivered));
    }
}
