//! Feeds `thalweg_bytes::stun`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::stun(bytes));
