//! The sample files in `config/` say what is true.

#[path = "samples/limits.rs"]
mod limits;

use thalweg_server::config::schema::{self, Standing};
use thalweg_server::config::{Config, Fault, Sources, TcpPort};

const KEYS: &str = "k: 0123456789abcdef0123456789abcdef";

fn sample(name: &str) -> String {
    let path = format!("{}/../config/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn read(text: String, keys: bool) -> (Config, Vec<Fault>) {
    let mut sources = Sources { file: Some(("sample.yaml".into(), text)), ..Sources::default() };
    if keys {
        sources.environment.insert("LIVEKIT_KEYS".into(), KEYS.into());
    }
    Config::read(&sources).unwrap_or_else(|faults| panic!("{faults}"))
}

#[test]
fn thalweg_yaml_states_the_defaults() {
    let (written, warnings) = read(sample("thalweg.yaml"), true);
    let (mut default, _) = read(String::new(), true);
    // A sample names the ports, and who names a port insists on it.
    for port in [&mut default.ingress.rtmp_port, &mut default.rtc.tcp, &mut default.turn.udp_port] {
        if let TcpPort::On { named, .. } = port {
            *named = true;
        }
    }
    assert_eq!(warnings, vec![]);
    assert_eq!(written, default);
}

#[test]
fn thalweg_yaml_holds_every_key_that_takes_effect() {
    let text = sample("thalweg.yaml");
    let mut section = "";
    let mut found = Vec::new();
    let mut inner = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let Some((name, _)) = line.trim().split_once(':') else { continue };
        match line.len() - line.trim_start().len() {
            0 => {
                section = name;
                inner.clear();
                found.push(name.to_owned());
            }
            2 => {
                inner = format!("{section}.{name}");
                found.push(inner.clone());
            }
            _ => found.push(format!("{inner}.{name}")),
        }
    }
    for key in schema::keys().iter().filter(|key| key.standing == Standing::Used && key.path != "log_level") {
        assert!(found.iter().any(|path| path == key.path), "{} is missing in config/thalweg.yaml", key.path);
    }
}

#[test]
fn thalweg_yaml_without_keys_says_how_to_make_one() {
    let sources = Sources { file: Some(("t".into(), sample("thalweg.yaml"))), ..Sources::default() };
    let text = Config::read(&sources).expect_err("keys are needed").to_string();
    assert!(text.contains("thalweg keys"), "{text}");
}

#[test]
fn dev_yaml_is_what_no_configuration_means() {
    let (written, warnings) = read(sample("dev.yaml"), false);
    let (default, _) = Config::read(&Sources::default()).expect("development mode");
    assert_eq!(warnings, vec![]);
    // A file may change, and is then read again.
    assert_eq!(written.key_files, [std::path::PathBuf::from("sample.yaml")]);
    assert_eq!(Config { http: default.http.clone(), key_files: Vec::new(), ..written }, default);
}

#[test]
fn a_livekit_configuration_starts_and_idle_keys_are_named() {
    let (config, warnings) = read(sample("livekit.yaml"), false);
    assert_eq!(config.rtc.turn_servers.len(), 1);
    assert!(config.http.bind.iter().all(std::net::IpAddr::is_unspecified));
    let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    for key in ["redis.address", "limit.num_tracks"] {
        assert!(texts.iter().any(|text| text.contains(&format!(" {key}: has no effect"))), "{key} in {texts:#?}");
    }
}
