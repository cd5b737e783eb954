//! What cannot be sent on.

/// A decoder configuration that cannot be read; the publisher's doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the {0} decoder configuration cannot be read")]
pub struct Unreadable(pub &'static str);
