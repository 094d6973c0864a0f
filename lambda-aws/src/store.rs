//! The token store: a DynamoDB table, or memory where none is configured.

mod memory;

use kiro2api_core::host::{Millis, Saved, StoreError, Stored};

use memory::Memory;

/// Where tokens are kept.
#[derive(Debug)]
pub(crate) enum Store {
    Memory(Memory),
}

impl Store {
    pub(crate) fn open(_get: &impl Fn(&str) -> Option<String>) -> Self {
        Self::Memory(Memory::default())
    }

    pub(crate) fn compares(&self) -> bool {
        true
    }

    pub(crate) async fn load(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        match self {
            Self::Memory(memory) => Ok(memory.load(key)),
        }
    }

    /// See [`kiro2api_core::host::TokenStore::save`].
    pub(crate) async fn save(
        &self,
        key: &str,
        value: &[u8],
        expected: Option<&str>,
        lifetime: Option<Millis>,
        now: Millis,
    ) -> Result<Saved, StoreError> {
        match self {
            Self::Memory(memory) => Ok(memory.save(key, value, expected, lifetime, now)),
        }
    }

    pub(crate) async fn remove(&self, key: &str) -> Result<(), StoreError> {
        match self {
            Self::Memory(memory) => memory.remove(key),
        }
        Ok(())
    }
}
