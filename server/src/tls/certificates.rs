//! Certificates of this server: read from files, checked, and read again when the files change.
//!
//! The one place where files become certificates: HTTP, TURN and encoders' doors all take theirs from here. Handshakes
//! after a change show the new certificate; connections that are there keep theirs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};

/// Largest certificate or key file, in bytes: a chain of ten is some 20 KiB.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// Why there is no certificate. Each says which file, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateFault {
    #[error("cannot read {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} is larger than {FILE_BYTES_MAX} bytes: this is no certificate", .0.display())]
    TooLarge(PathBuf),
    #[error("{} holds no certificate: it must be PEM, with the server's certificate first", .0.display())]
    NoCertificate(PathBuf),
    #[error("{} holds no private key: it must be PEM and not encrypted", .0.display())]
    NoKey(PathBuf),
    #[error("{} is not the key of {}: name the pair that belongs together", key.display(), cert.display())]
    Mismatch { cert: PathBuf, key: PathBuf },
    #[error("cannot use {}: {source}", path.display())]
    Unusable { path: PathBuf, source: rustls::Error },
}

/// A certificate with its key, as the files held them last.
#[derive(Debug)]
pub(crate) struct Certificates {
    cert: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificates {
    /// Reads both files.
    ///
    /// # Errors
    /// See [`CertificateFault`].
    pub(crate) fn open(cert: &Path, key: &Path) -> Result<Arc<Self>, CertificateFault> {
        let current = RwLock::new(Arc::new(load(cert, key)?));
        Ok(Arc::new(Self { cert: cert.into(), key: key.into(), current }))
    }

    /// The two files.
    pub(crate) fn files(&self) -> [&Path; 2] {
        [&self.cert, &self.key]
    }

    /// Reads the files again; the certificate of before stays when they cannot be used. Whether it is another now.
    ///
    /// # Errors
    /// See [`CertificateFault`].
    pub(crate) fn refresh(&self) -> Result<bool, CertificateFault> {
        let fresh = load(&self.cert, &self.key)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let changed = current.cert != fresh.cert;
        *current = Arc::new(fresh);
        Ok(changed)
    }

    /// The certificate that names this server.
    pub(crate) fn leaf(&self) -> Option<CertificateDer<'static>> {
        self.current().cert.first().cloned()
    }

    /// TLS for a listener, which shows the current certificate in each handshake. `alpn` are the protocols above it.
    ///
    /// # Errors
    /// The library takes none of its own protocol versions, which does not happen.
    pub(crate) fn server(self: &Arc<Self>, alpn: &[&str]) -> Result<Arc<ServerConfig>, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
        let mut config = builder.with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Arc::new(config))
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

fn load(cert: &Path, key: &Path) -> Result<CertifiedKey, CertificateFault> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(cert)?).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| CertificateFault::NoCertificate(cert.into()))?;
    let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| CertificateFault::NoKey(key.into()))?;
    CertifiedKey::from_der(chain, private, &default_provider()).map_err(|source| match source {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            CertificateFault::Mismatch { cert: cert.into(), key: key.into() }
        }
        source => CertificateFault::Unusable { path: cert.into(), source },
    })
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateFault> {
    let fault = |source| CertificateFault::Io { path: path.into(), source };
    if fs::metadata(path).map_err(fault)?.len() > FILE_BYTES_MAX {
        return Err(CertificateFault::TooLarge(path.into()));
    }
    fs::read(path).map_err(fault)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("thalweg-tls-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.join(name);
            fs::write(&path, text).unwrap();
            path
        }

        fn pair(&self, name: &str) -> (PathBuf, PathBuf) {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            let cert = self.write(&format!("{name}.pem"), &pem("CERTIFICATE", made.cert.der()));
            (cert, self.write(&format!("{name}.key"), &pem("PRIVATE KEY", &made.signing_key.serialize_der())))
        }
    }

    fn pem(label: &str, der: &[u8]) -> String {
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn faults_name_the_file_and_the_way_out() {
        let folder = Folder::new("faults");
        let ((cert, key), (_, other)) = (folder.pair("one"), folder.pair("two"));
        let (junk, missing) = (folder.write("junk", "no pem"), folder.0.join("missing"));
        for (cert, key, text) in [
            (&missing, &key, "cannot read"),
            (&junk, &key, "holds no certificate"),
            (&cert, &junk, "holds no private key"),
            (&cert, &other, "is not the key of"),
        ] {
            let fault = Certificates::open(cert, key).unwrap_err().to_string();
            assert!(fault.contains(text), "{fault}");
        }
        assert!(Certificates::open(&cert, &key).unwrap().server(&["http/1.1"]).is_ok());
    }

    #[test]
    fn a_changed_file_is_taken_and_a_broken_one_is_not() {
        let folder = Folder::new("refresh");
        let (cert, key) = folder.pair("one");
        let certificates = Certificates::open(&cert, &key).unwrap();
        let first = certificates.current();
        assert!(!certificates.refresh().unwrap());
        folder.write("one.pem", "half a fi");
        assert!(certificates.refresh().is_err());
        assert_eq!(certificates.current().cert, first.cert);
        folder.pair("one");
        assert!(certificates.refresh().unwrap());
        assert_ne!(certificates.current().cert, first.cert);
    }
}
