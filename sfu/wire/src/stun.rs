//! STUN binding requests and responses as ICE uses them (RFC 8489, RFC 8445 section 16).
//!
//! Borrows the datagram and computes no HMAC: [`Message::integrity`] says what is covered, and the writer lets its
//! caller sign.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

/// Length of the fixed header, in bytes.
pub const HEADER_BYTES: usize = 20;
/// Length of an HMAC-SHA1 tag, in bytes.
pub const INTEGRITY_BYTES: usize = 20;
/// The longest datagram taken for STUN, in bytes; checks are below 200.
pub const MESSAGE_BYTES_MAX: usize = 1_280;
/// The longest message that [`Writer`] makes, in bytes: a request with two user fragments of 256 bytes.
pub const WRITTEN_BYTES_MAX: usize = 700;
/// The most attributes looked at in one message; checks carry about ten.
pub const ATTRIBUTES_MAX: usize = 32;

pub(crate) const MAGIC_COOKIE: u32 = 0x2112_A442;
const FINGERPRINT_XOR: u32 = 0x5354_554E;
const ATTRIBUTE_HEADER_BYTES: usize = 4;
const FINGERPRINT_BYTES: usize = 4;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_INDICATION: u16 = 0x0011;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802A;

/// Twelve bytes by which a response is matched to its request.
pub type TransactionId = [u8; 12];

/// The kinds of message that ICE exchanges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// A binding request.
    Request,
    /// A binding indication: a keepalive that wants no answer.
    Indication,
    /// A binding success response.
    Success,
    /// A binding error response.
    Error,
}

impl Class {
    fn from_type(message_type: u16) -> Option<Self> {
        match message_type {
            BINDING_REQUEST => Some(Self::Request),
            BINDING_INDICATION => Some(Self::Indication),
            BINDING_SUCCESS => Some(Self::Success),
            BINDING_ERROR => Some(Self::Error),
            _ => None,
        }
    }

    fn message_type(self) -> u16 {
        match self {
            Self::Request => BINDING_REQUEST,
            Self::Indication => BINDING_INDICATION,
            Self::Success => BINDING_SUCCESS,
            Self::Error => BINDING_ERROR,
        }
    }
}

/// The role that the sender of a check claims, with its tie-breaker (RFC 8445 section 7.1.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// ICE-CONTROLLING.
    Controlling(u64),
    /// ICE-CONTROLLED.
    Controlled(u64),
}

/// What a MESSAGE-INTEGRITY attribute covers: the HMAC runs over `header`, then over `body`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Integrity<'a> {
    /// The message's header with its length patched to end with the attribute (RFC 8489 section 14.5).
    pub header: [u8; HEADER_BYTES],
    /// The attributes before MESSAGE-INTEGRITY.
    pub body: &'a [u8],
    /// The HMAC-SHA1 that the message carries.
    pub tag: [u8; INTEGRITY_BYTES],
}

/// One parsed message. Attributes behind MESSAGE-INTEGRITY, save FINGERPRINT, are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What kind it is.
    pub class: Class,
    /// Its transaction.
    pub transaction: TransactionId,
    /// PRIORITY of the candidate pair.
    pub priority: Option<u32>,
    /// USE-CANDIDATE is present: the sender nominates this pair.
    pub use_candidate: bool,
    /// The sender's role.
    pub role: Option<Role>,
    /// XOR-MAPPED-ADDRESS of a response.
    pub mapped: Option<SocketAddr>,
    /// ERROR-CODE of an error response, e.g. 487.
    pub error_code: Option<u16>,
    username: Option<&'a [u8]>,
    integrity: Option<Range<usize>>,
    bytes: &'a [u8],
}

/// Whether a datagram may be STUN: its first two bits are zero and the magic cookie is in place (RFC 7983).
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| *first < 4) && be32(datagram, 4) == Some(MAGIC_COOKIE)
}

impl<'a> Message<'a> {
    /// Parses a binding message; `None` when it is malformed, of another method, or its FINGERPRINT is wrong. A missing
    /// FINGERPRINT is tolerated.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > MESSAGE_BYTES_MAX || !is_stun(bytes) {
            return None;
        }
        let length = usize::from(be16(bytes, 2)?);
        if HEADER_BYTES + length != bytes.len() || !length.is_multiple_of(4) {
            return None;
        }
        let mut message = Self {
            class: Class::from_type(be16(bytes, 0)?)?,
            transaction: bytes.get(8..HEADER_BYTES)?.try_into().ok()?,
            priority: None,
            use_candidate: false,
            role: None,
            mapped: None,
            error_code: None,
            username: None,
            integrity: None,
            bytes,
        };
        message.parse_attributes()?;
        Some(message)
    }

    /// The USERNAME of a check split at its colon: the receiver's user fragment, then the sender's (RFC 8445 section
    /// 7.2.2).
    pub fn username(&self) -> Option<(&'a str, &'a str)> {
        std::str::from_utf8(self.username?).ok()?.split_once(':')
    }

    /// What must be verified before the message may be believed; `None` when it is not signed.
    pub fn integrity(&self) -> Option<Integrity<'a>> {
        let value = self.integrity.clone()?;
        let attribute = value.start.checked_sub(ATTRIBUTE_HEADER_BYTES)?;
        let mut header: [u8; HEADER_BYTES] = self.bytes.get(..HEADER_BYTES)?.try_into().ok()?;
        let length = u16::try_from(value.end.checked_sub(HEADER_BYTES)?).ok()?;
        header[2..4].copy_from_slice(&length.to_be_bytes());
        Some(Integrity {
            header,
            body: self.bytes.get(HEADER_BYTES..attribute)?,
            tag: self.bytes.get(value)?.try_into().ok()?,
        })
    }

    fn parse_attributes(&mut self) -> Option<()> {
        let bytes = self.bytes;
        let mut at = HEADER_BYTES;
        for _ in 0..ATTRIBUTES_MAX {
            if at == bytes.len() {
                return Some(());
            }
            let kind = be16(bytes, at)?;
            let length = usize::from(be16(bytes, at + 2)?);
            let start = at + ATTRIBUTE_HEADER_BYTES;
            let value = bytes.get(start..start + length)?;
            at = start + length.next_multiple_of(4);
            if at > bytes.len() {
                return None;
            }
            match kind {
                FINGERPRINT => {
                    let crc = crc32(bytes.get(..start - ATTRIBUTE_HEADER_BYTES)?) ^ FINGERPRINT_XOR;
                    return (at == bytes.len() && value == crc.to_be_bytes()).then_some(());
                }
                _ if self.integrity.is_some() => {}
                MESSAGE_INTEGRITY if length == INTEGRITY_BYTES => self.integrity = Some(start..start + length),
                _ => self.parse_attribute(kind, value)?,
            }
        }
        None
    }

    fn parse_attribute(&mut self, kind: u16, value: &'a [u8]) -> Option<()> {
        match kind {
            USERNAME => self.username = Some(value),
            PRIORITY => self.priority = Some(u32::from_be_bytes(value.try_into().ok()?)),
            USE_CANDIDATE => self.use_candidate = true,
            ICE_CONTROLLING => self.role = Some(Role::Controlling(u64::from_be_bytes(value.try_into().ok()?))),
            ICE_CONTROLLED => self.role = Some(Role::Controlled(u64::from_be_bytes(value.try_into().ok()?))),
            ERROR_CODE => {
                let (class, number) = (value.get(2)? & 7, *value.get(3)?);
                self.error_code = Some(u16::from(class) * 100 + u16::from(number));
            }
            XOR_MAPPED_ADDRESS => self.mapped = Some(unmask_address(value, &self.transaction)?),
            MESSAGE_INTEGRITY => return None,
            // Comprehension-required attributes that we do not know are ignored: a lite agent has no answer that would
            // help the sender, and none of the known ICE extensions changes what a check means.
            _ => {}
        }
        Some(())
    }
}

/// Writes one message into a caller's buffer. Attributes that do not fit make [`Writer::finish`] return `None`.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    len: usize,
    fits: bool,
}

impl<'a> Writer<'a> {
    /// Begins a message; [`WRITTEN_BYTES_MAX`] bytes of `buffer` always suffice.
    pub fn new(buffer: &'a mut [u8], class: Class, transaction: &TransactionId) -> Self {
        let mut writer = Self { buffer, len: 0, fits: true };
        writer.put(&class.message_type().to_be_bytes());
        writer.put(&[0, 0]);
        writer.put(&MAGIC_COOKIE.to_be_bytes());
        writer.put(transaction);
        writer
    }

    /// Adds USERNAME: the receiver's user fragment, a colon, the sender's.
    pub fn username(&mut self, receiver: &str, sender: &str) -> &mut Self {
        self.attribute(USERNAME, &[receiver.as_bytes(), b":", sender.as_bytes()])
    }

    /// Adds PRIORITY.
    pub fn priority(&mut self, priority: u32) -> &mut Self {
        self.attribute(PRIORITY, &[&priority.to_be_bytes()])
    }

    /// Adds USE-CANDIDATE.
    pub fn use_candidate(&mut self) -> &mut Self {
        self.attribute(USE_CANDIDATE, &[])
    }

    /// Adds ICE-CONTROLLING or ICE-CONTROLLED.
    pub fn role(&mut self, role: Role) -> &mut Self {
        match role {
            Role::Controlling(tie_breaker) => self.attribute(ICE_CONTROLLING, &[&tie_breaker.to_be_bytes()]),
            Role::Controlled(tie_breaker) => self.attribute(ICE_CONTROLLED, &[&tie_breaker.to_be_bytes()]),
        }
    }

    /// Adds XOR-MAPPED-ADDRESS (RFC 8489 section 14.2).
    pub fn mapped(&mut self, address: SocketAddr) -> &mut Self {
        let transaction = self.buffer.get(8..HEADER_BYTES).and_then(|bytes| bytes.try_into().ok());
        let (port, octets, len) = mask_address(address, &transaction.unwrap_or_default());
        let family = if address.is_ipv4() { 1 } else { 2 };
        self.attribute(XOR_MAPPED_ADDRESS, &[&[0, family], &port, octets.get(..len).unwrap_or_default()])
    }

    /// Adds ERROR-CODE 487, role conflict (RFC 8445 section 7.3.1.1).
    pub fn role_conflict(&mut self) -> &mut Self {
        self.attribute(ERROR_CODE, &[&[0, 0, 4, 87], b"Role Conflict"])
    }

    /// Adds MESSAGE-INTEGRITY, computed by `sign` over all that is written so far, and FINGERPRINT; returns the length.
    pub fn finish(&mut self, sign: impl FnOnce(&[u8]) -> [u8; INTEGRITY_BYTES]) -> Option<usize> {
        self.patch_length(ATTRIBUTE_HEADER_BYTES + INTEGRITY_BYTES)?;
        let tag = sign(self.buffer.get(..self.len)?);
        self.attribute(MESSAGE_INTEGRITY, &[&tag]);
        self.patch_length(ATTRIBUTE_HEADER_BYTES + FINGERPRINT_BYTES)?;
        let crc = crc32(self.buffer.get(..self.len)?) ^ FINGERPRINT_XOR;
        self.attribute(FINGERPRINT, &[&crc.to_be_bytes()]);
        self.fits.then_some(self.len)
    }

    fn patch_length(&mut self, more: usize) -> Option<()> {
        let length = u16::try_from(self.len.checked_sub(HEADER_BYTES)? + more).ok()?;
        self.buffer.get_mut(2..4)?.copy_from_slice(&length.to_be_bytes());
        Some(())
    }

    fn attribute(&mut self, kind: u16, parts: &[&[u8]]) -> &mut Self {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let Ok(length_field) = u16::try_from(length) else {
            self.fits = false;
            return self;
        };
        self.put(&kind.to_be_bytes());
        self.put(&length_field.to_be_bytes());
        for part in parts {
            self.put(part);
        }
        let padding = length.next_multiple_of(4) - length;
        self.put(&[0; 3][..padding]);
        self
    }

    fn put(&mut self, bytes: &[u8]) {
        match self.buffer.get_mut(self.len..self.len + bytes.len()) {
            Some(room) if self.fits => {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            _ => self.fits = false,
        }
    }
}

/// An address as the XOR-… attributes carry it: the port, and so many octets of the IP (RFC 8489 section 14.2).
pub(crate) fn mask_address(address: SocketAddr, transaction: &TransactionId) -> ([u8; 2], [u8; 16], usize) {
    let mut octets = [0; 16];
    octets[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    octets[4..].copy_from_slice(transaction);
    let mut xor = |ip: &[u8]| octets.iter_mut().zip(ip).for_each(|(octet, ip)| *octet ^= ip);
    let len = match address.ip() {
        IpAddr::V4(ip) => {
            xor(&ip.octets());
            4
        }
        IpAddr::V6(ip) => {
            xor(&ip.octets());
            16
        }
    };
    ((address.port() ^ (MAGIC_COOKIE >> 16) as u16).to_be_bytes(), octets, len)
}

pub(crate) fn unmask_address(value: &[u8], transaction: &TransactionId) -> Option<SocketAddr> {
    let port = be16(value, 2)? ^ (MAGIC_COOKIE >> 16) as u16;
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(transaction);
    let mut octets = [0; 16];
    let masked = value.get(4..).filter(|masked| masked.len() <= octets.len())?;
    for ((octet, masked), mask) in octets.iter_mut().zip(masked).zip(mask) {
        *octet = masked ^ mask;
    }
    let ip = match (value.get(1)?, masked.len()) {
        (1, 4) => IpAddr::from([octets[0], octets[1], octets[2], octets[3]]),
        (2, 16) => IpAddr::from(octets),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

pub(crate) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// CRC-32 as in ITU V.42 (RFC 8489 section 14.7).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| (crc >> 8) ^ CRC_TABLE[usize::from(crc as u8 ^ byte)])
}

const CRC_TABLE: [u32; 256] = crc_table();

const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 5769 section 2.1: a request with USERNAME `evtj:h6vY`.
    const SAMPLE_REQUEST: &[u8] = &[
        0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87,
        0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73, 0x74, 0x20, 0x63, 0x6c,
        0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff, 0x80, 0x29, 0x00, 0x08, 0x93, 0x2f,
        0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76,
        0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e,
        0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf,
    ];

    #[test]
    fn reads_the_sample_of_rfc_5769() {
        let message = Message::parse(SAMPLE_REQUEST).unwrap();
        assert_eq!(message.class, Class::Request);
        assert_eq!(message.username(), Some(("evtj", "h6vY")));
        assert_eq!(message.priority, Some(0x6e00_01ff));
        assert_eq!(message.role, Some(Role::Controlled(0x932f_f9b1_5126_3b36)));
        assert!(!message.use_candidate);
        let integrity = message.integrity().unwrap();
        assert_eq!(integrity.header[2..4], [0, 0x50]);
        assert_eq!(integrity.body.len(), 0x50 - 24);
        assert_eq!(integrity.tag[..2], [0x9a, 0xea]);
    }

    #[test]
    fn refuses_a_wrong_fingerprint() {
        // Two bytes name the attribute itself: without them the message has no FINGERPRINT to be wrong.
        let name = SAMPLE_REQUEST.len() - 8..SAMPLE_REQUEST.len() - 6;
        for at in (HEADER_BYTES..SAMPLE_REQUEST.len()).filter(|at| !name.contains(at)) {
            let mut bytes = SAMPLE_REQUEST.to_vec();
            bytes[at] ^= 1;
            assert_eq!(Message::parse(&bytes), None, "byte {at}");
        }
    }

    #[test]
    fn ignores_attributes_behind_integrity() {
        let mut buffer = [0; WRITTEN_BYTES_MAX];
        let mut writer = Writer::new(&mut buffer, Class::Request, &[7; 12]);
        writer.attribute(MESSAGE_INTEGRITY, &[&[1; 20]]).use_candidate().patch_length(0).unwrap();
        let len = writer.len;
        let message = Message::parse(&buffer[..len]).unwrap();
        assert!(message.integrity().is_some());
        assert!(!message.use_candidate);
    }

    #[test]
    fn refuses_too_many_attributes() {
        let mut buffer = [0; WRITTEN_BYTES_MAX];
        let mut writer = Writer::new(&mut buffer, Class::Request, &[7; 12]);
        for _ in 0..=ATTRIBUTES_MAX {
            writer.use_candidate();
        }
        writer.patch_length(0).unwrap();
        let len = writer.len;
        assert_eq!(Message::parse(&buffer[..len]), None);
    }

    #[test]
    fn reads_back_a_role_conflict() {
        let mut buffer = [0; WRITTEN_BYTES_MAX];
        let len = Writer::new(&mut buffer, Class::Error, &[7; 12]).role_conflict().finish(|_| [9; 20]).unwrap();
        assert_eq!(Message::parse(&buffer[..len]).unwrap().error_code, Some(487));
    }

    #[test]
    fn says_when_a_message_does_not_fit() {
        let mut buffer = [0; 60];
        let mut writer = Writer::new(&mut buffer, Class::Request, &[7; 12]);
        assert_eq!(writer.username("receiver", "sender").finish(|_| [0; 20]), None);
    }

    proptest! {
        #[test]
        fn never_panics(tail in prop::collection::vec(any::<u8>(), 0..200), patched in any::<bool>()) {
            let mut bytes = tail;
            if patched && bytes.len() >= HEADER_BYTES {
                bytes.truncate(bytes.len() & !3);
                let length = u16::try_from(bytes.len() - HEADER_BYTES).unwrap();
                bytes[..2].copy_from_slice(&BINDING_REQUEST.to_be_bytes());
                bytes[2..4].copy_from_slice(&length.to_be_bytes());
                bytes[4..8].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
            }
            if let Some(message) = Message::parse(&bytes) {
                let _ = (message.username(), message.integrity());
            }
        }

        #[test]
        fn reads_back_what_it_writes(
            ip in any::<std::net::IpAddr>(), port in any::<u16>(), transaction in any::<[u8; 12]>(),
            receiver in "[a-z]{4,256}", sender in "[a-z]{4,256}", priority in any::<u32>(), tie in any::<u64>(),
        ) {
            let mut buffer = [0; WRITTEN_BYTES_MAX];
            let mut covered = Vec::new();
            let address = SocketAddr::new(ip, port);
            let len = Writer::new(&mut buffer, Class::Request, &transaction)
                .username(&receiver, &sender)
                .priority(priority)
                .role(Role::Controlling(tie))
                .use_candidate()
                .mapped(address)
                .finish(|bytes| { covered = bytes.to_vec(); [5; 20] })
                .unwrap();
            let message = Message::parse(&buffer[..len]).unwrap();
            prop_assert_eq!(message.username(), Some((receiver.as_str(), sender.as_str())));
            prop_assert_eq!(message.priority, Some(priority));
            prop_assert_eq!(message.role, Some(Role::Controlling(tie)));
            prop_assert!(message.use_candidate);
            prop_assert_eq!(message.mapped, Some(address));
            prop_assert_eq!(message.transaction, transaction);
            let integrity = message.integrity().unwrap();
            prop_assert_eq!([&integrity.header[..], integrity.body].concat(), covered);
            prop_assert_eq!(integrity.tag, [5; 20]);
        }
    }
}
