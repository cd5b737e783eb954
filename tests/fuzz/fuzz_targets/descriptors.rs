//! Feeds `thalweg_bytes::descriptors`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::descriptors(bytes));
