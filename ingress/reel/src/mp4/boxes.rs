//! Boxes (ISO/IEC 14496-12, 4.2) and the fields in them.

use crate::Fault;

/// Four letters.
pub(super) type Kind = [u8; 4];

/// How a box begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub(super) kind: Kind,
    /// Bytes of this head.
    pub(super) head: u64,
    /// Bytes after it; none when it goes to the end of the file.
    pub(super) body: Option<u64>,
}

/// Bytes of a head whose length has 32 bits.
pub(super) const HEAD_BYTES: usize = 8;
/// Bytes of a head whose length has 64 bits.
pub(super) const LONG_HEAD_BYTES: usize = 16;

impl Head {
    /// Reads a head; `None` when it needs more bytes.
    ///
    /// # Errors
    /// When the box is shorter than its head.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, Fault> {
        let Some((&[a, b, c, d, e, f, g, h], rest)) = bytes.split_first_chunk::<HEAD_BYTES>() else { return Ok(None) };
        let kind = [e, f, g, h];
        let (all, head) = match u32::from_be_bytes([a, b, c, d]) {
            0 => return Ok(Some(Self { kind, head: 8, body: None })),
            1 => match rest.first_chunk::<8>() {
                Some(long) => (u64::from_be_bytes(*long), 16),
                None => return Ok(None),
            },
            short => (u64::from(short), 8),
        };
        let body = all.checked_sub(head).ok_or(Fault::Broken("MP4"))?;
        Ok(Some(Self { kind, head, body: Some(body) }))
    }
}

/// The boxes within one, up to the first that is cut short.
pub(super) fn children(body: &[u8]) -> impl Iterator<Item = (Kind, &[u8])> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let head = Head::parse(rest).ok()??;
        let (_, after) = rest.split_at_checked(usize::try_from(head.head).ok()?)?;
        let len = head.body.map_or(Some(after.len()), |body| usize::try_from(body).ok())?;
        let (body, after) = after.split_at_checked(len)?;
        rest = after;
        Some((head.kind, body))
    })
}

/// The first box of a kind within one.
pub(super) fn child<'a>(body: &'a [u8], kind: &Kind) -> Option<&'a [u8]> {
    children(body).find(|(found, _)| found == kind).map(|(_, body)| body)
}

/// The box at the end of a path.
pub(super) fn inner<'a>(body: &'a [u8], path: &[&Kind]) -> Option<&'a [u8]> {
    path.iter().try_fold(body, |body, kind| child(body, kind))
}

/// A box's fields, in order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    /// Of a box that begins with a version and flags.
    pub(super) fn versioned(body: &'a [u8]) -> Option<(u8, u32, Self)> {
        let mut fields = Self(body);
        let word = fields.u32()?;
        Some(((word >> 24) as u8, word & 0xff_ffff, fields))
    }

    pub(super) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A number of 64 bits in version 1, and of 32 in version 0.
    pub(super) fn long(&mut self, version: u8) -> Option<u64> {
        if version == 1 { self.u64() } else { self.u32().map(u64::from) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        let head = |bytes: &[u8]| Head::parse(bytes).map(|head| head.map(|head| (head.kind, head.head, head.body)));
        assert_eq!(head(b"\0\0\0\x14ftypisom"), Ok(Some((*b"ftyp", 8, Some(12)))));
        assert_eq!(head(b"\0\0\0\x01mdat\0\0\0\x02\0\0\0\0"), Ok(Some((*b"mdat", 16, Some((2 << 32) - 16)))));
        assert_eq!(head(b"\0\0\0\0mdat"), Ok(Some((*b"mdat", 8, None))));
        assert_eq!((head(b"\0\0\0\x14fty"), head(b"\0\0\0\x01mdat\0\0\0\x02")), (Ok(None), Ok(None)));
        assert_eq!(head(b"\0\0\0\x07free"), Err(Fault::Broken("MP4")));
        assert_eq!(head(b"\0\0\0\x01free\0\0\0\0\0\0\0\x0f"), Err(Fault::Broken("MP4")));
    }

    #[test]
    fn boxes_within_boxes() {
        let body = b"\0\0\0\x0afreexx\0\0\0\x14trak\0\0\0\x0ctkhdabcd\0\0\0\xffmdia";
        let kinds: Vec<_> = children(body).map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [*b"free", *b"trak"]);
        assert_eq!(inner(body, &[b"trak", b"tkhd"]), Some(&b"abcd"[..]));
        assert_eq!(inner(body, &[b"trak", b"mdia"]), None);
    }
}
