//! TLS: this server's own certificates, and what it trusts in others (webhooks' receivers, the database).

mod certificates;

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};

use crate::StartError;

pub(crate) use certificates::Certificates;

/// TLS for clients. Which authorities are trusted the system says; `SSL_CERT_FILE` names others.
///
/// # Errors
/// The library takes none of its own protocol versions, which does not happen.
pub(crate) fn client() -> Result<Arc<ClientConfig>, StartError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(found.certs);
    if taken == 0 {
        tracing::warn!(
            "no certificate authority is known, so that no https URL can be reached: install ca-certificates"
        );
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(StartError::Tls)?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}
