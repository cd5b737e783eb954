//! `thalweg keys`: a new API key and its secret.

use rand::distr::{Alphanumeric, SampleString};

/// Random characters of a key: 71 bits, no two keys meet.
const KEY_CHARS: usize = 12;
/// Characters of a secret: 256 bits, what HS256 can use.
const SECRET_CHARS: usize = 43;

/// A line for the configuration's `keys` section.
pub(crate) fn fresh() -> String {
    let mut rng = rand::rng();
    let key = Alphanumeric.sample_string(&mut rng, KEY_CHARS);
    let secret = Alphanumeric.sample_string(&mut rng, SECRET_CHARS);
    format!("keys:\n  API{key}: {secret}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sources};

    #[test]
    fn what_is_printed_can_be_pasted_into_a_file() {
        let (one, other) = (fresh(), fresh());
        assert_ne!(one, other);
        let sources = Sources { file: Some(("t".into(), one)), ..Sources::default() };
        assert_eq!(Config::read(&sources).unwrap().0.keys.len(), 1);
    }
}
