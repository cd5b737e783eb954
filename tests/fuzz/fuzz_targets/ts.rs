//! Feeds `thalweg_bytes::ts`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::ts(bytes));
