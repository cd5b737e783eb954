//! Datagrams on a byte stream (RFC 4571 section 2): each behind its length in two bytes, big-endian.

use std::ops::Range;

/// Longest frame that is taken, in bytes: some three Ethernet frames. Peers keep to one, since the same bytes must fit a
/// UDP datagram on another path.
pub const FRAME_BYTES_MAX: usize = 4096;

/// Bytes before each frame.
pub const LENGTH_BYTES: usize = 2;

/// The stream announces a frame longer than [`FRAME_BYTES_MAX`]; what follows cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a frame of {0} bytes, at most {FRAME_BYTES_MAX} are taken")]
pub struct FrameTooLong(pub usize);

/// What stands before a frame of `len` bytes; `None` when no frame can be so long.
pub fn length(len: usize) -> Option<[u8; LENGTH_BYTES]> {
    Some(u16::try_from(len).ok()?.to_be_bytes())
}

/// Where the first frame lies in `bytes`, without its length; `None` until it is whole.
///
/// # Errors
/// When the frame is too long.
pub fn first(bytes: &[u8]) -> Result<Option<Range<usize>>, FrameTooLong> {
    let Some(head) = bytes.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    let len = usize::from(u16::from_be_bytes(*head));
    if len > FRAME_BYTES_MAX {
        return Err(FrameTooLong(len));
    }
    let frame = LENGTH_BYTES..LENGTH_BYTES + len;
    Ok((frame.end <= bytes.len()).then_some(frame))
}

/// Takes a stream apart. It keeps at most one unfinished frame.
#[derive(Debug, Default)]
pub struct Deframer {
    /// The beginning of a frame, its length included.
    begun: Vec<u8>,
}

impl Deframer {
    /// Hands every frame that ends in `bytes` to `each`, which may write to it. Empty frames are passed over.
    ///
    /// # Errors
    /// When a frame is too long; the stream is of no use from there on.
    pub fn take(&mut self, bytes: &mut [u8], mut each: impl FnMut(&mut [u8])) -> Result<(), FrameTooLong> {
        let mut at = self.finish(bytes, &mut each)?;
        while let Some(frame) = first(bytes.get(at..).unwrap_or_default())? {
            let frame = at + frame.start..at + frame.end;
            at = frame.end;
            if let Some(frame) = bytes.get_mut(frame).filter(|frame| !frame.is_empty()) {
                each(frame);
            }
        }
        self.begun.extend_from_slice(bytes.get(at..).unwrap_or_default());
        Ok(())
    }

    /// Goes on with the frame that was begun; gives how many of `bytes` belong to it.
    fn finish(&mut self, bytes: &[u8], each: &mut impl FnMut(&mut [u8])) -> Result<usize, FrameTooLong> {
        if self.begun.is_empty() {
            return Ok(0);
        }
        let mut used = self.grow(LENGTH_BYTES, bytes);
        let Some(head) = self.begun.first_chunk::<LENGTH_BYTES>() else { return Ok(used) };
        let len = usize::from(u16::from_be_bytes(*head));
        if len > FRAME_BYTES_MAX {
            return Err(FrameTooLong(len));
        }
        used += self.grow(LENGTH_BYTES + len, bytes.get(used..).unwrap_or_default());
        if self.begun.len() == LENGTH_BYTES + len {
            if let Some(frame) = self.begun.get_mut(LENGTH_BYTES..).filter(|frame| !frame.is_empty()) {
                each(frame);
            }
            self.begun.clear();
        }
        Ok(used)
    }

    /// Takes what is missing to `len` bytes from the beginning of `bytes`; gives how many it took.
    fn grow(&mut self, len: usize, bytes: &[u8]) -> usize {
        let taken = len.saturating_sub(self.begun.len()).min(bytes.len());
        self.begun.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stream(frames: &[Vec<u8>]) -> Vec<u8> {
        frames.iter().flat_map(|frame| [&length(frame.len()).unwrap()[..], frame].concat()).collect()
    }

    #[test]
    fn too_long_is_told_wherever_the_length_is_cut() {
        for cut in 0..=2 {
            let mut bytes = (FRAME_BYTES_MAX as u16 + 1).to_be_bytes();
            let mut deframer = Deframer::default();
            let (begin, end) = bytes.split_at_mut(cut);
            let result = deframer.take(begin, |_| panic!("no frame")).and_then(|()| deframer.take(end, |_| ()));
            assert_eq!(result, Err(FrameTooLong(FRAME_BYTES_MAX + 1)), "{cut}");
        }
        assert_eq!(length(65_536), None);
    }

    proptest! {
        #[test]
        fn frames_come_back_however_the_stream_is_cut(
            frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20),
            cuts in proptest::collection::vec(1usize..50, 1..60),
        ) {
            let mut bytes = stream(&frames);
            let (mut deframer, mut found, mut at) = (Deframer::default(), Vec::new(), 0);
            for cut in cuts.iter().cycle() {
                let end = (at + cut).min(bytes.len());
                deframer.take(&mut bytes[at..end], |frame| found.push(frame.to_vec())).unwrap();
                at = end;
                if at == bytes.len() {
                    break;
                }
            }
            let sent: Vec<_> = frames.into_iter().filter(|frame| !frame.is_empty()).collect();
            prop_assert_eq!(found, sent);
            prop_assert!(deframer.begun.is_empty());
        }
    }
}
