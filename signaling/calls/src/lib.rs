//! The calls dialect's pure core: call types, roles and what they may do, and the life of one call.
//!
//! A call is a room with a plan: who belongs to it, who may do what, when it goes live and when it is over. This core knows
//! neither HTTP nor the store, and asks no clock: times are arguments, in milliseconds since 1970.

mod call;
mod call_type;
mod capability;
mod ids;
mod rights;
mod settings;

pub use call::{
    Actor, Call, CallEvent, Draft, EXCEPTIONS_MAX, Exception, Fault, Kept, MEMBERS_MAX, Phase, REQUESTS_MAX,
};
pub use call_type::{CallType, builtin_types};
pub use capability::{Capabilities, Capability};
pub use ids::{CallId, NAME_BYTES_MAX, NameError, Role, UserId};
pub use rights::media_grants;
pub use settings::{Backstage, Chat, Device, Limits, Settings};
