//! What enhanced RTMP puts between a tag's first byte and its media: modifiers, several tracks, fourccs.

use bytes::{Buf, Bytes};

use super::FourCc;

/// Packet types with which a header goes on; the same numbers for sound and picture save these two.
#[derive(Clone, Copy)]
pub(super) struct Special {
    pub(super) multitrack: u8,
    pub(super) modifier: u8,
}

/// A tag without its wrapping.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Inner {
    /// What the packet is, by the numbers of its medium.
    pub(super) packet: u8,
    pub(super) fourcc: FourCc,
    pub(super) body: Bytes,
}

/// Unwraps a tag after its first byte, which held `packet`. `None` when it is cut short, or when it holds several tracks
/// and not the first (number 0): rooms get one picture and one sound of a publisher.
pub(super) fn unwrap(mut packet: u8, mut body: Bytes, special: Special) -> Option<Inner> {
    while packet == special.modifier {
        packet = skip_modifier(&mut body)?;
    }
    if packet != special.multitrack {
        return Some(Inner { packet, fourcc: fourcc(&mut body)?, body });
    }
    let head = byte(&mut body)?;
    unwrap_track(head >> 4, head & 0x0f, body)
}

/// The first of several tracks.
fn unwrap_track(layout: u8, packet: u8, mut body: Bytes) -> Option<Inner> {
    const ONE_TRACK: u8 = 0;
    const MANY_TRACKS: u8 = 1;
    const MANY_CODECS: u8 = 2;
    if layout > MANY_CODECS {
        return None;
    }
    let common = if layout == MANY_CODECS { None } else { Some(fourcc(&mut body)?) };
    loop {
        let fourcc = match common {
            Some(fourcc) => fourcc,
            None => fourcc(&mut body)?,
        };
        let number = byte(&mut body)?;
        let len = match layout {
            ONE_TRACK => body.len(),
            MANY_TRACKS | MANY_CODECS => length(&mut body)?,
            _ => return None,
        };
        if len > body.len() {
            return None;
        }
        let track = body.split_to(len);
        if number == 0 {
            return Some(Inner { packet, fourcc, body: track });
        }
    }
}

/// A modifier's data are skipped; it ends with the packet type that follows.
fn skip_modifier(body: &mut Bytes) -> Option<u8> {
    let mut len = usize::from(byte(body)?) + 1;
    if len == 256 {
        len = usize::from(u16::from_be_bytes([byte(body)?, byte(body)?])) + 1;
    }
    if len > body.len() {
        return None;
    }
    body.advance(len);
    Some(byte(body)? & 0x0f)
}

fn byte(body: &mut Bytes) -> Option<u8> {
    body.try_get_u8().ok()
}

fn length(body: &mut Bytes) -> Option<usize> {
    let bytes = [byte(body)?, byte(body)?, byte(body)?];
    Some(bytes.iter().fold(0, |len, &byte| len << 8 | usize::from(byte)))
}

fn fourcc(body: &mut Bytes) -> Option<FourCc> {
    Some([byte(body)?, byte(body)?, byte(body)?, byte(body)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECIAL: Special = Special { multitrack: 6, modifier: 7 };

    fn read(packet: u8, body: &[u8]) -> Option<(u8, FourCc, Vec<u8>)> {
        let inner = unwrap(packet, Bytes::copy_from_slice(body), SPECIAL)?;
        Some((inner.packet, inner.fourcc, inner.body.to_vec()))
    }

    #[test]
    fn skips_modifiers_and_finds_the_first_track() {
        assert_eq!(read(1, b"avc1xy"), Some((1, *b"avc1", b"xy".to_vec())));
        // Three bytes of modifier, then coded frames.
        assert_eq!(read(7, b"\x02abc\x01avc1xy"), Some((1, *b"avc1", b"xy".to_vec())));
        assert_eq!(read(6, b"\x01avc1\x00xy"), Some((1, *b"avc1", b"xy".to_vec())));
        let many = b"\x11avc1\x01\0\0\x02no\x00\0\0\x02ok";
        assert_eq!(read(6, many), Some((1, *b"avc1", b"ok".to_vec())));
        let codecs = b"\x21hvc1\x01\0\0\x02noavc1\x00\0\0\x02ok";
        assert_eq!(read(6, codecs), Some((1, *b"avc1", b"ok".to_vec())));
    }

    #[test]
    fn what_is_cut_short_or_odd_is_nothing() {
        for body in [&b""[..], b"\x01", b"\x01avc1", b"\x11avc1\x00\0\0\x09x", b"\x31avc1\x00x", b"\x01avc1\x01"] {
            assert_eq!(read(6, body), None, "{body:?}");
        }
        assert_eq!(read(7, b"\xff"), None);
        assert_eq!(read(7, b"\xff\xff\xffx"), None);
        assert_eq!(read(1, b"avc"), None);
        let tail = [&[0xff, 0, 0, 9, 1][..], b"avc1"].concat();
        assert_eq!(read(7, &tail), Some((1, *b"avc1", vec![])));
    }
}
