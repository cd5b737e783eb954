//! Feeds `thalweg_bytes::transcode`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::transcode(bytes));
