//! Secrets at rest: sealed with a key that stands in a file of its own, so that a copy of the database tells none.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hmac, rand};

use crate::lock::FILE_MODE;
use crate::{OpenError, StoreError};

/// The key's file in the folder.
const FILE: &str = "store.key";
/// Bytes of the key.
const KEY_BYTES: usize = 32;

/// Seals and opens secrets (AES-256-GCM), and makes tags by which a sealed secret is found (HMAC-SHA-256).
#[derive(Debug)]
pub struct Vault {
    seal: RandomizedNonceKey,
    tag: hmac::Key,
}

impl Vault {
    /// A vault whose key goes with the process.
    ///
    /// # Errors
    /// The system has no randomness.
    pub(crate) fn passing() -> Result<Self, OpenError> {
        Self::new(&fresh_key()?)
    }

    /// The vault of a folder. Its key is made the first time.
    ///
    /// # Errors
    /// The key's file cannot be read or made, or holds something else.
    pub(crate) fn of(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(FILE);
        let failed = |action| {
            let path = path.clone();
            move |source| OpenError::IoFile { action, path, source }
        };
        let mut text = String::new();
        match File::open(&path) {
            Ok(mut file) => _ = file.read_to_string(&mut text).map_err(failed("read"))?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                text = hex(&fresh_key()?);
                let file = File::options().create_new(true).write(true).mode(FILE_MODE).open(&path);
                let mut file = file.map_err(failed("write"))?;
                writeln!(file, "{text}").and_then(|()| file.sync_all()).map_err(failed("write"))?;
            }
            Err(source) => return Err(failed("read")(source)),
        }
        let key = unhex(text.trim()).ok_or_else(|| OpenError::ConfigKey(path.clone()))?;
        Self::new(&key)
    }

    fn new(key: &[u8; KEY_BYTES]) -> Result<Self, OpenError> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, key);
        let seal = hmac::sign(&root, b"thalweg store: seal");
        let tag = hmac::sign(&root, b"thalweg store: tag");
        // An HMAC-SHA-256 is as long as this key must be.
        let seal = RandomizedNonceKey::new(&AES_256_GCM, seal.as_ref());
        let seal = seal.map_err(|_| OpenError::IoDatabase("no key can be made of 32 bytes".into()))?;
        Ok(Self { seal, tag: hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref()) })
    }

    /// Seals a secret. Only the same `context`, for example the row's id, opens it.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn seal(&self, context: &str, secret: &str) -> Result<Vec<u8>, StoreError> {
        let mut sealed = secret.as_bytes().to_vec();
        let nonce = self.seal.seal_in_place_append_tag(Aad::from(context), &mut sealed);
        let mut bytes = nonce.map_err(|_| StoreError::IoSealed)?.as_ref().to_vec();
        bytes.append(&mut sealed);
        Ok(bytes)
    }

    /// Opens what [`Vault::seal`] sealed.
    ///
    /// # Errors
    /// Another key, another context, or other bytes.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<String, StoreError> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(StoreError::IoSealed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| StoreError::IoSealed)?;
        let mut bytes = sealed.to_vec();
        let opened = self.seal.open_in_place(nonce, Aad::from(context), &mut bytes);
        let opened = opened.map_err(|_| StoreError::IoSealed)?.to_vec();
        String::from_utf8(opened).map_err(|_| StoreError::IoSealed)
    }

    /// What a secret is found by: equal for equal secrets, and telling nothing about them.
    pub fn tag(&self, secret: &str) -> Vec<u8> {
        hmac::sign(&self.tag, secret.as_bytes()).as_ref().to_vec()
    }
}

fn fresh_key() -> Result<[u8; KEY_BYTES], OpenError> {
    let mut key = [0; KEY_BYTES];
    rand::fill(&mut key).map_err(|_| OpenError::IoDatabase("the system has no randomness".into()))?;
    Ok(key)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; KEY_BYTES]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_and_context_open() {
        let vault = Vault::passing().unwrap();
        let sealed = vault.seal("IN_1", "live-key").unwrap();
        assert_eq!(vault.open("IN_1", &sealed).unwrap(), "live-key");
        assert_ne!(sealed, vault.seal("IN_1", "live-key").unwrap());
        assert!(!sealed.windows(8).any(|window| window == b"live-key"));
        let mut spoilt = sealed.clone();
        spoilt[20] ^= 1;
        for (vault, context, bytes) in [
            (&vault, "IN_2", &sealed[..]),
            (&Vault::passing().unwrap(), "IN_1", &sealed),
            (&vault, "IN_1", &spoilt),
            (&vault, "IN_1", &sealed[..5]),
            (&vault, "IN_1", &[]),
        ] {
            assert_eq!(vault.open(context, bytes), Err(StoreError::IoSealed));
        }
    }

    #[test]
    fn a_key_is_64_digits() {
        let key = [0xa5; KEY_BYTES];
        assert_eq!(unhex(&hex(&key)), Some(key));
        for wrong in ["", "a5", &hex(&key)[1..], &format!("{}00", hex(&key)), &"é".repeat(32), &"+5".repeat(32)] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}
