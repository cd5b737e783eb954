//! Chunks as encoders write them, and as nobody should.

use proptest::prelude::*;

use super::*;
use crate::chunk::Writer;

fn full(id: u8, timestamp: u32, len: usize, kind: u8) -> Vec<u8> {
    let (time, len) = (timestamp.to_be_bytes(), (len as u32).to_be_bytes());
    vec![id, time[1], time[2], time[3], len[1], len[2], len[3], kind, 1, 0, 0, 0]
}

fn read_all(reader: &mut Reader, bytes: &[u8]) -> Result<Vec<Message>, Fault> {
    let (mut input, mut messages) = (bytes, Vec::new());
    while let Some(message) = reader.next(&mut input)? {
        messages.push(message);
    }
    assert!(input.is_empty());
    Ok(messages)
}

#[test]
fn interleaved_chunks_find_together() {
    let mut bytes = full(4, 10, 200, kind::VIDEO);
    bytes.extend([1; 128]);
    bytes.extend(full(6, 12, 3, kind::AUDIO));
    bytes.extend([2; 3]);
    bytes.push(0xc4);
    bytes.extend([1; 72]);
    let messages = read_all(&mut Reader::new(), &bytes).unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!((messages[0].kind, messages[0].timestamp, messages[0].payload.len()), (kind::AUDIO, 12, 3));
    assert_eq!((messages[1].kind, messages[1].timestamp, messages[1].payload.len()), (kind::VIDEO, 10, 200));
}

#[test]
fn times_add_up_as_the_formats_say() {
    let mut bytes = full(4, 1000, 1, kind::AUDIO);
    bytes.push(0);
    // A difference with length and type, a difference alone, nothing at all.
    bytes.extend([0x44, 0, 0, 20, 0, 0, 1, kind::AUDIO, 0]);
    bytes.extend([0x84, 0, 0, 30, 0]);
    bytes.extend([0xc4, 0, 0xc4, 0]);
    let times: Vec<_> = read_all(&mut Reader::new(), &bytes).unwrap().iter().map(|it| it.timestamp).collect();
    assert_eq!(times, [1000, 1020, 1050, 1080, 1110]);
}

#[test]
fn nothing_after_an_absolute_time_adds_that_time() {
    // ffmpeg does so when the first two messages are as far apart as the first is from zero.
    let mut bytes = full(4, 23, 1, kind::AUDIO);
    bytes.extend([0, 0xc4, 0]);
    let times: Vec<_> = read_all(&mut Reader::new(), &bytes).unwrap().iter().map(|it| it.timestamp).collect();
    assert_eq!(times, [23, 46]);
}

#[test]
fn long_sizes_are_like_the_longest_message() {
    let mut reader = Reader::new();
    assert_eq!(reader.set_chunk_size(0), Err(Fault::PeerChunkSize(0)));
    assert_eq!(reader.set_chunk_size(1 << 31), Err(Fault::PeerChunkSize(1 << 31)));
    assert_eq!(reader.set_chunk_size(i32::MAX as u32), Ok(()));
    let mut bytes = full(4, 0, 5000, kind::VIDEO);
    bytes.extend([7; 5000]);
    assert_eq!(read_all(&mut reader, &bytes).unwrap()[0].payload, [7; 5000]);
}

#[test]
fn chunks_of_one_byte_are_legal() {
    let mut reader = Reader::new();
    reader.set_chunk_size(1).unwrap();
    let mut bytes = full(4, 0, 3, kind::AUDIO);
    bytes.extend([7, 0xc4, 8, 0xc4, 9]);
    assert_eq!(read_all(&mut reader, &bytes).unwrap()[0].payload, [7, 8, 9]);
}

#[test]
fn a_message_too_long_for_its_type_is_refused_at_its_header() {
    for (kind, max) in [
        (kind::VIDEO, VIDEO_BYTES_MAX),
        (kind::AUDIO, AUDIO_BYTES_MAX),
        (kind::COMMAND, COMMAND_BYTES_MAX),
        (kind::SET_CHUNK_SIZE, CONTROL_BYTES_MAX),
        (77, DATA_BYTES_MAX),
    ] {
        assert_eq!(read_all(&mut Reader::new(), &full(4, 0, max, kind)), Ok(vec![]));
        let fault = Fault::PeerMessageTooLong { kind, bytes: max + 1 };
        assert_eq!(read_all(&mut Reader::new(), &full(4, 0, max + 1, kind)), Err(fault));
    }
}

#[test]
fn many_chunk_streams_are_refused() {
    let mut reader = Reader::new();
    for id in 0..CHUNK_STREAMS_MAX as u8 {
        assert_eq!(read_all(&mut reader, &full(2 + id, 0, 9, kind::AUDIO)), Ok(vec![]));
        // Ends the chunk of nine bytes so that the next header can come, and leaves the message open.
        reader.body = None;
    }
    assert_eq!(read_all(&mut reader, &full(60, 0, 9, kind::AUDIO)), Err(Fault::PeerChunkStreams));
}

#[test]
fn unfinished_messages_are_bounded_in_all() {
    let mut reader = Reader::new();
    reader.set_chunk_size(CHUNK_BYTES_MAX).unwrap();
    let mut held = 0;
    for id in 2..10 {
        let mut bytes = full(id, 0, VIDEO_BYTES_MAX, kind::VIDEO);
        bytes.resize(bytes.len() + VIDEO_BYTES_MAX / 2, 0);
        let outcome = read_all(&mut reader, &bytes);
        if outcome.is_err() {
            assert_eq!(outcome, Err(Fault::PeerUnfinished));
            assert!(held >= VIDEO_BYTES_MAX);
            return;
        }
        held = reader.unfinished();
        reader.body = None;
    }
    panic!("never refused");
}

#[test]
fn a_headless_stream_is_refused_and_librtmps_beginning_is_not() {
    assert_eq!(read_all(&mut Reader::new(), &[0xc4]), Err(Fault::PeerChunkOrder(4)));
    assert_eq!(read_all(&mut Reader::new(), &[0x84, 0, 0, 0]), Err(Fault::PeerChunkOrder(4)));
    let ping = [0x42, 0, 0, 0, 0, 0, 6, kind::USER_CONTROL, 0, 7, 0, 0, 0, 0];
    assert_eq!(read_all(&mut Reader::new(), &ping).unwrap().len(), 1);
}

#[test]
fn an_aborted_or_restarted_message_is_forgotten() {
    let mut reader = Reader::new();
    let mut bytes = full(4, 0, 200, kind::VIDEO);
    bytes.extend([1; 128]);
    assert_eq!(read_all(&mut reader, &bytes), Ok(vec![]));
    assert_eq!(reader.unfinished(), 128);
    reader.abort(4);
    assert_eq!(reader.unfinished(), 0);
    assert_eq!(read_all(&mut reader, &bytes), Ok(vec![]));
    let mut again = full(4, 5, 2, kind::VIDEO);
    again.extend([9, 9]);
    assert_eq!(read_all(&mut reader, &again).unwrap()[0].payload, [9, 9]);
    assert_eq!(reader.unfinished(), 0);
}

fn messages() -> impl Strategy<Value = Vec<(u8, u32, u32, Vec<u8>)>> {
    let kind = prop_oneof![Just(kind::AUDIO), Just(kind::VIDEO), Just(kind::DATA)];
    let message = (kind, any::<u32>(), 0..3_u32, proptest::collection::vec(any::<u8>(), 0..700));
    proptest::collection::vec(message, 1..12)
}

proptest! {
    #[test]
    fn what_is_written_is_read_in_any_pieces(messages in messages(), size in 1..300_u32, cut in 1..40_usize) {
        let mut writer = Writer::new();
        let mut bytes = Vec::new();
        writer.set_chunk_size(&mut bytes, size);
        for (kind, timestamp, stream, payload) in &messages {
            writer.write(&mut bytes, *kind, *stream, *timestamp, payload);
        }
        let (mut reader, mut found) = (Reader::new(), Vec::new());
        for piece in bytes.chunks(cut) {
            let mut input = piece;
            while let Some(message) = reader.next(&mut input).unwrap() {
                if message.kind == kind::SET_CHUNK_SIZE {
                    reader.set_chunk_size(size).unwrap();
                } else {
                    found.push((message.kind, message.timestamp, message.stream, message.payload));
                }
            }
        }
        prop_assert_eq!(found, messages);
        prop_assert_eq!(reader.unfinished(), 0);
    }

    #[test]
    fn any_bytes_end_in_messages_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = read_all(&mut Reader::new(), &bytes);
    }
}
