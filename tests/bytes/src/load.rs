//! What a server may send to the load tester.

use ::load::answer::{Answer, candidate};
use ::load::mark::{Mark, Reading};
use ::load::sink::{Seen, transport_sequence};
use door::Kind;

/// Headers and payloads of media, answers and candidates.
pub fn load(bytes: &[u8]) {
    let _ = Seen::read(bytes);
    for id in [0, 3, 14, 255] {
        let _ = transport_sequence(bytes, id);
    }
    for kind in [Kind::Audio, Kind::Video] {
        if let Reading::Whole(mark) = Mark::read(kind, bytes) {
            let again = [&vec![0; Mark::place(kind)][..], &mark.to_bytes()].concat();
            assert_eq!(Mark::read(kind, &again), Reading::Whole(mark));
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    text.lines().map(candidate).for_each(drop);
    if let Ok(answer) = Answer::read(text) {
        assert!(answer.sent.len() + answer.taken.len() <= 2 * text.lines().count());
    }
}
