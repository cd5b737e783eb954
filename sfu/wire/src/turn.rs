//! TURN's messages, as a server reads and writes them (RFC 8656), and ChannelData.
//!
//! Borrows the datagram and computes no HMAC, like [`crate::stun`].

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use crate::stun::{
    ATTRIBUTES_MAX, HEADER_BYTES, INTEGRITY_BYTES, Integrity, MAGIC_COOKIE, TransactionId, be16, be32, mask_address,
    unmask_address,
};

/// Numbers that a channel may have (RFC 8656 section 12).
pub const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x4FFF;
/// Bytes before what a channel carries: its number and the length.
pub const CHANNEL_HEADER_BYTES: usize = 4;
/// Longest message or ChannelData that is taken, in bytes: a datagram of media in a Send indication fits thrice.
pub const MESSAGE_BYTES_MAX: usize = 4096;

const ATTRIBUTE_HEADER_BYTES: usize = 4;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
const CHANNEL_NUMBER: u16 = 0x000C;
const LIFETIME: u16 = 0x000D;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const DATA: u16 = 0x0013;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const XOR_RELAYED_ADDRESS: u16 = 0x0016;
const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
const REQUESTED_TRANSPORT: u16 = 0x0019;
const DONT_FRAGMENT: u16 = 0x001A;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// From here on an attribute that is not known may be passed over (RFC 8489 section 14).
const OPTIONAL: u16 = 0x8000;
/// Attributes of ICE's checks, which some clients send everywhere.
const PRIORITY: u16 = 0x0024;

/// What a message is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// What is my address?
    Binding,
    /// I want a relayed address.
    Allocate,
    /// I want it longer, or no more.
    Refresh,
    /// To a peer.
    Send,
    /// From a peer.
    Data,
    /// Let a peer in.
    CreatePermission,
    /// Give a peer a number.
    ChannelBind,
}

impl Method {
    fn number(self) -> u16 {
        match self {
            Self::Binding => 1,
            Self::Allocate => 3,
            Self::Refresh => 4,
            Self::Send => 6,
            Self::Data => 7,
            Self::CreatePermission => 8,
            Self::ChannelBind => 9,
        }
    }

    fn of(number: u16) -> Option<Self> {
        let all = [Self::Binding, Self::Allocate, Self::Refresh, Self::Send, Self::CreatePermission, Self::ChannelBind];
        all.into_iter().find(|method| method.number() == number)
    }
}

/// What an answer or indication says of itself; the bits of RFC 8489 section 5.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// It wants an answer.
    Request,
    /// It wants none.
    Indication,
    /// Yes.
    Success,
    /// No.
    Error,
}

impl Class {
    fn bits(self) -> u16 {
        match self {
            Self::Request => 0,
            Self::Indication => 0x0010,
            Self::Success => 0x0100,
            Self::Error => 0x0110,
        }
    }
}

/// One message of a client: a request or an indication.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// What it is about.
    pub method: Method,
    /// It wants an answer.
    pub is_request: bool,
    /// Its transaction.
    pub transaction: TransactionId,
    /// USERNAME.
    pub username: Option<&'a str>,
    /// NONCE.
    pub nonce: Option<&'a [u8]>,
    /// LIFETIME in seconds.
    pub lifetime_s: Option<u32>,
    /// The protocol number of REQUESTED-TRANSPORT; 17 is UDP.
    pub transport: Option<u8>,
    /// REQUESTED-ADDRESS-FAMILY: 1 is IPv4, 2 is IPv6.
    pub family: Option<u8>,
    /// CHANNEL-NUMBER.
    pub channel: Option<u16>,
    /// The last XOR-PEER-ADDRESS.
    pub peer: Option<SocketAddr>,
    /// Every XOR-PEER-ADDRESS is the same host.
    pub is_one_peer: bool,
    /// DATA.
    pub data: Option<&'a [u8]>,
    /// The first attribute that must be understood and is not.
    pub unknown: Option<u16>,
    integrity: Option<Range<usize>>,
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// Parses a request or indication of TURN, or a binding request; `None` for all else.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let length = usize::from(be16(bytes, 2)?);
        let fits = HEADER_BYTES + length == bytes.len() && bytes.len() <= MESSAGE_BYTES_MAX;
        if !fits || be32(bytes, 4)? != MAGIC_COOKIE {
            return None;
        }
        let kind = be16(bytes, 0)?;
        let is_request = kind & 0xFFF0 == 0;
        if !is_request && kind & 0xFFF0 != Class::Indication.bits() {
            return None;
        }
        let mut message = Self {
            method: Method::of(kind & 0x000F)?,
            is_request,
            transaction: bytes.get(8..HEADER_BYTES)?.try_into().ok()?,
            username: None,
            nonce: None,
            lifetime_s: None,
            transport: None,
            family: None,
            channel: None,
            peer: None,
            is_one_peer: true,
            data: None,
            unknown: None,
            integrity: None,
            bytes,
        };
        message.parse_attributes()?;
        Some(message)
    }

    /// What must be verified before the message may be believed; `None` when it is not signed.
    pub fn integrity(&self) -> Option<Integrity<'a>> {
        let value = self.integrity.clone()?;
        let mut header: [u8; HEADER_BYTES] = self.bytes.get(..HEADER_BYTES)?.try_into().ok()?;
        let length = u16::try_from(value.end.checked_sub(HEADER_BYTES)?).ok()?;
        header[2..4].copy_from_slice(&length.to_be_bytes());
        let body = self.bytes.get(HEADER_BYTES..value.start.checked_sub(ATTRIBUTE_HEADER_BYTES)?)?;
        Some(Integrity { header, body, tag: self.bytes.get(value)?.try_into().ok()? })
    }

    fn parse_attributes(&mut self) -> Option<()> {
        let bytes = self.bytes;
        let mut at = HEADER_BYTES;
        for _ in 0..ATTRIBUTES_MAX {
            if at == bytes.len() {
                return Some(());
            }
            let (kind, length) = (be16(bytes, at)?, usize::from(be16(bytes, at + 2)?));
            let start = at + ATTRIBUTE_HEADER_BYTES;
            let value = bytes.get(start..start + length)?;
            at = start + length.next_multiple_of(4);
            match kind {
                // What stands behind the signature is not signed.
                _ if self.integrity.is_some() => {}
                MESSAGE_INTEGRITY if length == INTEGRITY_BYTES => self.integrity = Some(start..start + length),
                _ => self.parse_attribute(kind, value)?,
            }
        }
        None
    }

    fn parse_attribute(&mut self, kind: u16, value: &'a [u8]) -> Option<()> {
        match kind {
            USERNAME => self.username = Some(std::str::from_utf8(value).ok()?),
            NONCE => self.nonce = Some(value),
            LIFETIME => self.lifetime_s = Some(u32::from_be_bytes(value.try_into().ok()?)),
            REQUESTED_TRANSPORT => self.transport = Some(*value.first()?),
            REQUESTED_ADDRESS_FAMILY => self.family = Some(*value.first()?),
            CHANNEL_NUMBER => self.channel = Some(be16(value, 0)?),
            XOR_PEER_ADDRESS => {
                let peer = unmask_address(value, &self.transaction)?;
                self.is_one_peer &= self.peer.is_none_or(|other| other.ip() == peer.ip());
                self.peer = Some(peer);
            }
            DATA => self.data = Some(value),
            MESSAGE_INTEGRITY => return None,
            REALM | DONT_FRAGMENT | PRIORITY => {}
            _ if kind >= OPTIONAL => {}
            _ => self.unknown = self.unknown.or(Some(kind)),
        }
        Some(())
    }
}

/// Splits ChannelData into its channel and what it carries; what pads it is left out.
pub fn channel_data(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let channel = be16(bytes, 0).filter(|channel| CHANNELS.contains(channel))?;
    let len = usize::from(be16(bytes, 2)?);
    Some((channel, bytes.get(CHANNEL_HEADER_BYTES..CHANNEL_HEADER_BYTES + len)?))
}

/// A stream carries what is neither a message nor ChannelData, or one too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("this is no TURN")]
pub struct NoTurn;

/// Length of the first message or ChannelData on a stream, padding included, as soon as it can be told.
///
/// # Errors
/// When it is neither, or longer than [`MESSAGE_BYTES_MAX`].
pub fn stream_length(bytes: &[u8]) -> Result<Option<usize>, NoTurn> {
    let (Some(first), Some(length)) = (bytes.first(), be16(bytes, 2)) else { return Ok(None) };
    let length = usize::from(length);
    let whole = match first {
        0..=3 => HEADER_BYTES + length,
        0x40..=0x4F => CHANNEL_HEADER_BYTES + length.next_multiple_of(4),
        _ => return Err(NoTurn),
    };
    if whole <= MESSAGE_BYTES_MAX { Ok(Some(whole)) } else { Err(NoTurn) }
}

/// Adds ChannelData to `out`, padded as streams want it (RFC 8656 section 12.5) when `padded`. What is longer than a
/// length can tell is left out.
pub fn write_channel_data(out: &mut Vec<u8>, channel: u16, data: &[u8], padded: bool) {
    let Ok(length) = u16::try_from(data.len()) else { return };
    out.extend_from_slice(&channel.to_be_bytes());
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(data);
    if padded {
        out.resize(out.len() + data.len().next_multiple_of(4) - data.len(), 0);
    }
}

/// One message that is being written.
#[derive(Clone, Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    transaction: TransactionId,
}

impl Writer {
    /// Begins a message.
    pub fn new(method: Method, class: Class, transaction: &TransactionId) -> Self {
        let mut bytes = (method.number() | class.bits()).to_be_bytes().to_vec();
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&MAGIC_COOKIE.to_be_bytes());
        bytes.extend_from_slice(transaction);
        Self { bytes, transaction: *transaction }
    }

    /// Adds USERNAME.
    pub fn username(self, name: &str) -> Self {
        self.attribute(USERNAME, name.as_bytes())
    }

    /// Adds REALM.
    pub fn realm(self, realm: &str) -> Self {
        self.attribute(REALM, realm.as_bytes())
    }

    /// Adds NONCE.
    pub fn nonce(self, nonce: &[u8]) -> Self {
        self.attribute(NONCE, nonce)
    }

    /// Adds LIFETIME.
    pub fn lifetime_s(self, seconds: u32) -> Self {
        self.attribute(LIFETIME, &seconds.to_be_bytes())
    }

    /// Adds REQUESTED-TRANSPORT.
    pub fn transport(self, protocol: u8) -> Self {
        self.attribute(REQUESTED_TRANSPORT, &[protocol, 0, 0, 0])
    }

    /// Adds CHANNEL-NUMBER.
    pub fn channel(self, channel: u16) -> Self {
        let [high, low] = channel.to_be_bytes();
        self.attribute(CHANNEL_NUMBER, &[high, low, 0, 0])
    }

    /// Adds DATA.
    pub fn data(self, data: &[u8]) -> Self {
        self.attribute(DATA, data)
    }

    /// Adds XOR-MAPPED-ADDRESS.
    pub fn mapped(self, address: SocketAddr) -> Self {
        self.address(XOR_MAPPED_ADDRESS, address)
    }

    /// Adds XOR-RELAYED-ADDRESS.
    pub fn relayed(self, address: SocketAddr) -> Self {
        self.address(XOR_RELAYED_ADDRESS, address)
    }

    /// Adds XOR-PEER-ADDRESS.
    pub fn peer(self, address: SocketAddr) -> Self {
        self.address(XOR_PEER_ADDRESS, address)
    }

    /// Adds ERROR-CODE, 300 to 699, with its words.
    pub fn error(self, code: u16, reason: &str) -> Self {
        let (class, number) = ((code / 100) as u8, (code % 100) as u8);
        self.attribute(ERROR_CODE, &[&[0, 0, class, number], reason.as_bytes()].concat())
    }

    /// Adds UNKNOWN-ATTRIBUTES.
    pub fn unknown(self, kind: u16) -> Self {
        self.attribute(UNKNOWN_ATTRIBUTES, &kind.to_be_bytes())
    }

    /// Ends it with MESSAGE-INTEGRITY, computed by `sign` over all before it.
    pub fn signed(mut self, sign: impl FnOnce(&[u8]) -> [u8; INTEGRITY_BYTES]) -> Vec<u8> {
        self.set_length(ATTRIBUTE_HEADER_BYTES + INTEGRITY_BYTES);
        let tag = sign(&self.bytes);
        self.attribute(MESSAGE_INTEGRITY, &tag).unsigned()
    }

    /// Ends it as it is.
    pub fn unsigned(mut self) -> Vec<u8> {
        self.set_length(0);
        self.bytes
    }

    /// States the length with `more` bytes to come.
    fn set_length(&mut self, more: usize) {
        // Nothing that is written here comes near 64 KiB.
        let length = u16::try_from(self.bytes.len() - HEADER_BYTES + more).unwrap_or(u16::MAX);
        if let Some(room) = self.bytes.get_mut(2..4) {
            room.copy_from_slice(&length.to_be_bytes());
        }
    }

    fn address(self, kind: u16, address: SocketAddr) -> Self {
        let family = match address.ip() {
            IpAddr::V4(_) => 1,
            IpAddr::V6(_) => 2,
        };
        let (port, octets, len) = mask_address(address, &self.transaction);
        let value = [&[0, family], &port[..], octets.get(..len).unwrap_or_default()].concat();
        self.attribute(kind, &value)
    }

    /// Adds an attribute by its number.
    pub fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let Ok(length) = u16::try_from(value.len()) else { return self };
        self.bytes.extend_from_slice(&kind.to_be_bytes());
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSACTION: TransactionId = [7; 12];

    #[test]
    fn what_is_written_is_read() {
        let peers: [SocketAddr; 2] = ["192.0.2.1:7882".parse().unwrap(), "[2001:db8::1]:9".parse().unwrap()];
        for peer in peers {
            let bytes = Writer::new(Method::ChannelBind, Class::Request, &TRANSACTION)
                .username("name")
                .realm("realm")
                .nonce(b"once")
                .channel(0x4001)
                .lifetime_s(600)
                .transport(17)
                .peer(peer)
                .data(b"12345")
                .signed(|covered| {
                    assert_eq!(covered[2..4], (covered.len() as u16 + 4).to_be_bytes());
                    [9; 20]
                });
            let message = Message::parse(&bytes).unwrap();
            assert_eq!((message.method, message.is_request), (Method::ChannelBind, true));
            assert_eq!((message.username, message.nonce), (Some("name"), Some(&b"once"[..])));
            assert_eq!((message.channel, message.lifetime_s, message.transport), (Some(0x4001), Some(600), Some(17)));
            assert_eq!((message.peer, message.data, message.unknown), (Some(peer), Some(&b"12345"[..]), None));
            let integrity = message.integrity().unwrap();
            assert_eq!((integrity.tag, integrity.header[2..4] == bytes[2..4]), ([9; 20], true));
            assert_eq!(stream_length(&bytes), Ok(Some(bytes.len())));
        }
    }

    #[test]
    fn answers_and_strange_attributes() {
        let answer = Writer::new(Method::Allocate, Class::Success, &TRANSACTION).unsigned();
        assert!(Message::parse(&answer).is_none());
        let strange = Writer::new(Method::Allocate, Class::Request, &TRANSACTION).attribute(0x0022, &[1]);
        let strange = strange.attribute(0x8022, b"software").unsigned();
        assert_eq!(Message::parse(&strange).unwrap().unknown, Some(0x0022));
        let two = Writer::new(Method::CreatePermission, Class::Request, &TRANSACTION);
        let two = two.peer("192.0.2.1:1".parse().unwrap()).peer("192.0.2.2:1".parse().unwrap()).unsigned();
        assert!(!Message::parse(&two).unwrap().is_one_peer);
    }

    #[test]
    fn channels_on_datagrams_and_streams() {
        let mut bytes = Vec::new();
        write_channel_data(&mut bytes, 0x4000, b"abcde", true);
        assert_eq!((bytes.len(), stream_length(&bytes)), (12, Ok(Some(12))));
        assert_eq!(channel_data(&bytes), Some((0x4000, &b"abcde"[..])));
        assert_eq!(channel_data(&bytes[..8]), None);
        assert_eq!(channel_data(&[0x50, 0, 0, 0]), None);
        assert_eq!(stream_length(b"\x50\0\0\0"), Err(NoTurn));
        assert_eq!(stream_length(b"\x40\0\xff\xff"), Err(NoTurn));
        assert_eq!(stream_length(b"\x40\0\0"), Ok(None));
    }
}
