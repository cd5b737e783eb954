//! The house rules as functions from text to complaints; `tests/house.rs` holds the house against them.
//!
//! The rules lean on rustfmt's layout: an item ends where its closing brace has the item's own indentation.

pub mod attacks;
pub mod manifest;
pub mod rust;
pub mod tree;

/// One broken rule, as `path:line: what and why`.
pub type Complaint = String;
