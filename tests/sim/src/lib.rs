//! The whole server in a virtual world: virtual clock, virtual links, one seed one run.

pub mod bandwidth;
pub mod call;
pub mod description;
pub mod entrance;
pub mod guest;
pub mod link;
pub mod media;
pub mod publisher;
pub mod subscriber;
