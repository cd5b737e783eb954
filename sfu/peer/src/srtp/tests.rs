//! Published vectors, then what an attacker or a bad network does to packets.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, LessSafeKey, UnboundKey};
use proptest::prelude::*;

use super::*;

const PROFILES: [SrtpProfile; 3] = [SrtpProfile::Aes128Gcm, SrtpProfile::Aes256Gcm, SrtpProfile::Aes128CmSha1];

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// RFC 7714 section 16: session keys, salt and plain packets.
fn rfc_7714(key_len: u8) -> Cipher {
    let key: Vec<u8> = (0..key_len).collect();
    let algorithm = if key_len == 16 { &AES_128_GCM } else { &AES_256_GCM };
    let salt = hex("51756964 2070726f 2071756f").try_into().unwrap();
    Cipher::Gcm { key: LessSafeKey::new(UnboundKey::new(algorithm, &key).unwrap()), salt }
}

const GCM_RTP: &str = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070
    61727465 73207472 6573";
const GCM_RTCP: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef
    deadbeef deadbeef deadbeef";

#[test]
fn seals_and_opens_the_rtp_of_rfc_7714() {
    let table = [
        (
            16,
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b
            36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        ),
        (
            32,
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f
            1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        ),
    ];
    for (key_len, sealed) in table {
        let cipher = rfc_7714(key_len);
        let plain = hex(GCM_RTP);
        let mut packet = plain.clone();
        packet.resize(plain.len() + SRTP_OVERHEAD_MAX, 0);
        let len = cipher.seal_rtp(&mut packet, 12, plain.len(), &[], 0x5501_a0b2, 0xf17b).unwrap();
        assert_eq!(packet[..len], hex(sealed));
        let opened = cipher.open_rtp(&mut packet[..len], 12, 0x5501_a0b2, 0xf17b).unwrap();
        assert_eq!(packet[..opened], plain);
    }
}

#[test]
fn seals_and_opens_the_rtcp_of_rfc_7714() {
    let sealed = "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46
        86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4";
    let cipher = rfc_7714(16);
    let plain = hex(GCM_RTCP);
    let mut packet = plain.clone();
    packet.resize(plain.len() + SRTP_OVERHEAD_MAX, 0);
    let len = cipher.seal_rtcp(&mut packet, plain.len(), 0x4d61_7273, 0x8000_05d4).unwrap();
    assert_eq!(packet[..len], hex(sealed));
    let (body, word) = cipher.split_rtcp(&packet[..len]).unwrap();
    assert_eq!((body, word), (plain.len(), 0x8000_05d4));
    cipher.open_rtcp(&mut packet[..len], body, 0x4d61_7273, word).unwrap();
    assert_eq!(packet[..body], plain);
}

/// The packets that libsrtp checks itself with, under the keys of RFC 3711 appendix B.3.
#[test]
fn seals_counter_mode_as_others_do() {
    let master = MasterKey::new(
        SrtpProfile::Aes128CmSha1,
        &hex("e1f97a0d3e018be0d64fa32c06de4139"),
        &hex("0ec675ad498afeebb6960b3aabe6"),
    );
    let mut outbound = Outbound::new(&master.unwrap()).unwrap();
    let mut packet = hex("800f1234 decafbad cafebabe abababab abababab abababab abababab");
    packet.resize(28 + SRTP_OVERHEAD_MAX, 0);
    let len = outbound.seal_rtp(&mut packet, 12, 28, &[]).unwrap();
    let sealed = "800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb";
    assert_eq!(packet[..len], hex(sealed));

    let mut packet = hex("81c8000b cafebabe abababab abababab abababab abababab");
    packet.resize(24 + SRTP_OVERHEAD_MAX, 0);
    let len = outbound.seal_rtcp(&mut packet, 24).unwrap();
    let sealed = "81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123 0798";
    assert_eq!(packet[..len], hex(sealed));
}

/// A client and a server with the same keys.
fn pair(profile: SrtpProfile) -> (Srtp, Srtp) {
    let len = 2 * (profile.key_bytes() + profile.salt_bytes());
    let material: Vec<u8> = (0..len).map(|at| at as u8).collect();
    let make = |client| Srtp::new(profile, &KeyingMaterial::new(&material), client).unwrap();
    (make(true), make(false))
}

fn rtp(sequence: u16, ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(b"payload");
    packet
}

fn rtcp(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet
}

fn seal(srtp: &mut Srtp, plain: &[u8]) -> Option<Vec<u8>> {
    let mut packet = plain.to_vec();
    packet.resize(plain.len() + SRTP_OVERHEAD_MAX, 0);
    let len = srtp.seal_rtp(&mut packet, rtp_header_len(plain)?, plain.len())?;
    packet.truncate(len);
    Some(packet)
}

fn seal_control(srtp: &mut Srtp, plain: &[u8]) -> Vec<u8> {
    let mut packet = plain.to_vec();
    packet.resize(plain.len() + SRTP_OVERHEAD_MAX, 0);
    let len = srtp.seal_rtcp(&mut packet, plain.len()).unwrap();
    packet.truncate(len);
    packet
}

#[test]
fn opens_what_the_other_side_sealed() {
    for profile in PROFILES {
        let (mut client, mut server) = pair(profile);
        let plain = rtp(7, 1);
        let mut sealed = seal(&mut client, &plain).unwrap();
        assert_ne!(sealed[12..plain.len()], plain[12..]);
        assert!(sealed.len() <= plain.len() + SRTP_OVERHEAD_MAX);
        let len = server.open_rtp(&mut sealed).unwrap();
        assert_eq!(sealed[..len], plain);

        let plain = rtcp(1);
        let mut sealed = seal_control(&mut server, &plain);
        let len = client.open_rtcp(&mut sealed).unwrap();
        assert_eq!(sealed[..len], plain);
    }
}

#[test]
fn refuses_every_flipped_bit() {
    for profile in PROFILES {
        let (mut client, mut server) = pair(profile);
        let sealed = seal(&mut client, &rtp(7, 1)).unwrap();
        let control = seal_control(&mut client, &rtcp(1));
        for bit in 0..sealed.len() * 8 {
            let mut forged = sealed.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(server.open_rtp(&mut forged).is_err(), "{profile:?} RTP bit {bit}");
        }
        for bit in 0..control.len() * 8 {
            let mut forged = control.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(server.open_rtcp(&mut forged).is_err(), "{profile:?} RTCP bit {bit}");
        }
        assert!(server.open_rtp(&mut sealed.clone()).is_ok());
        assert!(server.open_rtcp(&mut control.clone()).is_ok());
    }
}

#[test]
fn refuses_replays() {
    for profile in PROFILES {
        let (mut client, mut server) = pair(profile);
        let early = seal(&mut client, &rtp(1, 1)).unwrap();
        let late = seal(&mut client, &rtp(2, 1)).unwrap();
        let control = seal_control(&mut client, &rtcp(1));
        assert!(server.open_rtp(&mut late.clone()).is_ok());
        assert!(server.open_rtp(&mut early.clone()).is_ok());
        assert_eq!(server.open_rtp(&mut early.clone()), Err(Reject::SrtpReplayed));
        assert_eq!(server.open_rtp(&mut late.clone()), Err(Reject::SrtpReplayed));
        assert!(server.open_rtcp(&mut control.clone()).is_ok());
        assert_eq!(server.open_rtcp(&mut control.clone()), Err(Reject::SrtpReplayed));
        let far = seal(&mut client, &rtp(2_000, 1)).unwrap();
        let old = seal(&mut pair(profile).0, &rtp(900, 1)).unwrap();
        assert!(server.open_rtp(&mut far.clone()).is_ok());
        assert_eq!(server.open_rtp(&mut old.clone()), Err(Reject::SrtpReplayed));
    }
}

#[test]
fn follows_the_rollover_with_loss_and_disorder() {
    for profile in PROFILES {
        let (mut client, mut server) = pair(profile);
        let sealed: Vec<_> = [65_530, 65_535, 0, 1, 30_000, 60_000, 9_000]
            .map(|sequence| (sequence, seal(&mut client, &rtp(sequence, 1)).unwrap()))
            .into();
        for at in [0, 2, 1, 3, 4, 5, 6] {
            let (sequence, packet) = &sealed[at];
            let mut packet = packet.clone();
            let opened = server.open_rtp(&mut packet).map(|len| packet[..len].to_vec());
            assert_eq!(opened, Ok(rtp(*sequence, 1)), "{profile:?} {sequence}");
        }
    }
}

#[test]
fn makes_no_record_of_unauthenticated_sources() {
    let (_, mut server) = pair(SrtpProfile::Aes128Gcm);
    for ssrc in 0..10_000 {
        let mut forged = rtp(1, ssrc);
        forged.extend([0; 16]);
        assert_eq!(server.open_rtp(&mut forged), Err(Reject::SrtpUnauthenticated));
    }
    assert!(server.inbound.rtp_sources.window(1).is_none());
}

#[test]
fn refuses_too_many_sources_in_both_directions() {
    let (mut client, mut server) = pair(SrtpProfile::Aes128Gcm);
    for ssrc in 0..OUTBOUND_SOURCES_MAX as u32 {
        let mut sealed = seal(&mut client, &rtp(1, ssrc)).unwrap();
        let fits = (ssrc as usize) < INBOUND_SOURCES_MAX;
        assert_eq!(server.open_rtp(&mut sealed).is_ok(), fits);
    }
    assert_eq!(seal(&mut client, &rtp(1, u32::MAX)), None);
}

#[test]
fn never_seals_twice_under_one_gcm_nonce() {
    for profile in PROFILES {
        let (mut client, _) = pair(profile);
        assert!(seal(&mut client, &rtp(1_000, 1)).is_some());
        assert!(seal(&mut client, &rtp(1_001, 1)).is_some());
        assert!(seal(&mut client, &rtp(999, 1)).is_some());
        let again = seal(&mut client, &rtp(1_000, 1));
        assert_eq!(again.is_some(), profile == SrtpProfile::Aes128CmSha1, "{profile:?}");
    }
}

#[test]
fn refuses_lengths_that_do_not_fit() {
    let (mut client, _) = pair(SrtpProfile::Aes128Gcm);
    let mut packet = rtp(1, 1);
    let len = packet.len();
    assert_eq!(client.seal_rtp(&mut packet, 12, len), None, "no room for the tag");
    packet.resize(len + SRTP_OVERHEAD_MAX, 0);
    assert_eq!(client.seal_rtp(&mut packet, len + 1, len), None);
    assert_eq!(client.seal_rtp(&mut packet, 4, len), None);
    assert_eq!(client.seal_rtcp(&mut packet, 4), None);
}

proptest! {
    #[test]
    fn a_rest_elsewhere_is_sealed_as_if_it_stood_behind(payload in prop::collection::vec(any::<u8>(), 0..300), cut: u16) {
        let mut plain = hex("80600001 00000002 00000003");
        plain.extend_from_slice(&payload);
        let cut = 12 + usize::from(cut) % (payload.len() + 1);
        for profile in PROFILES {
            let sealed = |written: usize| {
                let (mut session, _) = pair(profile);
                let mut room = plain[..written].to_vec();
                room.resize(plain.len() + SRTP_OVERHEAD_MAX, 0);
                let len = session.seal_rtp_with(&mut room, 12, written, &plain[written..]).unwrap();
                room[..len].to_vec()
            };
            prop_assert_eq!(sealed(cut), sealed(plain.len()));
        }
    }

    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        for profile in PROFILES {
            let (_, mut server) = pair(profile);
            prop_assert!(server.open_rtp(&mut bytes.clone()).is_err());
            prop_assert!(server.open_rtcp(&mut bytes.clone()).is_err());
        }
    }
}
