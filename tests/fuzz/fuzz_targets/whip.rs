//! Feeds `thalweg_bytes::whip`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::whip(bytes));
