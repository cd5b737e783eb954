//! A track on its way to one participant, and how good it should be.

use door::{DownKey, Kind, LayerTarget};
use room::{Layer, ParticipantSid, Publication, Quality, Settings};
use wire::{Mid, Ssrc};

/// One subscription's media at the subscriber.
#[derive(Debug)]
pub(super) struct Down {
    /// Audio or video.
    pub(super) kind: Kind,
    /// Who publishes.
    pub(super) publisher: ParticipantSid,
    /// Our source.
    pub(super) ssrc: Ssrc,
    /// Our source for retransmissions.
    pub(super) rtx_ssrc: Option<Ssrc>,
    /// In which codec.
    pub(super) rendition: Rendition,
    /// How far it has come.
    pub(super) place: Place,
}

/// A picture in one of its publisher's codecs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Rendition {
    /// In the codec that the publisher would rather send.
    #[default]
    Primary,
    /// In the one for those who cannot take that.
    Backup,
}

impl Rendition {
    /// The other one.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Primary => Self::Backup,
            Self::Backup => Self::Primary,
        }
    }

    /// Its place among the codecs of a track.
    pub(super) fn index(self) -> usize {
        match self {
            Self::Primary => 0,
            Self::Backup => 1,
        }
    }
}

/// How far a subscription's media has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// No media section yet.
    Waiting,
    /// In our offer, not answered.
    Offered(Mid),
    /// No section can carry it before its publisher sends another codec.
    AwaitsBackup,
    /// Keeps its section, which carries it again after another round of negotiation.
    Switching(Mid),
    /// Negotiated and forwarded.
    Attached(Mid, DownKey),
    /// The subscriber cannot take it.
    Refused,
}

impl Place {
    /// The forwarding, when there is one.
    pub(super) fn key(self) -> Option<DownKey> {
        if let Self::Attached(_, key) = self { Some(key) } else { None }
    }

    /// The section, when there is one.
    pub(super) fn mid(self) -> Option<Mid> {
        match self {
            Self::Attached(mid, _) | Self::Offered(mid) | Self::Switching(mid) => Some(mid),
            Self::Waiting | Self::AwaitsBackup | Self::Refused => None,
        }
    }
}

/// Heights that LiveKit assumes below the original when a publisher names no layers, in pixels.
const HEIGHTS_ASSUMED: [u32; 2] = [180, 360];

/// What to forward. `adaptive` subscribers begin low and say more once they show the track.
pub(super) fn target(publication: &Publication, settings: Settings, adaptive: bool) -> LayerTarget {
    if settings.disabled {
        return LayerTarget::Off;
    }
    if publication.kind == Kind::Audio {
        return LayerTarget::BEST;
    }
    let temporal = temporal(settings.fps);
    let spatial = match settings.quality {
        Some(Quality::Off) => return LayerTarget::Off,
        _ if settings.width > 0 && settings.height > 0 => spatial_for(publication, settings.width, settings.height),
        Some(Quality::Low) => 0,
        Some(Quality::Medium) => 1,
        Some(Quality::High) => u8::MAX,
        None if adaptive => 0,
        None => u8::MAX,
    };
    LayerTarget::UpTo { spatial, temporal }
}

/// The lowest layer that is at least as high as asked, compared by the shorter edge of the picture.
fn spatial_for(publication: &Publication, width: u32, height: u32) -> u8 {
    let portrait = publication.height > publication.width;
    let wanted = if portrait { width } else { height };
    let edge = |layer: &Layer| if portrait { layer.width } else { layer.height };
    let mut edges: Vec<u32> = publication.layers.iter().map(edge).collect();
    // Publishers without a signal connection tell of their layers, but not how large they are.
    if edges.len() < 2 || edges.contains(&0) {
        edges = HEIGHTS_ASSUMED.to_vec();
    } else {
        // The best layer is without limit: only those below it are compared.
        edges.pop();
    }
    let index = edges.iter().position(|&edge| edge >= wanted);
    index.and_then(|it| u8::try_from(it).ok()).unwrap_or(u8::MAX)
}

/// Encoders in use halve the rate with every temporal layer that is left out of three, from about 30 frames a second.
fn temporal(fps: u32) -> u8 {
    match fps {
        0 => u8::MAX,
        1..=8 => 0,
        9..=16 => 1,
        _ => u8::MAX,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn video(layers: &[(u32, u32)]) -> Publication {
        let layers: Vec<_> = layers.iter().map(|&(width, height)| Layer { width, height }).collect();
        let best = layers.last().copied().unwrap_or_default();
        Publication {
            sid: room::TrackSid::new("TR_V"),
            publisher: ParticipantSid::new("PA_x"),
            kind: Kind::Video,
            source: room::Source::Camera,
            name: String::new(),
            muted: false,
            width: best.width,
            height: best.height,
            layers,
            announced: true,
            was_subscribed: false,
            subscribers: BTreeSet::new(),
        }
    }

    fn up_to(spatial: u8) -> LayerTarget {
        LayerTarget::UpTo { spatial, temporal: u8::MAX }
    }

    #[test]
    fn picks_the_lowest_layer_that_suffices() {
        let landscape = video(&[(320, 180), (640, 360), (1280, 720)]);
        let portrait = video(&[(180, 320), (360, 640), (720, 1280)]);
        for (width, height, spatial) in [(100, 100, 0), (320, 180, 0), (321, 181, 1), (640, 360, 1), (1280, 720, 255)] {
            let settings = Settings { width, height, quality: Some(Quality::Low), ..Settings::default() };
            assert_eq!(target(&landscape, settings, true), up_to(spatial), "{width}x{height}");
            let settings = Settings { width: height, height: width, ..settings };
            assert_eq!(target(&portrait, settings, true), up_to(spatial), "{height}x{width}");
        }
    }

    #[test]
    fn follows_quality_without_a_size() {
        let video = video(&[(320, 180), (640, 360), (1280, 720)]);
        let with = |quality| Settings { quality, ..Settings::default() };
        assert_eq!(target(&video, with(Some(Quality::Low)), false), up_to(0));
        assert_eq!(target(&video, with(Some(Quality::Medium)), false), up_to(1));
        assert_eq!(target(&video, with(Some(Quality::High)), true), up_to(255));
        assert_eq!(target(&video, with(Some(Quality::Off)), false), LayerTarget::Off);
        assert_eq!(target(&video, with(None), true), up_to(0));
        assert_eq!(target(&video, with(None), false), LayerTarget::BEST);
        assert_eq!(target(&video, Settings { disabled: true, ..with(None) }, false), LayerTarget::Off);
        let slow = Settings { fps: 10, ..with(None) };
        assert_eq!(target(&video, slow, false), LayerTarget::UpTo { spatial: 255, temporal: 1 });
    }

    #[test]
    fn audio_is_all_or_nothing() {
        let audio = Publication { kind: Kind::Audio, ..video(&[]) };
        let low = Settings { quality: Some(Quality::Low), ..Settings::default() };
        assert_eq!(target(&audio, low, true), LayerTarget::BEST);
        assert_eq!(target(&audio, Settings { disabled: true, ..low }, true), LayerTarget::Off);
    }
}
