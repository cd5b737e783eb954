//! One record per synchronisation source, found quickly and limited in number.

use super::window::Seen;

/// One source and what was seen of it.
struct Source<W> {
    ssrc: u32,
    window: W,
}

/// At most `MAX` sources, sorted. A full table refuses new ones: forgetting a source would let its packets be replayed.
pub(super) struct Sources<W, const MAX: usize> {
    sorted: Vec<Source<W>>,
    /// Where the last look-up ended: packets come in runs.
    last: usize,
}

impl<W, const MAX: usize> Default for Sources<W, MAX> {
    fn default() -> Self {
        Self { sorted: Vec::new(), last: 0 }
    }
}

impl<W: Seen, const MAX: usize> Sources<W, MAX> {
    /// What was seen of a source.
    pub(super) fn window(&mut self, ssrc: u32) -> Option<&mut W> {
        let at = self.position(ssrc).ok()?;
        self.sorted.get_mut(at).map(|source| &mut source.window)
    }

    /// Notes that `index` of `ssrc` was seen; `None` when the source is new and the table is full.
    pub(super) fn mark(&mut self, ssrc: u32, index: u64) -> Option<()> {
        match self.position(ssrc) {
            Ok(at) => self.sorted.get_mut(at)?.window.mark(index),
            Err(_) if self.sorted.len() >= MAX => return None,
            Err(at) => self.sorted.insert(at, Source { ssrc, window: W::first(index) }),
        }
        Some(())
    }

    fn position(&mut self, ssrc: u32) -> Result<usize, usize> {
        if self.sorted.get(self.last).is_some_and(|source| source.ssrc == ssrc) {
            return Ok(self.last);
        }
        let found = self.sorted.binary_search_by_key(&ssrc, |source| source.ssrc);
        if let Ok(at) = found {
            self.last = at;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::window::Window;
    use super::*;

    #[test]
    fn refuses_one_source_too_many() {
        let mut sources = Sources::<Window<1>, 3>::default();
        for ssrc in [9, 3, 7] {
            assert!(sources.mark(ssrc, 1).is_some());
        }
        assert!(sources.mark(5, 1).is_none());
        assert!(sources.mark(3, 2).is_some());
        for ssrc in [3, 7, 9, 9, 3] {
            assert!(sources.window(ssrc).is_some());
        }
        assert!(sources.window(5).is_none());
    }
}
