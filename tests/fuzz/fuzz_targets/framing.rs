//! Feeds `thalweg_bytes::framing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::framing(bytes));
