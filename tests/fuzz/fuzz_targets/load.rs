//! Feeds `thalweg_bytes::load`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::load(bytes));
