//! Feeds `thalweg_bytes::api`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::api(bytes));
