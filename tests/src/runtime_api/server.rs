//! The endpoint of one environment.

mod serve;
mod state;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::answer::Teller;
use super::invocation::EVENT_LIMIT;
use super::{Answering, Fault, GUARD, Invocation};
use crate::server::socket::Socket;
use state::Shared;

/// A running endpoint, in a thread of its own; dropping it stops it.
pub struct RuntimeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl RuntimeApi {
    /// Serves a program that may have `concurrency` invocations at a time.
    ///
    /// # Errors
    /// No port is free, or the thread cannot be started.
    pub fn start(concurrency: usize) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(concurrency));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("runtime-api".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, serving) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, shared, runtime: handle, stop: Some(stop), thread: Some(thread) })
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Queues an event: the program gets it with one of its next calls of `next`.
    ///
    /// # Errors
    /// It is larger than the platform allows.
    pub fn invoke(&self, invocation: Invocation) -> Result<Answering, Fault> {
        if invocation.event.len() > EVENT_LIMIT {
            return Err(format!("an event of {} bytes: the front end answers 413", invocation.event.len()).into());
        }
        let (teller, answering) = Teller::new(self.runtime.clone());
        self.shared.queue(invocation, teller)?;
        Ok(answering)
    }

    /// When the program asked for its first event.
    pub fn first_poll(&self) -> Option<Instant> {
        self.shared.lock().first_poll
    }

    /// How often the program has asked for an event.
    pub fn polls(&self) -> usize {
        self.shared.lock().polls
    }

    /// Waits until the program has asked for so many events in all.
    ///
    /// # Errors
    /// It has not within a minute.
    pub fn polled(&self, times: usize) -> Result<(), Fault> {
        let began = Instant::now();
        while self.polls() < times {
            if began.elapsed() > GUARD {
                return Err(format!("the program asked {} times for an event, not {times} times", self.polls()).into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// What the platform would have refused or punished, oldest first. A program that behaves has none.
    pub fn offences(&self) -> Vec<String> {
        self.shared.lock().offences.clone()
    }

    /// What the program posted to `init/error`.
    pub fn init_errors(&self) -> Vec<Value> {
        self.shared.lock().init_errors.clone()
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has been reported already.
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
            let service = service_fn(move |request| serve::serve(request, Arc::clone(&shared), reset.clone()));
            // Errors are the program's hang-ups, and callers that leave.
            let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(socket, service).await;
        });
    }
}
