//! Tests of `video`.
