//! What somebody may do in a call.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! capabilities {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal,)*) => {
        /// One thing that somebody may do in a call.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum Capability {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Capability {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// What it allows, in one line.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),*).trim_ascii(),)*
                }
            }

            /// Its name in the API.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

// The order is that of the bits in stores: new ones come last.
capabilities! {
    /// Come in while the call is live, or has no backstage.
    JoinCall = "join-call",
    /// Come in before the call goes live.
    JoinBackstage = "join-backstage",
    /// Read the call.
    ReadCall = "read-call",
    /// Make a call of this type.
    CreateCall = "create-call",
    /// Change the call's plan, words and settings.
    UpdateCall = "update-call",
    /// Add, change and remove members.
    UpdateMembers = "update-members",
    /// Go live and stop.
    GoLive = "go-live",
    /// End the call for everybody.
    EndCall = "end-call",
    /// Publish a microphone.
    SendAudio = "send-audio",
    /// Publish a camera.
    SendVideo = "send-video",
    /// Publish a screen.
    Screenshare = "screenshare",
    /// Send data, reactions and custom events.
    SendEvents = "send-events",
    /// Write in the chat.
    SendChat = "send-chat",
    /// Mute others.
    MuteUsers = "mute-users",
    /// Send others out, and keep them out.
    BlockUsers = "block-users",
    /// Put somebody into everybody's view.
    PinForAll = "pin-for-all",
    /// Ask for what one may not do.
    RequestPermissions = "request-permissions",
    /// Give others what they may not do by their role, and take it.
    UpdatePermissions = "update-permissions",
    /// Push media from an encoder.
    UseIngress = "use-ingress",
    /// Record.
    Record = "record",
}

impl Capability {
    /// The capability with a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.name() == name)
    }

    const fn bit(self) -> u32 {
        1 << self as u8
    }

    /// What can be asked for, and given to one user in one call.
    pub fn can_be_lent(self) -> bool {
        matches!(self, Self::SendAudio | Self::SendVideo | Self::Screenshare | Self::SendEvents | Self::SendChat)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Capability {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Capability {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        Self::named(&name).ok_or_else(|| D::Error::custom("no such capability"))
    }
}

/// A set of capabilities. In JSON it is a list of names.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities(u32);

impl Capabilities {
    /// Every capability.
    pub fn all() -> Self {
        Capability::ALL.iter().copied().collect()
    }

    /// The set as a number, a bit for each: for a store that holds no lists.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// The set of a number; bits that stand for nothing are left out.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits & Self::all().0)
    }

    /// Whether one is in it.
    pub fn has(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }

    /// Adds one.
    pub fn add(&mut self, capability: Capability) {
        self.0 |= capability.bit();
    }

    /// Takes one out.
    pub fn remove(&mut self, capability: Capability) {
        self.0 &= !capability.bit();
    }

    /// Both together.
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in it and not in another.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// All in it, in the order of [`Capability::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.iter().copied().filter(move |it| self.has(*it))
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(all: I) -> Self {
        let mut set = Self::default();
        all.into_iter().for_each(|it| set.add(it));
        set
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Capabilities {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Capabilities {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Vec::<Capability>::deserialize(from)?.into_iter().collect())
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Capability {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Capability".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<&str> = Self::ALL.iter().map(|it| it.name()).collect();
        schemars::json_schema!({ "type": "string", "enum": names, "description": "One thing that somebody may do in a call." })
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Capabilities {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Capabilities".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let item = generator.subschema_for::<Capability>();
        schemars::json_schema!({ "type": "array", "items": item, "maxItems": 100 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways_and_bits_are_their_own() {
        let mut bits = 0;
        for capability in Capability::ALL {
            assert_eq!(Capability::named(capability.name()), Some(*capability));
            assert_eq!(bits & capability.bit(), 0);
            bits |= capability.bit();
        }
        assert_eq!(Capability::named("send-nothing"), None);
        assert_eq!(Capabilities::all().iter().count(), Capability::ALL.len());
    }

    #[test]
    fn a_set_is_a_list_of_names() {
        let set: Capabilities = [Capability::SendAudio, Capability::JoinCall].into_iter().collect();
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(text, r#"["join-call","send-audio"]"#);
        assert_eq!(serde_json::from_str::<Capabilities>(&text).unwrap(), set);
        assert_eq!(Capabilities::from_bits(set.bits()), set);
        assert_eq!(Capabilities::from_bits(u32::MAX), Capabilities::all());
        assert!(serde_json::from_str::<Capabilities>(r#"["fly"]"#).is_err());
    }
}
