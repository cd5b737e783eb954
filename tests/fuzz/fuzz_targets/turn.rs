//! Feeds `thalweg_bytes::turn`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::turn(bytes));
