//! What the server asked of a client that alone may offer: more sections to send on.

use door::Kind;

/// Sections asked for and not yet offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::world) struct Requirement {
    audios: usize,
    videos: usize,
    asked: bool,
}

impl Requirement {
    /// What to ask for, so that `waiting` tracks (audio, video) find a place beside `idle` sections; also when nothing
    /// but another round is needed (`stale`). Nothing when enough is asked already.
    pub(in crate::world) fn ask(
        &mut self,
        waiting: (usize, usize),
        idle: (usize, usize),
        stale: bool,
    ) -> Option<(u32, u32)> {
        let audios = waiting.0.saturating_sub(idle.0 + self.audios);
        let videos = waiting.1.saturating_sub(idle.1 + self.videos);
        let round = !self.asked && (stale || waiting != (0, 0));
        if audios == 0 && videos == 0 && !round {
            return None;
        }
        (self.audios, self.videos, self.asked) = (self.audios + audios, self.videos + videos, true);
        Some((u32::try_from(audios).unwrap_or_default(), u32::try_from(videos).unwrap_or_default()))
    }

    /// Whether the client was asked for a round that has not begun.
    pub(in crate::world) fn is_asked(&self) -> bool {
        self.asked
    }

    /// The client offers: whatever was asked is being answered.
    pub(in crate::world) fn round_begins(&mut self) {
        self.asked = false;
    }

    /// The client offers so many new sections of a kind.
    pub(in crate::world) fn offered(&mut self, kind: Kind, sections: usize) {
        let asked = match kind {
            Kind::Audio => &mut self.audios,
            Kind::Video => &mut self.videos,
        };
        *asked = asked.saturating_sub(sections);
    }

    /// What was asked is lost.
    pub(in crate::world) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_only_for_the_difference() {
        let mut requirement = Requirement::default();
        assert_eq!(requirement.ask((0, 0), (3, 3), false), None);
        assert_eq!(requirement.ask((1, 0), (3, 3), false), Some((0, 0)));
        assert_eq!(requirement.ask((1, 0), (3, 3), false), None);
        assert_eq!(requirement.ask((4, 5), (3, 3), false), Some((1, 2)));
        assert_eq!(requirement.ask((4, 6), (3, 3), false), Some((0, 1)));
        requirement.offered(Kind::Audio, 1);
        requirement.offered(Kind::Video, 3);
        requirement.round_begins();
        assert_eq!(requirement.ask((0, 0), (0, 0), false), None);
        assert_eq!(requirement.ask((0, 0), (0, 0), true), Some((0, 0)));
    }
}
