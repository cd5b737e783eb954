//! The certificate by which the remote knows us.

use std::sync::Arc;

use aws_lc_rs::digest;
use dimpl::{Config, DtlsCertificate};
use door::Fingerprint;

use crate::tunnel::{self, DATAGRAM_BYTES_MAX};

/// A self-signed ECDSA P-256 certificate with its key; one per process, cheap to clone.
#[derive(Clone)]
pub struct Identity {
    certificate: Arc<DtlsCertificate>,
    fingerprint: Fingerprint,
    config: Arc<Config>,
}

/// The system could not make a key or a certificate.
#[derive(Debug, thiserror::Error)]
#[error("cannot generate a certificate: {0}")]
pub struct IdentityError(String);

impl Identity {
    /// Makes a new key and certificate from the system's randomness.
    ///
    /// # Errors
    /// When the crypto library fails.
    pub fn generate() -> Result<Self, IdentityError> {
        let certificate =
            dimpl::certificate::generate_self_signed_certificate().map_err(|error| IdentityError(error.to_string()))?;
        let fingerprint = fingerprint_of(&certificate.certificate);
        let config = tunnel::config(None, DATAGRAM_BYTES_MAX).map_err(|error| IdentityError(format!("{error:?}")))?;
        Ok(Self { certificate: Arc::new(certificate), fingerprint, config })
    }

    /// SHA-256 of the certificate, for `a=fingerprint` (RFC 8122 section 5).
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The DTLS library's configuration. A seed makes it repeatable, for simulation.
    pub(crate) fn config(&self, seed: Option<u64>) -> Arc<Config> {
        let seeded = seed.and_then(|seed| tunnel::config(Some(seed), DATAGRAM_BYTES_MAX).ok());
        seeded.unwrap_or_else(|| Arc::clone(&self.config))
    }

    pub(crate) fn certificate(&self) -> DtlsCertificate {
        DtlsCertificate::clone(&self.certificate)
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({}, key hidden)", self.fingerprint)
    }
}

/// SHA-256 of a certificate's DER form.
pub(crate) fn fingerprint_of(der: &[u8]) -> Fingerprint {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
    Fingerprint(hash)
}
