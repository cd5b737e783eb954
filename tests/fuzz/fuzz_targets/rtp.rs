//! Feeds `thalweg_bytes::rtp`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::rtp(bytes));
