//! Feeds `thalweg_bytes::sdp`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::sdp(bytes));
