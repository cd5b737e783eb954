//! ICE-lite (RFC 8445): answers the remote's checks, keeps the paths that they validated, and notices when they stop
//! (RFC 7675). It sends no checks of its own.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aws_lc_rs::{constant_time, hmac};
use door::{Datagrams, IceCredentials, Path};
use wire::stun::{Class, INTEGRITY_BYTES, Integrity, Message, Role, WRITTEN_BYTES_MAX, Writer};

use crate::{PeerEvent, Reject};

/// The most validated paths of one peer. A laptop with two interfaces, both IP versions and TCP makes about eight; the
/// least recently checked one makes room.
pub const PATHS_MAX: usize = 12;

/// Without an authenticated check for so long, the peer is reported silent. Browsers check every 2.5 to 6 s.
pub const SILENCE: Duration = Duration::from_secs(10);

/// Without an authenticated check for so long, consent is gone and nothing more is sent (RFC 7675 section 5.1).
pub const CONSENT: Duration = Duration::from_secs(30);

/// For so long after a nomination, another path with a lower priority does not take over: an aggressive nominator
/// (RFC 5245 section 8.1.1.2) puts USE-CANDIDATE into all its checks and means the best path.
const NOMINATION_HOLD: Duration = Duration::from_secs(2);

/// One address pair from which an authenticated check came.
struct ValidPath {
    path: Path,
    checked: Instant,
    priority: u32,
}

/// Our credentials with the HMAC key made once.
struct Local {
    ufrag: String,
    key: hmac::Key,
}

impl Local {
    fn new(credentials: &IceCredentials) -> Self {
        Self {
            ufrag: credentials.ufrag.clone(),
            key: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, credentials.pwd.as_bytes()),
        }
    }
}

/// How far the remote's consent has decayed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hearing {
    Good,
    Silent,
    /// Only new credentials bring the peer back.
    Expired,
}

/// The lite agent of one peer.
pub(crate) struct Ice {
    local: Local,
    previous: Option<Local>,
    paths: Vec<ValidPath>,
    selected: Option<Path>,
    nominated: Option<Instant>,
    /// The last check on the selected path.
    heard: Option<Instant>,
    hearing: Hearing,
}

impl Ice {
    pub(crate) fn new(local: &IceCredentials) -> Self {
        Self {
            local: Local::new(local),
            previous: None,
            paths: Vec::new(),
            selected: None,
            nominated: None,
            heard: None,
            hearing: Hearing::Good,
        }
    }

    /// Takes new credentials. The ones before are honoured until a check comes with the new; after consent expired only
    /// the new ones count.
    pub(crate) fn restart(&mut self, local: &IceCredentials) {
        if self.local.ufrag == local.ufrag {
            return;
        }
        let before = std::mem::replace(&mut self.local, Local::new(local));
        self.previous = (self.hearing != Hearing::Expired).then_some(before);
        if self.hearing == Hearing::Expired {
            self.hearing = Hearing::Silent;
        }
    }

    pub(crate) fn ufrags(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.local).chain(&self.previous).map(|local| local.ufrag.as_str())
    }

    pub(crate) fn selected(&self) -> Option<Path> {
        self.selected
    }

    /// Whether an authenticated check came by `path`.
    pub(crate) fn is_valid(&self, path: Path) -> bool {
        self.selected == Some(path) || self.paths.iter().any(|valid| valid.path == path)
    }

    pub(crate) fn is_expired(&self) -> bool {
        self.hearing == Hearing::Expired
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let heard = self.heard?;
        match self.hearing {
            Hearing::Good => Some(heard + SILENCE),
            Hearing::Silent => Some(heard + CONSENT),
            Hearing::Expired => None,
        }
    }

    /// Notices silence and the end of consent; returns true when consent has just expired.
    pub(crate) fn advance(&mut self, now: Instant, event: &mut impl FnMut(PeerEvent)) -> bool {
        let Some(heard) = self.heard else { return false };
        if self.hearing == Hearing::Good && now >= heard + SILENCE {
            self.hearing = Hearing::Silent;
            event(PeerEvent::Silent);
        }
        let expired = self.hearing == Hearing::Silent && now >= heard + CONSENT;
        if expired {
            self.hearing = Hearing::Expired;
            (self.selected, self.nominated, self.heard) = (None, None, None);
            self.paths.drain(..).for_each(|valid| event(PeerEvent::PathRemoved(valid.path)));
        }
        expired
    }

    /// Takes one STUN datagram: authenticates it, answers it, and draws the conclusions for the paths.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        out: &mut Datagrams,
        event: &mut impl FnMut(PeerEvent),
    ) -> Result<(), Reject> {
        let message = Message::parse(datagram).ok_or(Reject::StunMalformed)?;
        match message.class {
            Class::Request => {}
            // A keepalive; it proves nothing and wants nothing.
            Class::Indication => return Ok(()),
            // We ask nothing, so nothing is an answer.
            Class::Success | Class::Error => return Err(Reject::StunMalformed),
        }
        let local = self.authenticate(&message).ok_or(Reject::StunUnauthenticated)?;
        let conflict = matches!(message.role, Some(Role::Controlled(_)));
        respond(&local.key, &message, conflict, path, datagram.len(), out);
        if conflict {
            return Ok(());
        }
        if local.ufrag == self.local.ufrag {
            self.previous = None;
        }
        self.validated(now, path, message.priority.unwrap_or(0), event);
        self.consider(now, path, message.use_candidate, event);
        Ok(())
    }

    /// The credentials under which the message is authentic.
    fn authenticate(&self, message: &Message<'_>) -> Option<&Local> {
        if self.is_expired() {
            return None;
        }
        let (receiver, _) = message.username()?;
        let local = std::iter::once(&self.local).chain(&self.previous).find(|local| local.ufrag == receiver)?;
        is_authentic(&local.key, &message.integrity()?).then_some(local)
    }

    /// Notes a check on `path`, making room if need be.
    fn validated(&mut self, now: Instant, path: Path, priority: u32, event: &mut impl FnMut(PeerEvent)) {
        if let Some(valid) = self.paths.iter_mut().find(|valid| valid.path == path) {
            valid.checked = now;
            valid.priority = priority;
            return;
        }
        if self.paths.len() >= PATHS_MAX {
            let others = self.paths.iter().enumerate().filter(|(_, valid)| Some(valid.path) != self.selected);
            if let Some((oldest, _)) = others.min_by_key(|(_, valid)| valid.checked) {
                event(PeerEvent::PathRemoved(self.paths.swap_remove(oldest).path));
            }
        }
        self.paths.push(ValidPath { path, checked: now, priority });
        event(PeerEvent::PathAdded(path));
    }

    /// Decides whether `path` becomes or stays the selected one, and hears the remote on it.
    fn consider(&mut self, now: Instant, path: Path, nominates: bool, event: &mut impl FnMut(PeerEvent)) {
        let takes_over = match self.selected {
            None => true,
            Some(selected) if selected == path => false,
            Some(selected) => nominates && !self.is_held(now, selected, path),
        };
        if takes_over {
            event(PeerEvent::PathChanged { old: self.selected.replace(path), new: path });
        }
        if self.selected != Some(path) {
            return;
        }
        if nominates {
            self.nominated = Some(now);
        }
        self.heard = Some(now);
        if self.hearing == Hearing::Silent {
            event(PeerEvent::Heard);
        }
        self.hearing = Hearing::Good;
    }

    /// Whether `selected` was nominated too recently to lose to `other`.
    fn is_held(&self, now: Instant, selected: Path, other: Path) -> bool {
        let priority = |path| self.paths.iter().find(|valid| valid.path == path).map_or(0, |valid| valid.priority);
        let recent = self.nominated.is_some_and(|nominated| now < nominated + NOMINATION_HOLD);
        recent && priority(other) < priority(selected)
    }
}

pub(crate) fn is_authentic(key: &hmac::Key, integrity: &Integrity<'_>) -> bool {
    let mut context = hmac::Context::with_key(key);
    context.update(&integrity.header);
    context.update(integrity.body);
    constant_time::verify_slices_are_equal(context.sign().as_ref(), &integrity.tag).is_ok()
}

/// HMAC-SHA1 of a message that is being written.
pub(crate) fn sign(key: &hmac::Key, covered: &[u8]) -> [u8; INTEGRITY_BYTES] {
    let mut tag = [0; INTEGRITY_BYTES];
    tag.copy_from_slice(hmac::sign(key, covered).as_ref());
    tag
}

/// Answers an authenticated request, never with more bytes than it had.
pub(crate) fn respond(
    key: &hmac::Key,
    request: &Message<'_>,
    conflict: bool,
    path: Path,
    request_len: usize,
    out: &mut Datagrams,
) {
    let remote = SocketAddr::new(path.remote.ip().to_canonical(), path.remote.port());
    out.write(path, WRITTEN_BYTES_MAX, |buffer| {
        let class = if conflict { Class::Error } else { Class::Success };
        let mut writer = Writer::new(buffer, class, &request.transaction);
        let writer = if conflict { writer.role_conflict() } else { writer.mapped(remote) };
        writer.finish(|covered| sign(key, covered)).filter(|len| *len <= request_len)
    });
}
