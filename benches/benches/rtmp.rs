//! What an encoder's bytes cost until they are access units.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rtmp::Session;
use rtmp::testing::Client;

/// One second of 1080p30 at 4.5 Mb/s with a key frame at its head, and AAC.
fn second(chunk_size: u32) -> Vec<u8> {
    let mut client = Client::new().chunk_size(chunk_size);
    for picture in 0..30 {
        let (head, len) = if picture == 0 { (0x17, 120_000) } else { (0x27, 15_000) };
        let mut tag = vec![head, 1, 0, 0, 0];
        tag.resize(len, 9);
        client = client.video(picture * 33, &tag);
    }
    for sound in 0..47 {
        client = client.audio(sound * 21, &[0xaf; 350]);
    }
    client.bytes
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rtmp");
    for chunk_size in [128, 4096] {
        let bytes = second(chunk_size);
        let now = Instant::now();
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("a_second_in_chunks_of_{chunk_size}"), |bencher| {
            bencher.iter_batched_ref(
                || accepted(now),
                |session| {
                    // As a socket hands it over.
                    bytes.chunks(16 << 10).map(|mut piece| drain(session, now, &mut piece)).sum::<usize>()
                },
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn accepted(now: Instant) -> Session {
    let mut session = Session::new(now, 1);
    let hello = Client::publishing("live", "key");
    drain(&mut session, now, &mut hello.bytes.as_slice());
    session.accept(now);
    session
}

fn drain(session: &mut Session, now: Instant, input: &mut &[u8]) -> usize {
    let mut events = 0;
    while let Ok(Some(event)) = session.receive(now, input) {
        black_box(event);
        events += 1;
    }
    events
}

criterion_group!(benches, parse);
criterion_main!(benches);
