//! The doorbell of a thread that sleeps in `ppoll`: an eventfd that is written to only when somebody sleeps.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug)]
pub(crate) struct Bell {
    event: File,
    sleeping: AtomicBool,
    stopping: AtomicBool,
}

impl Bell {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: the call takes no pointer.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and belongs to nobody else.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { event: File::from(fd), sleeping: AtomicBool::new(false), stopping: AtomicBool::new(false) })
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.event.as_raw_fd()
    }

    /// Wakes the sleeper, after something was put into one of its mailboxes.
    ///
    /// The sleeper calls [`Bell::arm`] and only then looks into its mailboxes. If it looked before the letter was
    /// there, the mailbox's lock makes its arming visible here; else it saw the letter.
    pub(crate) fn ring(&self) {
        if self.sleeping.swap(false, Ordering::SeqCst) {
            self.strike();
        }
    }

    /// Announces that the owner is about to sleep.
    pub(crate) fn arm(&self) {
        self.sleeping.store(true, Ordering::SeqCst);
    }

    /// The owner is awake: nobody needs to ring, and what was rung is heard. `rung` says that the descriptor is
    /// readable.
    pub(crate) fn disarm(&self, rung: bool) {
        self.sleeping.store(false, Ordering::SeqCst);
        if rung {
            // An eventfd that nobody wrote to says EAGAIN, and that is as good.
            let _ = (&self.event).read(&mut [0; 8]);
        }
    }

    /// Asks the owner to end.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.strike();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    fn strike(&self) {
        // It fails only when the counter is full, and then the sleeper wakes anyway.
        let _ = (&self.event).write(&1u64.to_ne_bytes());
    }
}
