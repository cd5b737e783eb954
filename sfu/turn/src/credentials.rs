//! Names and passwords that end by themselves: the password follows from the name, so that nothing is kept.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest as _, Md5};

use crate::REALM;

/// Longest name that is looked at, in bytes: RFC 8489 section 14.3 allows no more.
const NAME_BYTES_MAX: usize = 508;

/// Makes and checks credentials with a secret of this process.
#[derive(Clone, Debug)]
pub struct Credentials(hmac::Key);

impl Credentials {
    /// Takes a secret that nobody can guess.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Name and password of `user`, good for allocations until `expires_s`, seconds since 1970.
    pub fn issue(&self, user: &str, expires_s: u64) -> (String, String) {
        let name = format!("{expires_s}:{user}");
        let password = self.password(&name);
        (name, password)
    }

    /// The password of a name; every name has one, and only [`Credentials::issue`] tells it.
    pub(crate) fn password(&self, name: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, name.as_bytes()))
    }

    /// The key of a name's signatures (RFC 8489 section 9.2.2), which is an MD5 by definition.
    pub(crate) fn key(&self, name: &str) -> Option<hmac::Key> {
        let fits = name.len() <= NAME_BYTES_MAX;
        let key = Md5::digest(format!("{name}:{REALM}:{}", self.password(name)));
        fits.then(|| hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key))
    }
}

/// A name's two parts: when it ends, and whose it is.
pub(crate) fn parts(name: &str) -> Option<(u64, &str)> {
    let (expires, user) = name.split_once(':')?;
    Some((expires.parse().ok()?, user))
}
