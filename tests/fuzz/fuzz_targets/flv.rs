//! Feeds `thalweg_bytes::flv`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::flv(bytes));
