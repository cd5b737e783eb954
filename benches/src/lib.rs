//! What the benches share: the bare loop and a shard full of receivers.

pub mod bare;
pub mod crowd;
