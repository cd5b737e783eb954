//! Names of participants, tracks and rooms: a prefix and random letters, never reused.

use std::fmt;
use std::sync::Arc;

use rand::Rng;

/// Random characters in an id: 62^12 is beyond guessing and beyond collision.
const RANDOM_CHARS: usize = 12;

macro_rules! sid {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes text as it stands, to look something up.
            pub fn new(text: &str) -> Self {
                Self(text.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

sid! {
    /// One session of a participant.
    ParticipantSid
}
sid! {
    /// One publication.
    TrackSid
}
sid! {
    /// One life of a room.
    RoomSid
}

impl ParticipantSid {
    /// A new one: `PA_` and twelve characters.
    pub fn random(rng: &mut impl Rng) -> Self {
        Self(random_text("PA_", rng).into())
    }
}

impl TrackSid {
    /// A new one: `TR_`, `marks` and twelve characters.
    pub fn random(marks: &str, rng: &mut impl Rng) -> Self {
        Self(random_text(&format!("TR_{marks}"), rng).into())
    }
}

impl RoomSid {
    /// A new one: `RM_` and twelve characters.
    pub fn random(rng: &mut impl Rng) -> Self {
        Self(random_text("RM_", rng).into())
    }
}

/// `prefix` followed by twelve random letters and digits.
pub fn random_text(prefix: &str, rng: &mut impl Rng) -> String {
    let random = rng.sample_iter(rand::distr::Alphanumeric).take(RANDOM_CHARS).map(char::from);
    prefix.chars().chain(random).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn ids_have_prefix_and_length() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        let sid = TrackSid::random("VC", &mut rng);
        assert!(sid.as_str().starts_with("TR_VC"));
        assert_eq!(sid.as_str().len(), 5 + RANDOM_CHARS);
        assert_ne!(sid, TrackSid::random("VC", &mut rng));
        assert!(ParticipantSid::random(&mut rng).as_str().starts_with("PA_"));
        assert!(RoomSid::random(&mut rng).as_str().starts_with("RM_"));
    }
}
