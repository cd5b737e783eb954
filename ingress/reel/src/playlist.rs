//! HLS' playlists (RFC 8216), as far as they say what is played next.

mod attributes;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::time::Duration;

use crate::Fault;
use crate::limits::{
    GROUPS_MAX, LINE_BYTES_MAX, PLAYLIST_BYTES_MAX, SEGMENT_TIME_MAX, SEGMENTS_MAX, SIDE_FINE, VARIANTS_MAX,
};
use attributes::Attributes;

/// What a playlist is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Playlist {
    /// It names others.
    Master(Master),
    /// It names pieces of one stream.
    Media(Media),
}

/// Playlists of the same stream.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Master {
    variants: Vec<Variant>,
    /// Groups of sound that have playlists of their own.
    apart: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Variant {
    uri: String,
    bandwidth: u64,
    side: u32,
    codecs: String,
    sound: String,
}

/// Pieces of one stream, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Media {
    /// No piece is longer.
    pub target: Duration,
    /// The number of the first piece.
    pub sequence: u64,
    /// No further piece will be added.
    pub ended: bool,
    /// The pieces.
    pub segments: Vec<Segment>,
    heads: Vec<Part>,
}

/// A file, or a part of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// As it is written: a URL, or what stands for one beside the playlist's own.
    pub uri: String,
    /// Which of its bytes.
    pub range: Option<Range<u64>>,
}

/// One piece.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Where it is.
    pub part: Part,
    /// How long it is shown.
    pub time: Duration,
    /// Its times have nothing to do with those before it.
    pub anew: bool,
    /// It is missing.
    pub gap: bool,
    head: Option<usize>,
}

impl Playlist {
    /// Reads a playlist.
    ///
    /// # Errors
    /// When it is none, is beyond a limit, or asks for what is not followed.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() > PLAYLIST_BYTES_MAX {
            return Err(Fault::TooLong("playlist"));
        }
        let text = text.trim_start_matches('\u{feff}');
        let mut lines = text.lines().map(str::trim);
        if lines.next().is_none_or(|line| !line.starts_with("#EXTM3U")) {
            return Err(Fault::Broken("playlist"));
        }
        let mut draft = Draft::default();
        for line in lines.filter(|line| !line.is_empty()) {
            if line.len() > LINE_BYTES_MAX {
                return Err(Fault::TooLong("playlist's line"));
            }
            match line.strip_prefix('#') {
                Some(tag) => draft.tag(tag)?,
                None => draft.uri(line)?,
            }
        }
        draft.done()
    }
}

impl Master {
    /// Which playlist is followed: the one with the highest rate of those that can be taken and are not too large.
    ///
    /// # Errors
    /// When none can be taken.
    pub fn best(&self) -> Result<&str, Fault> {
        let taken = self.variants.iter().filter(|variant| self.is_taken(variant));
        let best = taken.max_by_key(|variant| {
            let fine = variant.side <= SIDE_FINE;
            // Of those that are too large the smallest.
            (fine, if fine { variant.bandwidth } else { u64::MAX - variant.bandwidth })
        });
        best.map(|variant| variant.uri.as_str()).ok_or(Fault::Variants)
    }

    fn is_taken(&self, variant: &Variant) -> bool {
        let codecs = variant.codecs.split(',').map(str::trim).filter(|codec| !codec.is_empty());
        let known = |codec: &str| ["avc1", "avc3", "mp4a.40."].iter().any(|known| codec.starts_with(known));
        codecs.into_iter().all(known) && !self.apart.contains(&variant.sound)
    }
}

impl Media {
    /// What must be read before a piece, where its container has a head of its own.
    pub fn head(&self, segment: &Segment) -> Option<&Part> {
        segment.head.and_then(|head| self.heads.get(head))
    }
}

/// A playlist that is being read.
#[derive(Debug, Default)]
struct Draft {
    master: Master,
    media: Media,
    /// What was said of the next URI.
    variant: Option<Variant>,
    time: Option<Duration>,
    range: Option<(u64, Option<u64>)>,
    anew: bool,
    gap: bool,
    /// Where the last range ended, and of which file.
    ended: Option<(String, u64)>,
}

impl Draft {
    fn tag(&mut self, tag: &str) -> Result<(), Fault> {
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        match name {
            "EXTINF" => self.time = Some(seconds(value.split(',').next().unwrap_or_default())?),
            "EXT-X-TARGETDURATION" => self.media.target = seconds(value)?,
            "EXT-X-MEDIA-SEQUENCE" => self.media.sequence = number(value)?,
            "EXT-X-ENDLIST" => self.media.ended = true,
            "EXT-X-DISCONTINUITY" => self.anew = true,
            "EXT-X-GAP" => self.gap = true,
            "EXT-X-BYTERANGE" => self.range = Some(range(value)?),
            "EXT-X-MAP" => self.head(&Attributes(value))?,
            "EXT-X-KEY" | "EXT-X-SESSION-KEY" if Attributes(value).find("METHOD") != Some("NONE") => {
                return Err(Fault::Encrypted);
            }
            "EXT-X-I-FRAMES-ONLY" => return Err(Fault::Playlist("of key frames alone")),
            "EXT-X-SKIP" => return Err(Fault::Playlist("that leaves out what it said before")),
            "EXT-X-DEFINE" => return Err(Fault::Playlist("with variables")),
            "EXT-X-STREAM-INF" => self.variant = Some(variant(&Attributes(value))),
            "EXT-X-MEDIA" => self.group(&Attributes(value))?,
            _ => {}
        }
        Ok(())
    }

    fn uri(&mut self, uri: &str) -> Result<(), Fault> {
        if let Some(variant) = self.variant.take() {
            let variants = &mut self.master.variants;
            variants.push(Variant { uri: uri.to_owned(), ..variant });
            return if variants.len() > VARIANTS_MAX { Err(Fault::TooLong("list of variants")) } else { Ok(()) };
        }
        let range = match self.range.take() {
            Some(range) => Some(self.placed(uri, range)?),
            None => None,
        };
        if self.media.segments.len() >= SEGMENTS_MAX {
            return Err(Fault::TooLong("list of pieces"));
        }
        self.media.segments.push(Segment {
            part: Part { uri: uri.to_owned(), range },
            time: self.time.take().ok_or(Fault::Broken("playlist"))?,
            anew: std::mem::take(&mut self.anew),
            gap: std::mem::take(&mut self.gap),
            head: self.media.heads.len().checked_sub(1),
        });
        Ok(())
    }

    fn head(&mut self, attributes: &Attributes<'_>) -> Result<(), Fault> {
        let uri = attributes.find("URI").ok_or(Fault::Broken("playlist"))?.to_owned();
        let range = match attributes.find("BYTERANGE") {
            Some(text) => {
                let (bytes, at) = self::range(text)?;
                let at = at.unwrap_or(0);
                Some(at..at.checked_add(bytes).ok_or(Fault::Broken("playlist"))?)
            }
            None => None,
        };
        let head = Part { uri, range };
        if self.media.heads.last() != Some(&head) {
            self.media.heads.push(head);
        }
        if self.media.heads.len() > GROUPS_MAX { Err(Fault::TooLong("list of heads")) } else { Ok(()) }
    }

    fn group(&mut self, attributes: &Attributes<'_>) -> Result<(), Fault> {
        // Sound without a URI stands in the variants themselves.
        if attributes.find("TYPE") == Some("AUDIO") && attributes.find("URI").is_some() {
            let group = attributes.find("GROUP-ID").unwrap_or_default();
            self.master.apart.push(group.to_owned());
        }
        if self.master.apart.len() > GROUPS_MAX { Err(Fault::TooLong("list of sounds")) } else { Ok(()) }
    }

    /// The bytes of a range; without a beginning it goes on where the last one of the same file ended (section 4.3.2.2).
    fn placed(&mut self, uri: &str, (bytes, at): (u64, Option<u64>)) -> Result<Range<u64>, Fault> {
        let follows = self.ended.as_ref().filter(|(before, _)| before == uri).map(|(_, end)| *end);
        let at = at.or(follows).ok_or(Fault::Broken("playlist"))?;
        let end = at.checked_add(bytes).ok_or(Fault::Broken("playlist"))?;
        self.ended = Some((uri.to_owned(), end));
        Ok(at..end)
    }

    fn done(self) -> Result<Playlist, Fault> {
        if !self.master.variants.is_empty() {
            return Ok(Playlist::Master(self.master));
        }
        if self.media.target.is_zero() {
            return Err(Fault::Broken("playlist"));
        }
        Ok(Playlist::Media(self.media))
    }
}

fn variant(attributes: &Attributes<'_>) -> Variant {
    let text = |name| attributes.find(name).unwrap_or_default().to_owned();
    let resolution = attributes.find("RESOLUTION").and_then(|text| text.split_once('x'));
    let side = resolution.map(|(width, height)| (width.parse().unwrap_or(0), height.parse().unwrap_or(0)));
    let (width, height) = side.unwrap_or_default();
    Variant {
        uri: String::new(),
        bandwidth: attributes.find("BANDWIDTH").and_then(|text| text.parse().ok()).unwrap_or(0),
        side: u32::max(width, height),
        codecs: text("CODECS"),
        sound: text("AUDIO"),
    }
}

fn number(text: &str) -> Result<u64, Fault> {
    text.trim().parse().map_err(|_| Fault::Broken("playlist"))
}

fn seconds(text: &str) -> Result<Duration, Fault> {
    let seconds: f64 = text.trim().parse().map_err(|_| Fault::Broken("playlist"))?;
    let time = Duration::try_from_secs_f64(seconds).map_err(|_| Fault::Broken("playlist"))?;
    if time > SEGMENT_TIME_MAX { Err(Fault::TooLong("piece")) } else { Ok(time) }
}

/// A length, and where it begins if that is said.
fn range(text: &str) -> Result<(u64, Option<u64>), Fault> {
    Ok(match text.trim().split_once('@') {
        Some((bytes, at)) => (number(bytes)?, Some(number(at)?)),
        None => (number(text)?, None),
    })
}
