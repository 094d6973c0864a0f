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
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use tokio::sync::oneshot;

use crate::config::Config;
use crate::record::Record;
use socket::Socket;
use state::Shared;

/// A running server. It lives in a thread of its own, so it can be used from tests with and without a runtime; dropping it stops it.
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    /// Binds the port and serves.
    ///
    /// # Errors
    /// The port is taken, or the thread cannot be started.
    pub fn start(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(config));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("upstream".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, serving) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
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

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has been reported already; there is nobody to hand it to here.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    loop {
        // An accept error concerns one connection (or a lack of descriptors, which passes).
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (socket, reset) = Socket::new(stream);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(move |request| route::serve(request, Arc::clone(&shared), reset.clone()));
            // Errors are the peer's hang-ups and the cuts of scripts; both are in the records.
            let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(socket, service).await;
        });
    }
}
