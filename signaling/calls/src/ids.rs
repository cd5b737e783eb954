//! Names of users, roles and calls, checked.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest name, in bytes: twice with a colon between still fits into a room's name.
pub const NAME_BYTES_MAX: usize = 120;

/// Why a text is no name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameError {
    /// Nothing is there.
    #[error("it must not be empty")]
    PeerEmpty,
    /// More than [`NAME_BYTES_MAX`].
    #[error("at most {NAME_BYTES_MAX} bytes")]
    PeerLong,
    /// Something else than letters, digits and `_-.@`.
    #[error("only ASCII letters, digits and _ - . @ may stand in it")]
    PeerCharacter,
}

fn checked(text: &str) -> Result<String, NameError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.@".contains(&byte);
    match text {
        "" => Err(NameError::PeerEmpty),
        text if text.len() > NAME_BYTES_MAX => Err(NameError::PeerLong),
        text if !text.bytes().all(fits) => Err(NameError::PeerCharacter),
        text => Ok(text.to_owned()),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string", "minLength": 1, "maxLength": NAME_BYTES_MAX, "pattern": "^[A-Za-z0-9_.@-]+$",
                })
            }
        }

        impl $name {
            /// Takes a name.
            ///
            /// # Errors
            /// See [`NameError`].
            pub fn new(text: &str) -> Result<Self, NameError> {
                checked(text).map(Self)
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A user. It is also the identity in the room, so that it has no letters that only look alike.
    UserId
}
name! {
    /// What a user is in a call: `host`, `admin`, `user`, `viewer`, or a name of the operator's own.
    Role
}

impl Role {
    pub(crate) fn known(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// Whoever made the call, unless said otherwise.
    pub fn host() -> Self {
        Self::known("host")
    }

    /// Whoever runs the app: may do everything in every call.
    pub fn admin() -> Self {
        Self::known("admin")
    }

    /// Somebody with an account.
    pub fn user() -> Self {
        Self::known("user")
    }

    /// Somebody who looks on: a guest, an anonymous user.
    pub fn viewer() -> Self {
        Self::known("viewer")
    }
}

/// A call: its type and its own name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallId {
    kind: String,
    name: String,
}

impl CallId {
    /// Takes both parts.
    ///
    /// # Errors
    /// See [`NameError`].
    pub fn new(kind: &str, name: &str) -> Result<Self, NameError> {
        Ok(Self { kind: checked(kind)?, name: checked(name)? })
    }

    /// The call of a room, if its name is one that a call's room may have.
    pub fn of_room(room: &str) -> Option<Self> {
        let (kind, name) = room.split_once(':')?;
        Self::new(kind, name).ok()
    }

    /// The call type's name.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The call's own name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The room's name. A colon stands in no part, so that no two calls share a room.
impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let long = "x".repeat(NAME_BYTES_MAX);
        for text in ["ann", "Ann-1_2.3@example.com", &long] {
            assert_eq!(UserId::new(text).map(String::from).as_deref(), Ok(text));
        }
        for (text, error) in [
            ("", NameError::PeerEmpty),
            (&format!("{long}x"), NameError::PeerLong),
            ("a:b", NameError::PeerCharacter),
            ("a b", NameError::PeerCharacter),
            ("аnn", NameError::PeerCharacter),
            ("a\0", NameError::PeerCharacter),
            ("a/../b", NameError::PeerCharacter),
        ] {
            assert_eq!(UserId::new(text), Err(error), "{text}");
        }
        assert_eq!(CallId::new("default", "standup").unwrap().to_string(), "default:standup");
        assert_eq!(CallId::of_room("default:standup"), CallId::new("default", "standup").ok());
        assert_eq!([CallId::of_room("standup"), CallId::of_room("a:b:c"), CallId::of_room(":b")], [None, None, None]);
        assert!(serde_json::from_str::<Role>("\"a b\"").is_err());
    }
}
