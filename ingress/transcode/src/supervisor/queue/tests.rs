//! Tests of `supervisor/queue`.
