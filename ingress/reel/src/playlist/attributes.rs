//! A tag's list of attributes (RFC 8216 section 4.2).

/// The text of a list.
pub(super) struct Attributes<'a>(pub(super) &'a str);

impl<'a> Attributes<'a> {
    /// The value of a name, without quotes.
    pub(super) fn find(&self, name: &str) -> Option<&'a str> {
        let mut rest = self.0;
        while let Some((found, after)) = rest.split_once('=') {
            let (value, next) = match after.strip_prefix('"') {
                Some(quoted) => {
                    let (value, next) = quoted.split_once('"')?;
                    (value, next.split_once(',').map_or("", |(_, next)| next))
                }
                None => after.split_once(',').unwrap_or((after, "")),
            };
            if found.trim() == name {
                return Some(value.trim());
            }
            rest = next;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found() {
        let list = Attributes(r#"BANDWIDTH=800000, CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,NAME="a=b""#);
        for (name, value) in [
            ("BANDWIDTH", Some("800000")),
            ("CODECS", Some("avc1.64001f,mp4a.40.2")),
            ("RESOLUTION", Some("640x360")),
            ("NAME", Some("a=b")),
            ("a", None),
            ("URI", None),
        ] {
            assert_eq!(list.find(name), value, "{name}");
        }
        assert_eq!(Attributes(r#"URI="no end"#).find("URI"), None);
    }
}
