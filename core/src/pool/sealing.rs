//! The seal on stored accounts: AES-256-GCM, so that a leaked store leaks no token.
//!
//! | `TOKEN_STORE_KEY` | seals with | opens with |
//! |---|---|---|
//! | set, one or several | the first | any of them, or the account's own key |
//! | not set | the account's own key | the account's own key |
//!
//! The account's own key comes from its configured secret. So a store is sealed with no set-up at all, and
//! whoever can open an entry already holds the login it came from. What is opened with any other key than the
//! one that seals is written anew at the next save.

use core::fmt;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::credential::Credential;

/// Which keys seal and open the store. `Debug` shows only how many.
#[derive(Clone, Default)]
pub struct Sealing {
    keys: Vec<Key>,
}

type Key = [u8; 32];

impl Sealing {
    /// Reads `TOKEN_STORE_KEY`: keys separated by commas, the first one seals, all of them open. Nothing set,
    /// or nothing but blanks: every account is sealed by its own configured secret.
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

    /// Seals one account's record. The nonce depends on the entropy and on everything that is sealed, so even
    /// a repeated entropy cannot put two texts under one nonce.
    pub(super) fn seal(&self, credential: &Credential, plain: &[u8], entropy: &[u8; 32]) -> Option<String> {
        let key = self.keys.first().copied().unwrap_or_else(|| own(credential));
        let mut hash = Sha256::new();
        for part in [b"kiro2api nonce v1".as_slice(), entropy, &key, credential.id.as_bytes(), plain] {
            hash.update(part);
        }
        let digest = hash.finalize();
        let nonce: [u8; NONCE] = digest.first_chunk().copied()?;
        let aad = bound_to(&credential.id);
        let sealed = Aes256Gcm::new(&key.into())
            .encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: aad.as_bytes() })
            .ok()?;
        Some(STANDARD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Opens one account's record; `None` when no key fits or it was tampered with.
    pub(super) fn open(&self, credential: &Credential, sealed: &str) -> Option<Opened> {
        let bytes = STANDARD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let aad = bound_to(&credential.id);
        let own = own(credential);
        self.keys.iter().chain([&own]).enumerate().find_map(|(at, key)| {
            let payload = Payload { msg: sealed, aad: aad.as_bytes() };
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

/// A record that could be opened.
pub(super) struct Opened {
    pub(super) plain: Vec<u8>,
    /// Whether the key that opened it is the one that seals today.
    pub(super) current: bool,
}

/// An entry must not serve for another account, nor be taken for another version of the format.
fn bound_to(id: &str) -> String {
    format!("kiro2api ledger v1 account {id}")
}

fn own(credential: &Credential) -> Key {
    derive("kiro2api account key v1", credential.secret.reveal())
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

const NONCE: usize = 12;
