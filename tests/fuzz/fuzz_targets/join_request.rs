//! Feeds `thalweg_bytes::join_request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::join_request(bytes));
