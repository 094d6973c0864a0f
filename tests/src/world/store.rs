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
    /// Reads are `lag` milliseconds old for everyone, no versions, the last write wins.
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
    /// `load`, `save`, `conflict` or `failed`.
    pub what: &'static str,
    /// The bytes read or written.
    pub value: Option<Vec<u8>>,
}

/// The store of a world.
pub struct Store {
    clock: Clock,
    kind: Cell<StoreKind>,
    /// Every value there was, oldest first.
    values: RefCell<Vec<(Millis, String, Vec<u8>)>>,
    outages: RefCell<Vec<Outage>>,
    latency: Cell<u64>,
    journal: RefCell<Vec<Entry>>,
}

impl Store {
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
        self.values.borrow_mut().push((self.clock.now(), key.to_owned(), value.to_vec()));
    }

    /// The newest value, whatever readers see.
    pub fn newest(&self, key: &str) -> Option<Vec<u8>> {
        self.values.borrow().iter().rev().find(|(_, other, _)| other == key).map(|(_, _, value)| value.clone())
    }

    /// Every call so far.
    pub fn journal(&self) -> Vec<Entry> {
        self.journal.borrow().clone()
    }

    /// How many calls of a kind (`load`, `save`, `conflict`, `failed`) there were.
    pub fn count(&self, what: &str) -> usize {
        self.journal.borrow().iter().filter(|entry| entry.what == what).count()
    }

    pub(super) async fn load(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        self.reach().await?;
        let found = self.visible(key);
        self.note("load", found.as_ref().map(|stored| stored.value.clone()));
        Ok(found)
    }

    pub(super) async fn save(&self, key: &str, value: &[u8], expected: Option<&str>) -> Result<Saved, StoreError> {
        self.reach().await?;
        if self.kind.get() == StoreKind::Compare {
            let current = self.visible(key).and_then(|stored| stored.version);
            if current.as_deref() != expected {
                self.note("conflict", Some(value.to_vec()));
                return Ok(Saved::Conflict);
            }
        }
        self.put(key, value);
        self.note("save", Some(value.to_vec()));
        let version = (self.kind.get() == StoreKind::Compare).then(|| self.values.borrow().len().to_string());
        Ok(Saved::Stored(version))
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
                self.note("failed", None);
                Err(StoreError("simulated outage".to_owned()))
            }
        }
    }

    fn visible(&self, key: &str) -> Option<Stored> {
        let (kind, now) = (self.kind.get(), self.clock.now());
        let lag = if let StoreKind::Kv { lag } = kind { Millis(lag) } else { Millis(0) };
        let values = self.values.borrow();
        let mut seen = values.iter().enumerate().rev().filter(|(_, (at, other, _))| other == key && *at + lag <= now);
        seen.next().map(|(index, (_, _, value))| Stored {
            value: value.clone(),
            version: (kind == StoreKind::Compare).then(|| (index + 1).to_string()),
        })
    }

    fn note(&self, what: &'static str, value: Option<Vec<u8>>) {
        self.journal.borrow_mut().push(Entry { at: self.clock.now(), what, value });
    }
}
