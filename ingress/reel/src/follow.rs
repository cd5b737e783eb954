//! Which piece of a playlist is next, while a live one moves on.

use std::time::Duration;

use crate::playlist::{Media, Part, Segment};

/// A live playlist is begun so many times its longest piece before its end (RFC 8216 section 6.3.3): what is there then covers a
/// server that is late with the next.
const TARGETS_BEFORE_END: u32 = 3;
/// A playlist that ends so many pieces before what was played is another one; a little less is an old copy of a cache.
const PIECES_BACK: u64 = 3;

/// See the module's description.
#[derive(Debug, Default)]
pub struct Follower {
    /// The number of the piece that is next.
    next: Option<u64>,
    /// Where the last playlist ended.
    end: Option<u64>,
    grew: bool,
    head: Option<Part>,
    anew: bool,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Read this.
    Piece {
        /// Read this first.
        head: Option<Part>,
        /// The piece.
        part: Part,
        /// Its times have nothing to do with those before it.
        anew: bool,
    },
    /// Ask for the playlist again, so long after it was asked for last (section 6.3.4).
    Reload(Duration),
    /// That was all.
    End,
}

impl Follower {
    /// A playlist was read.
    pub fn read(&mut self, media: &Media) {
        let end = media.sequence.saturating_add(media.segments.len() as u64);
        self.grew = self.end.is_none_or(|before| before != end);
        self.end = Some(end);
        let next = match self.next {
            None => begin(media),
            // What was missed is gone: on with what a new viewer would see.
            Some(next) if next < media.sequence => begin(media),
            Some(next) if next > end.saturating_add(PIECES_BACK) => {
                self.anew = true;
                begin(media)
            }
            Some(next) => next,
        };
        self.next = Some(next);
    }

    /// What is next by that playlist.
    pub fn turn(&mut self, media: &Media) -> Turn {
        while let Some(segment) = self.segment(media) {
            self.next = self.next.map(|next| next.saturating_add(1));
            self.anew |= segment.anew;
            if segment.gap {
                continue;
            }
            let head = media.head(segment);
            let fresh = head.filter(|head| self.head.as_ref() != Some(head)).cloned();
            self.head = head.cloned();
            return Turn::Piece { head: fresh, part: segment.part.clone(), anew: std::mem::take(&mut self.anew) };
        }
        if media.ended {
            return Turn::End;
        }
        Turn::Reload(if self.grew { media.target } else { media.target / 2 })
    }

    fn segment<'a>(&self, media: &'a Media) -> Option<&'a Segment> {
        let index = self.next?.checked_sub(media.sequence)?;
        media.segments.get(usize::try_from(index).ok()?)
    }
}

/// The number of the piece at which a viewer begins.
fn begin(media: &Media) -> u64 {
    if media.ended {
        return media.sequence;
    }
    let wanted = media.target * TARGETS_BEFORE_END;
    let mut time = Duration::ZERO;
    let before = media.segments.iter().rev().take_while(|segment| {
        let more = time < wanted;
        time += segment.time;
        more
    });
    let kept = before.count();
    media.sequence.saturating_add((media.segments.len() - kept) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Playlist;

    fn media(first: u64, count: u64, more: &str) -> Media {
        let pieces: String = (first..first + count).map(|n| format!("#EXTINF:2,\n{n}.ts\n")).collect();
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n{pieces}{more}");
        match Playlist::parse(&text) {
            Ok(Playlist::Media(media)) => media,
            other => panic!("{other:?}"),
        }
    }

    /// The pieces that a playlist gives, and what comes then.
    fn play(follower: &mut Follower, media: &Media) -> (Vec<String>, Turn) {
        let mut pieces = Vec::new();
        follower.read(media);
        loop {
            match follower.turn(media) {
                Turn::Piece { part, anew, .. } => {
                    pieces.push(format!("{}{}", part.uri, if anew { " anew" } else { "" }))
                }
                turn => return (pieces, turn),
            }
        }
    }

    #[test]
    fn a_film_is_played_from_its_beginning() {
        let film = media(0, 4, "#EXT-X-ENDLIST\n");
        assert_eq!(
            play(&mut Follower::default(), &film),
            (["0.ts", "1.ts", "2.ts", "3.ts"].map(str::to_owned).to_vec(), Turn::End)
        );
    }

    #[test]
    fn a_live_one_is_begun_near_its_end_and_followed() {
        let (mut follower, two, one) = (Follower::default(), Duration::from_secs(2), Duration::from_secs(1));
        let texts = |them: &[&str]| them.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        for (first, count, pieces, wait) in [
            (100, 10, &["107.ts", "108.ts", "109.ts"][..], two),
            (100, 10, &[], one),
            (101, 10, &["110.ts"], two),
            // A cache's old copy.
            (100, 10, &[], two),
            // Some were missed.
            (200, 10, &["207.ts", "208.ts", "209.ts"], two),
            // The server began anew.
            (0, 2, &["0.ts anew", "1.ts"], two),
        ] {
            let expected = (texts(pieces), Turn::Reload(wait));
            assert_eq!(play(&mut follower, &media(first, count, "")), expected, "{first}");
        }
    }

    #[test]
    fn heads_are_read_when_they_change_and_gaps_are_passed_over() {
        let head =
            "#EXT-X-MAP:URI=\"a\"\n#EXTINF:2,\n1\n#EXTINF:2,\n2\n#EXT-X-DISCONTINUITY\n#EXT-X-GAP\n#EXTINF:2,\n3\n";
        let film = media(0, 0, &format!("{head}#EXT-X-MAP:URI=\"b\"\n#EXTINF:2,\n4\n#EXT-X-ENDLIST\n"));
        let mut follower = Follower::default();
        follower.read(&film);
        for (head, uri, anew) in [(Some("a"), "1", false), (None, "2", false), (Some("b"), "4", true)] {
            let part = |uri: &str| Part { uri: uri.to_owned(), range: None };
            assert_eq!(follower.turn(&film), Turn::Piece { head: head.map(part), part: part(uri), anew });
        }
        assert_eq!(follower.turn(&film), Turn::End);
    }
}
