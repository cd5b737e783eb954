//! One function per parser that strangers can reach: takes any bytes and must neither panic nor hang.
//!
//! `tests/fuzz` feeds them new bytes; the test beside this file replays the corpora in every test run.

mod api;
mod load;
mod receive;

pub use api::api;
pub use load::load;
use prost::Message;
pub use receive::receive;
use wire::codec::{av1, dependency, h264, h265, marking, red, vp8, vp9};

/// A target: its name, which is also its corpus folder, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 21] = [
    ("stun", stun),
    ("rtp", rtp),
    ("rtcp", rtcp),
    ("descriptors", descriptors),
    ("sdp", sdp),
    ("signal", signal),
    ("join_request", join_request),
    ("data_track", data_track),
    ("api", api),
    ("receive", receive),
    ("rtmp", rtmp),
    ("flv", flv),
    ("ts", ts),
    ("mp4", mp4),
    ("playlist", playlist),
    ("whip", whip),
    ("transcode", transcode),
    ("aac", aac),
    ("load", load),
    ("framing", framing),
    ("turn", turn),
];

/// STUN messages.
pub fn stun(bytes: &[u8]) {
    if let Some(message) = wire::stun::Message::parse(bytes) {
        let _ = (message.username(), message.integrity());
    }
}

/// Datagrams on a byte stream, cut where the first byte says.
pub fn framing(bytes: &[u8]) {
    let Some((&cut, stream)) = bytes.split_first() else { return };
    let (mut stream, mut frames) = (stream.to_vec(), wire::framing::Deframer::default());
    let sent = stream.len();
    let mut framed = 0;
    for piece in stream.chunks_mut(usize::from(cut).max(1)) {
        let taken = frames.take(piece, |frame| framed += frame.len());
        if taken.is_err() {
            break;
        }
    }
    assert!(framed <= sent);
}

/// TURN's messages, ChannelData, and where one ends on a stream.
pub fn turn(bytes: &[u8]) {
    if let Some(message) = wire::turn::Message::parse(bytes) {
        let _ = message.integrity();
    }
    if let Ok(Some(len)) = wire::turn::stream_length(bytes) {
        assert!(len <= wire::turn::MESSAGE_BYTES_MAX);
    }
    let _ = wire::turn::channel_data(bytes).map(|(_, data)| assert!(data.len() < bytes.len()));
}

/// RTP packets and their header extensions.
pub fn rtp(bytes: &[u8]) {
    let Ok(packet) = wire::rtp::Packet::parse(bytes) else { return };
    assert!(packet.payload_offset() + packet.payload().len() + packet.padding_len() == bytes.len());
    for (id, data) in packet.extensions() {
        assert!(id != 0);
        let _ = (wire::ext::AudioLevel::parse(data), wire::ext::transport_sequence(data));
    }
}

/// RTCP compounds, down to every list in them.
pub fn rtcp(bytes: &[u8]) {
    use wire::rtcp::Packet;
    for packet in wire::rtcp::packets(bytes).flatten() {
        match packet {
            Packet::SenderReport(report) => report.blocks().for_each(drop),
            Packet::ReceiverReport(report) => report.blocks().for_each(drop),
            Packet::SourceDescription(description) => description.cnames().for_each(drop),
            Packet::Bye(bye) => bye.ssrcs().for_each(drop),
            Packet::Nack(nack) => nack.sequences().for_each(drop),
            Packet::TransportFeedback(feedback) => feedback.statuses().for_each(drop),
            Packet::Fir(fir) => fir.requests().for_each(drop),
            Packet::Remb(remb) => remb.ssrcs().for_each(drop),
            Packet::Pli(_) | Packet::Other { .. } => {}
        }
    }
}

/// Payload descriptors of all codecs, and the rewriting of VP8's.
pub fn descriptors(bytes: &[u8]) {
    let _ = (h264::keyframe(bytes), h265::keyframe(bytes), av1::keyframe(bytes), red::primary(bytes));
    let _ = dependency::Head::parse(bytes).map(|head| head.keyframe());
    if let Some(structure) = dependency::Structure::parse(bytes) {
        let mut out = [0; 255];
        let _ = (structure.describe(bytes), structure.write_active(bytes, 1, &mut out));
    }
    let _ = (h265::temporal(bytes), h265::temporal_switch(bytes), marking::Marking::parse(bytes));
    let _ = vp9::Descriptor::parse(bytes).map(|descriptor| descriptor.keyframe());
    if let Some(descriptor) = vp8::Descriptor::parse(bytes) {
        let mut payload = bytes.to_vec();
        descriptor.rewrite(&mut payload, 1, 2);
        assert!(vp8::Descriptor::parse(&payload).is_some(), "rewriting keeps the form");
    }
}

/// Session descriptions, and the answer to whatever was accepted.
pub fn sdp(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = sdp::Description::parse(text);
}

/// What clients of WHIP and WHEP send: offers, fragments of trickle ICE, credentials. What is handed on can be read.
pub fn whip(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(publish) = whip::Publish::read(text) {
        assert!(whip::Publish::read(&publish.sdp).is_ok(), "{}", publish.sdp);
    }
    if let Ok(watch) = whip::Watch::read(text) {
        assert!(whip::Watch::read(&whip::restart(&watch.sdp, "abcd", "0123456789012345678901")).is_ok());
    }
    let _ = (whip::Fragment::read(text), whip::Fragment::of_answer(text), whip::credential(Some(text), None));
    let _ = whip::link(text, text, text);
}

/// LiveKit's signal requests, binary and JSON.
pub fn signal(bytes: &[u8]) {
    let _ = livekit_protocol::SignalRequest::decode(bytes);
    let _ = livekit_protocol::DataPacket::decode(bytes);
}

/// The packed join request of `/rtc/v1`.
pub fn join_request(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = livekit::join_request::unpack(text);
}

/// Packets of LiveKit's data tracks, and their rewriting.
pub fn data_track(bytes: &[u8]) {
    let Some(head) = livekit::world::FrameHead::parse(bytes) else { return };
    let copy = head.readdressed(bytes, 7);
    assert!(copy.len() == bytes.len() && livekit::world::FrameHead::parse(&copy).is_some_and(|it| it.handle == 7));
}

/// What an encoder says after the handshake, once whole and once in small pieces: commands, metadata, tags. Both
/// ways must come to the same.
pub fn rtmp(bytes: &[u8]) {
    assert_eq!(publish(bytes, bytes.len().max(1)), publish(bytes, 7));
}

fn publish(bytes: &[u8], piece: usize) -> (usize, Option<rtmp::Fault>) {
    #[allow(clippy::disallowed_methods, reason = "a clock must begin somewhere")]
    let now = std::time::Instant::now();
    let (mut session, mut events) = (rtmp::Session::new(now, 1), 0);
    let hello = rtmp::testing::Client::new().handshake().bytes;
    for mut input in std::iter::once(hello.as_slice()).chain(bytes.chunks(piece)) {
        loop {
            match session.receive(now, &mut input) {
                Ok(Some(rtmp::Event::Publish(_))) => session.accept(now),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(fault) => return (events, Some(fault)),
            }
            events += 1;
        }
        session.output().clear();
    }
    (events, None)
}

/// FLV that is pulled, once whole and once in small pieces: both ways must come to the same.
pub fn flv(bytes: &[u8]) {
    pulled(bytes);
}

/// MPEG-TS, in the same way.
pub fn ts(bytes: &[u8]) {
    pulled(bytes);
}

/// MP4, in the same way, with the parts that its reader asks for.
pub fn mp4(bytes: &[u8]) {
    pulled(bytes);
}

fn pulled(bytes: &[u8]) {
    assert_eq!(pull(bytes, bytes.len().max(1)), pull(bytes, 7));
}

fn pull(bytes: &[u8], piece: usize) -> (usize, Option<reel::Fault>) {
    #[allow(clippy::disallowed_methods, reason = "a clock must begin somewhere")]
    let now = std::time::Instant::now();
    let (mut reader, mut events, mut rest) = (reel::Reader::new(now), 0, bytes);
    // Twice over: the second time as the next file of a playlist.
    for turn in 0..2 {
        while !rest.is_empty() {
            let (mut input, after) = rest.split_at(piece.min(rest.len()));
            rest = after;
            loop {
                match reader.receive(now, &mut input) {
                    Ok(Some(reel::Step::Event(_))) => events += 1,
                    Ok(Some(reel::Step::Seek(at))) => {
                        let _ = reader.begin(now, at, false);
                        input = &[];
                        rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
                    }
                    Ok(None) => break,
                    Err(fault) => return (events, Some(fault)),
                }
            }
        }
        if let Err(fault) = reader.begin(now, 0, turn == 0) {
            return (events, Some(fault));
        }
        rest = bytes;
    }
    (events, None)
}

/// Playlists of HLS, and what is played by them.
pub fn playlist(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match reel::Playlist::parse(text) {
        Ok(reel::Playlist::Media(media)) => {
            let (mut follower, mut pieces) = (reel::Follower::default(), 0);
            follower.read(&media);
            while let reel::Turn::Piece { .. } = follower.turn(&media) {
                pieces += 1;
                assert!(pieces <= media.segments.len());
            }
        }
        Ok(reel::Playlist::Master(master)) => drop(master.best().map(str::len)),
        Err(_) => {}
    }
}

/// Frames of HE-AAC, each behind its length, in one of the forms that it is told in: the confined process decodes them, and what
/// ends that costs a stream its sound.
pub fn aac(bytes: &[u8]) {
    const CONFIGS: [&[u8]; 4] = [&[0x13, 0x90], &[0x13, 0x88], &[0x2b, 0x92, 0x08, 0x00], &[0xeb, 0x8a, 0x08, 0x00]];
    const FRAMES_MAX: usize = 2048;
    let Some((which, mut rest)) = bytes.split_first() else { return };
    let config =
        CONFIGS.get(usize::from(which % 4)).and_then(|config| transcode::audio::aac::AacConfig::parse(config).ok());
    let Some(mut decoder) = config.and_then(|config| config.decoder().ok()) else { return };
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (frame, after) = after.split_at(usize::from(u16::from_le_bytes(*length)).min(after.len()));
        rest = after;
        let mut sound = Vec::new();
        let _ = decoder.decode(frame, &mut sound);
        assert!(sound.len() <= FRAMES_MAX);
        assert!(sound.iter().flatten().all(|sample| (-1.0..=1.0).contains(sample)));
    }
}

/// What the server reads of foreign streams and of the codecs' process: parameter sets, configurations, words.
pub fn transcode(bytes: &[u8]) {
    use transcode::protocol::{FromChild, ToChild};
    let _ = (transcode::sps::Sps::find(bytes), transcode::audio::aac::AacConfig::parse(bytes));
    let nals = transcode::annexb::nals(bytes).map(<[u8]>::len).sum::<usize>();
    assert!(nals <= bytes.len(), "NAL units are parts of the stream");
    let (record, unit) = bytes.split_at(bytes.len() / 2);
    let _ = transcode::avcc::Avcc::parse(record).map(|avcc| avcc.annexb(unit));
    let frame = bytes::Bytes::copy_from_slice(bytes);
    let _ = (ToChild::parse(frame.clone()), FromChild::parse(frame));
}
