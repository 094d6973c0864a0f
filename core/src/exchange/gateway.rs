//! What all exchanges of one instance share.

use crate::config::Config;
use crate::exchange::inspect::Inspections;
use crate::exchange::listing::Lists;
use crate::exchange::settings::{Asked, May};
use crate::host::Millis;
use crate::models::Catalogue;
use crate::pool::{Changes, Pool};

/// Configuration, the pool, and which host served last.
#[derive(Debug)]
pub struct Gateway {
    config: Config,
    pool: Pool,
    /// Index into an account's host list that answered last; other hosts are tried after it.
    host: usize,
    /// The same for the ways to ask what is left of a quota.
    quota_way: usize,
    /// When its settings were last read again.
    asked: Asked,
    /// The service's own lists of its models.
    lists: Lists,
    /// Checks of accounts for the operator.
    inspections: Inspections,
    /// Why the store could not be reached the last time.
    store_fault: Option<String>,
}

impl Gateway {
    /// A gateway as configured, with an empty memory.
    pub fn new(mut config: Config) -> Self {
        let mut pool = Pool::new(core::mem::take(&mut config.credentials), config.strategy, config.sealing.clone());
        pool.limit_concurrency(config.account_max_concurrent);
        Self {
            config,
            pool,
            host: 0,
            quota_way: 0,
            asked: Asked::default(),
            lists: Lists::default(),
            inspections: Inspections::default(),
            store_fault: None,
        }
    }

    /// What the operator configured.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Lines to print when the instance starts: problems and notes of the configuration.
    pub fn greeting(&self, now: Millis) -> Vec<String> {
        let problems = self
            .config
            .problems
            .iter()
            .chain(&self.config.left_out)
            .map(|text| crate::summary::event_line("error", text, now));
        let notes = self.config.notes.iter().map(|text| crate::summary::event_line("info", text, now));
        problems.chain(notes).collect()
    }

    /// Whether the store of this instance compares versions.
    pub fn store_compares(&mut self, compares: bool) {
        self.pool.store_compares(compares);
    }

    /// Takes another configuration; see [`Pool::configure`].
    pub(crate) fn configure(&mut self, mut config: Config) -> Changes {
        let credentials = core::mem::take(&mut config.credentials);
        let changes = self.pool.configure(credentials, config.strategy, config.sealing.clone());
        self.pool.limit_concurrency(config.account_max_concurrent);
        self.config = config;
        self.lay_lists(None);
        changes
    }

    /// Whether the settings may be read again now; see [`Asked::may`].
    pub(crate) fn may_ask(&mut self, now: Millis) -> May {
        self.asked.may(now)
    }

    pub(crate) fn settings_answered(&mut self, forever: bool) {
        self.asked.answered(forever);
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) fn pool_mut(&mut self) -> &mut Pool {
        &mut self.pool
    }

    pub(crate) fn inspections(&self) -> &Inspections {
        &self.inspections
    }

    pub(crate) fn inspections_mut(&mut self) -> &mut Inspections {
        &mut self.inspections
    }

    /// Why the store cannot be reached; `None`: it answered the last time.
    pub(crate) fn store_fault(&self) -> Option<&str> {
        self.store_fault.as_deref()
    }

    pub(crate) fn set_store_fault(&mut self, fault: Option<String>) {
        self.store_fault = fault;
    }

    pub(crate) fn lists(&self) -> &Lists {
        &self.lists
    }

    pub(crate) fn lists_mut(&mut self) -> &mut Lists {
        &mut self.lists
    }

    pub(crate) fn set_catalogue(&mut self, catalogue: Catalogue) {
        self.config.catalogue = catalogue;
    }

    pub(crate) fn host(&self) -> usize {
        self.host
    }

    pub(crate) fn quota_way(&self) -> usize {
        self.quota_way
    }

    pub(crate) fn quota_answered(&mut self, way: usize) {
        self.quota_way = way;
    }

    pub(crate) fn host_served(&mut self, host: usize) {
        self.host = host;
    }
}
