//! Datagrams on TCP connections, read and written by hand.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::*;

fn connect(running: &Running) -> TcpStream {
    let stream = TcpStream::connect(running.tcp_addrs()[0]).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn frame(datagram: &[u8]) -> Vec<u8> {
    [&wire::framing::length(datagram.len()).unwrap()[..], datagram].concat()
}

fn say(stream: &mut TcpStream, datagrams: &[&[u8]]) {
    let bytes: Vec<u8> = datagrams.iter().flat_map(|datagram| frame(datagram)).collect();
    stream.write_all(&bytes).unwrap();
}

fn hear(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let mut datagram = vec![0; u16::from_be_bytes(head).into()];
    stream.read_exact(&mut datagram).unwrap();
    datagram
}

fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 9]), Ok(0) | Err(_))
}

#[test]
fn frames_come_back_whole_and_in_order() {
    let running = echo(&config(1));
    let mut stream = connect(&running);
    say(&mut stream, &[b"h\0", b"e one", b"", b"e two"]);
    assert_eq!((hear(&mut stream), hear(&mut stream)), (b"e one".to_vec(), b"e two".to_vec()));
    for piece in frame(&numbered(b'e', 3000)) {
        stream.write_all(&[piece]).unwrap();
    }
    assert_eq!(hear(&mut stream), numbered(b'e', 3000));
    let stats = finished(running);
    assert_eq!((stats.tcp_accepted, stats.tcp_frames_in, stats.tcp_frames_out), (1, 4, 3));
    assert_eq!((stats.datagrams_in, stats.send_unroutable), (0, 0));
}

#[test]
fn a_connection_moves_to_the_shard_that_it_names() {
    let running = echo(&config(3));
    for shard in [2u8, 0, 1] {
        let mut stream = connect(&running);
        say(&mut stream, &[&[b'h', shard], b"w"]);
        assert_eq!(hear(&mut stream), [shard]);
        say(&mut stream, &[b"w", b"e x"]);
        assert_eq!((hear(&mut stream), hear(&mut stream)), (vec![shard], b"e x".to_vec()));
    }
    let (accepted, others) = running.stats().split_first().map(|(own, rest)| (*own, rest.to_vec())).unwrap();
    assert_eq!(accepted.tcp_accepted, 3);
    assert!(others.iter().all(|stats| stats.tcp_accepted == 0 && stats.tcp_frames_in == 4));
}

#[test]
fn strangers_and_babblers_are_shut_out() {
    let running = echo(&config(1));
    let mut known = connect(&running);
    say(&mut known, &[b"h\0", b"e"]);
    assert_eq!(hear(&mut known), b"e");
    let firsts: [&[u8]; 4] = [b"GET / HTTP/1.1\r\n\r\n", b"\x00\x03xyz", b"\x00\x00", &[0xff; 5000]];
    for first in firsts {
        let mut stranger = connect(&running);
        let _ = stranger.write_all(first);
        assert!(is_closed(&mut stranger), "{first:?}");
    }
    known.write_all(&[0xff; 2]).unwrap();
    assert!(is_closed(&mut known));
    // A shard that does not exist.
    let mut lost = connect(&running);
    say(&mut lost, &[b"h\x09"]);
    assert!(is_closed(&mut lost));
    let stats = finished(running);
    assert_eq!((stats.tcp_unreadable, stats.tcp_refused), (5, 1));
}

#[test]
fn one_source_has_only_so_many_unproven_connections() {
    let running = echo(&config(1));
    let mut crowd: Vec<TcpStream> = (0..64).map(|_| connect(&running)).collect();
    let mut refused = connect(&running);
    assert!(is_closed(&mut refused));
    // One that proves itself makes room for another.
    say(&mut crowd[0], &[b"h\0", b"e"]);
    assert_eq!(hear(&mut crowd[0]), b"e");
    let mut next = connect(&running);
    say(&mut next, &[b"h\0", b"e"]);
    assert_eq!(hear(&mut next), b"e");
    assert_eq!(finished(running).tcp_refused, 1);
}

#[test]
fn a_slow_reader_loses_whole_datagrams_and_nobody_else_does() {
    let running = echo(&config(1));
    let (mut slow, mut quick) = (connect(&running), connect(&running));
    say(&mut slow, &[b"h\0"]);
    say(&mut quick, &[b"h\0"]);
    let mut answered = 0;
    // 250 datagrams of 1200 bytes for each question, until the kernel and the queue are full.
    while running.stats()[0].tcp_dropped == 0 {
        say(&mut slow, &[&[b'b', 250, 120, 120]]);
        say(&mut quick, &[b"e quick"]);
        assert_eq!(hear(&mut quick), b"e quick");
        answered += 250;
    }
    say(&mut slow, &[b"e last"]);
    let (mut whole, mut last) = (0, Vec::new());
    slow.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    // The last question may have been dropped, too: it is asked again once there is room.
    while last != b"e last" {
        last = match slow.peek(&mut [0; 2]) {
            Ok(2) => hear(&mut slow),
            _ => {
                say(&mut slow, &[b"e last"]);
                continue;
            }
        };
        if last.len() == 1200 {
            assert!(last == numbered(last[0], 1200));
            whole += 1;
        }
    }
    let stats = finished(running);
    assert!(whole < answered && stats.tcp_dropped > 0, "{whole} of {answered}");
}
