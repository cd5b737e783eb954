//! Format parameters: the value of `a=fmtp` as a list of `key=value`.

/// A view of one `a=fmtp` value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fmtp<'a>(pub &'a str);

impl<'a> Fmtp<'a> {
    /// All parameters in order, trimmed; one without `=` has an empty value.
    pub fn pairs(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let parts = self.0.split(';').map(str::trim).filter(|it| !it.is_empty());
        parts.map(|it| it.split_once('=').map_or((it, ""), |(key, value)| (key.trim(), value.trim())))
    }

    /// The value of `key`, compared without case.
    pub fn value(self, key: &str) -> Option<&'a str> {
        self.pairs().find(|(it, _)| it.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    }

    /// The value of `key` as a number, `default` when absent, `None` when it is not one.
    pub fn number(self, key: &str, default: u8) -> Option<u8> {
        self.value(key).map_or(Some(default), |it| it.parse().ok())
    }

    /// The parameters without those that `drop` names.
    pub fn without(self, drop: &[&str]) -> String {
        let kept = self.pairs().filter(|(key, _)| !drop.iter().any(|it| it.eq_ignore_ascii_case(key)));
        let words = kept.map(|(key, value)| if value.is_empty() { key.to_owned() } else { format!("{key}={value}") });
        words.collect::<Vec<_>>().join(";")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_values_without_regard_to_case_and_space() {
        let fmtp = Fmtp("level-asymmetry-allowed=1; Packetization-Mode=1 ;profile-level-id=42e01f;;flag");
        assert_eq!(fmtp.value("packetization-mode"), Some("1"));
        assert_eq!(fmtp.value("flag"), Some(""));
        assert_eq!(fmtp.value("absent"), None);
        assert_eq!(fmtp.number("packetization-mode", 0), Some(1));
        assert_eq!(fmtp.number("absent", 7), Some(7));
        assert_eq!(fmtp.number("profile-level-id", 0), None);
        assert_eq!(fmtp.without(&["FLAG", "level-asymmetry-allowed"]), "Packetization-Mode=1;profile-level-id=42e01f");
    }
}
