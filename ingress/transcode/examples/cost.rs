//! CPU of the codecs for a recording: `cargo run --release -p thalweg-transcode --example cost -- clip.flv ["3 layers"]`; the
//! second word, where there is one, picks the plans whose names hold it.
//!
//! The recording is FLV with H.264 and AAC, as `ffmpeg -i … -c:v libx264 -c:a aac clip.flv` makes it. The pipelines run in
//! this process, decoders and encoders in a thread each, nothing else; the system's count of CPU time is taken around them.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use bytes::Bytes;
use transcode::avcc::Avcc;
use transcode::protocol::{FromChild, LENGTH_BYTES, ToChild, frame_len};
use transcode::{AccessUnit, AudioPlan, Codec, Plan, Preset, VideoPlan, child};

fn main() -> ExitCode {
    let Some(recording) = std::env::args_os().nth(1).and_then(|path| read(path.as_ref())) else {
        eprintln!("usage: cost CLIP.flv [PLAN]");
        return ExitCode::FAILURE;
    };
    let units = units(&recording);
    let media_ms = units.last().map_or(0, |last| last.dts_ms) - units.first().map_or(0, |first| first.dts_ms);
    let picked = std::env::args().nth(2).unwrap_or_default();
    let audio = Some(AudioPlan { bitrate: 96_000 });
    let layers = |preset: Preset| Some(VideoPlan { layers: preset.layers() });
    for (name, plan, watched) in [
        ("sound only", Plan { audio, video: None }, true),
        ("sound, nobody watches", Plan { audio, video: layers(Preset::H264_1080p30Fps1LayerHighMotion) }, false),
        ("sound, 1080p", Plan { audio, video: layers(Preset::H264_1080p30Fps1LayerHighMotion) }, true),
        ("sound, 720p", Plan { audio, video: layers(Preset::H264_720p30Fps1Layer) }, true),
        ("sound, 3 layers", Plan { audio, video: layers(Preset::H264_1080p30Fps3LayersHighMotion) }, true),
    ] {
        if name.contains(&picked) {
            report(name, plan, watched, &units, media_ms);
        }
    }
    ExitCode::SUCCESS
}

fn report(name: &str, plan: Plan, watched: bool, units: &[AccessUnit], media_ms: i64) {
    let layer = ToChild::Layer { layer: 0, watched, bitrate: 4_500_000 };
    let mut words = vec![ToChild::Plan(plan)];
    words.extend((!watched).then_some(layer));
    words.extend(units.iter().cloned().map(ToChild::Unit));
    let input: Vec<u8> = words.iter().flat_map(|word| word.frame().to_vec()).collect();
    let mut output = Vec::new();
    let (before, begun) = (cpu(), Instant::now());
    // A clock that stands still: no layer is dropped, however slow the machine is.
    let result = child::serve(&input[..], &mut output, || Duration::ZERO, || Ok(()));
    let (busy, took) = (cpu().saturating_sub(before), begun.elapsed().as_secs_f64());
    let cores = busy.as_secs_f64() * 1000.0 / media_ms as f64;
    print!(
        "{name:23} {cores:.3} cores ({:.1} s in {took:.1} s for {:.1} s of media)",
        busy.as_secs_f64(),
        media_ms as f64 / 1000.0
    );
    let mut made = [(0usize, 0usize); 3];
    let mut packets = 0;
    for answer in answers(output) {
        match answer {
            FromChild::Opus { .. } => packets += 1,
            FromChild::Picture { layer, data, .. } => {
                let layer = &mut made[usize::from(layer)];
                *layer = (layer.0 + 1, layer.1 + data.len());
            }
            FromChild::Unsupported(what) => print!("; {what}"),
            _ => {}
        }
    }
    print!("; {packets} packets of sound");
    for (pictures, bytes) in made.into_iter().filter(|(pictures, _)| *pictures > 0) {
        print!("; {pictures} pictures, {} kb/s", bytes as i64 * 8 / media_ms.max(1));
    }
    println!("{}", result.err().map_or(String::new(), |error| format!("; {error}")));
}

/// CPU time of this process so far, threads that ended included: fields 14 and 15 of its state, a hundredth of a second each.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(10 * ticks.sum::<u64>())
}

fn read(path: &std::path::Path) -> Option<Bytes> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::fs::File::open(path).ok()?, &mut bytes).ok()?;
    Some(Bytes::from(bytes))
}

fn answers(output: Vec<u8>) -> impl Iterator<Item = FromChild> {
    let mut rest = Bytes::from(output);
    std::iter::from_fn(move || {
        let length = *rest.first_chunk::<LENGTH_BYTES>()?;
        let _ = rest.split_to(LENGTH_BYTES);
        FromChild::parse(rest.split_to(frame_len(length).ok()?)).ok()
    })
}

/// The access units of an FLV file (its version 10.1, annex E): a header of 9 bytes, then tags, each followed by its size.
fn units(file: &Bytes) -> Vec<AccessUnit> {
    let (mut units, mut avcc, mut at) = (Vec::new(), None, 13);
    while let Some(&[kind, a, b, c, d, e, f, g, ..]) = file.get(at..).and_then(<[u8]>::first_chunk::<11>) {
        let len = u32::from_be_bytes([0, a, b, c]) as usize;
        let dts_ms = i64::from(i32::from_be_bytes([g, d, e, f]));
        if let Some(body) = (at + 11 + len <= file.len()).then(|| file.slice(at + 11..at + 11 + len)) {
            units.extend(match kind {
                8 => sound(dts_ms, body),
                9 => picture(dts_ms, body, &mut avcc),
                _ => None,
            });
        }
        at += 11 + len + 4;
    }
    units
}

fn sound(dts_ms: i64, body: Bytes) -> Option<AccessUnit> {
    let codec = if *body.get(1)? == 0 { Codec::AacConfig } else { Codec::Aac };
    Some(AccessUnit { dts_ms, pts_ms: dts_ms, codec, keyframe: true, data: body.slice(2..) })
}

fn picture(dts_ms: i64, body: Bytes, avcc: &mut Option<Avcc>) -> Option<AccessUnit> {
    let &[first, kind, a, b, c] = body.first_chunk::<5>()?;
    if kind == 0 {
        *avcc = Avcc::parse(&body[5..]);
        return None;
    }
    let later_ms = i64::from(i32::from_be_bytes([a, b, c, 0]) >> 8);
    let data = avcc.as_ref()?.annexb(&body[5..])?;
    Some(AccessUnit { dts_ms, pts_ms: dts_ms + later_ms, codec: Codec::H264, keyframe: first >> 4 == 1, data })
}
