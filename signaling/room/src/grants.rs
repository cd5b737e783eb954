//! What a participant may do.

use std::collections::BTreeSet;

/// Where a track comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Source {
    /// Not said.
    #[default]
    Unknown,
    /// A camera.
    Camera,
    /// A microphone.
    Microphone,
    /// A shared screen's picture.
    ScreenShare,
    /// A shared screen's sound.
    ScreenShareAudio,
}

/// The rights of one participant in one room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grants {
    /// May publish tracks.
    pub can_publish: bool,
    /// May receive tracks.
    pub can_subscribe: bool,
    /// May send data messages.
    pub can_publish_data: bool,
    /// Sources that may be published; empty means every source.
    pub can_publish_sources: BTreeSet<Source>,
    /// May change its own name, metadata and attributes.
    pub can_update_metadata: bool,
    /// May receive metrics of others.
    pub can_subscribe_metrics: bool,
    /// May steer an agent session.
    pub can_manage_agent_session: bool,
    /// Nobody is told of it.
    pub hidden: bool,
    /// It records the room.
    pub recorder: bool,
    /// It is a program that acts in the room.
    pub agent: bool,
    /// May administrate the room.
    pub room_admin: bool,
}

impl Default for Grants {
    /// What a token without particulars gives: publish, subscribe and data.
    fn default() -> Self {
        Self {
            can_publish: true,
            can_subscribe: true,
            can_publish_data: true,
            can_publish_sources: BTreeSet::new(),
            can_update_metadata: false,
            can_subscribe_metrics: false,
            can_manage_agent_session: false,
            hidden: false,
            recorder: false,
            agent: false,
            room_admin: false,
        }
    }
}

impl Grants {
    /// Whether a track of this source may be published.
    pub fn allows_source(&self, source: Source) -> bool {
        self.can_publish && (self.can_publish_sources.is_empty() || self.can_publish_sources.contains(&source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_restrict_only_when_named() {
        let mut grants = Grants::default();
        assert!(grants.allows_source(Source::Camera));
        grants.can_publish_sources.insert(Source::Microphone);
        assert!(!grants.allows_source(Source::Camera));
        assert!(grants.allows_source(Source::Microphone));
        grants.can_publish = false;
        assert!(!grants.allows_source(Source::Microphone));
    }
}
