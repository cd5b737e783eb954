//! Packets of padding, by which more is sent than there is to say: probes for bandwidth.

use wire::ext::Writer;
use wire::rtp::Header;

use super::{DownTrack, Written};

/// The most that one packet can carry (RFC 3550 section 5.1: its last byte counts it).
const PADDING_BYTES: u8 = 255;

impl DownTrack {
    /// Writes a packet of padding to `out`, which needs about 300 bytes, under the source of retransmissions, so that the
    /// media's numbers stay whole. `None` without one.
    pub fn padding(&mut self, out: &mut [u8]) -> Option<Written<'static>> {
        let ssrc = self.params.rtx_ssrc?;
        let pt =
            self.payload.and_then(|map| map.rtx).or_else(|| self.params.payloads.iter().find_map(|map| map.rtx))?;
        let (seq, timestamp) = (self.rtx_seq, self.rewriter.last_timestamp());
        let header = Header { marker: false, pt, seq, timestamp, ssrc };
        let mut extensions = Writer::new();
        let transport_seq_offset = self.extensions.collect(None, false, None, &mut extensions);
        let header_len = header.write(&extensions, out)?;
        let len = header_len + usize::from(PADDING_BYTES);
        let padding = out.get_mut(header_len..len)?;
        padding.fill(0);
        *padding.last_mut()? = PADDING_BYTES;
        *out.first_mut()? |= 0x20;
        self.rtx_seq = self.rtx_seq.wrapping_add(1);
        Some(Written { len, rest: &[], header_len, transport_seq_offset, ssrc, seq })
    }
}
