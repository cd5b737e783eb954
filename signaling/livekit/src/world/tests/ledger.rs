//! Keeps book of what exists in the media house, and fails on a command that makes no sense there.

use std::collections::{BTreeMap, BTreeSet};

use door::{Command, DownKey, PeerKey, TrackKey};

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) peers: BTreeSet<PeerKey>,
    pub(super) ups: BTreeMap<TrackKey, PeerKey>,
    pub(super) downs: BTreeMap<DownKey, (PeerKey, TrackKey)>,
    /// Tracks of another room.
    pub(super) lent: BTreeSet<TrackKey>,
    ended: BTreeSet<u64>,
    pub(super) log: Vec<Command>,
}

impl Ledger {
    pub(super) fn book(&mut self, command: Command) {
        match &command {
            Command::AddPeer(peer, _) => {
                self.is_fresh(peer.serial);
                assert!(self.peers.insert(*peer));
            }
            Command::SetRemote { peer, .. }
            | Command::SendData { peer, .. }
            | Command::DataTaken { peer, .. }
            | Command::LimitRate { peer, .. }
            | Command::HoldVideo { peer, .. } => {
                assert!(self.peers.contains(peer));
            }
            Command::RemovePeer(peer) => {
                assert!(self.peers.remove(peer), "{peer:?} is not there");
                assert!(self.ups.values().all(|it| it != peer), "{peer:?} still publishes");
                assert!(self.downs.values().all(|(it, _)| it != peer), "{peer:?} still receives");
                self.ended.insert(peer.serial);
            }
            Command::AddUpTrack { track, peer, params } => {
                self.is_fresh(track.serial);
                assert!(self.peers.contains(peer) && peer.shard == track.shard);
                assert!(!params.codecs.is_empty());
                assert!(self.ups.insert(*track, *peer).is_none());
            }
            Command::UpdateUpTrack { track, .. } | Command::MuteUpTrack { track, .. } => {
                assert!(self.ups.contains_key(track));
            }
            Command::RemoveUpTrack(track) => {
                assert!(self.ups.remove(track).is_some());
                assert!(self.downs.values().all(|(_, it)| it != track), "{track:?} is still received");
                self.ended.insert(track.serial);
            }
            Command::AddDownTrack { down, peer, track, .. } => {
                self.is_fresh(down.serial);
                assert!(self.peers.contains(peer) && peer.shard == down.shard);
                assert!(self.ups.contains_key(track) || self.lent.contains(track));
                assert!(self.downs.insert(*down, (*peer, *track)).is_none());
            }
            Command::SetTarget { down, .. } | Command::SetWeight { down, .. } => assert!(self.downs.contains_key(down)),
            Command::AddFedTrack { track, params } => {
                self.is_fresh(track.serial);
                assert!(!params.codecs.is_empty());
                // Nobody's: no peer has this number.
                let nobody = PeerKey { shard: track.shard, serial: 0 };
                assert!(self.ups.insert(*track, nobody).is_none());
            }
            Command::Feed { .. } | Command::FeedClock { .. } => {
                panic!("a room moves no packets");
            }
            Command::RemoveDownTrack(down) => {
                assert!(self.downs.remove(down).is_some());
                self.ended.insert(down.serial);
            }
        }
        self.log.push(command);
    }

    fn is_fresh(&self, serial: u64) {
        assert!(!self.ended.contains(&serial), "a key is used twice");
    }

    pub(super) fn is_empty(&self) -> bool {
        self.peers.is_empty() && self.ups.is_empty() && self.downs.is_empty()
    }
}
