//! Certificates, and the folder of what outlives a room.

use std::fs;
use std::path::Path;

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use store::Place;

use super::Finding;
use crate::config::{Config, TcpPort, TlsFiles};
use crate::tls::Certificates;

/// The certificates that the configuration names.
pub(super) fn tls(config: &Config) -> Vec<Finding> {
    let mut findings: Vec<Finding> = config.tls.iter().map(|files| certificate("TLS", files, None)).collect();
    let turn = &config.turn;
    if turn.enabled && turn.tls_port != TcpPort::Off {
        findings.push(match turn.tls.as_ref().or(config.tls.as_ref()) {
            Some(files) => certificate("TLS of TURN", files, Some(&turn.domain)),
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

fn certificate(what: &'static str, files: &TlsFiles, domain: Option<&str>) -> Finding {
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
        _ => Finding::good(what, format!("{file} and its key belong together")),
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
