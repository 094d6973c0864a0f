//! The token store: a DynamoDB table, or memory where none is configured.

mod item;
mod memory;
mod table;
mod version;

use std::sync::Arc;

use kiro2api_core::host::{Millis, Saved, StoreError, Stored};

use crate::aws::Aws;
use memory::Memory;
use table::Table;

/// Where tokens are kept.
#[derive(Debug)]
pub(crate) enum Store {
    Memory(Memory),
    Table(Table),
}

impl Store {
    /// The table that `TOKEN_TABLE` names, or memory, and then what the operator should know about it.
    pub(crate) fn open(get: &dyn Fn(&str) -> Option<String>, aws: &Arc<Aws>) -> (Self, Option<&'static str>) {
        let name = get("TOKEN_TABLE").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        match name {
            Some(name) => (Self::Table(Table::new(name, Arc::clone(aws))), None),
            None => (Self::Memory(Memory::default()), Some(ONLY_MEMORY)),
        }
    }

    pub(crate) fn compares(&self) -> bool {
        true
    }

    pub(crate) async fn load(&self, key: &str, now: Millis) -> Result<Option<Stored>, StoreError> {
        match self {
            Self::Memory(memory) => Ok(memory.load(key)),
            Self::Table(table) => table.load(key, now).await,
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
            Self::Memory(memory) => memory.save(key, value, expected, lifetime, now),
            Self::Table(table) => {
                let ends = lifetime.map(|lifetime| now + lifetime);
                table.save(key, value, expected, ends, now).await
            }
        }
    }

    pub(crate) async fn remove(&self, key: &str) -> Result<(), StoreError> {
        match self {
            Self::Memory(memory) => {
                memory.remove(key);
                Ok(())
            }
            Self::Table(table) => table.remove(key).await,
        }
    }
}

const ONLY_MEMORY: &str = "TOKEN_TABLE is not set: tokens and kept responses are in the memory of this one execution \
                           environment. They are lost when the platform ends it, and other environments refresh the \
                           same accounts once more and find no response of this one. Set TOKEN_TABLE to the name of a \
                           DynamoDB table with the partition key \"pk\" (a string) and the TTL attribute \"expires\"";
