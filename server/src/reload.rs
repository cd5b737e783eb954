//! What is read again while the server runs: certificates and API keys, on SIGHUP and when their files change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use livekit::Keys;
use tokio::signal::unix::Signal;

use crate::StartError;
use crate::config::Config;
use crate::tls::Certificates;

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// Reads the configuration again.
pub(crate) type Reread = Arc<dyn Fn() -> Result<Config, StartError> + Send + Sync>;

/// What a file looked like: time of change and length, or that it cannot be seen.
type Look = Option<(SystemTime, u64)>;

/// Files and what they looked like last.
struct Watched {
    files: Vec<PathBuf>,
    looks: Vec<Look>,
}

impl Watched {
    fn new(files: Vec<PathBuf>) -> Self {
        let looks = files.iter().map(|file| look(file)).collect();
        Self { files, looks }
    }

    /// Whether a file looks otherwise than it did when this was last asked.
    fn has_changed(&mut self) -> bool {
        let looks: Vec<Look> = self.files.iter().map(|file| look(file)).collect();
        std::mem::replace(&mut self.looks, looks.clone()) != looks
    }
}

fn look(file: &Path) -> Look {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// All that can be read again.
pub(crate) struct Reload {
    certificates: Vec<(Arc<Certificates>, Watched)>,
    keys: Keys,
    key_files: Watched,
    reread: Reread,
}

impl Reload {
    /// Watches the files of `config`, and those of `certificates`.
    pub(crate) fn new(config: &Config, keys: Keys, certificates: &[Arc<Certificates>], reread: Reread) -> Self {
        let watch = |them: &Arc<Certificates>| {
            (Arc::clone(them), Watched::new(them.files().into_iter().map(Path::to_owned).collect()))
        };
        let key_files = Watched::new(config.key_files.clone());
        Self { certificates: certificates.iter().map(watch).collect(), keys, key_files, reread }
    }

    /// Looks after the files until the server ends.
    pub(crate) async fn run(mut self, mut hangup: Signal) {
        let mut ticks = tokio::time::interval(LOOK_INTERVAL);
        loop {
            let asked = tokio::select! {
                _ = hangup.recv() => true,
                _ = ticks.tick() => false,
            };
            self.look(asked);
        }
    }

    fn look(&mut self, asked: bool) {
        for (certificates, watched) in &mut self.certificates {
            if watched.has_changed() || asked {
                tell_certificates(certificates);
            }
        }
        if self.key_files.has_changed() || asked {
            self.renew_keys();
        }
    }

    fn renew_keys(&self) {
        match (self.reread)() {
            Ok(config) => {
                let fresh =
                    config.keys.iter().map(|(key, secret)| (key.clone(), livekit::Secret::new(secret.expose())));
                if self.keys.replace(fresh) {
                    let keys: Vec<&str> = config.keys.keys().map(String::as_str).collect();
                    tracing::info!(?keys, "API keys read again");
                }
            }
            Err(error) => tracing::warn!(%error, "the API keys stay as they were"),
        }
    }
}

fn tell_certificates(certificates: &Certificates) {
    let [cert, _] = certificates.files();
    match certificates.refresh() {
        Ok(true) => tracing::info!(cert = %cert.display(), "certificate read again"),
        Ok(false) => {}
        Err(fault) => tracing::warn!(%fault, "the certificate stays as it was"),
    }
}
