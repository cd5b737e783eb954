//! How often a source may guess and begin: ICE checks that fail, DTLS handshakes.
//!
//! A flood of either costs cryptography for each datagram. What is over the limit is dropped unread: both are repeated by
//! clients that mean it, so that a crowd behind one address is spread over time and nobody is turned away.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use door::Path;
use quota::{Quota, Rate, home};
use wire::stun;

use crate::Shard;
use crate::routes::{PeerSlot, Route};

/// The first byte of a DTLS handshake record (RFC 6347 section 4.1).
const HANDSHAKE: u8 = 22;

/// What one source may do on one shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SourceLimits {
    /// ICE checks that fail.
    pub failed_checks: Rate,
    /// DTLS handshakes that it begins.
    pub handshakes: Rate,
    /// Scatters sources over tables; must not be guessed.
    pub seed: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Guard {
    failed_checks: Quota,
    handshakes: Quota,
}

impl Default for Guard {
    fn default() -> Self {
        Self::new(SourceLimits { failed_checks: Rate::NONE, handshakes: Rate::NONE, seed: 0 })
    }
}

impl Guard {
    fn new(limits: SourceLimits) -> Self {
        let SourceLimits { failed_checks, handshakes, seed } = limits;
        Self { failed_checks: Quota::new(failed_checks, seed), handshakes: Quota::new(handshakes, seed) }
    }

    /// A check failed.
    pub(crate) fn failed(&self, now: Instant, epoch: Instant, path: &Path) {
        if let Some(source) = source(path) {
            // What is refused shows when the next one comes.
            let _ = self.failed_checks.take(source, since(epoch, now));
        }
    }
}

impl Shard {
    /// Limits what one source may do from here on; at first nothing is limited.
    pub fn limit_sources(&mut self, limits: SourceLimits) {
        self.guard = Guard::new(limits);
    }

    /// Whether a peer is to see a datagram. Paths that a check has opened are known to be the peer's and are not asked.
    pub(crate) fn is_let_in(&mut self, now: Instant, slot: PeerSlot, path: &Path, datagram: &[u8]) -> bool {
        let at = since(self.epoch, now);
        if stun::is_stun(datagram) {
            let Some(source) = source(path) else { return true };
            let fine = self.routes.by_path(path) == Route::Here(slot) || self.guard.failed_checks.has(source, at);
            self.stats.checks_throttled += u64::from(!fine);
            return fine;
        }
        if datagram.first() != Some(&HANDSHAKE) {
            return true;
        }
        let begins = self.peers.at(slot).is_some_and(|entry| entry.peer.begins_handshake(datagram));
        let Some(source) = source(path).filter(|_| begins) else { return true };
        let fine = self.guard.handshakes.take(source, at).is_ok();
        self.stats.handshakes_throttled += u64::from(!fine);
        fine
    }
}

/// Whom a datagram came from; nobody to limit when it came from this machine, as what TURN relays does.
fn source(path: &Path) -> Option<IpAddr> {
    let ip = path.remote.ip();
    (!ip.is_loopback() && ip != path.local.ip()).then(|| home(ip))
}

fn since(epoch: Instant, now: Instant) -> Duration {
    now.saturating_duration_since(epoch)
}

#[cfg(test)]
mod tests {
    use door::Protocol;

    use super::*;

    fn path(remote: &str) -> Path {
        let local = "203.0.113.5:7882".parse().unwrap();
        Path { protocol: Protocol::Udp, local, remote: remote.parse().unwrap() }
    }

    #[test]
    fn this_machine_is_not_limited() {
        for (remote, limited) in [
            ("127.0.0.1:9", false),
            ("[::1]:9", false),
            ("203.0.113.5:9", false),
            ("198.51.100.1:9", true),
            ("[2001:db8::1]:9", true),
        ] {
            assert_eq!(source(&path(remote)).is_some(), limited, "{remote}");
        }
    }

    #[test]
    fn guessers_are_limited_by_their_failures() {
        let limits = SourceLimits { failed_checks: Rate { per_second: 1, burst: 2 }, handshakes: Rate::NONE, seed: 7 };
        let (guard, epoch) = (Guard::new(limits), Instant::now());
        let (eve, ada) = (path("198.51.100.1:9"), path("198.51.100.2:9"));
        let fine = |path: &Path, now| source(path).is_some_and(|it| guard.failed_checks.has(it, since(epoch, now)));
        for expected in [true, true, false] {
            assert_eq!(fine(&eve, epoch), expected);
            guard.failed(epoch, epoch, &eve);
        }
        assert!(fine(&ada, epoch));
        assert!(fine(&eve, epoch + Duration::from_secs(3)));
    }
}
