//! The platform's clock, randomness, store and network, as the core's traits want them.

use std::cell::RefCell;
use std::time::Duration;

use kiro2api_core::config::Config;
use kiro2api_core::drive::Host;
use kiro2api_core::exchange::Gateway;
use kiro2api_core::host::{Clock, Entropy, Millis, Outbound, Saved, StoreError, Stored, TokenStore, Transport};
use wasm_bindgen::JsCast;
use web_sys::WorkerGlobalScope;
use worker::kv::KvStore;
use worker::{Date, Delay, Env};

use crate::fetch::Fetching;

/// One request's view of the isolate. Bindings belong to a request; the gateway's state to the isolate.
pub(crate) struct Isolate {
    store: Option<KvStore>,
}

impl Isolate {
    /// Reads the configuration when the isolate serves its first request.
    pub(crate) fn new(env: &Env) -> Self {
        let isolate = Self { store: env.kv(STORE_BINDING).ok() };
        GATEWAY.with(|slot| {
            let mut slot = slot.borrow_mut();
            if slot.is_none() {
                let gateway = Gateway::new(Config::read(&|name| value(env, name)));
                for line in gateway.greeting(isolate.now()) {
                    isolate.log(&line);
                }
                *slot = Some(gateway);
            }
        });
        isolate
    }
}

impl Host for Isolate {
    fn with<T>(&self, use_it: impl FnOnce(&mut Gateway) -> T) -> T {
        GATEWAY.with(|slot| {
            let mut slot = slot.borrow_mut();
            use_it(slot.get_or_insert_with(|| Gateway::new(Config::read(&|_| None))))
        })
    }

    fn log(&self, line: &str) {
        worker::console_log!("{line}");
    }
}

impl Clock for Isolate {
    fn now(&self) -> Millis {
        Millis(Date::now().as_millis())
    }

    async fn sleep(&self, until: Millis) {
        loop {
            let left = until - self.now();
            if left == Millis(0) {
                return;
            }
            Delay::from(Duration::from_millis(left.0.min(LONGEST_TIMER.0))).await;
        }
    }
}

impl Entropy for Isolate {
    fn fill(&self, buffer: &mut [u8]) {
        let crypto = js_sys::global().unchecked_into::<WorkerGlobalScope>().crypto();
        if crypto.is_ok_and(|crypto| crypto.get_random_values_with_u8_array(buffer).is_ok()) {
            return;
        }
        // Cannot happen on this platform; ids that collide must not pass unseen.
        worker::console_error!("no randomness");
    }
}

/// Workers KV: eventually consistent, no compare-and-set, so a save always stores and the pool merges.
impl TokenStore for Isolate {
    fn compares(&self) -> bool {
        false
    }

    async fn load(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        let store = self.store.as_ref().ok_or_else(no_binding)?;
        let value = store.get(key).bytes().await.map_err(|error| StoreError(error.to_string()))?;
        Ok(value.map(|value| Stored { value, version: None }))
    }

    async fn save(
        &self,
        key: &str,
        value: &[u8],
        _expected: Option<&str>,
        lifetime: Option<Millis>,
    ) -> Result<Saved, StoreError> {
        let store = self.store.as_ref().ok_or_else(no_binding)?;
        let mut put = store.put_bytes(key, value).map_err(|error| StoreError(error.to_string()))?;
        if let Some(lifetime) = lifetime {
            put = put.expiration_ttl(lifetime.0.div_ceil(1000).max(SHORTEST_LIFETIME));
        }
        put.execute().await.map_err(|error| StoreError(error.to_string()))?;
        Ok(Saved::Stored(None))
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        let store = self.store.as_ref().ok_or_else(no_binding)?;
        store.delete(key).await.map_err(|error| StoreError(error.to_string()))
    }
}

impl Transport for Isolate {
    type Reply = Fetching;

    fn send(&self, request: &Outbound) -> Fetching {
        Fetching::start(request)
    }
}

/// A secret or a plain variable.
fn value(env: &Env, name: &str) -> Option<String> {
    env.var(name).ok().map(|value| value.to_string())
}

fn no_binding() -> StoreError {
    StoreError(format!("no KV namespace is bound as {STORE_BINDING}: see wrangler.toml"))
}

thread_local! {
    static GATEWAY: RefCell<Option<Gateway>> = const { RefCell::new(None) };
}

const STORE_BINDING: &str = "TOKENS";
/// The platform takes no shorter one; seconds.
const SHORTEST_LIFETIME: u64 = 60;
/// Longer timers overflow the platform's 32 bits.
const LONGEST_TIMER: Millis = Millis::mins(60);
