//! The dependency descriptor as one subscriber gets it: numbered on over switches, and told what is left out.

use crate::frame::Described;
use crate::layout::Layout;
use crate::rewriter::Numbers;

/// Longest data of an extension (RFC 8285 section 4.3: the length takes a byte), in bytes.
pub(crate) const DATA_BYTES_MAX: usize = 255;

/// Rewrites the descriptors of one subscription.
#[derive(Debug, Default)]
pub(crate) struct Descriptors {
    /// The subscriber was told that some decode targets do not go on, and no key frame took that back.
    narrowed: bool,
}

impl Descriptors {
    /// Writes the descriptor of a packet with the source's `bytes` to `out`.
    pub(crate) fn write<'a>(
        &mut self,
        told: &Described,
        starts: bool,
        bytes: &[u8],
        layout: Option<&Layout>,
        numbers: &Numbers,
        out: &'a mut [u8; DATA_BYTES_MAX],
    ) -> Option<&'a [u8]> {
        let data = bytes.get(usize::from(told.at)..)?.get(..usize::from(told.len))?;
        let len = match layout.filter(|_| starts) {
            Some(layout) => self.narrow(data, layout, numbers, out),
            None => None,
        };
        let len = match len {
            Some(len) => len,
            None => {
                out.get_mut(..data.len())?.copy_from_slice(data);
                data.len()
            }
        };
        out.get_mut(1..3)?.copy_from_slice(&numbers.frame_number.to_be_bytes());
        out.get(..len)
    }

    /// Where a frame begins and the subscriber gets less than there is, the descriptor says so: a receiver that looks for
    /// lost frames then knows which it is not to miss. Said with every frame, as any packet may be lost.
    fn narrow(&mut self, data: &[u8], layout: &Layout, numbers: &Numbers, out: &mut [u8]) -> Option<usize> {
        let is_partial = layout.is_partial(numbers.point);
        let renewed = data.get(3).is_some_and(|flags| flags & 0x80 != 0);
        if !is_partial && (renewed || !self.narrowed) {
            self.narrowed = false;
            return None;
        }
        self.narrowed = true;
        layout.write_for(numbers.point, data, out)
    }
}
