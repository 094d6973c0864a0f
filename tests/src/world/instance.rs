//! One instance of the gateway in a world, and the client's end of its exchanges.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use kiro2api_core::Millis;
use kiro2api_core::config::Config;
use kiro2api_core::drive::{self, Client, Gone, Host};
use kiro2api_core::exchange::Gateway;
use kiro2api_core::exchange::relay::Relay;
use kiro2api_core::host::{Entropy, Head, Outbound, Saved, StoreError, Stored, TokenStore, Transport};

use super::ask::CLIENT_KEY;
use super::clock::{Clock, Sleep};
use super::got::{Got, Kind, Write};
use super::service::Service;
use super::store::Store;
use super::wire::Under;

/// An instance: its own memory, a shared clock, store and service.
pub struct Instance {
    pub(super) clock: Clock,
    pub(super) store: Rc<Store>,
    pub(super) service: Rc<Service>,
    gateway: RefCell<Gateway>,
    seed: Cell<u64>,
    pub(super) lines: RefCell<Vec<String>>,
    frozen: bool,
    vault: RefCell<Vault>,
    steps: RefCell<Vec<(u64, String)>>,
}

/// Where an instance's settings are kept while it runs, as secrets are on some platforms. A new instance has none: what
/// it was made with is for good.
#[derive(Clone, Debug, Default)]
pub struct Vault {
    /// What it holds; `None`: there is no vault.
    pub variables: Option<Vec<(String, String)>>,
    /// Names that cannot be read.
    pub locked: Vec<String>,
    /// How long a reading takes, in milliseconds.
    pub slow: u64,
    /// How often it was read.
    pub readings: u32,
}

impl Vault {
    fn config(&self) -> Option<Config> {
        let variables = self.variables.as_ref()?;
        Some(Config::read_with(&|name| {
            if self.locked.iter().any(|locked| locked == name) {
                return Err("the vault does not answer".to_owned());
            }
            Ok(variables.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone()))
        }))
    }
}

impl Instance {
    pub(super) fn new(
        clock: Clock,
        store: Rc<Store>,
        service: Rc<Service>,
        seed: u64,
        frozen: bool,
        variables: &[(String, String)],
    ) -> Self {
        let look_up = |name: &str| variables.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
        let gateway = RefCell::new(Gateway::new(Config::read(&look_up)));
        let greeting = gateway.borrow().greeting(clock.now());
        let (seed, lines) = (Cell::new(seed), RefCell::new(greeting));
        let (vault, steps) = (RefCell::default(), RefCell::default());
        Self { clock, store, service, gateway, seed, lines, frozen, vault, steps }
    }

    /// Changes its vault, which the next reading shows.
    pub fn vault<T>(&self, change: impl FnOnce(&mut Vault) -> T) -> T {
        change(&mut self.vault.borrow_mut())
    }

    /// Puts these variables into its vault, beside the client key unless that is given.
    pub fn store_settings(&self, variables: &[(&str, &str)]) {
        let mut all = vec![("KIRO_CLIENT_TOKEN".to_owned(), CLIENT_KEY.to_owned())];
        all.retain(|(name, _)| variables.iter().all(|(other, _)| other != name));
        all.extend(variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        self.vault(|vault| vault.variables = Some(all));
    }

    /// Begins anew with what its vault holds, as an instance does that starts.
    pub fn restart_from_vault(&self) {
        let config = self.vault(|vault| vault.config()).expect("a vault");
        *self.gateway.borrow_mut() = Gateway::new(config);
        self.lines.borrow_mut().extend(self.gateway.borrow().greeting(self.clock.now()));
    }

    /// Everything it logged, greeting included.
    pub fn log(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }

    /// What it has asked of its store and of the service since this was asked last, in order: `load`, `save conflict`,
    /// `chat one 429`, each with the milliseconds from the world's beginning until then.
    pub fn take_steps(&self) -> Vec<(u64, String)> {
        self.steps.take()
    }

    fn step(&self, word: String) {
        self.steps.borrow_mut().push((self.clock.since_start(), word));
    }

    /// Lends the shared state.
    pub fn with_gateway<T>(&self, look: impl FnOnce(&mut Gateway) -> T) -> T {
        look(&mut self.gateway.borrow_mut())
    }
}

impl kiro2api_core::host::Clock for Instance {
    fn now(&self) -> Millis {
        self.clock.now()
    }

    fn sleep(&self, until: Millis) -> impl Future<Output = ()> {
        self.clock.sleep(until)
    }
}

impl Entropy for Instance {
    /// Seeded; a frozen instance gives every exchange the same bytes.
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self.seed.get();
        for chunk in buffer.chunks_mut(8) {
            state = random(state);
            for (byte, value) in chunk.iter_mut().zip(state.to_le_bytes()) {
                *byte = value;
            }
        }
        if !self.frozen {
            self.seed.set(state);
        }
    }
}

impl TokenStore for Instance {
    fn compares(&self) -> bool {
        self.store.compares()
    }

    fn load(&self, key: &str) -> impl Future<Output = Result<Option<Stored>, StoreError>> {
        async move {
            let result = self.store.load(key).await;
            let what = if result.is_ok() { "" } else { " failed" };
            self.step(format!("load{}{what}", named(key)));
            result
        }
    }

    fn save(
        &self,
        key: &str,
        value: &[u8],
        expected: Option<&str>,
        lifetime: Option<Millis>,
    ) -> impl Future<Output = Result<Saved, StoreError>> {
        async move {
            let result = self.store.save(key, value, expected, lifetime).await;
            let what = match &result {
                Ok(Saved::Stored(_)) => "",
                Ok(Saved::Conflict) => " conflict",
                Err(_) => " failed",
            };
            self.step(format!("save{}{what}", named(key)));
            result
        }
    }

    fn remove(&self, key: &str) -> impl Future<Output = Result<(), StoreError>> {
        self.store.remove(key)
    }
}

impl Transport for Instance {
    type Reply = Under;

    fn send(&self, request: &Outbound) -> Under {
        let under = self.service.send(request);
        if let Some(word) = self.service.last() {
            self.step(word);
        }
        under
    }
}

impl Host for Instance {
    fn with<T>(&self, use_it: impl FnOnce(&mut Gateway) -> T) -> T {
        use_it(&mut self.gateway.borrow_mut())
    }

    fn log(&self, line: &str) {
        assert!(!line.contains('\n'), "a log line of two lines: {line}");
        self.lines.borrow_mut().push(line.to_owned());
    }

    async fn settings(&self) -> Option<Config> {
        let slow = self.vault(|vault| {
            vault.readings += 1;
            vault.slow
        });
        self.clock.sleep(self.clock.now() + Millis(slow)).await;
        self.vault(|vault| vault.config())
    }
}

/// How a client behaves. The default takes everything at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patience {
    /// Hangs up when this many bytes of the body have come.
    pub bytes: Option<usize>,
    /// Hangs up at this time, and is seen to be gone by the first write at this time or later.
    pub until: Option<Millis>,
    /// Whether the platform tells at once that the client has hung up, not only by a write that fails.
    pub tells: bool,
    /// The whole exchange is dropped at this time, as platforms do.
    pub dropped_at: Option<Millis>,
    /// Each write takes so many milliseconds.
    pub slow: u64,
}

/// The client's end of an exchange.
pub(super) struct Recorder {
    pub(super) clock: Clock,
    pub(super) got: Rc<RefCell<Got>>,
    pub(super) patience: Patience,
    pub(super) leaves: Option<Pin<Box<Sleep>>>,
}

impl Recorder {
    async fn take(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        assert!(self.got.borrow().closed.is_none(), "something is said after the end");
        if self.patience.slow > 0 {
            self.clock.sleep(self.clock.now() + Millis(self.patience.slow)).await;
        }
        let now = self.clock.now();
        let mut got = self.got.borrow_mut();
        if self.patience.until.is_some_and(|until| now >= until) {
            got.gone = true;
            return Err(Gone);
        }
        let room = self.patience.bytes.map_or(usize::MAX, |bytes| bytes.saturating_sub(got.body.len()));
        let (from, len) = (got.body.len(), bytes.len().min(room));
        got.body.extend(bytes.iter().take(len));
        got.writes.push(Write { at: now, from, len });
        if bytes.len() > room {
            got.gone = true;
            return Err(Gone);
        }
        Ok(())
    }

    fn headed(&mut self, head: &Head, kind: Kind) -> Result<(), Gone> {
        let now = self.clock.now();
        let mut got = self.got.borrow_mut();
        assert!(got.head.is_none(), "two heads: {:?} and {head:?}", got.head);
        if self.patience.until.is_some_and(|until| now >= until) {
            got.gone = true;
            return Err(Gone);
        }
        got.kind = kind;
        got.head = Some(head.clone());
        got.headed = Some(now);
        Ok(())
    }
}

impl Client<Instance> for Recorder {
    async fn answer(&mut self, head: &Head, body: &[u8]) -> Result<(), Gone> {
        self.headed(head, Kind::Answer)?;
        self.take(body).await
    }

    async fn open(&mut self, head: &Head) -> Result<(), Gone> {
        self.headed(head, Kind::Stream)
    }

    async fn end(&mut self) {
        let mut got = self.got.borrow_mut();
        assert!(got.closed.is_none(), "the body ends twice");
        got.closed = Some(self.clock.now());
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        assert_eq!(self.got.borrow().kind, Kind::Stream, "a write without an open stream");
        assert!(!bytes.is_empty(), "an empty write");
        self.take(bytes).await
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        let (true, Some(until)) = (self.patience.tells, self.patience.until) else { return Poll::Pending };
        let clock = &self.clock;
        let sleep = self.leaves.get_or_insert_with(|| Box::pin(clock.sleep(until)));
        if sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.leaves = None;
        self.got.borrow_mut().gone = true;
        Poll::Ready(Gone)
    }

    async fn pump(&mut self, host: &Instance, relay: Relay, reply: Under) -> (Relay, Result<(), Gone>) {
        drive::pump(host, self, relay, reply).await
    }
}

/// The ledger is what is usually read and written.
fn named(key: &str) -> String {
    if key == kiro2api_core::exchange::STORE_KEY { String::new() } else { format!(" {key}") }
}

/// One step of splitmix64.
fn random(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
