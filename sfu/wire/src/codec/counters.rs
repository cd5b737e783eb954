//! What the payload descriptors of VP8 (RFC 7741 section 4.2) and VP9 (RFC 9628 section 4.2) count alike: pictures, and
//! pictures of the lowest temporal layer; read, and rewritten in place.

/// A picture id and the width it travels in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PictureId {
    /// The value, below [`PictureId::modulus`].
    pub value: u16,
    /// It takes 15 bits, else 7.
    pub long: bool,
}

impl PictureId {
    /// Where the value wraps.
    pub fn modulus(self) -> u16 {
        if self.long { 0x8000 } else { 0x80 }
    }

    /// Reads one at the start of `bytes`; `None` when it is cut short.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let first = *bytes.first()?;
        if first & 0x80 == 0 {
            return Some(Self { value: u16::from(first), long: false });
        }
        let value = u16::from_be_bytes([first & 0x7f, *bytes.get(1)?]);
        Some(Self { value, long: true })
    }
}

/// The counters of one descriptor and where they stand in its payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    id: u16,
    id_is_long: bool,
    /// Place of the picture id in the payload; 0 when there is none.
    id_at: u8,
    tl0: u8,
    /// Place of the index in the payload; 0 when there is none.
    tl0_at: u8,
}

impl Counters {
    pub(super) fn with_picture_id(self, id: PictureId, at: u8) -> Self {
        Self { id: id.value, id_is_long: id.long, id_at: at, ..self }
    }

    pub(super) fn with_tl0_index(self, tl0: u8, at: u8) -> Self {
        Self { tl0, tl0_at: at, ..self }
    }

    /// The picture id, if there is one.
    #[inline]
    pub fn picture_id(&self) -> Option<u16> {
        (self.id_at != 0).then_some(self.id)
    }

    /// The index of pictures in the lowest temporal layer, if there is one.
    #[inline]
    pub fn tl0_index(&self) -> Option<u8> {
        (self.tl0_at != 0).then_some(self.tl0)
    }

    /// Where the last counter ends: as many bytes of the payload does [`Counters::rewrite`] need. 0 without any.
    #[inline]
    pub fn end(&self) -> usize {
        let id_end = if self.id_at == 0 { 0 } else { usize::from(self.id_at) + 1 + usize::from(self.id_is_long) };
        let tl0_end = if self.tl0_at == 0 { 0 } else { usize::from(self.tl0_at) + 1 };
        id_end.max(tl0_end)
    }

    /// Writes other values into `payload`, a copy of the one that was read, in the widths that they have there. What the
    /// descriptor lacks stays out.
    #[inline]
    pub fn rewrite(&self, payload: &mut [u8], picture_id: u16, tl0_index: u8) {
        if self.id_at != 0 {
            let at = usize::from(self.id_at);
            if let (true, Some(bytes)) = (self.id_is_long, payload.get_mut(at..at + 2)) {
                bytes.copy_from_slice(&(picture_id | 0x8000).to_be_bytes());
            } else if let (false, Some(byte)) = (self.id_is_long, payload.get_mut(at)) {
                *byte = (picture_id & 0x7f) as u8;
            }
        }
        if self.tl0_at != 0
            && let Some(byte) = payload.get_mut(usize::from(self.tl0_at))
        {
            *byte = tl0_index;
        }
    }
}
