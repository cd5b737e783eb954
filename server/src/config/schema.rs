//! Every key that a configuration may hold: ours, LiveKit's, and those of LiveKit's that do nothing here yet.
//!
//! One table feeds the file reader, the environment, the command line's flags and the guesses for typing errors.

mod table;

use table::KEYS;

/// Names whose likeness to a wrong one is below this are no suggestion (Jaro-Winkler, 0 to 1).
const LIKENESS_MIN: f64 = 0.8;

/// How a value is written in a flag or a variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// `true` or `false`; a flag without a value means `true`.
    Switch,
    /// One word, taken as it stands.
    Word(&'static str),
    /// Words with commas between, or a flag given several times.
    Words(&'static str),
    /// A piece of YAML.
    Yaml(&'static str),
}

/// What the server does with a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It takes effect.
    Used,
    /// LiveKit knows it and this server has no use for it yet; the text says what holds here.
    Idle(&'static str),
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Full name with dots, as in `rtc.udp_port`.
    pub path: &'static str,
    /// How it is written outside a file.
    pub shape: Shape,
    /// Whether it takes effect.
    pub standing: Standing,
    /// What it means, with unit and default, in one line; empty for an idle key.
    pub help: &'static str,
}

/// LiveKit's own short flags and variables: long flag, variable, key.
const SHORT: &[(&str, &str, &str)] = &[
    ("bind", "", "bind_addresses"),
    ("key-file", "LIVEKIT_KEY_FILE", "key_file"),
    ("", "LIVEKIT_KEYS", "keys"),
    ("", "LIVEKIT_REGION", "region"),
    ("node-ip", "NODE_IP", "rtc.node_ip"),
    ("udp-port", "UDP_PORT", "rtc.udp_port"),
    ("redis-host", "REDIS_HOST", "redis.address"),
    ("redis-password", "REDIS_PASSWORD", "redis.password"),
    ("turn-cert", "LIVEKIT_TURN_CERT", "turn.cert_file"),
    ("turn-key", "LIVEKIT_TURN_KEY", "turn.key_file"),
    ("dev", "", "development"),
];

/// What begins the name of our own environment variables.
pub(crate) const ENVIRONMENT_PREFIX: &str = "THALWEG_";

impl Key {
    /// The variable that sets the key: `rtc.udp_port` is `THALWEG_RTC_UDP_PORT`.
    pub fn variable(&self) -> String {
        format!("{ENVIRONMENT_PREFIX}{}", self.path.replace('.', "_").to_ascii_uppercase())
    }

    /// LiveKit's variable for it, if there is one.
    pub fn livekit_variable(&self) -> Option<&'static str> {
        SHORT.iter().find(|row| row.2 == self.path && !row.1.is_empty()).map(|row| row.1)
    }

    /// A shorter flag for it, if there is one.
    pub fn short_flag(&self) -> Option<&'static str> {
        SHORT.iter().find(|row| row.2 == self.path && !row.0.is_empty()).map(|row| row.0)
    }
}

/// Every key in the order of the table.
pub fn keys() -> &'static [Key] {
    KEYS
}

/// What stands at a full name.
pub(crate) enum Found {
    Key(&'static Key),
    Section,
    Nothing,
}

/// Looks a full name up.
pub(crate) fn find(path: &str) -> Found {
    if let Some(key) = KEYS.iter().find(|key| key.path == path) {
        return Found::Key(key);
    }
    let inside = |key: &Key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
    if KEYS.iter().any(inside) { Found::Section } else { Found::Nothing }
}

/// The known full name, section or key, most like a wrong one: by its last part among its neighbours, or
/// by its last part in any section, for a key that was put in the wrong one.
pub(crate) fn suggestion(path: &str) -> Option<String> {
    let (section, name) = path.rsplit_once('.').unwrap_or(("", path));
    let neighbours = names().into_iter().filter(|known| parent(known) == section);
    nearest(name, neighbours).or_else(|| names().into_iter().find(|known| last(known) == name)).or_else(|| {
        let everywhere = KEYS.iter().map(|key| key.path.to_owned());
        nearest(name, everywhere)
    })
}

/// The text of `known` most like `wrong`.
pub(crate) fn nearest(wrong: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let wrong = wrong.to_ascii_lowercase();
    let likeness = |text: &str| strsim::jaro_winkler(&last(text).to_ascii_lowercase(), &wrong);
    let best = known.map(|text| (likeness(&text), text)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(best.1).filter(|_| best.0 >= LIKENESS_MIN)
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for key in KEYS {
        let ends = key.path.match_indices('.').map(|(at, _)| at).chain([key.path.len()]);
        names.extend(ends.map(|end| key.path[..end].to_owned()));
    }
    names.dedup();
    names
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

fn last(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, last)| last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once() {
        for (index, key) in KEYS.iter().enumerate() {
            assert!(KEYS[..index].iter().all(|other| other.path != key.path), "{} twice", key.path);
            assert_eq!(key.help.is_empty(), key.standing != Standing::Used, "{}: help belongs to used keys", key.path);
        }
        for row in SHORT {
            assert!(matches!(find(row.2), Found::Key(_)), "{} is no key", row.2);
        }
    }

    #[test]
    fn a_section_holds_no_value_of_its_own() {
        for key in KEYS {
            let inside = format!("{}.", key.path);
            assert!(KEYS.iter().all(|other| !other.path.starts_with(&inside)), "{} is a key and a section", key.path);
        }
    }

    #[test]
    fn suggestions() {
        for (wrong, right) in [
            ("prot", Some("port")),
            ("rtc.udp_prot", Some("rtc.udp_port")),
            ("rtcc", Some("rtc")),
            ("udp_port", Some("rtc.udp_port")),
            ("rtc.empty_timeout", Some("room.empty_timeout")),
            ("logging.levle", Some("logging.level")),
            ("zzzz", None),
        ] {
            assert_eq!(suggestion(wrong).as_deref(), right, "{wrong}");
        }
    }
}
