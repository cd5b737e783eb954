//! The program as an operator meets it: what it prints, answers, and how it ends.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// No answer of the program takes so long on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn thalweg(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_thalweg"));
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(arguments: &[&str]) -> Output {
    thalweg(arguments).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running server, killed if a test fails.
struct Server {
    child: Child,
    http: SocketAddr,
    printed: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let ports = ["--port", "0", "--udp-port", "0", "--rtc.shards", "1"];
        let mut child = thalweg(&[&ports[..], arguments].concat()).spawn().expect("the program runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        let mut printed = String::new();
        while !printed.lines().any(|line| line.starts_with("listening ")) {
            assert_ne!(lines.read_line(&mut printed).expect("text"), 0, "ended after {printed}");
        }
        let line = printed.lines().last().expect("a line");
        let http = line.split_once("http=").expect("an address").1.split(' ').next().expect("a word");
        let http = http.parse().expect("an address");
        Self { child, http, printed }
    }

    fn ask(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.http).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().expect("kill is there").success());
    }

    /// Waits for the end: exit code and all that was logged.
    fn end(&mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        (self.child.wait().expect("it ends").code(), said)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Most have ended by now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_server_starts_answers_and_ends() {
    let mut server = Server::start(&["--logging.level", "trace"]);
    assert!(server.ask("/").ends_with("\r\n\r\nOK"), "{}", server.ask("/"));
    assert!(server.ask("/readyz").starts_with("HTTP/1.1 200"));
    assert!(server.ask("/metrics").contains("\nthalweg_rooms 0\n"));
    assert!(server.ask("/rtc/validate").starts_with("HTTP/1.1 401"), "{}", server.ask("/rtc/validate"));
    let token = server.printed.lines().find_map(|line| line.trim().strip_prefix("token ")).expect("a token").trim();
    let valid = server.ask(&format!("/rtc/validate?access_token={token}"));
    assert!(valid.starts_with("HTTP/1.1 200") && valid.ends_with("success"), "{valid}");
    let token = token.to_owned();
    server.signal("TERM");
    let (code, said) = server.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains(&token), "a token is in the log: {said}");
}

/// Ports of TCP that a process listens on and ports of UDP that it has bound, as the kernel tells them.
fn open_ports(id: u32) -> BTreeSet<u16> {
    let descriptors = fs::read_dir(format!("/proc/{id}/fd")).expect("it runs");
    let links = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let links: BTreeSet<String> = links.map(|link| link.to_string_lossy().into_owned()).collect();
    // The states of listening and of unconnected sockets.
    let tables = [("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")];
    let mut ports = BTreeSet::new();
    for (table, state) in tables {
        let rows = fs::read_to_string(format!("/proc/{id}/net/{table}")).expect("a table");
        for row in rows.lines().skip(1) {
            let fields: Vec<&str> = row.split_whitespace().collect();
            if fields[3] == state && links.contains(&format!("socket:[{}]", fields[9])) {
                let (_, port) = fields[1].rsplit_once(':').expect("a port");
                ports.insert(u16::from_str_radix(port, 16).expect("a number"));
            }
        }
    }
    ports
}

#[test]
fn it_listens_where_it_says_and_nowhere_else() {
    let server = Server::start(&["--ingress.rtmp_port", "off"]);
    let line = server.printed.lines().last().expect("a line");
    let told = line.split(' ').filter_map(|word| word.rsplit_once(':')).map(|(_, port)| port.parse().expect("a port"));
    assert_eq!(open_ports(server.child.id()), told.collect::<BTreeSet<u16>>(), "{line}");
}

#[test]
fn a_printed_token_can_be_made_by_the_errand_as_well() {
    let server = Server::start(&[]);
    let made = output(&["token", "--room", "r", "--identity", "i", "--can-publish=false", "--ttl", "10m"]);
    let token = text(&made.stdout);
    let valid = server.ask(&format!("/rtc/validate?access_token={}", token.trim()));
    assert!(valid.ends_with("success"), "{valid}");
}

#[test]
fn every_signal_ends_it_well() {
    for name in ["INT", "TERM", "QUIT"] {
        let mut server = Server::start(&["--logging.json"]);
        server.signal(name);
        let (code, said) = server.end();
        assert_eq!(code, Some(0), "{name}: {said}");
        assert!(said.lines().all(|line| line.starts_with('{')), "{said}");
    }
}

#[test]
fn a_port_in_use_is_told_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = taken.local_addr().expect("it has one").port().to_string();
    let ended = output(&["--port", &port, "--udp-port", "0", "--logging.level", "error"]);
    let said = text(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(&port) && said.contains("--port"), "{said}");
}

#[test]
fn a_media_port_in_use_is_told_in_one_line() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let port = taken.local_addr().expect("it has one").port().to_string();
    let ended = output(&["--port", "0", "--udp-port", &port, "--logging.level", "error"]);
    let said = text(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(&port) && said.contains("--udp-port"), "{said}");
}

#[test]
fn wrong_usage_wrong_configuration_and_help_end_differently() {
    assert_eq!(output(&["--prot", "1"]).status.code(), Some(2));
    let help = output(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("--rtc.udp_port <PORT>"), "{}", text(&help.stdout));
    let faulty = output(&["--port", "high", "--config", "/nonexistent/thalweg.yaml"]);
    assert_eq!(faulty.status.code(), Some(1));
    assert!(text(&faulty.stderr).contains("/nonexistent/thalweg.yaml"));
    let faulty = output(&["--port", "high", "--bind", "0.0.0.0", "--dev"]);
    assert!(text(&faulty.stderr).contains("2 faults") && faulty.status.code() == Some(1), "{}", text(&faulty.stderr));
}

#[test]
fn a_configuration_can_be_checked() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/livekit.yaml");
    let checked = output(&["check-config", sample]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    let said = text(&checked.stdout);
    assert!(said.contains("warning: ") && said.ends_with("the configuration is good\n"), "{said}");
    let keys = output(&["keys"]);
    assert!(text(&keys.stdout).starts_with("keys:\n  API"));
}
