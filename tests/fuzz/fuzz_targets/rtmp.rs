//! Feeds `thalweg_bytes::rtmp`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::rtmp(bytes));
