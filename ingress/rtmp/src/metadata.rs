//! What encoders say of themselves in `onMetaData`.

use crate::Fault;
use crate::amf::{Decoder, Value};
use crate::limits::ENCODER_CHARS_MAX;
use crate::media::Metadata;

/// Largest number that is believed.
const NUMBER_MAX: f64 = 1e6;

/// Reads a data message; `None` when it is something else than metadata.
pub(crate) fn parse(payload: &[u8], is_amf3: bool) -> Result<Option<Metadata>, Fault> {
    // AMF3 data messages begin with one byte more, but some senders leave it out.
    let body = match payload.split_first() {
        Some((0, rest)) if is_amf3 => rest,
        _ => payload,
    };
    let mut decoder = Decoder::new(body);
    while let Some(value) = decoder.value()? {
        match value.text() {
            Some("onMetaData") => return Ok(decoder.value()?.map(|value| metadata(&value))),
            Some("@setDataFrame") => {}
            _ => return Ok(None),
        }
    }
    Ok(None)
}

fn metadata(value: &Value) -> Metadata {
    let number = |name: &str| {
        let number = value.field(name).and_then(Value::number).unwrap_or(0.0);
        number.clamp(0.0, NUMBER_MAX)
    };
    let encoder = value.field("encoder").and_then(Value::text).unwrap_or_default();
    Metadata {
        // Clamped above: nothing is cut off but fractions.
        width: number("width") as u32,
        height: number("height") as u32,
        frame_rate: number("framerate"),
        video_kbps: number("videodatarate") as u32,
        audio_kbps: number("audiodatarate") as u32,
        audio_hz: number("audiosamplerate") as u32,
        stereo: matches!(value.field("stereo"), Some(Value::Boolean(true))),
        encoder: encoder.chars().filter(|it| !it.is_control()).take(ENCODER_CHARS_MAX).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amf::Encoder;

    #[test]
    fn reads_what_is_said_and_bounds_it() {
        let object = |it: Encoder| {
            let it = it.name("width").number(1920.0).name("height").number(f64::NAN).name("framerate").number(29.97);
            it.name("videodatarate").number(-4.0).name("audiosamplerate").number(1e99).name("encoder").string("obs\n29")
        };
        let bytes = Encoder::default().string("@setDataFrame").string("onMetaData").object(object).finish();
        let metadata = parse(&bytes, false).unwrap().unwrap();
        assert_eq!((metadata.width, metadata.height, metadata.video_kbps), (1920, 0, 0));
        assert_eq!((metadata.frame_rate, metadata.audio_hz), (29.97, 1_000_000));
        assert_eq!(metadata.encoder, "obs29");
        assert_eq!(parse(&[&[0][..], &bytes].concat(), true).unwrap().unwrap().width, 1920);
        assert_eq!(parse(&bytes, true).unwrap().unwrap().width, 1920);
    }

    #[test]
    fn other_data_is_none() {
        assert_eq!(parse(&Encoder::default().string("onCuePoint").null().finish(), false), Ok(None));
        assert_eq!(parse(&Encoder::default().string("onMetaData").finish(), false), Ok(None));
        assert_eq!(parse(&[], false), Ok(None));
    }
}
