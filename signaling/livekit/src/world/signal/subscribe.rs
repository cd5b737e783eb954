//! `subscription`, `track_setting` and `subscription_permission`: who receives what, and how.

use std::collections::BTreeMap;

use livekit_protocol as proto;
use proto::VideoQuality;
use room::{Allowed, Audience, ParticipantSid, Quality, Settings, TrackSid};

use crate::world::{Now, World};

impl World {
    /// What the client wants to receive. What exceeds the room's memory is forgotten.
    pub(in crate::world) fn update_subscription(
        &mut self,
        sid: &ParticipantSid,
        request: &proto::UpdateSubscription,
        now: Now,
    ) {
        let of_participants = request.participant_tracks.iter().flat_map(|it| &it.track_sids);
        for track in request.track_sids.iter().chain(of_participants) {
            self.room.wish(sid, &TrackSid::new(track), request.subscribe, now.monotonic);
        }
    }

    /// How the client wants to see tracks.
    pub(super) fn update_settings(&mut self, sid: &ParticipantSid, request: &proto::UpdateTrackSettings) {
        let quality = match VideoQuality::try_from(request.quality) {
            Ok(VideoQuality::Low) => Quality::Low,
            Ok(VideoQuality::Medium) => Quality::Medium,
            Ok(VideoQuality::Off) => Quality::Off,
            Ok(VideoQuality::High) | Err(_) => Quality::High,
        };
        let settings = Settings {
            disabled: request.disabled,
            quality: Some(quality),
            width: request.width,
            height: request.height,
            fps: request.fps,
            priority: request.priority,
        };
        for track in &request.track_sids {
            self.room.settle(sid, &TrackSid::new(track), settings);
        }
    }

    /// Who may receive the client's tracks.
    pub(super) fn update_audience(&mut self, sid: &ParticipantSid, request: proto::SubscriptionPermission) {
        let mut by_identity = BTreeMap::new();
        for permission in request.track_permissions {
            let identity = if permission.participant_identity.is_empty() {
                let named = ParticipantSid::new(&permission.participant_sid);
                self.room.participant(&named).map(|it| it.identity.clone())
            } else {
                Some(permission.participant_identity)
            };
            let tracks = permission.track_sids.iter().map(|it| TrackSid::new(it)).collect();
            let allowed = if permission.all_tracks { Allowed::All } else { Allowed::Tracks(tracks) };
            by_identity.extend(identity.map(|it| (it, allowed)));
        }
        self.room.set_audience(sid, Audience { everyone: request.all_participants, by_identity });
    }
}
