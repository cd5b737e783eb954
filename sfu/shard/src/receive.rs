//! A datagram's first steps: whose it is, what its peer makes of it, and what the peer has to tell.

use std::time::Instant;

use door::{Notice, Path, ShardId};
use peer::{PeerEvent, Received, Reject, SrtpProfile};
use wire::stun;

use crate::routes::{PeerSlot, Route};
use crate::{Shard, ShardMessage, Task};

impl Shard {
    /// One datagram as it came from a socket. It is decrypted in place. One that belongs to another
    /// shard's peer goes there by value.
    pub fn receive(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += datagram.len() as u64;
        match self.route(&path, datagram) {
            Route::Here(slot) if self.is_let_in(now, slot, &path, datagram) => {
                self.receive_for(now, slot, path, datagram)
            }
            Route::Here(_) => {}
            Route::Elsewhere(shard) => {
                self.calm.checks += u64::from(stun::is_stun(datagram));
                let message = ShardMessage::Datagram { path, bytes: datagram.to_vec() };
                self.outbox.messages.push((shard, message));
            }
            Route::Unknown => self.stats.datagrams_unknown += 1,
        }
    }

    /// The shard that a STUN check's user fragment names; `None` for anything else.
    pub fn home(datagram: &[u8]) -> Option<ShardId> {
        let (ours, _) = stun::Message::parse(datagram)?.username()?;
        door::IceCredentials::shard(ours.as_bytes())
    }

    /// A datagram that another shard took for this one's; it is not sent on again.
    pub(crate) fn receive_forwarded(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        self.calm.forwarded += 1;
        match self.route(&path, datagram) {
            Route::Here(slot) if self.is_let_in(now, slot, &path, datagram) => {
                self.receive_for(now, slot, path, datagram)
            }
            Route::Here(_) => {}
            Route::Elsewhere(_) | Route::Unknown => self.stats.datagrams_unknown += 1,
        }
    }

    /// A check names its peer; anything else is known by the path that a check opened.
    fn route(&self, path: &Path, datagram: &[u8]) -> Route {
        if !stun::is_stun(datagram) {
            return self.routes.by_path(path);
        }
        let message = stun::Message::parse(datagram);
        match message.as_ref().and_then(stun::Message::username) {
            Some((ours, _)) => self.routes.by_ufrag(ours.as_bytes(), self.config.id, self.config.shards),
            None => Route::Unknown,
        }
    }

    fn receive_for(&mut self, now: Instant, slot: PeerSlot, path: Path, datagram: &mut [u8]) {
        let Some(entry) = self.peers.at(slot) else { return };
        match entry.peer.receive(now, path, datagram, &mut self.outbox.datagrams) {
            Received::Rtp(packet) => self.receive_rtp(now, slot, packet),
            Received::Rtcp(compound) => self.receive_rtcp(now, slot, compound),
            Received::Nothing => {
                let news = self.after_peer(slot);
                self.calm.checks += u64::from(!news && stun::is_stun(datagram));
            }
            Received::Rejected(reason) => {
                self.count_rejected(reason);
                if reason == Reject::StunUnauthenticated {
                    self.guard.failed(now, self.epoch, &path);
                }
                self.after_peer(slot);
            }
        }
        self.begin_connected(now);
    }

    /// Peers that connected in this turn get what they subscribed to.
    fn begin_connected(&mut self, now: Instant) {
        while let Some(slot) = self.connected.pop() {
            self.begin_media(now, slot);
        }
    }

    fn count_rejected(&mut self, reason: Reject) {
        self.stats.datagrams_bad += 1;
        self.stats.srtp_rejected += u64::from(reason.is_srtp());
    }

    pub(crate) fn advance_peer(&mut self, now: Instant, slot: PeerSlot) {
        let Some(entry) = self.peers.at(slot) else { return };
        entry.peer.advance(now, &mut self.outbox.datagrams);
        self.after_peer(slot);
        self.begin_connected(now);
    }

    /// Tells what the peer has to tell, if anything, and sets its timer.
    pub(crate) fn after_peer(&mut self, slot: PeerSlot) -> bool {
        let mut news = false;
        while let Some(event) = self.peers.at(slot).and_then(|entry| entry.peer.poll_event()) {
            news = true;
            self.on_event(slot, event);
        }
        let Some(peer) = self.peers.at(slot).map(|entry| &mut entry.peer) else { return news };
        self.stats.data_shed += peer.take_data_shed();
        let deadline = peer.deadline();
        self.timers.set(Task::Peer(slot), deadline);
        news
    }

    fn on_event(&mut self, slot: PeerSlot, event: PeerEvent) {
        let Some(key) = self.peers.at(slot).map(|entry| entry.key) else { return };
        let notice = match event {
            PeerEvent::PathAdded(path) => return self.own_path(slot, path),
            PeerEvent::PathRemoved(path) => return self.drop_path(slot, &path),
            PeerEvent::PathChanged { old: None, .. } if self.calm.joining.contains(&slot) => Notice::PeerReached(key),
            PeerEvent::PathChanged { .. } | PeerEvent::ChannelClosed(_) => return,
            PeerEvent::Connected { profile } => {
                self.count_handshake(profile);
                self.calm.joining.remove(&slot);
                self.connected.push(slot);
                Notice::PeerConnected(key)
            }
            PeerEvent::Silent => Notice::PeerSilent(key),
            PeerEvent::Heard => Notice::PeerHeard(key),
            PeerEvent::Ended(end) => Notice::PeerEnded(key, end),
            PeerEvent::Backlog(full) => Notice::DataBacklog(key, full),
            PeerEvent::ChannelOpen(label) => Notice::ChannelOpen(key, label),
            PeerEvent::Data { label, payload } => {
                self.stats.data_in += 1;
                Notice::Data { peer: key, channel: label, payload }
            }
        };
        self.outbox.notices.push(notice);
    }

    fn count_handshake(&mut self, profile: Option<SrtpProfile>) {
        self.stats.handshakes += 1;
        match profile {
            Some(SrtpProfile::Aes128Gcm) => self.stats.srtp_aes128_gcm += 1,
            Some(SrtpProfile::Aes256Gcm) => self.stats.srtp_aes256_gcm += 1,
            Some(SrtpProfile::Aes128CmSha1) => self.stats.srtp_aes128_sha1 += 1,
            None => {}
        }
    }

    fn own_path(&mut self, slot: PeerSlot, path: Path) {
        self.routes.add_path(path, slot);
        if let Some(entry) = self.peers.at(slot) {
            entry.paths.push(path);
        }
        self.tell_other_shards(|| ShardMessage::PathOwned(path));
    }

    pub(crate) fn drop_path(&mut self, slot: PeerSlot, path: &Path) {
        self.routes.remove_path(path, slot);
        if let Some(entry) = self.peers.at(slot) {
            entry.paths.retain(|other| other != path);
        }
        self.tell_other_shards(|| ShardMessage::PathDropped(*path));
    }

    fn tell_other_shards(&mut self, message: impl Fn() -> ShardMessage) {
        let own = self.config.id;
        let others = (0..self.config.shards).map(ShardId).filter(|&shard| shard != own);
        self.outbox.messages.extend(others.map(|shard| (shard, message())));
    }
}
