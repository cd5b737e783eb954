//! Parsing of what arrives with every packet.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use thalweg_sim::publisher::Publisher;
use wire::codec::vp8;
use wire::rtp::Packet;

fn parse(criterion: &mut Criterion) {
    let (packet, _) = Publisher::new(Instant::now(), 1).advance(Instant::now()).remove(0);
    criterion.bench_function("parse/rtp_header_and_extensions", |bencher| {
        bencher.iter(|| {
            let packet = Packet::parse(black_box(&packet)).expect("a packet");
            packet.extensions().map(|(id, data)| usize::from(id) + data.len()).sum::<usize>()
        });
    });
    let payload = Packet::parse(&packet).expect("a packet").payload().to_vec();
    criterion.bench_function("parse/vp8_descriptor", |bencher| {
        bencher.iter(|| vp8::Descriptor::parse(black_box(&payload)));
    });
    let nack = [0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 100, 0xff, 0xff];
    criterion.bench_function("parse/rtcp_nack", |bencher| {
        bencher.iter(|| wire::rtcp::packets(black_box(&nack)).flatten().count());
    });
}

criterion_group!(benches, parse);
criterion_main!(benches);
