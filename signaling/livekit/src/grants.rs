//! From a token's claims to what a room understands: rights and kinds, with LiveKit's defaults.

use room::{Grants, ParticipantKind, Source};

use crate::token::{Claims, VideoGrant};

impl VideoGrant {
    /// The rights in a room. What is absent is allowed for publishing and subscribing, follows
    /// publishing for data, and is denied for everything else.
    pub fn rights(&self) -> Grants {
        let can_publish = self.can_publish.unwrap_or(true);
        Grants {
            can_publish,
            can_subscribe: self.can_subscribe.unwrap_or(true),
            can_publish_data: self.can_publish_data.unwrap_or(can_publish),
            can_publish_sources: self.can_publish_sources.iter().map(|name| source(name)).collect(),
            can_update_metadata: self.can_update_own_metadata.unwrap_or(false),
            can_subscribe_metrics: self.can_subscribe_metrics.unwrap_or(false),
            can_manage_agent_session: self.can_manage_agent_session.unwrap_or(false),
            hidden: self.hidden,
            recorder: self.recorder,
            agent: self.agent,
            room_admin: self.room_admin,
        }
    }

    /// Puts changed rights into the claim, so that a refreshed token carries them.
    pub fn set_rights(&mut self, grants: &Grants) {
        self.can_publish = Some(grants.can_publish);
        self.can_subscribe = Some(grants.can_subscribe);
        self.can_publish_data = Some(grants.can_publish_data);
        self.can_publish_sources = grants.can_publish_sources.iter().map(|&name| source_name(name).into()).collect();
        self.can_update_own_metadata = Some(grants.can_update_metadata);
        self.can_subscribe_metrics = Some(grants.can_subscribe_metrics);
        self.can_manage_agent_session = Some(grants.can_manage_agent_session);
        self.hidden = grants.hidden;
        self.recorder = grants.recorder;
        self.agent = grants.agent;
    }
}

impl Claims {
    /// What sort of participant the bearer is; an unknown word is a standard one.
    pub fn participant_kind(&self) -> ParticipantKind {
        match self.kind.as_str() {
            "ingress" => ParticipantKind::Ingress,
            "egress" => ParticipantKind::Egress,
            "sip" => ParticipantKind::Sip,
            "agent" => ParticipantKind::Agent,
            "connector" => ParticipantKind::Connector,
            "bridge" => ParticipantKind::Bridge,
            _ => ParticipantKind::Standard,
        }
    }

    /// The details of the kind as the protocol's numbers; unknown words are left out.
    pub fn kind_detail_numbers(&self) -> Vec<i32> {
        use livekit_protocol::participant_info::KindDetail;
        let number = |name: &String| match name.as_str() {
            "cloudAgent" | "cloud_agent" | "CLOUD_AGENT" => Some(KindDetail::CloudAgent.into()),
            "forwarded" | "FORWARDED" => Some(KindDetail::Forwarded.into()),
            other => KindDetail::from_str_name(&other.to_ascii_uppercase()).map(i32::from),
        };
        self.kind_details.iter().filter_map(number).collect()
    }
}

/// An unknown word still restricts: it must not open every source.
fn source(name: &str) -> Source {
    match name {
        "camera" => Source::Camera,
        "microphone" => Source::Microphone,
        "screen_share" => Source::ScreenShare,
        "screen_share_audio" => Source::ScreenShareAudio,
        _ => Source::Unknown,
    }
}

fn source_name(source: Source) -> &'static str {
    match source {
        Source::Unknown => "unknown",
        Source::Camera => "camera",
        Source::Microphone => "microphone",
        Source::ScreenShare => "screen_share",
        Source::ScreenShareAudio => "screen_share_audio",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_rights_have_livekits_defaults() {
        assert_eq!(VideoGrant::default().rights(), Grants::default());
        let mute = VideoGrant { can_publish: Some(false), ..Default::default() }.rights();
        assert!(!mute.can_publish && !mute.can_publish_data && mute.can_subscribe);
        let texts = VideoGrant { can_publish: Some(false), can_publish_data: Some(true), ..Default::default() };
        assert!(texts.rights().can_publish_data);
    }

    #[test]
    fn an_unknown_source_does_not_open_all() {
        let grant = VideoGrant { can_publish_sources: vec!["hologram".into()], ..Default::default() };
        assert!(!grant.rights().allows_source(Source::Camera));
    }

    #[test]
    fn rights_survive_a_refresh() {
        let all = ["camera", "microphone", "screen_share", "screen_share_audio"].map(String::from).to_vec();
        let grant = VideoGrant { can_publish_sources: all, can_subscribe: Some(false), ..Default::default() };
        let mut refreshed = VideoGrant::default();
        refreshed.set_rights(&grant.rights());
        assert_eq!(refreshed.rights(), grant.rights());
    }
}
