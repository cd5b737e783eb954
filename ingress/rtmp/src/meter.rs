//! Rates against their limits.

use std::time::Instant;

use crate::Fault;
use crate::limits::{BYTES_PER_WINDOW_MAX, COMMANDS_PER_WINDOW_MAX, MESSAGES_PER_WINDOW_MAX, RATE_WINDOW};

/// Counts of the present window of [`crate::limits::RATE_WINDOW`].
#[derive(Debug)]
pub struct Meter {
    began: Instant,
    bytes: u64,
    messages: u64,
    commands: u64,
}

impl Meter {
    /// A window that begins.
    pub fn new(now: Instant) -> Self {
        Self { began: now, bytes: 0, messages: 0, commands: 0 }
    }

    /// So many bytes came.
    ///
    /// # Errors
    /// When they are too many for the window.
    pub fn bytes(&mut self, now: Instant, bytes: usize) -> Result<(), Fault> {
        if now.saturating_duration_since(self.began) >= RATE_WINDOW {
            *self = Self::new(now);
        }
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.bytes > BYTES_PER_WINDOW_MAX { Err(Fault::PeerRate("bytes per second")) } else { Ok(()) }
    }

    /// A whole message came.
    pub(crate) fn message(&mut self) -> Result<(), Fault> {
        self.messages += 1;
        if self.messages > MESSAGES_PER_WINDOW_MAX { Err(Fault::PeerRate("messages per second")) } else { Ok(()) }
    }

    /// It was a command.
    pub(crate) fn command(&mut self) -> Result<(), Fault> {
        self.commands += 1;
        if self.commands > COMMANDS_PER_WINDOW_MAX { Err(Fault::PeerRate("commands per second")) } else { Ok(()) }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test starts its own clock")]
mod tests {
    use super::*;

    #[test]
    fn each_window_has_its_own_allowance() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        for window in 0..3 {
            let now = start + RATE_WINDOW * window;
            assert!(meter.bytes(now, BYTES_PER_WINDOW_MAX as usize).is_ok());
            assert!((0..MESSAGES_PER_WINDOW_MAX).all(|_| meter.message().is_ok()));
            assert!((0..COMMANDS_PER_WINDOW_MAX).all(|_| meter.command().is_ok()));
            assert!(meter.message().is_err() && meter.command().is_err());
            assert!(meter.bytes(now, 1).is_err());
        }
    }
}
