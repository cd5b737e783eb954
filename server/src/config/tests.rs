//! What a configuration text comes to, and what is said of a wrong one.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn file(text: &str) -> Sources {
    Sources { file: Some(("t.yaml".into(), text.into())), ..Sources::default() }
}

fn with_keys(text: &str) -> Sources {
    file(&format!("{text}\nkeys:\n  k: {SECRET}\n"))
}

fn flag(sources: &mut Sources, path: &str, value: &str) {
    let key = schema::keys().iter().find(|key| key.path == path).unwrap();
    sources.flags.push((key, path.into(), vec![value.into()]));
}

fn good(sources: &Sources) -> Config {
    match Config::read(sources) {
        Ok((config, warnings)) => {
            assert_eq!(warnings, vec![], "no warning is due");
            config
        }
        Err(faults) => panic!("{faults}"),
    }
}

fn faults(sources: &Sources) -> Vec<String> {
    let faults = Config::read(sources).expect_err("must be refused");
    faults.0.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_said_is_development_on_loopback() {
    let config = good(&Sources::default());
    assert!(config.development && config.is_loopback_only() && config.rtc.loopback_candidate);
    assert_eq!(config.keys["devkey"].expose(), "secret");
    assert_eq!((config.http.port, config.rtc.udp), (7880, UdpPorts::One(7882)));
}

#[test]
fn a_file_is_no_development() {
    let config = good(&with_keys(""));
    assert!(!config.development && !config.is_loopback_only() && !config.rtc.loopback_candidate);
    assert_eq!(config.shutdown_grace, Duration::from_secs(10));
}

#[test]
fn flags_win_over_environment_over_file() {
    let mut sources = with_keys("port: 1\nregion: file\nlogging: {level: debug}");
    sources.environment.insert("THALWEG_PORT".into(), "2".into());
    sources.environment.insert("THALWEG_REGION".into(), "environment".into());
    flag(&mut sources, "port", "3");
    let config = good(&sources);
    assert_eq!((config.http.port, config.region.as_str(), config.logging.level), (3, "environment", Level::Debug));
}

#[test]
fn livekits_variables_count() {
    let mut sources = Sources::default();
    for (name, value) in [("LIVEKIT_KEYS", format!("a: {SECRET}")), ("NODE_IP", "192.0.2.9".into())] {
        sources.environment.insert(name.into(), value);
    }
    sources.environment.insert("UDP_PORT".into(), "7000-7003".into());
    let config = good(&sources);
    assert!(!config.development);
    assert_eq!(config.keys["a"].expose(), SECRET);
    assert_eq!(config.rtc.node_ips, vec!["192.0.2.9".parse::<IpAddr>().unwrap()]);
    assert_eq!(config.rtc.udp, UdpPorts::Range { first: 7000, last: 7003 });
}

#[test]
fn kubernetes_service_variables_do_no_harm() {
    let mut sources = with_keys("");
    sources.environment.insert("THALWEG_PORT".into(), "tcp://10.0.0.1:7880".into());
    assert_eq!(good(&sources).http.port, PORT_DEFAULT);
}

#[test]
fn an_unknown_variable_is_a_warning() {
    let mut sources = with_keys("");
    sources.environment.insert("THALWEG_PROT".into(), "1".into());
    let (_, warnings) = Config::read(&sources).unwrap();
    let text = "environment THALWEG_PROT: no key belongs to this variable; did you mean THALWEG_PORT?";
    assert_eq!(warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), [text]);
}

#[test]
fn all_faults_at_once_each_with_its_place() {
    let mut sources = file("prot: 1\nrtc:\n  udp_port: high\n  shards: 9000\nroom: 7\nlogging:\n  json: yes\n");
    flag(&mut sources, "shutdown.grace", "10");
    assert_eq!(
        faults(&sources),
        [
            "t.yaml:1:1: prot: no such key; did you mean port?",
            "t.yaml:3:13: rtc.udp_port: expected a port such as 7882 or a range such as 7882-7889, the lower port \
             first, found \"high\"",
            "t.yaml:4:11: rtc.shards: at most 256; 0 is one per core",
            "t.yaml:5:1: room: this is a section and holds keys of its own, not \"7\"",
            "t.yaml:7:9: logging.json: expected true or false, found \"yes\"",
            "keys: there is none, so nobody could join: `thalweg keys` makes a key and a secret",
            "flag --shutdown.grace: shutdown.grace: expected a number and a unit such as 500ms, 10s, 1m30s or 6h, \
             found \"10\"",
        ]
    );
}

#[test]
fn idle_keys_are_warned_of_by_name() {
    let (_, warnings) = Config::read(&with_keys("rtc:\n  force_tcp: true\nredis:\n  address: localhost:6379")).unwrap();
    let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "t.yaml:2:14: rtc.force_tcp: has no effect: clients are told UDP, TCP and TURN at once and take what works",
            "t.yaml:4:12: redis.address: has no effect: this server runs as a single node",
        ]
    );
}

#[test]
fn secrets_that_can_be_guessed_stay_on_loopback() {
    let text = &faults(&file("keys: {devkey: secret}"))[0];
    assert!(text.contains("t.yaml:1:7: keys: the secret of devkey has fewer than 32 characters"), "{text}");
    let text = &faults(&file("development: true\nbind_addresses: [0.0.0.0]"))[0];
    assert!(text.contains("t.yaml:2:17: bind_addresses") && text.contains("thalweg keys"), "{text}");
    assert!(!good(&with_keys("development: true\nbind_addresses: [0.0.0.0]")).is_loopback_only());
    assert!(!text.contains("\"secret\""));
}

#[test]
fn port_ranges_in_livekits_two_forms() {
    let range = UdpPorts::Range { first: 50_000, last: 60_000 };
    assert_eq!(good(&with_keys("rtc: {port_range_start: 50000, port_range_end: 60000}")).rtc.udp, range);
    assert_eq!(good(&with_keys("rtc: {udp_port: 50000-60000}")).rtc.udp, range);
    assert!(faults(&with_keys("rtc: {port_range_start: 5}"))[0].contains("rtc.port_range_end is missing"));
    assert!(faults(&with_keys("rtc: {port_range_start: 9, port_range_end: 8}"))[0].contains("9-8 is empty"));
}

#[test]
fn media_over_tcp_has_its_port_unless_it_is_off() {
    let tcp = |text: &str| good(&with_keys(text)).rtc.tcp;
    assert_eq!(tcp(""), TcpPort::On { port: 7881, named: false });
    assert_eq!(tcp("rtc: {tcp_port: 443}"), TcpPort::On { port: 443, named: true });
    assert_eq!(tcp("rtc: {udp_port: 0}"), TcpPort::On { port: 0, named: false });
    assert_eq!(tcp("rtc: {tcp_port: off}"), TcpPort::Off);
}

#[test]
fn turn_servers_with_a_shared_secret_are_left_out() {
    let text = "rtc:\n  turn_servers:\n  - {host: a, port: 3478, username: u, credential: p}\n  - {host: b, port: 1, secret: x}";
    let (config, warnings) = Config::read(&with_keys(text)).unwrap();
    assert_eq!(config.rtc.turn_servers.len(), 1);
    assert!(warnings[0].to_string().contains("b is left out"));
}

#[cfg(unix)]
#[test]
fn a_key_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let path = std::env::temp_dir().join(format!("thalweg-keys-{}.yaml", std::process::id()));
    std::fs::write(&path, format!("mine: {SECRET}\n")).unwrap();
    let sources = file(&format!("key_file: {}", path.display()));
    let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    let open = faults(&sources);
    mode(0o600);
    let shut = Config::read(&sources);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(open.len(), 1, "{open:?}");
    assert!(open[0].contains("chmod 600"), "{}", open[0]);
    assert_eq!(shut.unwrap().0.keys["mine"].expose(), SECRET);
    assert!(faults(&sources)[0].contains("cannot read"));
}

#[test]
fn nothing_shows_a_secret() {
    let config = good(&with_keys(""));
    assert!(!format!("{config:?}").contains(SECRET));
}

#[test]
fn a_choice_takes_what_is_included_and_not_excluded() {
    let choice = |includes: &[u8], excludes: &[u8]| Choice { includes: includes.into(), excludes: excludes.into() };
    for (choice, thing, taken) in [
        (choice(&[], &[]), 1, true),
        (choice(&[1], &[]), 1, true),
        (choice(&[2], &[]), 1, false),
        (choice(&[], &[1]), 1, false),
        (choice(&[1], &[1]), 1, false),
    ] {
        assert_eq!(choice.takes(|entry| *entry == thing), taken, "{choice:?}");
    }
}

#[test]
fn the_environment_alone_is_ordered() {
    // Two sources name the same key: ours wins.
    let mut sources = with_keys("");
    sources.environment =
        BTreeMap::from([("NODE_IP".into(), "192.0.2.1".into()), ("THALWEG_RTC_NODE_IP".into(), "192.0.2.2".into())]);
    assert_eq!(good(&sources).rtc.node_ips[0].to_string(), "192.0.2.2");
}
