//! Frame marking, a header extension that tells frames and temporal layers of any codec, readable even where the payload
//! is encrypted (RFC 9626).

/// What one packet's extension says of its frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Marking {
    /// A frame begins here.
    pub frame_start: bool,
    /// A frame ends here.
    pub frame_end: bool,
    /// The frame depends on no other.
    pub independent: bool,
    /// The frame depends on the lowest temporal layer alone.
    pub base_sync: bool,
    /// Its temporal layer.
    pub temporal: u8,
}

impl Marking {
    /// Reads the extension's data, in the form for streams with layers or without; `None` when it is empty.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let first = *data.first()?;
        // Without layers the low four bits are zero (RFC 9626 section 3.2).
        Some(Self {
            frame_start: first & 0x80 != 0,
            frame_end: first & 0x40 != 0,
            independent: first & 0x20 != 0,
            base_sync: first & 0x08 != 0,
            temporal: first & 0x07,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms() {
        let read = Marking::parse(&[0b1010_0000]).unwrap();
        assert!(read.frame_start && !read.frame_end && read.independent && !read.base_sync && read.temporal == 0);
        let read = Marking::parse(&[0b0100_1010, 0, 7]).unwrap();
        assert!(!read.frame_start && read.frame_end && !read.independent && read.base_sync && read.temporal == 2);
        assert_eq!(Marking::parse(&[]), None);
    }
}
