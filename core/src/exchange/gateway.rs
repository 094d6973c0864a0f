//! What all exchanges of one instance share.

use crate::config::Config;
use crate::host::Millis;
use crate::pool::Pool;

/// Configuration, the pool, and which host served last.
#[derive(Debug)]
pub struct Gateway {
    config: Config,
    pool: Pool,
    /// Index into an account's host list that answered last; other hosts are tried after it.
    host: usize,
    store_silent_until: Millis,
}

impl Gateway {
    /// A gateway as configured, with an empty memory.
    pub fn new(mut config: Config) -> Self {
        let pool = Pool::new(core::mem::take(&mut config.credentials), config.strategy, config.sealing.clone());
        Self { config, pool, host: 0, store_silent_until: Millis(0) }
    }

    /// What the operator configured.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Lines to print when the instance starts: problems and notes of the configuration.
    pub fn greeting(&self, now: Millis) -> Vec<String> {
        let problems = self.config.problems.iter().map(|text| crate::summary::event_line("error", text, now));
        let notes = self.config.notes.iter().map(|text| crate::summary::event_line("info", text, now));
        problems.chain(notes).collect()
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) fn pool_mut(&mut self) -> &mut Pool {
        &mut self.pool
    }

    pub(crate) fn host(&self) -> usize {
        self.host
    }

    pub(crate) fn host_served(&mut self, host: usize) {
        self.host = host;
    }

    /// The store failed: leave it alone for a while. `true` the first time, when it is worth a log line.
    pub(crate) fn store_failed(&mut self, now: Millis) -> bool {
        let first = self.store_silent_until == Millis(0);
        self.store_silent_until = now + STORE_PAUSE;
        first
    }

    /// The store answered. `true` when it had failed before.
    pub(crate) fn store_works(&mut self) -> bool {
        core::mem::take(&mut self.store_silent_until) != Millis(0)
    }

    pub(crate) fn store_usable(&self, now: Millis) -> bool {
        now >= self.store_silent_until
    }
}

/// How long a store that failed is left alone.
const STORE_PAUSE: Millis = Millis::secs(10);
