//! Replays every corpus, each file whole, cut short at every length up to a bound, and with bits flipped.

use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use thalweg_bytes::TARGETS;

/// Mutants made of each corpus file.
const MUTANTS: usize = 200;

/// Corpus files are cut at this many lengths at most.
const CUTS_MAX: usize = 512;

#[test]
fn corpora_neither_panic_nor_hang() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, target) in TARGETS {
        let files = std::fs::read_dir(root.join(name)).unwrap_or_else(|error| panic!("corpus {name}: {error}"));
        let mut seen = 0;
        for file in files {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            replay(target, &bytes);
            seen += 1;
        }
        assert!(seen > 0, "the corpus of {name} is empty");
    }
}

fn replay(target: fn(&[u8]), bytes: &[u8]) {
    target(bytes);
    for len in 0..bytes.len().min(CUTS_MAX) {
        target(&bytes[..len]);
    }
    let mut rng = StdRng::seed_from_u64(bytes.len() as u64);
    for _ in 0..MUTANTS {
        let mut mutant = bytes.to_vec();
        for _ in 0..rng.random_range(1..8) {
            if let Some(at) = (!mutant.is_empty()).then(|| rng.random_range(0..mutant.len())) {
                mutant[at] = rng.random();
            }
        }
        target(&mutant);
    }
}
