//! Tests of `sps`.
