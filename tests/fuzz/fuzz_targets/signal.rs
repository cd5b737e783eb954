//! Feeds `thalweg_bytes::signal`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::signal(bytes));
