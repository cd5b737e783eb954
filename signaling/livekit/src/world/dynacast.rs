//! Which picture sizes somebody watches: publishers are told, so that they need not encode the rest.
#![allow(deprecated)] // Older clients read `subscribed_qualities`.

use std::time::Duration;

use door::{Kind, LayerTarget};
use livekit_protocol as proto;
use proto::VideoQuality;
use proto::signal_response::Message;
use room::{ParticipantSid, TrackSid};

use super::alarm::Alarm;
use super::publication::Published;
use super::subscription::Place;
use super::{Now, World};

/// How long a size must be unwatched before its publisher is told, as LiveKit has it: viewers come and go.
pub(super) const PAUSE_DELAY: Duration = Duration::from_secs(5);

/// All sizes, smallest first.
const QUALITIES: [VideoQuality; 3] = [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High];

impl World {
    /// Looks at the tracks whose viewers changed.
    pub(super) fn flush_wanted(&mut self, now: Now) {
        for track in std::mem::take(&mut self.viewers_changed) {
            self.reconsider(&track, now);
        }
    }

    /// More is told at once, less after a while.
    fn reconsider(&mut self, track: &TrackSid, now: Now) {
        let alarm = Alarm::Unwatched(track.clone());
        let wanted = self.wanted(track);
        let Some(published) = self.tracks.get(track).filter(|it| it.live.is_some()) else {
            return self.alarms.clear(&alarm);
        };
        if wanted < published.told_wanted {
            return self.alarms.set_once(now.monotonic + PAUSE_DELAY, alarm);
        }
        self.alarms.clear(&alarm);
        if wanted > published.told_wanted {
            self.tell_wanted(track, wanted);
        }
    }

    /// A size has been unwatched for long enough.
    pub(super) fn unwatched(&mut self, track: &TrackSid) {
        let wanted = self.wanted(track);
        if self.tracks.get(track).is_some_and(|it| wanted < it.told_wanted) {
            self.tell_wanted(track, wanted);
        }
    }

    /// The best size that somebody wants; none when nobody wants any.
    fn wanted(&self, track: &TrackSid) -> Option<VideoQuality> {
        let publication = self.room.publication(track).filter(|it| it.kind == Kind::Video)?;
        let published = self.tracks.get(track)?;
        let refused = |it: &&ParticipantSid| {
            self.sessions.get(it).and_then(|it| it.downs.get(track)).is_none_or(|it| it.place == Place::Refused)
        };
        let takers = publication.subscribers.iter().filter(|it| !refused(it));
        let targets = takers.filter_map(|subscriber| self.target(subscriber, track));
        let quality = |target| match target {
            LayerTarget::Off => None,
            LayerTarget::UpTo { spatial, .. } => Some(quality_of(published, spatial)),
        };
        targets.filter_map(quality).max().max(self.followers.wanted(track))
    }

    /// Tells the publisher what is wanted from here on.
    pub(super) fn tell_wanted(&mut self, track: &TrackSid, wanted: Option<VideoQuality>) {
        let Some(published) = self.tracks.get_mut(track) else { return };
        published.told_wanted = wanted;
        let publisher = published.publisher.clone();
        let quality = |quality: VideoQuality| proto::SubscribedQuality {
            quality: quality.into(),
            enabled: wanted.is_some_and(|best| quality <= best),
        };
        let qualities = QUALITIES.map(quality).to_vec();
        let codec = published.info.mime_type.trim_start_matches("video/").to_owned();
        let update = proto::SubscribedQualityUpdate {
            track_sid: published.home_sid(),
            subscribed_qualities: qualities.clone(),
            subscribed_codecs: vec![proto::SubscribedCodec { codec, qualities }],
        };
        self.tell(&publisher, Message::SubscribedQualityUpdate(update));
    }

    /// Tells a publisher that has come back what it may have missed.
    pub(super) fn tell_all_wanted(&mut self, publisher: &ParticipantSid) {
        let is_live = |it: &&Published| it.publisher == *publisher && it.live.is_some();
        let told = |it: &Published| (TrackSid::new(&it.info.sid), it.told_wanted);
        let tracks: Vec<_> = self.tracks.values().filter(is_live).filter(|it| it.is_video()).map(told).collect();
        for (track, wanted) in tracks {
            self.tell_wanted(&track, wanted);
        }
    }
}

/// The best size that an update asks for, of whatever codec.
pub(super) fn best_wanted(update: &proto::SubscribedQualityUpdate) -> Option<VideoQuality> {
    let of_codecs = update.subscribed_codecs.iter().flat_map(|it| &it.qualities);
    let enabled = of_codecs.chain(&update.subscribed_qualities).filter(|it| it.enabled);
    enabled.filter_map(|it| VideoQuality::try_from(it.quality).ok()).filter(|it| *it != VideoQuality::Off).max()
}

/// The size that the publisher calls its encoding number `spatial`.
fn quality_of(published: &Published, spatial: u8) -> VideoQuality {
    let layers = &published.info.layers;
    let last = layers.len().saturating_sub(1);
    match layers.get(usize::from(spatial)) {
        Some(layer) if usize::from(spatial) < last => {
            VideoQuality::try_from(layer.quality).unwrap_or(VideoQuality::High).min(VideoQuality::High)
        }
        _ => VideoQuality::High,
    }
}
