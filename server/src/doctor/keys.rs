//! Secrets that somebody could guess.

use super::Finding;
use crate::config::{Config, Secret};

/// Parts of secrets that were never meant to be kept, as samples have them.
const PLACEHOLDERS: [&str; 8] =
    ["secret", "password", "changeme", "example", "placeholder", "xxxxxxxx", "12345678", "abcdefgh"];
/// A secret made at random has more different characters: of 32 hexadecimal digits, fewer than eight differ once in ten million.
const DIFFERENT_CHARS: usize = 8;

/// What is to be said of each key, or of all when nothing is.
pub(super) fn secrets(config: &Config) -> Vec<Finding> {
    if config.development {
        let mend = "for anything but a test, set development: false and keys made with `thalweg keys`";
        return vec![Finding::warning("keys", "development mode: everybody knows the key", mend)];
    }
    let weak = |(key, secret): (&String, &Secret)| {
        weakness(key, secret.expose()).map(|why| {
            let found = format!("the secret of {key} {why}: whoever guesses it enters every room");
            Finding::fault("keys", found, "make another with `thalweg keys`, and withdraw this one")
        })
    };
    let findings: Vec<Finding> = config.keys.iter().filter_map(weak).collect();
    if !findings.is_empty() {
        return findings;
    }
    vec![Finding::good("keys", format!("{}, each secret long enough and not to be guessed", config.keys.len()))]
}

/// Why a secret may be guessed. It is not shown itself.
fn weakness(key: &str, secret: &str) -> Option<&'static str> {
    let lower = secret.to_lowercase();
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    if PLACEHOLDERS.iter().any(|word| lower.contains(word)) {
        return Some("is a sample's, or like one");
    }
    if !key.is_empty() && lower.contains(&key.to_lowercase()) {
        return Some("holds the key's own name");
    }
    (different.len() < DIFFERENT_CHARS).then_some("is made of a few characters over and over")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_guessed_is_weak() {
        for (key, secret, weak) in [
            ("APIa", "q9Xc2vB7nM4kL8jH5gF1dS6aP3oI0uYt", false),
            ("APIa", "0f3a9c5b7e1d2468ace13579bdf02468", false),
            ("APIa", "my-very-long-Secret-that-nobody-knows", true),
            ("devkey", "devkey-devkey-devkey-devkey-4711-0815", true),
            ("APIa", "abababababababababababababababab", true),
            ("APIa", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", true),
            ("", "q9Xc2vB7nM4kL8jH5gF1dS6aP3oI0uYt", false),
        ] {
            assert_eq!(weakness(key, secret).is_some(), weak, "{secret}");
        }
    }
}
