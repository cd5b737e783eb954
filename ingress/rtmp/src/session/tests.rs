//! Whole connections, usual and odd, and attacks.
#![allow(clippy::disallowed_methods, reason = "a test starts its own clock")]

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::amf::{Decoder, Value};
use crate::limits::*;
use crate::media::{AudioCodec, VideoCodec};
use crate::testing::Client;

/// Runs a whole input through a session, which accepts every stream.
fn run(session: &mut Session, now: Instant, bytes: &[u8]) -> Result<Vec<Event>, Fault> {
    let (mut input, mut events) = (bytes, Vec::new());
    while let Some(event) = session.receive(now, &mut input)? {
        if matches!(event, Event::Publish(_)) {
            session.accept(now);
        }
        events.push(event);
    }
    Ok(events)
}

fn fresh() -> (Session, Instant) {
    let now = Instant::now();
    (Session::new(now, 1), now)
}

/// The commands among what the session said, by name and with the code of their information.
fn said(session: &mut Session) -> Vec<(String, String)> {
    let output = std::mem::take(session.output());
    let mut input = output.strip_prefix(&[3]).and_then(|rest| rest.get(2 * 1536..)).unwrap_or(&output);
    let mut reader = Reader::new();
    reader.set_chunk_size(4096).unwrap();
    let mut said = Vec::new();
    while let Some(message) = reader.next(&mut input).unwrap() {
        if message.kind != kind::COMMAND {
            continue;
        }
        let mut decoder = Decoder::new(&message.payload);
        let values: Vec<Value> = std::iter::from_fn(|| decoder.value().unwrap()).collect();
        let code = values.iter().find_map(|it| it.field("code").and_then(Value::text)).unwrap_or_default();
        said.push((values[0].text().unwrap_or_default().to_owned(), code.to_owned()));
    }
    said
}

#[test]
fn a_usual_stream() {
    let (mut session, now) = fresh();
    let client = Client::publishing("live", "key")
        .metadata(1920.0, 1080.0)
        .video(0, b"\x17\x00\0\0\0rec")
        .audio(0, b"\xaf\x00\x11\x90")
        .video(40, b"\x17\x01\0\0\x21nal")
        .audio(43, b"\xaf\x01raw")
        .stop("key");
    let events = run(&mut session, now, &client.bytes).unwrap();
    let Event::Publish(request) = &events[0] else { panic!("{events:?}") };
    assert_eq!((request.key(), request.client.as_str()), ("key", "FMLE/3.0 (compatible; test)"));
    assert!(!format!("{request:?}").contains("key\""), "the key shows");
    assert!(matches!(&events[1], Event::Metadata(it) if it.width == 1920 && it.height == 1080));
    assert!(matches!(&events[2], Event::VideoConfig(it) if it.codec == VideoCodec::H264 && it.record == "rec"));
    assert!(matches!(&events[3], Event::AudioConfig(it) if it.codec == AudioCodec::Aac));
    let Event::Video(picture) = &events[4] else { panic!("{events:?}") };
    assert_eq!((picture.dts_ms, picture.pts_ms, picture.keyframe), (40, 73, true));
    assert!(matches!(&events[5], Event::Audio(it) if it.pts_ms == 43 && it.data == "raw"));
    assert_eq!(events[6..], [Event::Ended]);
    let said = said(&mut session);
    let names: Vec<_> = said.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["_result", "_result", "onFCPublish", "_result", "_result", "onStatus", "onStatus"], "{said:?}");
    assert_eq!((said[0].1.as_str(), said[5].1.as_str()), ("NetConnection.Connect.Success", "NetStream.Publish.Start"));
}

#[test]
fn the_answer_to_connect_names_the_codecs() {
    let (mut session, now) = fresh();
    run(&mut session, now, &Client::new().handshake().connect("live").bytes).unwrap();
    let output = session.output().clone();
    let text = String::from_utf8_lossy(&output);
    assert!(["fourCcList", "hvc1", "av01", "capsEx"].iter().all(|word| text.contains(word)));
}

#[test]
fn odd_but_legal_orders() {
    // No announcement; no createStream; again after the end; the key in the address.
    for (client, key) in [
        (Client::new().handshake().connect("live").create_stream().publish("key"), "key"),
        (Client::new().handshake().connect("live").publish("key?token=1"), "key"),
        (Client::publishing("live", "one").stop("one").create_stream().publish("key"), "key"),
        (Client::new().handshake().connect("live/key").create_stream().publish(""), "key"),
        (Client::new().handshake().connect("live").verb("_checkbw").verb("getStreamLength").publish("key"), "key"),
    ] {
        let (mut session, now) = fresh();
        let events = run(&mut session, now, &client.bytes).unwrap();
        let last = events.iter().rev().find_map(|event| match event {
            Event::Publish(request) => Some(request.key().to_owned()),
            _ => None,
        });
        assert_eq!(last.as_deref(), Some(key));
        assert!(session.is_live());
    }
}

#[test]
fn a_byte_at_a_time_is_the_same() {
    let client = Client::publishing("live", "key").video(40, b"\x17\x01\0\0\x21nal").stop("key");
    let (mut whole, mut slow, now) = (fresh().0, fresh().0, Instant::now());
    let events = run(&mut whole, now, &client.bytes).unwrap();
    let pieces: Vec<Event> = client.bytes.chunks(1).flat_map(|byte| run(&mut slow, now, byte).unwrap()).collect();
    assert_eq!(pieces, events);
}

#[test]
fn a_refused_publisher_hears_why() {
    let (mut session, now) = fresh();
    let client = Client::publishing("live", "guess").video(0, b"\x17\x00\0\0\0rec");
    let mut input = client.bytes.as_slice();
    assert!(matches!(session.receive(now, &mut input), Ok(Some(Event::Publish(_)))));
    // Nothing is read while the answer is awaited.
    let left = input.len();
    assert_eq!(session.receive(now, &mut input), Ok(None));
    assert_eq!(input.len(), left);
    session.refuse(now, Refusal::WrongKey);
    assert_eq!(said(&mut session).last().map(|it| it.1.clone()), Some("NetStream.Publish.BadName".into()));
    assert_eq!(session.receive(now, &mut input), Ok(None));
    assert!(!session.is_live());
}

#[test]
fn unfit_codecs_are_refused_by_name() {
    let (mut session, now) = fresh();
    let client = Client::publishing("live", "key").audio(0, b"\x2fmp3");
    assert_eq!(run(&mut session, now, &client.bytes), Err(Fault::PeerAudioCodec("MP3")));
    session.fail(Fault::PeerAudioCodec("MP3"));
    assert_eq!(said(&mut session).last().map(|it| it.1.clone()), Some("NetStream.Publish.Rejected".into()));
}

#[test]
fn players_and_disorder_are_refused() {
    let hello = || Client::new().handshake();
    for (client, fault) in [
        (hello().connect("live").verb("play"), Fault::PeerPlays),
        (hello().verb("createStream"), Fault::PeerOrder("a command before connect")),
        (hello().connect("live").connect("live"), Fault::PeerOrder("connected already")),
        (Client::publishing("live", "a").publish("b"), Fault::PeerOrder("this connection publishes already")),
        (hello().connect(&"x".repeat(NAME_BYTES_MAX + 1)), Fault::PeerName),
    ] {
        let (mut session, now) = fresh();
        assert_eq!(run(&mut session, now, &client.bytes), Err(fault));
    }
}

#[test]
fn floods_of_commands_streams_and_bytes_end() {
    let (mut session, now) = fresh();
    let mut client = Client::new().handshake().connect("live");
    for _ in 0..COMMANDS_PER_WINDOW_MAX {
        client = client.verb("noise");
    }
    assert_eq!(run(&mut session, now, &client.bytes), Err(Fault::PeerRate("commands per second")));
    assert!(session.output().len() <= OUTPUT_BYTES_MAX);

    let (mut session, now) = fresh();
    run(&mut session, now, &Client::new().handshake().connect("live").bytes).unwrap();
    let create = Client::new().create_stream().bytes;
    let at = |n: u32| now + RATE_WINDOW * n;
    let outcome = (0..=STREAMS_MAX).try_for_each(|n| run(&mut session, at(n), &create).map(drop));
    assert_eq!(outcome, Err(Fault::PeerStreams));

    let (mut session, now) = fresh();
    run(&mut session, now, &Client::publishing("live", "key").bytes).unwrap();
    let block = Client::new().chunk_size(1 << 20).video(0, &vec![0x27; 1 << 20]).bytes;
    let outcome = (0..100).try_for_each(|_| run(&mut session, now, &block).map(drop));
    assert_eq!(outcome, Err(Fault::PeerRate("bytes per second")));
}

#[test]
fn pings_without_end_meet_a_deaf_fault() {
    let (mut session, now) = fresh();
    run(&mut session, now, &Client::new().handshake().connect("live").bytes).unwrap();
    let ping = Client::new().message(kind::USER_CONTROL, 0, &[0, 6, 0, 0, 0, 1]).bytes;
    let outcome = (0..MESSAGES_PER_WINDOW_MAX).try_for_each(|_| run(&mut session, now, &ping).map(drop));
    assert_eq!(outcome, Err(Fault::PeerDeaf));
    assert!(session.output().len() <= OUTPUT_BYTES_MAX + 100);
}

#[test]
fn silence_ends_each_stage() {
    let (mut session, now) = fresh();
    assert_eq!(session.expired(now), None);
    assert_eq!(session.deadline(), now + HANDSHAKE_TIMEOUT);
    assert_eq!(session.expired(now + HANDSHAKE_TIMEOUT), Some(Fault::PeerSilent("handshake")));
    run(&mut session, now, &Client::new().handshake().bytes).unwrap();
    assert_eq!(session.expired(now + PUBLISH_TIMEOUT), Some(Fault::PeerSilent("stream")));
    let later = now + Duration::from_secs(9);
    run(&mut session, later, &Client::new().connect("live").create_stream().publish("key").bytes).unwrap();
    assert_eq!(session.expired(now + PUBLISH_TIMEOUT), None);
    assert_eq!(session.expired(later + MEDIA_TIMEOUT), Some(Fault::PeerSilent("media")));
    // Half a message is no media.
    let tag = Client::new().video(0, b"\x17\x01\0\0\0nal").bytes;
    run(&mut session, later + MEDIA_TIMEOUT, &tag[..tag.len() - 1]).unwrap();
    assert!(session.expired(later + MEDIA_TIMEOUT).is_some());
    run(&mut session, later + MEDIA_TIMEOUT, &tag[tag.len() - 1..]).unwrap();
    assert!(session.expired(later + MEDIA_TIMEOUT).is_none());
}

#[test]
fn aggregates_are_taken_apart_in_the_connections_time() {
    let tag = |kind: u8, time: u8, body: &[u8]| {
        let mut tag = vec![kind, 0, 0, body.len() as u8, 0, 0, time, 0, 0, 0, 0];
        tag.extend(body);
        tag.extend([0, 0, 0, 11 + body.len() as u8]);
        tag
    };
    let body = [tag(kind::AUDIO, 100, b"\xaf\x01a"), tag(kind::VIDEO, 120, b"\x27\x01\0\0\0v")].concat();
    for cut in 0..=body.len() {
        let (mut session, now) = fresh();
        let client = Client::publishing("live", "key").message(kind::AGGREGATE, 1000, &body[..cut]);
        let events = run(&mut session, now, &client.bytes).unwrap();
        if cut == body.len() {
            assert!(matches!(&events[1], Event::Audio(it) if it.pts_ms == 1000));
            assert!(matches!(&events[2], Event::Video(it) if it.dts_ms == 1020));
        }
    }
}

#[test]
fn acknowledges_what_came() {
    let (mut session, now) = fresh();
    run(&mut session, now, &Client::publishing("live", "key").bytes).unwrap();
    session.output().clear();
    let block = Client::new().chunk_size(1 << 20).video(0, &vec![0x27; 1 << 20]).bytes;
    for _ in 0..3 {
        run(&mut session, now, &block).unwrap();
    }
    let (output, mut reader) = (session.output().clone(), Reader::new());
    let message = reader.next(&mut output.as_slice()).unwrap().unwrap();
    assert_eq!((message.kind, message.payload.len()), (kind::ACKNOWLEDGEMENT, 4));
}

proptest! {
    #[test]
    fn any_bytes_after_the_handshake_end(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let (mut session, now) = fresh();
        let _ = run(&mut session, now, &[Client::new().handshake().bytes, bytes].concat());
    }

    #[test]
    fn mutants_of_a_real_stream_end(edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..7)) {
        let client = Client::publishing("live", "key").video(0, b"\x17\x00\0\0\0rec").video(40, &[0x27; 9000]).stop("key");
        let mut bytes = client.bytes;
        let from = 1 + 2 * 1536;
        for (index, byte) in edits {
            let at = from + index.index(bytes.len() - from);
            bytes[at] = byte;
        }
        let (mut session, now) = fresh();
        let _ = run(&mut session, now, &bytes);
        prop_assert!(session.output().len() <= 2 * OUTPUT_BYTES_MAX);
    }
}
