//! The stored form of the pool: `{"v":1,"accounts":{"<id>":"<base64 of nonce and ciphertext>"}}`.
//!
//! Only the ids stand in the open. What is sealed is one [`Record`] as JSON. Members this version does not
//! know are skipped, so a later version may add some without a new number.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry::{Claim, Cooling, Entry, Parked, Profile, Token};
use super::quota::Reading;
use crate::host::Millis;
use crate::json::{self, RawValue};
use crate::secret::Secret;

/// The version this code reads and writes.
pub(super) const VERSION: u64 = 1;

/// The outer form.
#[derive(Serialize, Deserialize)]
pub(super) struct Ledger {
    v: u64,
    /// Values stay raw, so that those of other deployments are kept byte for byte.
    #[serde(default)]
    pub(super) accounts: BTreeMap<String, Box<RawValue>>,
}

/// Why stored bytes are no ledger of this version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Misread {
    /// Written by a later version: not ours to overwrite.
    Newer(u64),
    /// Nothing of ours.
    Broken,
}

impl Ledger {
    pub(super) fn new(accounts: BTreeMap<String, Box<RawValue>>) -> Self {
        Self { v: VERSION, accounts }
    }

    /// Reads stored bytes; the version first, since a later one may have any other shape.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Misread> {
        #[derive(Deserialize)]
        struct Version {
            v: u64,
        }
        match json::read::<Version>(bytes) {
            Ok(Version { v: VERSION }) => json::read(bytes).map_err(|_| Misread::Broken),
            Ok(Version { v }) if v > VERSION => Err(Misread::Newer(v)),
            _ => Err(Misread::Broken),
        }
    }

    /// The bytes to store.
    pub(super) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// One account's entry, to be sealed.
#[derive(Serialize, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Record {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<TokenRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<Profile>,
    #[serde(skip_serializing_if = "blank")]
    refused: u64,
    #[serde(skip_serializing_if = "blank")]
    throttle: Cooling,
    #[serde(skip_serializing_if = "blank")]
    quota: Cooling,
    #[serde(skip_serializing_if = "blank")]
    denied: Cooling,
    #[serde(skip_serializing_if = "blank")]
    renewal: Cooling,
    #[serde(skip_serializing_if = "blank")]
    rejected: Cooling,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspended: Option<Parked>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_dead: Option<Parked>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotated_dead: Option<Parked>,
    #[serde(skip_serializing_if = "blank")]
    claim: Claim,
    #[serde(deserialize_with = "readable", skip_serializing_if = "Option::is_none")]
    reading: Option<Reading>,
}

#[derive(Serialize, Deserialize)]
struct TokenRecord {
    issued: u64,
    due: u64,
    expires: u64,
    access: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh: Option<String>,
}

/// A reading of another form is none: the tokens beside it are worth more.
fn readable<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Reading>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

fn blank<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Entry {
    /// The plain text to seal.
    pub(super) fn encode(&self) -> Vec<u8> {
        let token = self.token.as_ref().map(|token| TokenRecord {
            issued: token.issued.0,
            due: token.due.0,
            expires: token.expires.0,
            access: token.access.reveal().to_owned(),
            refresh: token.refresh.as_ref().map(|refresh| refresh.reveal().to_owned()),
        });
        let record = Record {
            token,
            profile: self.profile.clone(),
            refused: self.refused.0,
            throttle: self.throttle,
            quota: self.quota,
            denied: self.denied,
            renewal: self.renewal,
            rejected: self.rejected,
            suspended: self.suspended.clone(),
            original_dead: self.original_dead.clone(),
            rotated_dead: self.rotated_dead.clone(),
            claim: self.claim,
            reading: self.reading.clone(),
        };
        serde_json::to_vec(&record).unwrap_or_default()
    }

    /// Reads an opened record; `None` when it is none.
    pub(super) fn read(plain: &[u8]) -> Option<Self> {
        let record: Record = serde_json::from_slice(plain).ok()?;
        let token = record.token.map(|token| Token {
            issued: Millis(token.issued),
            due: Millis(token.due),
            expires: Millis(token.expires),
            access: Secret::new(token.access),
            refresh: token.refresh.map(Secret::new),
        });
        Some(Self {
            token,
            profile: record.profile,
            refused: Millis(record.refused),
            throttle: record.throttle,
            quota: record.quota,
            denied: record.denied,
            renewal: record.renewal,
            rejected: record.rejected,
            suspended: record.suspended,
            original_dead: record.original_dead,
            rotated_dead: record.rotated_dead,
            claim: record.claim,
            reading: record.reading,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_of_another_form_takes_no_token_with_it() {
        let token = r#""token":{"issued":1,"due":2,"expires":3,"access":"a"}"#;
        for reading in ["7", "\"full\"", r#"{"at":"yesterday"}"#, r#"{"at":1,"limit":{"plan":2}}"#, "null"] {
            let entry = Entry::read(format!("{{{token},\"reading\":{reading}}}").as_bytes()).unwrap();
            assert!(entry.token.is_some() && entry.reading.is_none(), "{reading}");
        }
    }
}
