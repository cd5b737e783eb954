//! How many of a remote's messages its owner is ready to take, see [`door::data`].

use door::data::{CREDIT, cost};

/// What is left for each class of channels. The last message may overdraw it, however long it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Credit {
    /// The owner takes everything.
    Endless,
    /// The owner gives credit back.
    Metered { reliable: i64, others: i64 },
}

impl Credit {
    pub(super) fn metered() -> Self {
        Self::Metered { reliable: CREDIT.into(), others: CREDIT.into() }
    }

    pub(super) fn is_spent(&self, reliable: bool) -> bool {
        match self {
            Self::Endless => false,
            Self::Metered { reliable: left, .. } if reliable => *left <= 0,
            Self::Metered { others: left, .. } => *left <= 0,
        }
    }

    /// Takes what a message of `len` bytes costs; false when there is nothing left to take from.
    pub(super) fn take(&mut self, reliable: bool, len: usize) -> bool {
        let spent = self.is_spent(reliable);
        if let Some(left) = self.left(reliable).filter(|_| !spent) {
            *left -= i64::from(cost(len));
        }
        !spent
    }

    /// Gives back, never more than there was.
    pub(super) fn give(&mut self, reliable: bool, cost: u32) {
        if let Some(left) = self.left(reliable) {
            *left = (*left + i64::from(cost)).min(CREDIT.into());
        }
    }

    fn left(&mut self, reliable: bool) -> Option<&mut i64> {
        match self {
            Self::Endless => None,
            Self::Metered { reliable: left, .. } if reliable => Some(left),
            Self::Metered { others: left, .. } => Some(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_apart_and_the_last_may_overdraw() {
        let mut credit = Credit::metered();
        assert!(credit.take(true, CREDIT as usize * 2));
        assert!(credit.is_spent(true) && !credit.is_spent(false));
        assert!(!credit.take(true, 0) && credit.take(false, 0));
        credit.give(true, cost(CREDIT as usize * 2));
        assert!(credit.take(true, 0));
        credit.give(false, u32::MAX);
        let small = (0..).take_while(|_| credit.take(false, 0)).count();
        assert_eq!(small, 64);
    }

    #[test]
    fn without_meter_it_never_ends() {
        let mut credit = Credit::Endless;
        assert!((0..1000).all(|_| credit.take(true, 1000)));
    }
}
