//! Each fault is planted, and must be found with a way to mend it.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::*;
use crate::config::Sources;

/// 2027-01-15.
const NOW: Duration = Duration::from_secs(1_800_000_000);
const KEYS: &str = "keys: {APIa: q9Xc2vB7nM4kL8jH5gF1dS6aP3oI0uYt}\n";
/// Ports that the system chooses, on loopback.
const PORTS: &str = "bind_addresses: [127.0.0.1]\nport: 0\n";
const MEDIA: &str = "rtc: {udp_port: 0, tcp_port: 0}\n";
const INGRESS: &str = "ingress: {rtmp_port: 0}\n";

/// A folder of a test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("thalweg-doctor-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A certificate for `name`, good from one year to another, with its key.
    fn certificate(&self, name: &str, (from, to): (i32, i32)) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        let key = KeyPair::generate().unwrap();
        let paths = (self.0.join(format!("{name}-{from}.pem")), self.0.join(format!("{name}-{from}.key")));
        fs::write(&paths.0, pem("CERTIFICATE", params.self_signed(&key).unwrap().der())).unwrap();
        fs::write(&paths.1, pem("PRIVATE KEY", &key.serialize_der())).unwrap();
        paths
    }
}

fn pem(what: &str, der: &[u8]) -> String {
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", STANDARD.encode(der))
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// All that is told of a configuration.
async fn told(text: &str) -> String {
    let sources = Sources { file: Some(("t.yaml".into(), text.into())), ..Sources::default() };
    let (config, warnings) = Config::read(&sources).unwrap_or_else(|faults| panic!("{faults}"));
    examine(&config, &warnings, UNIX_EPOCH + NOW).await.text
}

/// The finding that begins with `head`, and what to do about it.
fn finding(text: &str, head: &str) -> (String, String) {
    let mut lines = text.lines().skip_while(|line| !line.starts_with(head));
    let found = lines.next().unwrap_or_else(|| panic!("no {head} in\n{text}"));
    let mend = lines.next().and_then(|line| line.strip_prefix("       -> ")).unwrap_or_default();
    (found.to_owned(), mend.to_owned())
}

fn tls((cert, key): &(PathBuf, PathBuf)) -> String {
    let show = |path: &Path| path.display().to_string();
    format!("{PORTS}{MEDIA}{INGRESS}{KEYS}tls: {{cert_file: {}, key_file: {}}}\n", show(cert), show(key))
}

#[test]
fn what_is_wrong_says_how_to_mend_it() {
    let text = Finding::fault("ports", "7880/tcp is taken", "choose another with --port").print();
    assert_eq!(text, "WRONG  ports: 7880/tcp is taken\n       -> choose another with --port\n");
    assert_eq!(Finding::good("clock", "right").print(), "good   clock: right\n");
}

#[tokio::test]
async fn a_sound_server_has_no_fault() {
    let folder = Folder::new("sound");
    let text = told(&tls(&folder.certificate("localhost", (2026, 2028)))).await;
    assert!(!text.contains("WRONG"), "{text}");
    assert!(text.ends_with(" 0 wrong\n"), "{text}");
    finding(&text, "good   TLS: ");
}

#[tokio::test]
async fn certificates_out_of_their_time_are_found() {
    let folder = Folder::new("time");
    let text = told(&tls(&folder.certificate("past", (2020, 2026)))).await;
    let (found, mend) = finding(&text, "WRONG  TLS: ");
    assert!(found.ends_with("past-2020.pem ended 379 days ago"), "{found}");
    assert_eq!(mend, "renew it; the new one is taken without a restart");
    let text = told(&tls(&folder.certificate("future", (2028, 2030)))).await;
    let (found, mend) = finding(&text, "WRONG  TLS: ");
    assert!(found.ends_with("future-2028.pem is not good yet"), "{found}");
    assert_eq!(mend, "look at this machine's clock, or get another certificate");
    assert!(text.ends_with(" 1 wrong\n"), "{text}");
}

#[tokio::test]
async fn a_key_that_does_not_fit_is_found() {
    let folder = Folder::new("key");
    let (one, other) = (folder.certificate("one", (2026, 2028)), folder.certificate("other", (2026, 2028)));
    let (found, mend) = finding(&told(&tls(&(one.0.clone(), other.1))).await, "WRONG  TLS: ");
    assert!(found.contains("is not the key of") && found.ends_with("name the pair that belongs together"), "{found}");
    assert_eq!(mend, "the server does not start before it is mended");
    let (found, _) = finding(&told(&tls(&(one.0, folder.0.join("none.key")))).await, "WRONG  TLS: ");
    assert!(found.contains("cannot read") && found.contains("none.key"), "{found}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_found() {
    let folder = Folder::new("name");
    let turn = "turn: {enabled: true, domain: localhost, udp_port: 0, tls_port: 0}\n";
    let text = told(&format!("{}{turn}", tls(&folder.certificate("elsewhere.test", (2026, 2028))))).await;
    let (found, mend) = finding(&text, "WRONG  TLS of TURN: ");
    assert!(found.ends_with("elsewhere.test-2026.pem is not for localhost"), "{found}");
    assert_eq!(mend, "clients refuse it: get a certificate with that name, or correct turn.domain");
    let text = told(&format!("{}{turn}", tls(&folder.certificate("localhost", (2026, 2028))))).await;
    finding(&text, "good   TLS of TURN: ");
}

#[tokio::test]
async fn taken_ports_are_found() {
    let http = TcpListener::bind("127.0.0.1:0").unwrap();
    let media = UdpSocket::bind("0.0.0.0:0").unwrap();
    let (http, udp) = (http.local_addr().unwrap().port(), (media.local_addr().unwrap().port(), http));
    let text = format!(
        "bind_addresses: [127.0.0.1]\nport: {http}\nrtc: {{udp_port: {}, tcp_port: 0}}\n{INGRESS}{KEYS}",
        udp.0
    );
    let text = told(&text).await;
    for (port, protocol, name, key) in [(http, "tcp", "HTTP", "port"), (udp.0, "udp", "media", "rtc.udp_port")] {
        let (found, mend) = finding(&text, &format!("WRONG  port: {port}/{protocol}"));
        assert!(found.ends_with(&format!("for {name} is taken")), "{found}");
        assert!(mend.contains(&format!("ss -lpn | grep :{port}")) && mend.contains(key), "{mend}");
    }
}

#[tokio::test]
async fn names_that_are_nowhere_are_found() {
    let rtc = "rtc: {udp_port: 0, tcp_port: 0, stun_servers: [\"nowhere.invalid:3478\"]}\n";
    let (found, mend) = finding(&told(&format!("{PORTS}{rtc}{INGRESS}{KEYS}")).await, "WRONG  name: ");
    assert_eq!(found, "WRONG  name: nowhere.invalid is not found");
    assert_eq!(mend, "correct the name, or add it to the DNS");
}

#[tokio::test]
async fn an_address_that_nobody_reaches_is_found() {
    let text = |ip: &str| format!("{PORTS}rtc: {{udp_port: 0, tcp_port: 0, node_ip: {ip}}}\n{INGRESS}{KEYS}");
    let (found, mend) = finding(&told(&text("10.1.2.3")).await, "warn   address: ");
    assert!(found.contains("10.1.2.3") && found.ends_with("which only this network reaches"), "{found}");
    assert!(mend.contains("set rtc.node_ip to the public address"), "{mend}");
    finding(&told(&text("203.0.113.5")).await, "good   address: ");
}

#[tokio::test]
async fn keys_that_can_be_guessed_are_found() {
    let text = told(&format!("{PORTS}{MEDIA}{INGRESS}keys: {{APIa: this-is-a-secret-of-more-than-32-bytes}}\n")).await;
    let (found, mend) = finding(&text, "WRONG  keys: ");
    assert!(found.contains("the secret of APIa is a sample's, or like one"), "{found}");
    assert!(!text.contains("more-than-32"), "secrets are not shown: {text}");
    assert!(mend.contains("thalweg keys"), "{mend}");
    let (found, _) = finding(&told(&format!("{PORTS}{MEDIA}{INGRESS}development: true\n")).await, "warn   keys: ");
    assert!(found.contains("everybody knows the key"), "{found}");
}

#[tokio::test]
async fn a_store_that_cannot_be_written_is_found() {
    let folder = Folder::new("store");
    let file = folder.0.join("file");
    fs::write(&file, b"").unwrap();
    let store = format!("store: {{path: {}}}\n", file.join("below").display());
    let (found, mend) = finding(&told(&format!("{PORTS}{MEDIA}{INGRESS}{KEYS}{store}")).await, "WRONG  store: ");
    assert!(found.contains("below"), "{found}");
    assert!(mend.contains("store.path"), "{mend}");
}
