//! The tables as their users see them.

pub mod ingress;
pub mod revocation;
pub mod spool;

pub use ingress::Ingress;
pub use revocation::Revocation;
pub use spool::Spooled;
