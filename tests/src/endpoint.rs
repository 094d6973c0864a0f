//! An HTTP endpoint on loopback in a thread of its own, so that tests with and without a runtime can use it.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::JoinHandle;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::server::socket::{ResetFlag, Socket};

/// A running endpoint; dropping it stops it.
pub(crate) struct Endpoint {
    address: SocketAddr,
    runtime: Handle,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Binds the port (0: a free one) and lets `serve` answer every request, whose connection it may reset.
    ///
    /// # Errors
    /// The port is taken, or the thread cannot be started.
    pub(crate) fn start<S, F, B>(name: &str, port: u16, serve: S) -> io::Result<Self>
    where
        S: Fn(Request<Incoming>, ResetFlag) -> F + Clone + Send + 'static,
        F: Future<Output = io::Result<Response<B>>> + Send,
        B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, serve) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, runtime: handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its connections run on.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has been reported already; there is nobody to hand it to here.
            let _ = thread.join();
        }
    }
}

async fn accept<S, F, B>(listener: TcpListener, serve: S)
where
    S: Fn(Request<Incoming>, ResetFlag) -> F + Clone + Send + 'static,
    F: Future<Output = io::Result<Response<B>>> + Send,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
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
        let serve = serve.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| serve(request, reset.clone()));
            // Without a timer an idle connection stays open, as the service's does for longer than anybody here keeps one:
            // closing it would race with the next request on it. Errors are the peer's hang-ups and the cuts that a test
            // asked for.
            let _ = http1::Builder::new().serve_connection(socket, service).await;
        });
    }
}
