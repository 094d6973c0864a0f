//! Values of one environment alone: gone with it, and unseen by others.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kiro2api_core::host::{Millis, Saved, StoreError, Stored};

/// A map with versions.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    values: Mutex<Values>,
}

#[derive(Debug, Default)]
struct Values {
    kept: BTreeMap<String, Kept>,
    /// Counts saves, so that no version comes back after a removal.
    saves: u64,
}

#[derive(Debug)]
struct Kept {
    value: Vec<u8>,
    version: String,
    ends: Millis,
}

impl Memory {
    pub(super) fn load(&self, key: &str) -> Option<Stored> {
        let values = self.lock();
        let kept = values.kept.get(key)?;
        Some(Stored { value: kept.value.clone(), version: Some(kept.version.clone()) })
    }

    pub(super) fn save(
        &self,
        key: &str,
        value: &[u8],
        expected: Option<&str>,
        lifetime: Option<Millis>,
        now: Millis,
    ) -> Result<Saved, StoreError> {
        let mut values = self.lock();
        values.kept.retain(|_, kept| kept.ends > now);
        if values.kept.get(key).map(|kept| kept.version.as_str()) != expected {
            return Ok(Saved::Conflict);
        }
        // What is kept until it is removed is the ledger of the accounts, which is small and must find its place.
        if lifetime.is_some() && values.passing() + value.len() > ROOM {
            return Err(StoreError(FULL.into()));
        }
        values.saves += 1;
        let version = values.saves.to_string();
        let ends = lifetime.map_or(Millis::NEVER, |lifetime| now + lifetime);
        values.kept.insert(key.to_owned(), Kept { value: value.to_vec(), version: version.clone(), ends });
        Ok(Saved::Stored(Some(version)))
    }

    pub(super) fn remove(&self, key: &str) {
        self.lock().kept.remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, Values> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Values {
    /// Bytes of values with a lifetime.
    fn passing(&self) -> usize {
        self.kept.values().filter(|kept| kept.ends < Millis::NEVER).map(|kept| kept.value.len()).sum()
    }
}

/// Bytes of values with a lifetime: an environment has little more memory than this, and nobody empties it.
const ROOM: usize = 32 * 1024 * 1024;
const FULL: &str = "the memory of this execution environment holds no more responses: set TOKEN_TABLE to keep them in \
                    a DynamoDB table";

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis::secs(1_000);

    fn version(saved: &Result<Saved, StoreError>) -> Option<String> {
        match saved {
            Ok(Saved::Stored(version)) => version.clone(),
            _ => None,
        }
    }

    #[test]
    fn a_save_needs_the_version_that_is_there() {
        let memory = Memory::default();
        let first = version(&memory.save("k", b"1", None, None, NOW)).unwrap();
        assert_eq!(memory.save("k", b"2", None, None, NOW), Ok(Saved::Conflict));
        let second = version(&memory.save("k", b"2", Some(&first), None, NOW)).unwrap();
        assert_eq!(memory.save("k", b"3", Some(&first), None, NOW), Ok(Saved::Conflict));
        assert_eq!(memory.load("k"), Some(Stored { value: b"2".to_vec(), version: Some(second) }));
    }

    #[test]
    fn no_version_comes_back_after_a_removal() {
        let memory = Memory::default();
        let first = version(&memory.save("k", b"1", None, None, NOW)).unwrap();
        memory.remove("k");
        assert_eq!(memory.save("k", b"2", Some(&first), None, NOW), Ok(Saved::Conflict));
        assert_ne!(version(&memory.save("k", b"2", None, None, NOW)).unwrap(), first);
    }

    #[test]
    fn what_has_expired_makes_room_and_no_conflict() {
        let memory = Memory::default();
        memory.save("k", b"1", None, Some(Millis(10)), NOW).unwrap();
        assert_eq!(memory.save("k", b"2", None, None, NOW + Millis(9)), Ok(Saved::Conflict));
        assert!(version(&memory.save("k", b"2", None, None, NOW + Millis(10))).is_some());
    }

    #[test]
    fn responses_do_not_fill_the_memory_and_the_ledger_is_always_taken() {
        let (memory, value) = (Memory::default(), vec![0; 2 * 1024 * 1024]);
        let save = |at: usize| memory.save(&format!("response/{at}"), &value, None, Some(Millis::mins(60)), NOW);
        let taken = (0..100).take_while(|at| save(*at).is_ok()).count();
        assert_eq!(taken, ROOM / value.len());
        assert!(save(101).unwrap_err().0.contains("TOKEN_TABLE"));
        assert!(memory.save("pool", &value, None, None, NOW).is_ok());
    }
}
