//! From what somebody may do in a call to what its media may do in the room.

use std::collections::BTreeSet;

use room::{Grants, Source};

use crate::{Actor, Call, CallType, Capabilities, Capability, Phase, Settings};

/// The rights in the room. A source that the call's settings do not know is given to nobody.
pub fn media_grants(capabilities: Capabilities, settings: &Settings) -> Grants {
    let rules = [
        (Capability::SendAudio, settings.audio.enabled, &[Source::Microphone][..]),
        (Capability::SendVideo, settings.video.enabled, &[Source::Camera]),
        (Capability::Screenshare, settings.screenshare.enabled, &[Source::ScreenShare, Source::ScreenShareAudio]),
    ];
    let given = rules.iter().filter(|(capability, enabled, _)| *enabled && capabilities.has(*capability));
    let sources: BTreeSet<Source> = given.flat_map(|(_, _, sources)| sources.iter().copied()).collect();
    Grants {
        // An empty list of sources would mean every source.
        can_publish: !sources.is_empty(),
        can_publish_sources: sources,
        can_subscribe: capabilities.has(Capability::JoinCall) || capabilities.has(Capability::JoinBackstage),
        can_publish_data: capabilities.has(Capability::SendEvents),
        ..Grants::default()
    }
}

impl Call {
    /// What an actor's media may do in the room at present. Who came ahead of time is there and receives nothing until the
    /// call is live.
    pub fn media(&self, kind: &CallType, actor: &Actor) -> Grants {
        let all = self.capabilities(kind, actor);
        let mut grants = media_grants(all, self.settings());
        grants.can_subscribe &= self.phase() == Phase::Live || all.has(Capability::JoinBackstage);
        grants
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Role, builtin_types};

    #[test]
    fn roles_reach_the_media() {
        use Source::{Camera, Microphone, ScreenShare};
        for (kind, role, sources) in [
            ("default", Role::user(), vec![Camera, Microphone, ScreenShare]),
            ("default", Role::viewer(), vec![]),
            ("audio_room", Role::host(), vec![Microphone]),
            // An administrator may do everything that an audio room knows.
            ("audio_room", Role::admin(), vec![Microphone]),
            ("audio_room", Role::user(), vec![]),
            ("livestream", Role::host(), vec![Camera, Microphone, ScreenShare]),
            ("livestream", Role::viewer(), vec![]),
        ] {
            let kind_ = &builtin_types()[kind];
            let grants = media_grants(kind_.grants_of(&role), &kind_.settings);
            for source in [Camera, Microphone, ScreenShare] {
                assert_eq!(grants.allows_source(source), sources.contains(&source), "{kind} {role} {source:?}");
            }
            assert!(grants.can_subscribe && !grants.room_admin && !grants.allows_source(Source::Unknown));
        }
        let nobody = media_grants(Capabilities::default(), &Settings::default());
        assert!(!nobody.can_publish && !nobody.can_subscribe && !nobody.can_publish_data);
    }
}
