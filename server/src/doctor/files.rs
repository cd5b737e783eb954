//! Certificates, and the folder of what outlives a room.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use store::Place;
use x509_cert::der::Decode as _;

use super::Finding;
use crate::config::{Config, TcpPort, TlsFiles};
use crate::tls::Certificates;

/// A certificate is to be renewed when less is left: ACME clients do so at a third of ninety days.
const RENEW_BEFORE: Duration = Duration::from_secs(21 * 24 * 3600);

/// The certificates that the configuration names, as they are at `now`.
pub(super) fn tls(config: &Config, now: SystemTime) -> Vec<Finding> {
    let mut findings: Vec<Finding> = config.tls.iter().map(|files| certificate("TLS", files, None, now)).collect();
    let turn = &config.turn;
    if turn.enabled && turn.tls_port != TcpPort::Off {
        findings.push(match turn.tls.as_ref().or(config.tls.as_ref()) {
            Some(files) => certificate("TLS of TURN", files, Some(&turn.domain), now),
            None => Finding::fault(
                "TLS of TURN",
                "turn.tls_port needs a certificate",
                "name turn.cert_file and turn.key_file, or tls.cert_file and tls.key_file",
            ),
        });
    }
    if findings.is_empty() && !config.is_loopback_only() {
        findings.push(Finding::warning(
            "TLS",
            "the HTTP port speaks plain HTTP",
            "put a reverse proxy in front, or set tls.cert_file: browsers give the camera to secure pages only",
        ));
    }
    findings
}

fn certificate(what: &'static str, files: &TlsFiles, domain: Option<&str>, now: SystemTime) -> Finding {
    let opened = match Certificates::open(&files.cert, &files.key) {
        Ok(opened) => opened,
        Err(fault) => return Finding::fault(what, fault.to_string(), "the server does not start before it is mended"),
    };
    let file = files.cert.display();
    match domain {
        Some(domain) if !opened.leaf().is_some_and(|leaf| is_for(&leaf, domain)) => Finding::fault(
            what,
            format!("{file} is not for {domain}"),
            "clients refuse it: get a certificate with that name, or correct turn.domain",
        ),
        _ if opened.leaf().and_then(|leaf| begins(&leaf)).is_some_and(|begins| begins > now) => {
            let found = format!("{file} is not good yet");
            Finding::fault(what, found, "look at this machine's clock, or get another certificate")
        }
        _ => lasts(what, &file.to_string(), opened.leaf().and_then(|leaf| ends(&leaf)), now),
    }
}

/// When a certificate ends; `None` when it cannot be read.
fn ends(leaf: &CertificateDer<'_>) -> Option<SystemTime> {
    let leaf = x509_cert::Certificate::from_der(leaf).ok()?;
    UNIX_EPOCH.checked_add(leaf.tbs_certificate().validity().not_after.to_unix_duration())
}

/// When a certificate begins to be good; `None` when it cannot be read.
fn begins(leaf: &CertificateDer<'_>) -> Option<SystemTime> {
    let leaf = x509_cert::Certificate::from_der(leaf).ok()?;
    UNIX_EPOCH.checked_add(leaf.tbs_certificate().validity().not_before.to_unix_duration())
}

/// How long a certificate lasts.
fn lasts(what: &'static str, file: &str, ends: Option<SystemTime>, now: SystemTime) -> Finding {
    const RENEW: &str = "renew it; the new one is taken without a restart";
    let Some(ends) = ends else { return Finding::warning(what, format!("{file}: its end cannot be read"), RENEW) };
    let days = |span: Duration| span.as_secs() / (24 * 3600);
    match ends.duration_since(now) {
        Err(past) => Finding::fault(what, format!("{file} ended {} days ago", days(past.duration())), RENEW),
        Ok(left) if left < RENEW_BEFORE => Finding::warning(what, format!("{file} ends in {} days", days(left)), RENEW),
        Ok(left) => Finding::good(what, format!("{file} and its key belong together, {} days are left", days(left))),
    }
}

fn is_for(leaf: &CertificateDer<'_>, domain: &str) -> bool {
    let (Ok(leaf), Ok(name)) = (ParsedCertificate::try_from(leaf), ServerName::try_from(domain)) else { return false };
    verify_server_name(&leaf, &name).is_ok()
}

/// Whether what outlives a room can be kept.
pub(super) fn store(config: &Config) -> Finding {
    match &config.store {
        Place::Memory if config.development => Finding::good("store", "development mode keeps nothing"),
        Place::Memory => Finding::warning(
            "store",
            "nothing is kept over a restart",
            "name a folder with store.path, unless this is a test",
        ),
        Place::Folder(folder) | Place::Postgres { folder, .. } => writable(folder),
    }
}

fn writable(folder: &Path) -> Finding {
    let probe = folder.join(".doctor");
    let tried = fs::create_dir_all(folder).and_then(|()| fs::write(&probe, b"")).and_then(|()| fs::remove_file(&probe));
    let shown = folder.display();
    match tried {
        Ok(()) => Finding::good("store", format!("{shown} can be written to")),
        Err(error) => Finding::fault(
            "store",
            format!("{shown}: {error}"),
            "give the folder to the server's user, or name another with store.path",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_tells_how_long_it_lasts() {
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let day = Duration::from_secs(24 * 3600);
        for (ends, expected) in [
            (Some(now + 60 * day), "good   TLS: a.pem and its key belong together, 60 days are left\n"),
            (Some(now + 20 * day), "warn   TLS: a.pem ends in 20 days\n"),
            (Some(now - 3 * day), "WRONG  TLS: a.pem ended 3 days ago\n"),
            (None, "warn   TLS: a.pem: its end cannot be read\n"),
        ] {
            let told = lasts("TLS", "a.pem", ends, now).print();
            assert!(told.starts_with(expected), "{told}");
        }
        // Made here, a certificate lasts until the year 4096.
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let until = ends(made.cert.der()).unwrap().duration_since(UNIX_EPOCH).unwrap();
        assert_eq!(until.as_secs() / (365 * 24 * 3600 + 6 * 3600 - 648), 4096 - 1970);
        assert_eq!(ends(&CertificateDer::from(vec![1, 2, 3])), None);
    }
}
