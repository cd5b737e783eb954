//! The tables as their users see them.

pub mod call;
pub mod call_message;
pub mod call_query;
pub mod call_type;
pub mod call_user;
pub mod ingress;
pub mod revocation;
pub mod spool;

pub use call::{Call, CallException};
pub use call_message::CallMessage;
pub use call_query::{CallQuery, CallSort, CallState};
pub use call_type::CallType;
pub use call_user::CallUser;
pub use ingress::Ingress;
pub use revocation::Revocation;
pub use spool::Spooled;
