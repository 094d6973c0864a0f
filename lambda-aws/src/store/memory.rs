//! Values of one environment alone: gone with it, and unseen by others.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kiro2api_core::host::{Millis, Saved, Stored};

/// A map with versions.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    values: Mutex<BTreeMap<String, Kept>>,
}

#[derive(Debug)]
struct Kept {
    value: Vec<u8>,
    version: u64,
    ends: Millis,
}

impl Memory {
    pub(super) fn load(&self, key: &str) -> Option<Stored> {
        let values = self.lock();
        let kept = values.get(key)?;
        Some(Stored { value: kept.value.clone(), version: Some(kept.version.to_string()) })
    }

    pub(super) fn save(
        &self,
        key: &str,
        value: &[u8],
        expected: Option<&str>,
        lifetime: Option<Millis>,
        now: Millis,
    ) -> Saved {
        let mut values = self.lock();
        values.retain(|_, kept| kept.ends > now);
        let current = values.get(key).map(|kept| kept.version);
        if current.map(|version| version.to_string()).as_deref() != expected {
            return Saved::Conflict;
        }
        let version = current.unwrap_or(0) + 1;
        let ends = lifetime.map_or(Millis::NEVER, |lifetime| now + lifetime);
        values.insert(key.to_owned(), Kept { value: value.to_vec(), version, ends });
        Saved::Stored(Some(version.to_string()))
    }

    pub(super) fn remove(&self, key: &str) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
