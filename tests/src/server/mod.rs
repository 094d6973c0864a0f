//! The HTTP server: one loopback port for the service, its control plane and both token endpoints.

mod admin;
mod answer;
mod chat;
mod control;
mod route;
pub(crate) mod socket;
mod state;
mod stream;

use std::io;
use std::sync::Arc;

use crate::config::Config;
use crate::devices::Answer as DeviceAnswer;
use crate::endpoint::Endpoint;
use crate::record::Record;
use state::Shared;

/// A running server. It lives in a thread of its own, so it can be used from tests with and without a runtime; dropping it stops it.
pub struct Upstream {
    endpoint: Endpoint,
    shared: Arc<Shared>,
}

impl Upstream {
    /// Binds the port and serves.
    ///
    /// # Errors
    /// The port is taken, or the thread cannot be started.
    pub fn start(config: Config) -> io::Result<Self> {
        let port = config.port;
        let shared = Arc::new(Shared::new(config));
        let serving = Arc::clone(&shared);
        let serve = move |request, reset| route::serve(request, Arc::clone(&serving), reset);
        Ok(Self { endpoint: Endpoint::start("upstream", port, serve)?, shared })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.endpoint.address())
    }

    /// Every request since the start or the last reset, oldest first.
    pub fn requests(&self) -> Vec<Record> {
        self.shared.lock().records.clone()
    }

    /// The requests of one operation (`chat`, `social`, `idc`, …).
    pub fn requests_of(&self, operation: &str) -> Vec<Record> {
        self.shared.lock().records.iter().filter(|record| record.operation == operation).cloned().collect()
    }

    /// The configuration as it is now.
    pub fn config(&self) -> Config {
        Config::clone(self.shared.lock().config())
    }

    /// Changes switches; fault counters begin anew when the faults change, tokens are forgotten when the accounts change.
    pub fn set(&self, change: impl FnOnce(&mut Config)) {
        let mut state = self.shared.lock();
        let mut config = Config::clone(state.config());
        change(&mut config);
        state.configure(config);
    }

    /// Back to the configuration of the start; forgets requests, tokens and counters.
    pub fn reset(&self) {
        self.shared.lock().reset();
    }

    /// Expires every access token.
    pub fn expire(&self) {
        self.shared.lock().world.expire();
    }

    /// Every client registration that a device login has made has expired.
    pub fn expire_clients(&self) {
        self.shared.lock().devices.expire_clients();
    }

    /// The person answers a device login: the one with this user code, or the latest. False: there is none.
    pub fn decide(&self, user_code: Option<&str>, answer: DeviceAnswer) -> bool {
        self.shared.lock().devices.decide(user_code, answer)
    }

    /// An access token for an account, without a refresh. `None`: no such account.
    pub fn issue(&self, label: &str) -> Option<String> {
        let mut state = self.shared.lock();
        let seconds = state.config().access_token_seconds;
        state.world.issue(label, seconds)
    }

    /// The refresh token an account has now.
    pub fn refresh_token(&self, label: &str) -> Option<String> {
        self.shared.lock().world.refresh_token(label).map(str::to_owned)
    }

    /// Chat answers that are being written.
    pub fn open_streams(&self) -> usize {
        self.shared.lock().open
    }

    /// The largest number of chat answers that were being written at one time.
    pub fn peak_streams(&self) -> usize {
        self.shared.lock().peak
    }
}
