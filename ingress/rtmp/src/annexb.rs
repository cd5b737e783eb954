//! NAL units between start codes (ITU-T H.264 annex B).

/// The NAL units of a byte stream, without start codes and trailing zeros.
pub fn nal_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = start(stream).map(|(_, after)| stream.get(after..).unwrap_or_default());
    std::iter::from_fn(move || {
        let bytes = rest?;
        let (unit, next) = match start(bytes) {
            Some((before, after)) => (bytes.get(..before)?, bytes.get(after..)),
            None => (bytes, None),
        };
        rest = next;
        Some(trim(unit))
    })
    .filter(|unit| !unit.is_empty())
}

/// Where the next start code begins and where it ends.
fn start(bytes: &[u8]) -> Option<(usize, usize)> {
    let at = bytes.windows(3).position(|window| window == [0, 0, 1])?;
    Some((at, at + 3))
}

fn trim(unit: &[u8]) -> &[u8] {
    let zeros = unit.iter().rev().take_while(|&&byte| byte == 0).count();
    unit.get(..unit.len() - zeros).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_both_kinds_of_start_codes() {
        let stream = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3, 0];
        let units: Vec<_> = nal_units(&stream).collect();
        assert_eq!(units, [&[0x67, 1][..], &[0x68, 2], &[0x65, 3]]);
        assert_eq!(nal_units(&[]).count(), 0);
        assert_eq!(nal_units(&[1, 2, 3]).count(), 0);
        assert_eq!(nal_units(&[0, 0, 1, 0, 0, 1]).count(), 0);
    }
}
