//! Feeds `thalweg_bytes::playlist`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::playlist(bytes));
