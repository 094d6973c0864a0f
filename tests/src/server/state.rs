//! Everything that changes while the server runs, behind one lock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::config::{Config, Fault};
use crate::devices::Devices;
use crate::record::{Outcome, Record};
use crate::tokens::World;

/// The server's state, shared by all connections.
pub(super) struct Shared {
    state: Mutex<State>,
    started: Instant,
}

impl Shared {
    pub(super) fn new(config: Config) -> Self {
        Self { state: Mutex::new(State::new(Arc::new(config))), started: Instant::now() }
    }

    /// The lock is held for moments only, never across a wait.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a record; the guard follows it to its end.
    pub(super) fn begin(self: &Arc<Self>, mut record: Record) -> Guard {
        let mut state = self.lock();
        state.next += 1;
        record.id = state.next;
        record.at_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let id = record.id;
        let surplus = (state.records.len() + 1).saturating_sub(state.config.max_records.max(1));
        state.records.drain(..surplus);
        state.records.push(record);
        drop(state);
        self.guard(id)
    }

    /// A guard for a request that is not recorded.
    pub(super) fn silent(self: &Arc<Self>) -> Guard {
        self.guard(0)
    }

    fn guard(self: &Arc<Self>, id: usize) -> Guard {
        Guard { shared: Arc::clone(self), id, streaming: false, outcome: Outcome::ClientGone }
    }
}

pub(super) struct State {
    initial: Arc<Config>,
    config: Arc<Config>,
    next: usize,
    hits: Vec<usize>,
    attempts: BTreeMap<String, usize>,
    pub(super) records: Vec<Record>,
    pub(super) world: World,
    pub(super) devices: Devices,
    pub(super) open: usize,
    pub(super) peak: usize,
}

impl State {
    fn new(config: Arc<Config>) -> Self {
        Self {
            world: World::new(&config.accounts),
            devices: Devices::default(),
            hits: vec![0; config.faults.len()],
            initial: Arc::clone(&config),
            config,
            next: 0,
            attempts: BTreeMap::new(),
            records: Vec::new(),
            open: 0,
            peak: 0,
        }
    }

    pub(super) fn config(&self) -> &Arc<Config> {
        &self.config
    }

    pub(super) fn configure(&mut self, config: Config) {
        if config.accounts != self.config.accounts {
            self.world = World::new(&config.accounts);
        }
        if config.faults != self.config.faults {
            self.hits = vec![0; config.faults.len()];
        }
        self.config = Arc::new(config);
    }

    pub(super) fn reset(&mut self) {
        let fresh = Self::new(Arc::clone(&self.initial));
        let (next, open) = (self.next, self.open);
        *self = Self { next, open, peak: open, ..fresh };
    }

    /// How many requests had this key before; counts this one.
    pub(super) fn attempt(&mut self, key: String) -> usize {
        let count = self.attempts.entry(key).or_default();
        *count += 1;
        *count - 1
    }

    /// The fault for a call, if it is its turn. Faults behind the one that strikes do not count the call.
    pub(super) fn fault(&mut self, operation: &str, account: &str) -> Option<Fault> {
        let mut found = None;
        for (fault, hits) in self.config.faults.iter().zip(&mut self.hits) {
            let fits = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
            if !fits(&fault.operation, operation) || !fits(&fault.account, account) || found.is_some() {
                continue;
            }
            let turn = *hits;
            *hits += 1;
            let due = turn >= fault.skip && fault.times.is_none_or(|times| turn < fault.skip.saturating_add(times));
            if due {
                found = Some(fault.clone());
            }
        }
        found
    }
}

/// Follows one request. Dropped before its end, the peer has gone.
pub(super) struct Guard {
    pub(super) shared: Arc<Shared>,
    pub(super) id: usize,
    streaming: bool,
    outcome: Outcome,
}

impl Guard {
    pub(super) fn update(&self, change: impl FnOnce(&mut Record)) {
        if let Some(record) = self.shared.lock().records.iter_mut().rfind(|record| record.id == self.id) {
            change(record);
        }
    }

    /// From here on it counts as an open stream.
    pub(super) fn stream(&mut self) {
        self.streaming = true;
        let mut state = self.shared.lock();
        state.open += 1;
        state.peak = state.peak.max(state.open);
    }

    pub(super) fn settle(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let outcome = self.outcome;
        self.update(|record| record.outcome = outcome);
        if self.streaming {
            let mut state = self.shared.lock();
            state.open = state.open.saturating_sub(1);
        }
    }
}
