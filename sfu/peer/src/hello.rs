//! A look into the first fragment of a ClientHello, to choose the DTLS version before the DTLS library sees it.
//!
//! The library's 1.3 server takes the SRTP profile that the client lists first, and browsers list AES-CM with SHA-1
//! first, which costs six times as much as GCM; its 1.2 server prefers GCM. So 1.2 serves such clients.

use crate::tunnel::Version;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const RECORD_HEADER_BYTES: usize = 13;
const HANDSHAKE_HEADER_BYTES: usize = 12;
const SUPPORTED_VERSIONS: u16 = 43;
const USE_SRTP: u16 = 14;
const DTLS_1_2: u16 = 0xFEFD;
const DTLS_1_3: u16 = 0xFEFC;
const SRTP_AES128_CM_SHA1_80: u16 = 1;
const SRTP_AEAD_AES_128_GCM: u16 = 7;
const SRTP_AEAD_AES_256_GCM: u16 = 8;
/// The most extensions looked at; browsers send about fifteen.
const EXTENSIONS_MAX: usize = 64;

/// What the first fragment of a ClientHello shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Hello {
    /// The client's random bytes, by which attempts are told apart.
    pub(crate) random: [u8; 32],
    offers_12: bool,
    offers_13: bool,
    /// Whether the first SRTP profile that we know is an AEAD; `None` when none is visible.
    prefers_gcm: Option<bool>,
}

impl Hello {
    /// Parses the first record of a datagram; `None` when it is not the beginning of a ClientHello.
    pub(crate) fn parse(datagram: &[u8]) -> Option<Self> {
        let is_plain = *datagram.first()? == HANDSHAKE && be16(datagram, 3)? == 0;
        let record = datagram.get(RECORD_HEADER_BYTES..RECORD_HEADER_BYTES + usize::from(be16(datagram, 11)?))?;
        let is_first = *record.first()? == CLIENT_HELLO && record.get(6..9)? == [0; 3];
        if !is_plain || !is_first {
            return None;
        }
        let body = record.get(HANDSHAKE_HEADER_BYTES..)?;
        let mut hello = Self { random: body.get(2..34)?.try_into().ok()?, ..Self::default() };
        // A fragment may end anywhere; what it does not show stays unknown.
        let _ = hello.parse_extensions(body);
        if !hello.offers_12 && !hello.offers_13 {
            hello.offers_12 = true;
        }
        Some(hello)
    }

    /// The version that leads to a GCM profile, if one does.
    pub(crate) fn version(&self) -> Version {
        let is_13_harmless = !self.offers_12 || self.prefers_gcm == Some(true);
        if self.offers_13 && is_13_harmless { Version::Dtls13 } else { Version::Dtls12 }
    }

    fn parse_extensions(&mut self, body: &[u8]) -> Option<()> {
        let session_id = 34;
        let cookie = session_id + 1 + usize::from(*body.get(session_id)?);
        let suites = cookie + 1 + usize::from(*body.get(cookie)?);
        let compression = suites + 2 + usize::from(be16(body, suites)?);
        let mut at = compression + 1 + usize::from(*body.get(compression)?) + 2;
        for _ in 0..EXTENSIONS_MAX {
            let (kind, len) = (be16(body, at)?, usize::from(be16(body, at + 2)?));
            let value = body.get(at + 4..at + 4 + len)?;
            match kind {
                SUPPORTED_VERSIONS => self.parse_versions(value)?,
                USE_SRTP => self.parse_profiles(value)?,
                _ => {}
            }
            at += 4 + len;
        }
        None
    }

    fn parse_versions(&mut self, value: &[u8]) -> Option<()> {
        let versions = value.get(1..1 + usize::from(*value.first()?))?;
        self.offers_12 = numbers(versions).any(|version| version == DTLS_1_2);
        self.offers_13 = numbers(versions).any(|version| version == DTLS_1_3);
        Some(())
    }

    fn parse_profiles(&mut self, value: &[u8]) -> Option<()> {
        let profiles = value.get(2..2 + usize::from(be16(value, 0)?))?;
        self.prefers_gcm = numbers(profiles).find_map(|profile| match profile {
            SRTP_AEAD_AES_128_GCM | SRTP_AEAD_AES_256_GCM => Some(true),
            SRTP_AES128_CM_SHA1_80 => Some(false),
            _ => None,
        });
        Some(())
    }
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHROME: &[u16] = &[SRTP_AES128_CM_SHA1_80, SRTP_AEAD_AES_256_GCM, SRTP_AEAD_AES_128_GCM];
    const GCM_FIRST: &[u16] = &[0x0099, SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80];

    fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &(value.len() as u16).to_be_bytes(), value].concat()
    }

    fn list(numbers: &[u16]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    fn hello(versions: &[u16], profiles: &[u16]) -> Vec<u8> {
        let mut extensions = extension(0x000A, &[0; 8]);
        if !versions.is_empty() {
            let bytes = list(versions);
            extensions.extend(extension(SUPPORTED_VERSIONS, &[&[bytes.len() as u8], &bytes[..]].concat()));
        }
        if !profiles.is_empty() {
            let bytes = list(profiles);
            let value = [&(bytes.len() as u16).to_be_bytes()[..], &bytes, &[0]].concat();
            extensions.extend(extension(USE_SRTP, &value));
        }
        let mut body = vec![0xFE, 0xFD];
        body.extend([7; 32]);
        body.extend([0, 0, 0, 4, 0xC0, 0x2B, 0xC0, 0x2F, 1, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        wrap(&body, body.len())
    }

    /// A record with the first `shown` bytes of a ClientHello's body.
    fn wrap(body: &[u8], shown: usize) -> Vec<u8> {
        let total = &(body.len() as u32).to_be_bytes()[1..];
        let part = &(shown as u32).to_be_bytes()[1..];
        let handshake = [&[CLIENT_HELLO][..], total, &[0, 0], &[0, 0, 0], part, &body[..shown]].concat();
        let record = [HANDSHAKE, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0];
        [&record[..], &(handshake.len() as u16).to_be_bytes(), &handshake].concat()
    }

    #[test]
    fn chooses_the_version_that_leads_to_gcm() {
        let table: [(&[u16], &[u16], Version); 8] = [
            (&[DTLS_1_3, DTLS_1_2], CHROME, Version::Dtls12),
            (&[DTLS_1_3, DTLS_1_2], GCM_FIRST, Version::Dtls13),
            (&[DTLS_1_3, DTLS_1_2], &[], Version::Dtls12),
            (&[DTLS_1_3], CHROME, Version::Dtls13),
            (&[DTLS_1_2], GCM_FIRST, Version::Dtls12),
            (&[], GCM_FIRST, Version::Dtls12),
            (&[], CHROME, Version::Dtls12),
            (&[0x7F7F], CHROME, Version::Dtls12),
        ];
        for (versions, profiles, expected) in table {
            let parsed = Hello::parse(&hello(versions, profiles)).unwrap();
            assert_eq!(parsed.version(), expected, "{versions:x?} {profiles:x?}");
            assert_eq!(parsed.random, [7; 32]);
        }
    }

    #[test]
    fn reads_what_a_fragment_shows() {
        let whole = hello(&[DTLS_1_3, DTLS_1_2], GCM_FIRST);
        let body = &whole[RECORD_HEADER_BYTES + HANDSHAKE_HEADER_BYTES..];
        for shown in 34..body.len() {
            let parsed = Hello::parse(&wrap(body, shown)).unwrap();
            assert_eq!(parsed.version(), Version::Dtls12, "{shown} bytes");
        }
        assert_eq!(Hello::parse(&wrap(body, 33)), None);
        let mut second = wrap(body, body.len());
        second[RECORD_HEADER_BYTES + 8] = 1;
        assert_eq!(Hello::parse(&second), None);
    }

    proptest! {
        #[test]
        fn never_panics(at in 0_usize..200, byte in any::<u8>(), cut in 0_usize..200) {
            let mut bytes = hello(&[DTLS_1_3, DTLS_1_2], CHROME);
            if let Some(target) = bytes.get_mut(at) {
                *target = byte;
            }
            bytes.truncate(cut);
            let _ = Hello::parse(&bytes).map(|hello| hello.version());
        }
    }
}
