//! Feeds `thalweg_bytes::aac`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::aac(bytes));
