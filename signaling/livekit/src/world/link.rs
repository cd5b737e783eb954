//! One peer connection with a client, as control sees it.

use std::collections::BTreeSet;

use door::{ChannelLabel, Command, DtlsRole, IceCredentials, PeerKey, PeerParams, ShardId};
use rand::Rng;

use super::MediaFacts;

/// Random characters of a user fragment, after the shard's four.
const UFRAG_CHARS: usize = 8;
/// Random characters of a password; RFC 8445 asks for 22 at least.
const PWD_CHARS: usize = 24;

/// Our half, the remote's half and how they get on.
#[derive(Debug)]
pub(super) struct Link {
    /// Its name at the media house.
    pub(super) key: PeerKey,
    /// What our descriptions say.
    pub(super) local: sdp::Local,
    /// What the remote's last description said.
    pub(super) remote: Option<sdp::Transport>,
    /// Media is up.
    pub(super) connected: bool,
    /// Media was up and is gone; it may come back.
    pub(super) lost: bool,
    /// Nothing is heard of it; media may be up.
    pub(super) silent: bool,
    /// Data channels that are open for sending.
    pub(super) channels: BTreeSet<ChannelLabel>,
}

impl Link {
    pub(super) fn new(key: PeerKey, media: &MediaFacts, rng: &mut impl Rng) -> Self {
        let local = sdp::Local {
            ice: credentials(key.shard, rng),
            fingerprint: media.fingerprint,
            candidates: media.candidates.clone(),
            // RFC 8829 section 5.2.1 wants 63 bits at most; 62 are safe for every parser.
            session: rng.random::<u64>() >> 2,
            version: 0,
        };
        Self { key, local, remote: None, connected: false, lost: false, silent: false, channels: BTreeSet::new() }
    }

    /// The command that makes the media house expect this peer.
    pub(super) fn add(&self, opens_channels: bool, pauses: Option<bool>) -> Command {
        let params = PeerParams {
            local: self.local.ice.clone(),
            remote: self.remote.as_ref().map(|it| it.ice.clone()),
            fingerprint: self.remote.as_ref().map(|it| it.fingerprint),
            role: self.role(),
            negotiated_channels: false,
            opens_channels,
            pauses,
        };
        Command::AddPeer(self.key, Box::new(params))
    }

    /// The remote offers with `transport`. Other ICE credentials than before are a restart, which the answer must
    /// follow with credentials of its own (RFC 8839 section 4.4.3). Nothing is to be done when nothing changed.
    pub(super) fn offered(&mut self, transport: &sdp::Transport, rng: &mut impl Rng) -> Option<Command> {
        let before = self.remote.replace(transport.clone())?;
        let restart = before.ice != transport.ice;
        if !restart && before.fingerprint == transport.fingerprint {
            return None;
        }
        if restart {
            self.local.ice = credentials(self.key.shard, rng);
        }
        let local = restart.then(|| self.local.ice.clone());
        Some(self.set_remote(local, transport))
    }

    /// The remote answers with `transport`.
    pub(super) fn answered(&mut self, transport: &sdp::Transport) -> Option<Command> {
        if self.remote.as_ref() == Some(transport) {
            return None;
        }
        self.remote = Some(transport.clone());
        Some(self.set_remote(None, transport))
    }

    /// Our next offer restarts ICE. Checks with the new credentials may come before the answer does.
    pub(super) fn restart(&mut self, rng: &mut impl Rng) -> Option<Command> {
        let remote = self.remote.clone()?;
        self.local.ice = credentials(self.key.shard, rng);
        Some(self.set_remote(Some(self.local.ice.clone()), &remote))
    }

    fn set_remote(&self, local: Option<IceCredentials>, transport: &sdp::Transport) -> Command {
        let (remote, fingerprint) = (transport.ice.clone(), transport.fingerprint);
        Command::SetRemote { peer: self.key, local, remote, fingerprint, role: self.role() }
    }

    fn role(&self) -> DtlsRole {
        self.remote.as_ref().map_or(DtlsRole::Passive, |it| it.setup.our_role())
    }
}

fn credentials(shard: ShardId, rng: &mut impl Rng) -> IceCredentials {
    let (ufrag, pwd) = (letters(UFRAG_CHARS, rng), letters(PWD_CHARS, rng));
    IceCredentials::local(shard, &ufrag, pwd)
}

fn letters(count: usize, rng: &mut impl Rng) -> String {
    rng.sample_iter(rand::distr::Alphanumeric).take(count).map(char::from).collect()
}
