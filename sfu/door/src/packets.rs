//! RTP packets handed over by value.

/// Several packets in the clear, in order, in one piece of memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Packets {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Packets {
    /// Adds one to the end.
    pub fn push(&mut self, packet: &[u8]) {
        self.bytes.extend_from_slice(packet);
        self.ends.push(self.bytes.len());
    }

    /// The packets in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).filter_map(|(start, &end)| self.bytes.get(start..end))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all packets together.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_put_in() {
        let mut packets = Packets::default();
        assert!(packets.is_empty() && packets.iter().next().is_none());
        for packet in [&[1, 2][..], &[], &[3]] {
            packets.push(packet);
        }
        assert_eq!(packets.iter().collect::<Vec<_>>(), [&[1, 2][..], &[], &[3]]);
        assert_eq!((packets.byte_len(), packets.is_empty()), (3, false));
    }
}
