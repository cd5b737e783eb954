//! What control tells the media house of one peer.

/// ICE user fragment and password (RFC 8445 section 5.3).
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// User fragment, 4..=256 characters. A local one begins with its shard, see [`IceCredentials::shard`].
    pub ufrag: String,
    /// Password, 22..=256 characters.
    pub pwd: String,
}

impl std::fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IceCredentials({}, pwd hidden)", self.ufrag)
    }
}

impl IceCredentials {
    /// Makes a local user fragment that names its shard: four hexadecimal digits, then `random`.
    pub fn local(shard: crate::ShardId, random: &str, pwd: String) -> Self {
        Self { ufrag: format!("{:04x}{random}", shard.0), pwd }
    }

    /// The shard named by a local user fragment.
    pub fn shard(local_ufrag: &[u8]) -> Option<crate::ShardId> {
        let digits = std::str::from_utf8(local_ufrag.get(..4)?).ok()?;
        u16::from_str_radix(digits, 16).ok().map(crate::ShardId)
    }
}

/// Which side starts DTLS (RFC 8842).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DtlsRole {
    /// We wait for the ClientHello (`a=setup:passive`).
    Passive,
    /// We send it (`a=setup:active`).
    Active,
}

/// Hash of a certificate's DER form (RFC 8122). Only SHA-256 is accepted.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl std::fmt::Display for Fingerprint {
    /// Upper-case hexadecimal pairs with colons, as in SDP.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

/// Everything needed to meet one peer. The server is always ICE-lite and controlled.
#[derive(Clone, Debug)]
pub struct PeerParams {
    /// Our credentials for this peer.
    pub local: IceCredentials,
    /// The remote's, once its description is known.
    pub remote: Option<IceCredentials>,
    /// What the remote's certificate must hash to, once its description is known. No key is
    /// accepted before.
    pub fingerprint: Option<Fingerprint>,
    /// Our side of DTLS.
    pub role: DtlsRole,
    /// The remote's data channels exist without announcement: reliable 100, lossy 101, data track 102.
    pub negotiated_channels: bool,
    /// We open the data channels in-band (the subscriber connection of a dual set-up).
    pub opens_channels: bool,
    /// Videos that do not fit its link are paused (true) or keep their lowest layer (false), whatever holds for others.
    pub pauses: Option<bool>,
}

/// LiveKit's data channels, and whatever else a client opens.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ChannelLabel {
    /// `_reliable`: ordered, never given up.
    Reliable,
    /// `_lossy`: unordered, no retransmission.
    Lossy,
    /// `_data_track`: unordered, no retransmission.
    DataTrack,
    /// Any other label, at most 64 bytes.
    Other(String),
}
