//! A token store in memory that can be honest, stale, or out of reach.

use std::cell::{Cell, RefCell};

use kiro2api_core::Millis;
use kiro2api_core::host::{Saved, StoreError, Stored};

use super::clock::Clock;

/// How a store treats versions and readers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreKind {
    /// Fresh reads, no versions, the last write wins.
    Plain,
    /// Fresh reads, compare-and-set by version.
    Compare,
    /// Reads are `lag` milliseconds old for everyone, no versions, the last write wins. What was removed or has
    /// expired is still read for so long.
    Kv {
        /// How old.
        lag: u64,
    },
}

/// A period in which the store does not serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outage {
    /// Its beginning.
    pub from: Millis,
    /// Its end.
    pub until: Millis,
    /// Whether calls hang until the end instead of failing at once.
    pub hangs: bool,
}

/// One call of the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// When it was answered.
    pub at: Millis,
    /// `load`, `save`, `remove`, `conflict` or `failed`.
    pub what: &'static str,
    /// The key; empty where a call failed before it was looked at.
    pub key: String,
    /// The bytes read or written.
    pub value: Option<Vec<u8>>,
}

/// A value, or its removal.
struct Value {
    at: Millis,
    key: String,
    bytes: Option<Vec<u8>>,
    /// When it may be dropped: here, when it is.
    until: Millis,
}

/// The store of a world.
pub struct Store {
    clock: Clock,
    kind: Cell<StoreKind>,
    /// Every value there was, oldest first.
    values: RefCell<Vec<Value>>,
    outages: RefCell<Vec<Outage>>,
    latency: Cell<u64>,
    journal: RefCell<Vec<Entry>>,
}

impl Store {
    /// Whether it compares versions.
    pub(super) fn compares(&self) -> bool {
        self.kind.get() == StoreKind::Compare
    }

    pub(super) fn new(clock: Clock, kind: StoreKind) -> Self {
        Self {
            clock,
            kind: Cell::new(kind),
            values: RefCell::default(),
            outages: RefCell::default(),
            latency: Cell::new(0),
            journal: RefCell::default(),
        }
    }

    /// Each call takes so many milliseconds.
    pub fn set_latency(&self, milliseconds: u64) {
        self.latency.set(milliseconds);
    }

    /// Adds a period out of reach.
    pub fn add_outage(&self, outage: Outage) {
        self.outages.borrow_mut().push(outage);
    }

    /// Puts a value there as somebody else would.
    pub fn put(&self, key: &str, value: &[u8]) {
        self.write(key, Some(value), None);
    }

    fn write(&self, key: &str, value: Option<&[u8]>, lifetime: Option<Millis>) {
        let at = self.clock.now();
        let until = lifetime.map_or(Millis::NEVER, |lifetime| at + lifetime);
        let value = Value { at, key: key.to_owned(), bytes: value.map(<[u8]>::to_vec), until };
        self.values.borrow_mut().push(value);
    }

    /// The keys that hold a value, whatever readers see; each once, sorted.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.values.borrow().iter().map(|value| value.key.clone()).collect();
        keys.sort();
        keys.dedup();
        keys.retain(|key| self.newest(key).is_some());
        keys
    }

    /// The newest value, whatever readers see.
    pub fn newest(&self, key: &str) -> Option<Vec<u8>> {
        let (values, now) = (self.values.borrow(), self.clock.now());
        values.iter().rev().find(|value| value.key == key).filter(|value| value.until > now)?.bytes.clone()
    }

    /// Every call so far.
    pub fn journal(&self) -> Vec<Entry> {
        self.journal.borrow().clone()
    }

    /// How many calls of a kind (`load`, `save`, `remove`, `conflict`, `failed`) there were.
    pub fn count(&self, what: &str) -> usize {
        self.journal.borrow().iter().filter(|entry| entry.what == what).count()
    }

    pub(super) async fn load(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        self.reach().await?;
        let found = self.visible(key);
        self.note("load", key, found.as_ref().map(|stored| stored.value.clone()));
        Ok(found)
    }

    pub(super) async fn save(
        &self,
        key: &str,
        value: &[u8],
        expected: Option<&str>,
        lifetime: Option<Millis>,
    ) -> Result<Saved, StoreError> {
        self.reach().await?;
        if self.kind.get() == StoreKind::Compare {
            let current = self.visible(key).and_then(|stored| stored.version);
            if current.as_deref() != expected {
                self.note("conflict", key, Some(value.to_vec()));
                return Ok(Saved::Conflict);
            }
        }
        self.write(key, Some(value), lifetime);
        self.note("save", key, Some(value.to_vec()));
        let version = (self.kind.get() == StoreKind::Compare).then(|| self.values.borrow().len().to_string());
        Ok(Saved::Stored(version))
    }

    pub(super) async fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.reach().await?;
        self.write(key, None, None);
        self.note("remove", key, None);
        Ok(())
    }

    async fn reach(&self) -> Result<(), StoreError> {
        if self.latency.get() > 0 {
            self.clock.sleep(self.clock.now() + Millis(self.latency.get())).await;
        }
        let now = self.clock.now();
        let outage = self.outages.borrow().iter().find(|outage| outage.from <= now && now < outage.until).copied();
        match outage {
            None => Ok(()),
            Some(outage) if outage.hangs => {
                self.clock.sleep(outage.until).await;
                Ok(())
            }
            Some(_) => {
                self.note("failed", "", None);
                Err(StoreError("simulated outage".to_owned()))
            }
        }
    }

    fn visible(&self, key: &str) -> Option<Stored> {
        let (kind, now) = (self.kind.get(), self.clock.now());
        let lag = if let StoreKind::Kv { lag } = kind { Millis(lag) } else { Millis(0) };
        let values = self.values.borrow();
        let (index, newest) =
            values.iter().enumerate().rev().find(|(_, value)| value.key == key && value.at + lag <= now)?;
        let bytes = newest.bytes.as_ref().filter(|_| newest.until + lag > now)?;
        let version = (kind == StoreKind::Compare).then(|| (index + 1).to_string());
        Some(Stored { value: bytes.clone(), version })
    }

    fn note(&self, what: &'static str, key: &str, value: Option<Vec<u8>>) {
        self.journal.borrow_mut().push(Entry { at: self.clock.now(), what, key: key.to_owned(), value });
    }
}
