//! The seal on everything that is stored: AES-256-GCM, so that a leaked store leaks no token and no conversation.
//!
//! | `TOKEN_STORE_KEY` | seals with | opens with |
//! |---|---|---|
//! | set, one or several | the first | any of them, or the owner's own key |
//! | not set | the owner's own key | the owner's own key |
//!
//! The owner's own key comes from a secret that is there anyway: an account's login, a client's key. So a store is
//! sealed with no set-up at all, and whoever can open an entry already holds the secret it belongs to. What is
//! sealed is bound to its place: it opens nowhere else.

use core::fmt;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use sha2::{Digest, Sha256};

/// Which keys seal and open the store. `Debug` shows only how many.
#[derive(Clone, Default)]
pub struct Sealing {
    keys: Vec<Key>,
}

type Key = [u8; 32];

/// The key of whoever an entry belongs to. Never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Own(Key);

impl Own {
    /// Derives it from a secret. Labels keep keys of different uses apart.
    pub fn of(label: &str, secret: &str) -> Self {
        Self(derive(label, secret))
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Own")
    }
}

impl Sealing {
    /// Reads `TOKEN_STORE_KEY`: keys separated by commas, the first one seals, all of them open. Nothing set,
    /// or nothing but blanks: everything is sealed by its owner's own key.
    ///
    /// # Errors
    /// A key shorter than [`MIN_STORE_KEY`] characters, by its place; never its value.
    pub fn parse(token_store_key: Option<&str>) -> Result<Self, String> {
        let text = token_store_key.unwrap_or("").trim();
        if text.is_empty() {
            return Ok(Self::default());
        }
        let mut keys = Vec::new();
        for (at, key) in text.split(',').map(str::trim).enumerate() {
            if key.chars().count() < MIN_STORE_KEY {
                return Err(format!(
                    "TOKEN_STORE_KEY[{at}]: is shorter than {MIN_STORE_KEY} characters; use a long random text, \
                     and separate several keys by commas"
                ));
            }
            keys.push(derive("kiro2api store key v1", key));
        }
        Ok(Self { keys })
    }

    /// Seals what belongs to `own` and stands at `place`; [`OVERHEAD`] bytes are added. The nonce depends on the
    /// entropy and on everything that is sealed, so even a repeated entropy cannot put two texts under one nonce.
    /// `None` only for what is far too long for the cipher.
    pub fn seal(&self, own: &Own, place: &str, plain: &[u8], entropy: &[u8; 32]) -> Option<Vec<u8>> {
        let key = self.keys.first().copied().unwrap_or(own.0);
        let mut hash = Sha256::new();
        for part in [b"kiro2api nonce v1".as_slice(), entropy, &key, place.as_bytes(), plain] {
            hash.update(part);
        }
        let digest = hash.finalize();
        let nonce: [u8; NONCE] = digest.first_chunk().copied()?;
        let sealed = Aes256Gcm::new(&key.into())
            .encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: place.as_bytes() })
            .ok()?;
        Some([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`Sealing::seal`] made; `None` when no key fits, or it was tampered with or moved.
    pub fn open(&self, own: &Own, place: &str, sealed: &[u8]) -> Option<Opened> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        self.keys.iter().chain([&own.0]).enumerate().find_map(|(at, key)| {
            let payload = Payload { msg: sealed, aad: place.as_bytes() };
            let plain = Aes256Gcm::new(&(*key).into()).decrypt(&Nonce::from(*nonce), payload).ok()?;
            Some(Opened { plain, current: at == 0 })
        })
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealing({} keys)", self.keys.len())
    }
}

/// What could be opened.
pub struct Opened {
    /// What was sealed.
    pub plain: Vec<u8>,
    /// Whether the key that opened it is the one that seals today.
    pub current: bool,
}

fn derive(label: &str, secret: &str) -> Key {
    let mut hash = Sha256::new();
    hash.update(label.as_bytes());
    hash.update([0]);
    hash.update(secret.as_bytes());
    hash.finalize().into()
}

/// The shortest key that is taken, in characters.
pub const MIN_STORE_KEY: usize = 16;
/// Bytes that a seal adds: the nonce and the tag.
pub const OVERHEAD: usize = NONCE + 16;

const NONCE: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &[u8] = b"a conversation";

    fn own() -> Own {
        Own::of("test", "secret")
    }

    #[test]
    fn only_the_right_key_at_the_right_place_opens() {
        for keys in [None, Some("a-long-and-random-key")] {
            let sealing = Sealing::parse(keys).unwrap();
            let sealed = sealing.seal(&own(), "here", PLAIN, &[7; 32]).unwrap();
            assert_eq!(sealed.len(), PLAIN.len() + OVERHEAD);
            assert_eq!(sealing.open(&own(), "here", &sealed).unwrap().plain, PLAIN);
            assert!(sealing.open(&own(), "there", &sealed).is_none());
            let other = Sealing::parse(Some("another-long-random-key")).unwrap();
            assert_eq!(other.open(&own(), "here", &sealed).is_some(), keys.is_none());
            assert!(other.open(&Own::of("test", "other"), "here", &sealed).is_none());
            assert!(sealing.open(&own(), "here", &sealed[..sealed.len() - 1]).is_none());
            assert!(sealing.open(&own(), "here", &[]).is_none());
        }
    }

    #[test]
    fn what_an_old_key_sealed_opens_and_says_so() {
        let old = Sealing::parse(Some("the-one-before-it-01")).unwrap();
        let sealed = old.seal(&own(), "here", PLAIN, &[7; 32]).unwrap();
        let new = Sealing::parse(Some("a-long-and-random-key, the-one-before-it-01")).unwrap();
        assert!(!new.open(&own(), "here", &sealed).unwrap().current);
        assert!(old.open(&own(), "here", &sealed).unwrap().current);
    }

    #[test]
    fn one_entropy_never_gives_two_texts_one_nonce() {
        let sealing = Sealing::default();
        let nonce = |plain: &[u8]| sealing.seal(&own(), "here", plain, &[7; 32]).unwrap()[..NONCE].to_vec();
        assert_ne!(nonce(b"one"), nonce(b"two"));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?} {:?}", Sealing::default(), own()), "Sealing(0 keys) Own");
    }
}
