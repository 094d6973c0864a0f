//! The stored form of the lists, and its bounds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{MAX_MODELS, Misread, REFUSED_FOR};
use crate::Millis;
use crate::json;
use crate::models::{FieldSet, Fields, Listed};

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub(super) struct Record {
    pub(super) lists: BTreeMap<String, List>,
    pub(super) refused: BTreeMap<String, Refused>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct List {
    pub(super) at: u64,
    pub(super) models: Vec<Listed>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Refused {
    pub(super) at: u64,
    pub(super) fields: FieldSet,
    /// What the service's schema said; `None`: no list was known, and the next one says it.
    pub(super) of: Option<Fields>,
}

impl Refused {
    pub(super) fn is_over(&self, now: Millis) -> bool {
        now - Millis(self.at) >= REFUSED_FOR
    }
}

impl Record {
    /// The version first, since a later one may have any other shape. What cannot be read inside is left out.
    pub(super) fn read(bytes: &[u8], now: Millis) -> Result<Self, Misread> {
        #[derive(Deserialize)]
        struct Outer {
            v: u64,
            #[serde(default)]
            lists: Value,
            #[serde(default)]
            refused: Value,
        }
        if bytes.len() > 2 * MAX_BYTES {
            return Err(Misread::Broken);
        }
        let outer: Outer = json::read(bytes).map_err(|_| Misread::Broken)?;
        match outer.v {
            VERSION => {}
            later if later > VERSION => return Err(Misread::Newer(later)),
            _ => return Err(Misread::Broken),
        }
        let lists = members(outer.lists).filter_map(|(id, value)| Some((id, List::read(value, now)?)));
        let refused = members(outer.refused).filter_map(|(id, value)| {
            let mut refused: Refused = serde_json::from_value(value).ok()?;
            refused.at = refused.at.min(now.0);
            Some((id, refused))
        });
        Ok(Self { lists: lists.collect(), refused: refused.collect() })
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (id, list) in other.lists {
            if self.lists.get(&id).is_none_or(|ours| ours.at < list.at) {
                self.lists.insert(id, list);
            }
        }
        for (id, refused) in other.refused {
            if self.refused.get(&id).is_none_or(|ours| ours.at < refused.at) {
                self.refused.insert(id, refused);
            }
        }
    }

    /// Drops what is too old, then the oldest of what is too much.
    pub(super) fn prune(&mut self, now: Millis) {
        self.lists.retain(|id, list| id.len() <= MAX_ID && now - Millis(list.at) < KEPT_FOR);
        self.refused.retain(|id, refused| id.len() <= MAX_ID && !refused.is_over(now));
        while self.refused.len() > MAX_REFUSED {
            let oldest = self.refused.iter().min_by_key(|(_, refused)| refused.at).map(|(id, _)| id.clone());
            oldest.and_then(|id| self.refused.remove(&id));
        }
        while self.lists.len() > MAX_ACCOUNTS || (self.lists.len() > 1 && self.encode().len() > MAX_BYTES) {
            let oldest = self.lists.iter().min_by_key(|(_, list)| list.at).map(|(id, _)| id.clone());
            oldest.and_then(|id| self.lists.remove(&id));
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Outer<'r> {
            v: u64,
            #[serde(flatten)]
            record: &'r Record,
        }
        serde_json::to_vec(&Outer { v: VERSION, record: self }).unwrap_or_default()
    }
}

impl List {
    fn read(value: Value, now: Millis) -> Option<Self> {
        #[derive(Deserialize)]
        struct Outer {
            at: u64,
            models: Vec<Value>,
        }
        let Outer { at, models } = serde_json::from_value(value).ok()?;
        let model = |value| serde_json::from_value::<Listed>(value).ok()?.checked();
        // A clock that ran ahead must not keep newer lists out.
        Some(Self { at: at.min(now.0), models: models.into_iter().filter_map(model).take(MAX_MODELS).collect() })
    }
}

fn members(value: Value) -> impl Iterator<Item = (String, Value)> {
    let Value::Object(members) = value else { return serde_json::Map::new().into_iter() };
    members.into_iter()
}

/// How long the list of an account that does not come back is kept.
const KEPT_FOR: Millis = Millis::mins(30 * 24 * 60);
const MAX_ACCOUNTS: usize = 64;
pub(super) const MAX_REFUSED: usize = 64;
/// Bytes of the stored value.
pub(super) const MAX_BYTES: usize = 256 * 1024;
/// Bytes of an account's id and of a model's.
const MAX_ID: usize = 128;
const VERSION: u64 = 1;
