//! Feeds `thalweg_bytes::rtcp`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::rtcp(bytes));
