//! One execution environment: the platform's clock, randomness, store and network, as the core's traits want them.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kiro2api_core::config::Config;
use kiro2api_core::drive::Host;
use kiro2api_core::exchange::Gateway;
use kiro2api_core::host::{Clock, Entropy, Millis, Outbound, Saved, StoreError, Stored, TokenStore, Transport};
use kiro2api_core::summary::event_line;

use crate::aws::Aws;
use crate::machine::Machine;
use crate::settings::Settings;
use crate::store::Store;
use crate::transport::{Calling, Network};

/// What all invocations of one environment share.
#[derive(Debug)]
pub struct Environment {
    machine: Machine,
    gateway: Mutex<Gateway>,
    settings: Settings,
    store: Store,
    network: Network,
}

impl Environment {
    /// Reads the settings through `get`, the process's environment on the platform, and the secrets that it names.
    pub async fn start(machine: Machine, get: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        let network = Network::new(machine.now);
        let aws = Arc::new(Aws::open(machine, network.pools(), &get));
        let (store, warning) = Store::open(&get, &aws);
        let settings = Settings::new(Box::new(get), aws);
        let gateway = Mutex::new(Gateway::new(settings.read().await));
        let environment = Self { machine, gateway, settings, store, network };
        let now = environment.now();
        for line in environment.with(|gateway| gateway.greeting(now)) {
            environment.log(&line);
        }
        if let Some(warning) = warning {
            environment.log(&event_line("warn", warning, now));
        }
        environment
    }
}

impl Host for Environment {
    fn with<T>(&self, use_it: impl FnOnce(&mut Gateway) -> T) -> T {
        use_it(&mut self.gateway.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Standard error is the function's log.
    fn log(&self, line: &str) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    async fn settings(&self) -> Option<Config> {
        if self.settings.can_change() { Some(self.settings.read().await) } else { None }
    }
}

impl Clock for Environment {
    fn now(&self) -> Millis {
        (self.machine.now)()
    }

    async fn sleep(&self, until: Millis) {
        loop {
            let left = until - self.now();
            if left == Millis(0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(left.0.min(LONGEST_TIMER.0))).await;
        }
    }
}

impl Entropy for Environment {
    fn fill(&self, buffer: &mut [u8]) {
        (self.machine.fill)(buffer);
    }
}

impl TokenStore for Environment {
    fn compares(&self) -> bool {
        self.store.compares()
    }

    async fn load(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        self.store.load(key, self.now()).await
    }

    async fn save(
        &self,
        key: &str,
        value: &[u8],
        expected: Option<&str>,
        lifetime: Option<Millis>,
    ) -> Result<Saved, StoreError> {
        self.store.save(key, value, expected, lifetime, self.now()).await
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.store.remove(key).await
    }
}

impl Transport for Environment {
    type Reply = Calling;

    fn send(&self, request: &Outbound) -> Calling {
        self.network.send(request)
    }
}

/// The machine's clock may be set while a timer runs: look again after this long.
const LONGEST_TIMER: Millis = Millis::mins(60);
