//! Feeds `thalweg_bytes::receive`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::receive(bytes));
