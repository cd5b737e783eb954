//! What the tests say of the server.

use door::{Fingerprint, IceCredentials, Protocol};
use thalweg_sdp::{Candidate, Local};

/// A server with one UDP and one TCP address.
pub(crate) fn local() -> Local {
    let candidates = vec![
        Candidate::host(Protocol::Udp, "192.0.2.10:7882".parse().unwrap(), 0),
        Candidate::host(Protocol::Tcp, "192.0.2.10:7881".parse().unwrap(), 0),
    ];
    let ice = IceCredentials { ufrag: "0001srv0".to_owned(), pwd: "serverpasswordserverpass".to_owned() };
    Local { ice, fingerprint: Fingerprint([0x5a; 32]), candidates, session: 77, version: 3 }
}
