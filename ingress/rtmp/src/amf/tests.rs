//! What encoders send, what attackers send.

use proptest::prelude::*;

use super::*;

fn all(bytes: &[u8]) -> Result<Vec<Value>, Fault> {
    let mut decoder = Decoder::new(bytes);
    std::iter::from_fn(|| decoder.value().transpose()).collect()
}

#[test]
fn reads_what_is_written() {
    let bytes = Encoder::default()
        .string("onStatus")
        .number(7.5)
        .null()
        .object(|fields| fields.name("level").string("status").name("list").strings(&["a", "b"]))
        .finish();
    let values = all(&bytes).unwrap();
    assert_eq!(values[0].text(), Some("onStatus"));
    assert_eq!(values[1].number(), Some(7.5));
    assert_eq!(values[2], Value::Null);
    assert_eq!(values[3].field("level").and_then(Value::text), Some("status"));
    let list = Value::Array(["a", "b"].map(|it| Value::String(it.into())).into());
    assert_eq!(values[3].field("list"), Some(&list));
    assert_eq!(values[3].field("none"), None);
}

#[test]
fn reads_every_marker() {
    for (bytes, value) in [
        (&[1, 1][..], Value::Boolean(true)),
        (&[6], Value::Undefined),
        (&[7, 0, 1], Value::Undefined),
        (&[8, 0, 0, 0, 9, 0, 1, b'a', 5, 0, 0, 9], Value::Object(vec![("a".into(), Value::Null)])),
        (&[11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Value::Undefined),
        (&[12, 0, 0, 0, 1, b'x'], Value::String("x".into())),
        (&[15, 0, 0, 0, 1, b'x'], Value::Undefined),
        (&[16, 0, 1, b'C', 0, 0, 9], Value::Object(vec![])),
        // AMF3: the integer -1, then an object with the dynamic field a = true.
        (&[17, 4, 0xff, 0xff, 0xff, 0xff], Value::Number(-1.0)),
        (&[17, 10, 0x0b, 1, 3, b'a', 3, 1], Value::Object(vec![("a".into(), Value::Boolean(true))])),
        (&[17, 9, 5, 1, 6, 3, b'x', 6, 0], Value::Array(vec![Value::String("x".into()), Value::String("x".into())])),
        (&[3, 0, 1, b'a', 5, 0, 0], Value::Object(vec![("a".into(), Value::Null)])),
    ] {
        assert_eq!(all(bytes), Ok(vec![value]), "{bytes:?}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| [3, 0, 1, b'a'].repeat(levels);
    assert_eq!(all(&nested(70_000)), Err(Fault::PeerAmfDepth));
    assert_eq!(all(&[10, 0, 0, 0, 1].repeat(70_000)), Err(Fault::PeerAmfDepth));
    let amf3 = [&[17][..], &[9, 3, 1].repeat(70_000)].concat();
    assert_eq!(all(&amf3), Err(Fault::PeerAmfDepth));
}

#[test]
fn huge_counts_and_strings_take_no_memory() {
    assert_eq!(all(&[10, 0xff, 0xff, 0xff, 0xff]), Err(Fault::PeerAmf));
    let nulls = [&[10, 0xff, 0xff, 0xff, 0xff][..], &[5; 5000]].concat();
    assert_eq!(all(&nulls), Err(Fault::PeerAmfSize));
    assert_eq!(all(&[5; AMF_VALUES_MAX + 1]), Err(Fault::PeerAmfSize));
    assert_eq!(all(&[12, 0xff, 0xff, 0xff, 0xff, 1]), Err(Fault::PeerAmfSize));
    assert_eq!(all(&[2, 0xff, 0xff, 1]), Err(Fault::PeerAmfSize));
    assert_eq!(all(&[2, 0, 9, 1]), Err(Fault::PeerAmf));
    // 256 Mi traits.
    assert!(all(&[17, 10, 0xff, 0xff, 0xff, 0xf3, 1]).is_err());
}

proptest! {
    #[test]
    fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = all(&bytes);
        let _ = all(&[&[17][..], &bytes].concat());
    }
}
