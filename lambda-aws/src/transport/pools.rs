//! Connections that are kept for the next request.
//!
//! Between two invocations the platform stops the environment, for a moment or for an hour. Nothing runs meanwhile: the
//! other side closes what lies idle, and the network forgets it without a word, so that a request on such a connection
//! would wait for an answer in vain. Timers and the monotonic clock may have stood still too; the wall's clock has not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http::uri::Authority;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::rt::TokioExecutor;
use kiro2api_core::host::Millis;

use super::Secured;

/// The pools of all hosts.
pub(crate) struct Pools {
    connector: Secured<GaiResolver>,
    now: fn() -> Millis,
    kept: Mutex<Vec<Arc<Pool>>>,
}

/// The connections to one host.
struct Pool {
    host: Option<Authority>,
    client: Client<Secured<GaiResolver>, Full<Bytes>>,
    /// Milliseconds since the Unix epoch.
    used: AtomicU64,
}

/// The use of a pool by one request, until its answer is over.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    now: fn() -> Millis,
}

impl Pools {
    pub(super) fn new(connector: Secured<GaiResolver>, now: fn() -> Millis) -> Self {
        Self { connector, now, kept: Mutex::default() }
    }

    /// The connections to the host of `uri`; fresh ones when those that are there have lain idle too long.
    pub(crate) fn lease(&self, uri: &Uri) -> Lease {
        let now = (self.now)();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|pool| Arc::strong_count(pool) > 1 || now - pool.used() <= KEPT_FOR);
        let found = kept.iter().find(|pool| pool.host.as_ref() == uri.authority()).cloned();
        let pool = found.unwrap_or_else(|| {
            let pool = Arc::new(Pool::new(uri.authority(), self.connector.clone()));
            kept.push(Arc::clone(&pool));
            pool
        });
        Lease { pool, now: self.now }
    }
}

impl Pool {
    fn new(host: Option<&Authority>, connector: Secured<GaiResolver>) -> Self {
        let idle = Duration::from_millis(KEPT_FOR.0);
        let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(idle).build(connector);
        Self { host: host.cloned(), client, used: AtomicU64::new(0) }
    }

    fn used(&self) -> Millis {
        Millis(self.used.load(Ordering::Relaxed))
    }
}

impl Lease {
    pub(crate) fn client(&self) -> &Client<Secured<GaiResolver>, Full<Bytes>> {
        &self.pool.client
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.used.store((self.now)().0, Ordering::Relaxed);
    }
}

/// How long an idle connection is used again: below what load balancers keep one (60 s and more).
pub(super) const KEPT_FOR: Millis = Millis::secs(30);
