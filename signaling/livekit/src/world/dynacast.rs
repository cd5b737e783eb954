//! Which picture sizes somebody watches, in each codec: publishers are told, so that they need not encode the rest.
#![allow(deprecated)] // Older clients read `subscribed_qualities`.

use std::time::Duration;

use door::{Kind, LayerTarget};
use livekit_protocol as proto;
use proto::VideoQuality;
use proto::signal_response::Message;
use room::{ParticipantSid, TrackSid};

use super::alarm::Alarm;
use super::publication::Published;
use super::subscription::{Place, Rendition};
use super::{Now, World};

/// How long a size must be unwatched before its publisher is told, as LiveKit has it: viewers come and go.
pub(super) const PAUSE_DELAY: Duration = Duration::from_secs(5);

/// All sizes, smallest first.
const QUALITIES: [VideoQuality; 3] = [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High];

/// The best size that somebody wants in each codec of a picture; none when nobody wants any.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Wanted {
    pub(super) primary: Option<VideoQuality>,
    pub(super) backup: Option<VideoQuality>,
}

impl Wanted {
    /// What a new picture is sent in.
    pub(super) const AT_FIRST: Self = Self { primary: Some(VideoQuality::High), backup: None };

    /// What one of two wants.
    pub(super) fn or(self, other: Self) -> Self {
        Self { primary: self.primary.max(other.primary), backup: self.backup.max(other.backup) }
    }

    fn add(&mut self, rendition: Rendition, quality: VideoQuality) {
        let place = match rendition {
            Rendition::Primary => &mut self.primary,
            Rendition::Backup => &mut self.backup,
        };
        *place = (*place).max(Some(quality));
    }

    /// What an update asks for, in our own order of codecs.
    pub(super) fn read(update: &proto::SubscribedQualityUpdate) -> Self {
        let best = |index: usize| {
            let enabled = update.subscribed_codecs.get(index)?.qualities.iter().filter(|it| it.enabled);
            let qualities = enabled.filter_map(|it| VideoQuality::try_from(it.quality).ok());
            qualities.filter(|it| *it != VideoQuality::Off).max()
        };
        Self { primary: best(Rendition::Primary.index()), backup: best(Rendition::Backup.index()) }
    }
}

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
        // Sounds have no sizes.
        let Some(published) = self.tracks.get(track).filter(|it| it.live.is_some() && it.is_video()) else {
            return self.alarms.clear(&alarm);
        };
        let told = published.told_wanted;
        let either = told.or(wanted);
        if either != told {
            self.tell_wanted(track, either);
        }
        self.await_backup(track, now);
        if either == wanted {
            self.alarms.clear(&alarm);
        } else {
            self.alarms.set_once(now.monotonic + PAUSE_DELAY, alarm);
        }
    }

    /// A size has been unwatched for long enough.
    pub(super) fn unwatched(&mut self, track: &TrackSid) {
        let wanted = self.wanted(track);
        if self.tracks.get(track).is_some_and(|it| wanted != it.told_wanted) {
            self.tell_wanted(track, wanted);
        }
    }

    /// The best sizes that somebody wants, here or where the publisher is forwarded to.
    fn wanted(&self, track: &TrackSid) -> Wanted {
        let mut wanted = self.followers.wanted(track);
        let Some(publication) = self.room.publication(track).filter(|it| it.kind == Kind::Video) else { return wanted };
        let Some(published) = self.tracks.get(track) else { return wanted };
        for subscriber in &publication.subscribers {
            let down = self.sessions.get(subscriber).and_then(|it| it.downs.get(track));
            let Some(down) = down.filter(|it| it.place != Place::Refused) else { continue };
            let waits = down.place == Place::AwaitsBackup;
            let rendition = if waits { Rendition::Backup } else { down.rendition };
            if let Some(LayerTarget::UpTo { spatial, .. }) = self.target(subscriber, track) {
                wanted.add(rendition, quality_of(published, spatial));
            }
        }
        wanted
    }

    /// Tells the publisher what is wanted from here on.
    pub(super) fn tell_wanted(&mut self, track: &TrackSid, wanted: Wanted) {
        let Some(published) = self.tracks.get_mut(track) else { return };
        published.told_wanted = wanted;
        let publisher = published.publisher.clone();
        let mut codecs = vec![subscribed(&published.info.mime_type, wanted.primary)];
        if published.backup_codec().is_some() {
            let backup = published.info.codecs.get(Rendition::Backup.index());
            codecs.extend(backup.map(|it| subscribed(&it.mime_type, wanted.backup)));
        }
        let update = proto::SubscribedQualityUpdate {
            track_sid: published.home_sid(),
            subscribed_qualities: qualities(wanted.primary),
            subscribed_codecs: codecs,
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

fn subscribed(mime: &str, best: Option<VideoQuality>) -> proto::SubscribedCodec {
    proto::SubscribedCodec { codec: mime.trim_start_matches("video/").to_owned(), qualities: qualities(best) }
}

/// All sizes up to the best that is wanted.
fn qualities(best: Option<VideoQuality>) -> Vec<proto::SubscribedQuality> {
    let quality = |quality: VideoQuality| proto::SubscribedQuality {
        quality: quality.into(),
        enabled: best.is_some_and(|best| quality <= best),
    };
    QUALITIES.map(quality).to_vec()
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
