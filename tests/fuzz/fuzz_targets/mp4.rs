//! Feeds `thalweg_bytes::mp4`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::mp4(bytes));
