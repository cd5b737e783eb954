//! What the benches share: the bare loop and shards full of receivers.

pub mod audience;
pub mod bare;
pub mod crowd;
