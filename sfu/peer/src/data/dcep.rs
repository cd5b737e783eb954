//! The data channel establishment protocol (RFC 8832).

use door::ChannelLabel;
use sctp_proto::ReliabilityType;

/// The longest label that is accepted, in bytes.
pub const LABEL_BYTES_MAX: usize = 64;

const OPEN: u8 = 3;
const ACK: u8 = 2;
const HEADER_BYTES: usize = 12;
const UNORDERED: u8 = 0x80;

/// How hard a channel tries, in both directions.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Reliability {
    pub(super) unordered: bool,
    pub(super) kind: ReliabilityType,
    /// Retransmissions, or milliseconds; unused when fully reliable.
    pub(super) value: u32,
}

impl Reliability {
    /// How a channel that we open behaves.
    pub(super) fn of(label: &ChannelLabel) -> Self {
        match label {
            ChannelLabel::Reliable | ChannelLabel::Other(_) => {
                Self { unordered: false, kind: ReliabilityType::Reliable, value: 0 }
            }
            ChannelLabel::Lossy | ChannelLabel::DataTrack => {
                Self { unordered: true, kind: ReliabilityType::Rexmit, value: 0 }
            }
        }
    }

    pub(super) fn is_reliable(self) -> bool {
        self.kind == ReliabilityType::Reliable
    }
}

/// A parsed message.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Dcep {
    Open(ChannelLabel, Reliability),
    Ack,
}

impl Dcep {
    /// `None` when it is malformed or its label too long.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        match *bytes.first()? {
            ACK => return Some(Self::Ack),
            OPEN => {}
            _ => return None,
        }
        let channel_type = *bytes.get(1)?;
        let kind = match channel_type & !UNORDERED {
            0 => ReliabilityType::Reliable,
            1 => ReliabilityType::Rexmit,
            2 => ReliabilityType::Timed,
            _ => return None,
        };
        let value = u32::from_be_bytes(bytes.get(4..8)?.try_into().ok()?);
        let label_len = usize::from(u16::from_be_bytes(bytes.get(8..10)?.try_into().ok()?));
        if label_len > LABEL_BYTES_MAX {
            return None;
        }
        let label = std::str::from_utf8(bytes.get(HEADER_BYTES..HEADER_BYTES + label_len)?).ok()?;
        let unordered = channel_type & UNORDERED != 0;
        Some(Self::Open(label_of(label), Reliability { unordered, kind, value }))
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Self::Open(label, reliability) = self else { return vec![ACK] };
        let text = text_of(label);
        let unordered = if reliability.unordered { UNORDERED } else { 0 };
        let mut bytes = vec![OPEN, reliability.kind as u8 | unordered, 0, 0];
        bytes.extend(reliability.value.to_be_bytes());
        bytes.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(text.as_bytes());
        bytes
    }
}

fn label_of(text: &str) -> ChannelLabel {
    match text {
        "_reliable" => ChannelLabel::Reliable,
        "_lossy" => ChannelLabel::Lossy,
        "_data_track" => ChannelLabel::DataTrack,
        other => ChannelLabel::Other(other.to_owned()),
    }
}

fn text_of(label: &ChannelLabel) -> &str {
    match label {
        ChannelLabel::Reliable => "_reliable",
        ChannelLabel::Lossy => "_lossy",
        ChannelLabel::DataTrack => "_data_track",
        ChannelLabel::Other(other) => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_back_what_it_writes() {
        let labels = [
            ChannelLabel::Reliable,
            ChannelLabel::Lossy,
            ChannelLabel::DataTrack,
            ChannelLabel::Other("chat".into()),
            ChannelLabel::Other(String::new()),
        ];
        for label in labels {
            let open = Dcep::Open(label.clone(), Reliability::of(&label));
            assert_eq!(Dcep::parse(&open.to_bytes()), Some(open));
        }
        assert_eq!(Dcep::parse(&Dcep::Ack.to_bytes()), Some(Dcep::Ack));
    }

    #[test]
    fn refuses_long_labels() {
        let open = |len| {
            let label = ChannelLabel::Other("x".repeat(len));
            Dcep::parse(&Dcep::Open(label.clone(), Reliability::of(&label)).to_bytes())
        };
        assert!(open(LABEL_BYTES_MAX).is_some());
        assert!(open(LABEL_BYTES_MAX + 1).is_none());
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..40), open in any::<bool>()) {
            let mut bytes = bytes;
            if let Some(first) = bytes.first_mut().filter(|_| open) {
                *first = OPEN;
            }
            let _ = Dcep::parse(&bytes);
        }
    }
}
