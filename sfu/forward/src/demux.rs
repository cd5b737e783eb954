//! Which track and encoding a publisher's packet belongs to (RFC 8843 section 9.2, RFC 8851, RFC 8852).

use std::collections::BTreeMap;

use door::{ExtensionKind, TrackKey, UpTrackParams};
use wire::rtp::Packet;
use wire::{Mid, Pt, Rid, Ssrc};

/// Sources that one peer may have at a time: 40 tracks of three encodings with retransmissions. Further
/// ones are refused until a track goes.
pub const SOURCES_MAX: usize = 256;

/// What an SSRC carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    /// The media itself.
    Media,
    /// Its retransmissions (RFC 4588).
    Rtx,
}

/// Where a packet goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// The track.
    pub track: TrackKey,
    /// Index of the encoding in the track, lowest quality first.
    pub encoding: u8,
    /// Media or retransmissions.
    pub stream: Stream,
}

/// Tells the streams of one publishing peer apart.
#[derive(Debug, Default)]
pub struct Demux {
    sections: Vec<Section>,
    sources: BTreeMap<Ssrc, Route>,
    ids: TokenIds,
    /// Packets often come in trains of one source.
    last: Option<(Ssrc, Route)>,
    refused: u64,
}

#[derive(Debug)]
struct Section {
    track: TrackKey,
    mid: Mid,
    rids: Vec<Rid>,
    media: Vec<Pt>,
    rtx: Vec<Pt>,
    ids: TokenIds,
}

/// Ids of the extensions that name a stream. In a BUNDLE the same id means the same kind in all sections
/// (RFC 8843 section 9.1), so one set serves them all.
#[derive(Clone, Copy, Debug, Default)]
struct TokenIds {
    mid: Option<u8>,
    rid: Option<u8>,
    repaired: Option<u8>,
}

#[derive(Default)]
struct Tokens {
    mid: Option<Mid>,
    rid: Option<Rid>,
    repaired: Option<Rid>,
}

impl Demux {
    /// Knows no track.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a track, or takes its new parameters and forgets its sources.
    pub fn set_track(&mut self, track: TrackKey, params: &UpTrackParams) {
        self.remove_track(track);
        self.sections.push(Section::new(track, params));
        self.merge_ids();
        for (pair, encoding) in params.ssrcs.iter().zip(0..) {
            self.bind(pair.media, Route { track, encoding, stream: Stream::Media });
            if let Some(rtx) = pair.rtx {
                self.bind(rtx, Route { track, encoding, stream: Stream::Rtx });
            }
        }
    }

    /// Forgets a track and its sources.
    pub fn remove_track(&mut self, track: TrackKey) {
        self.last = None;
        self.sources.retain(|_, route| route.track != track);
        self.sections.retain(|section| section.track != track);
        self.merge_ids();
    }

    /// Finds where a packet goes, and learns its source. A source stays with the encoding that it was first
    /// found to belong to, whatever its packets say later, until its track is set anew or removed.
    pub fn route(&mut self, packet: &Packet<'_>) -> Option<Route> {
        let ssrc = packet.ssrc();
        if let Some((last, route)) = self.last
            && last == ssrc
        {
            return Some(route);
        }
        let known = self.sources.get(&ssrc).copied();
        let route = known.or_else(|| self.learn(packet));
        match route {
            Some(route) => self.last = Some((ssrc, route)),
            None => self.refused += 1,
        }
        route
    }

    /// Where a source known already goes, as for its RTCP.
    pub fn route_ssrc(&self, ssrc: Ssrc) -> Option<Route> {
        self.sources.get(&ssrc).copied()
    }

    /// Number of sources known.
    pub fn sources(&self) -> usize {
        self.sources.len()
    }

    /// Packets that belong to no track, or found the table full.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    fn learn(&mut self, packet: &Packet<'_>) -> Option<Route> {
        let tokens = self.ids.read(packet);
        let route = match tokens.mid {
            Some(mid) => self.sections.iter().find(|section| section.mid == mid)?.route(&tokens, packet.pt()),
            None => self.only(|section| section.route(&tokens, packet.pt())),
        }?;
        self.bind(packet.ssrc(), route).then_some(route)
    }

    /// The route if exactly one section has one.
    fn only(&self, route: impl Fn(&Section) -> Option<Route>) -> Option<Route> {
        let mut routes = self.sections.iter().filter_map(route);
        let first = routes.next()?;
        routes.next().is_none().then_some(first)
    }

    /// A new source of an encoding takes the place of the old one: the publisher began anew.
    fn bind(&mut self, ssrc: Ssrc, route: Route) -> bool {
        if self.sources.contains_key(&ssrc) {
            return false;
        }
        self.last = None;
        self.sources.retain(|_, other| *other != route);
        if self.sources.len() >= SOURCES_MAX {
            return false;
        }
        self.sources.insert(ssrc, route);
        true
    }

    fn merge_ids(&mut self) {
        self.ids = self.sections.iter().fold(TokenIds::default(), |all, section| TokenIds {
            mid: all.mid.or(section.ids.mid),
            rid: all.rid.or(section.ids.rid),
            repaired: all.repaired.or(section.ids.repaired),
        });
    }
}

impl Section {
    fn new(track: TrackKey, params: &UpTrackParams) -> Self {
        Self {
            track,
            mid: params.mid,
            rids: params.rids.clone(),
            media: params.codecs.iter().map(|codec| codec.pt).collect(),
            rtx: params.codecs.iter().filter_map(|codec| codec.rtx).collect(),
            ids: TokenIds {
                mid: params.extensions.id(ExtensionKind::Mid),
                rid: params.extensions.id(ExtensionKind::Rid),
                repaired: params.extensions.id(ExtensionKind::RepairedRid),
            },
        }
    }

    /// Where a packet of this section goes; `None` when its payload type is not the section's, or when it
    /// does not tell which of several encodings it is.
    fn route(&self, tokens: &Tokens, pt: Pt) -> Option<Route> {
        let (stream, rid) = if self.media.contains(&pt) {
            (Stream::Media, tokens.rid)
        } else if self.rtx.contains(&pt) {
            // RFC 8852 gives retransmissions a token of their own; some senders put the plain one.
            (Stream::Rtx, tokens.repaired.or(tokens.rid))
        } else {
            return None;
        };
        let index = match rid {
            Some(rid) if !self.rids.is_empty() => self.rids.iter().position(|known| *known == rid)?,
            _ if self.rids.len() <= 1 => 0,
            _ => return None,
        };
        Some(Route { track: self.track, encoding: u8::try_from(index).ok()?, stream })
    }
}

impl TokenIds {
    fn read(self, packet: &Packet<'_>) -> Tokens {
        let mut tokens = Tokens::default();
        for (id, data) in packet.extensions() {
            let id = Some(id);
            if id == self.mid {
                tokens.mid = Mid::new(data);
            } else if id == self.rid {
                tokens.rid = Rid::new(data);
            } else if id == self.repaired {
                tokens.repaired = Rid::new(data);
            }
        }
        tokens
    }
}

#[cfg(test)]
mod tests {
    use door::{ShardId, SsrcPair};
    use wire::ext::Writer;
    use wire::rtp::Header;

    use super::*;
    use crate::testing::{audio_params, video_params};

    const MID_ID: u8 = 4;
    const RID_ID: u8 = 10;
    const REPAIRED_ID: u8 = 11;

    fn key(serial: u64) -> TrackKey {
        TrackKey { shard: ShardId(0), serial }
    }

    fn route(demux: &mut Demux, ssrc: u32, pt: u8, extensions: &[(u8, &str)]) -> Option<(u64, u8, Stream)> {
        let mut writer = Writer::new();
        for (id, text) in extensions {
            assert!(writer.push(*id, text.as_bytes()));
        }
        let header = Header { marker: false, pt: Pt(pt), seq: 1, timestamp: 1, ssrc: Ssrc(ssrc) };
        let mut out = [0; 100];
        let len = header.write(&writer, &mut out).unwrap();
        let route = demux.route(&Packet::parse(&out[..len]).unwrap())?;
        Some((route.track.serial, route.encoding, route.stream))
    }

    fn simulcast() -> Demux {
        let mut demux = Demux::new();
        demux.set_track(key(1), &audio_params("0"));
        demux.set_track(key(2), &video_params("1", &["q", "h", "f"]));
        demux
    }

    #[test]
    fn learns_by_mid_and_rid_and_then_without() {
        let mut demux = simulcast();
        assert_eq!(route(&mut demux, 7, 96, &[(MID_ID, "1"), (RID_ID, "h")]), Some((2, 1, Stream::Media)));
        assert_eq!(route(&mut demux, 7, 96, &[]), Some((2, 1, Stream::Media)));
        assert_eq!(route(&mut demux, 8, 97, &[(MID_ID, "1"), (REPAIRED_ID, "h")]), Some((2, 1, Stream::Rtx)));
        assert_eq!(demux.route_ssrc(Ssrc(8)).unwrap().encoding, 1);
    }

    #[test]
    fn a_payload_type_of_one_section_is_enough() {
        let mut demux = simulcast();
        assert_eq!(route(&mut demux, 5, 111, &[]), Some((1, 0, Stream::Media)));
        demux.set_track(key(3), &audio_params("2"));
        assert_eq!(route(&mut demux, 6, 111, &[]), None);
        assert_eq!(route(&mut demux, 6, 111, &[(MID_ID, "2")]), Some((3, 0, Stream::Media)));
    }

    #[test]
    fn what_does_not_tell_its_encoding_is_refused() {
        let mut demux = simulcast();
        for extensions in [&[(MID_ID, "1")][..], &[(MID_ID, "1"), (RID_ID, "x")], &[(MID_ID, "9"), (RID_ID, "q")]] {
            assert_eq!(route(&mut demux, 7, 96, extensions), None);
        }
        assert_eq!(route(&mut demux, 7, 50, &[(MID_ID, "1"), (RID_ID, "q")]), None);
        assert_eq!((demux.refused(), demux.sources()), (4, 0));
    }

    #[test]
    fn a_bound_source_cannot_take_another_rid() {
        let mut demux = simulcast();
        assert_eq!(route(&mut demux, 7, 96, &[(MID_ID, "1"), (RID_ID, "q")]), Some((2, 0, Stream::Media)));
        assert_eq!(route(&mut demux, 5, 111, &[]), Some((1, 0, Stream::Media)));
        assert_eq!(route(&mut demux, 7, 96, &[(MID_ID, "1"), (RID_ID, "f")]), Some((2, 0, Stream::Media)));
    }

    #[test]
    fn announced_sources_need_no_extension() {
        let mut params = video_params("1", &[]);
        params.ssrcs = vec![SsrcPair { media: Ssrc(30), rtx: Some(Ssrc(31)) }];
        let mut demux = Demux::new();
        demux.set_track(key(1), &params);
        assert_eq!(route(&mut demux, 30, 96, &[]), Some((1, 0, Stream::Media)));
        assert_eq!(route(&mut demux, 31, 97, &[]), Some((1, 0, Stream::Rtx)));
    }

    #[test]
    fn a_track_set_anew_or_removed_forgets_its_sources() {
        let mut demux = simulcast();
        assert!(route(&mut demux, 7, 96, &[(MID_ID, "1"), (RID_ID, "q")]).is_some());
        demux.set_track(key(2), &video_params("1", &["a", "b"]));
        assert_eq!(route(&mut demux, 7, 96, &[]), None);
        assert_eq!(route(&mut demux, 7, 96, &[(MID_ID, "1"), (RID_ID, "b")]), Some((2, 1, Stream::Media)));
        demux.remove_track(key(2));
        assert_eq!(route(&mut demux, 7, 96, &[(MID_ID, "1"), (RID_ID, "b")]), None);
    }

    #[test]
    fn a_new_source_of_an_encoding_replaces_the_old() {
        let mut demux = simulcast();
        assert!(route(&mut demux, 5, 111, &[]).is_some());
        assert_eq!(route(&mut demux, 6, 111, &[]), Some((1, 0, Stream::Media)));
        assert_eq!((demux.sources(), demux.route_ssrc(Ssrc(5))), (1, None));
    }

    #[test]
    fn a_full_table_refuses_new_sources() {
        let mut demux = Demux::new();
        for serial in 0..=SOURCES_MAX as u64 {
            let mid = serial.to_string();
            demux.set_track(key(serial), &audio_params(&mid));
            let taken = route(&mut demux, 1000 + serial as u32, 111, &[(MID_ID, &mid)]).is_some();
            assert_eq!(taken, serial < SOURCES_MAX as u64);
        }
        assert!(route(&mut demux, 1000, 111, &[]).is_some());
    }
}
