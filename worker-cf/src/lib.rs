//! Binds the core to Cloudflare Workers: the fetch event, the platform's traits, and the pump that moves
//! streamed bytes. It decides nothing: every answer, status and byte comes from the core.

mod client;
mod fetch;
mod host;
mod pump;

use futures_channel::oneshot;
use kiro2api_core::drive::drive;
use kiro2api_core::host::{Incoming, MAX_BODY, Payload};
use worker::{Context, Env, event};

use client::Caller;
use host::Isolate;

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// Answers one request. The work goes on after the head is returned, until the body is complete and what the
/// pool learned is saved.
#[event(fetch, respond_with_errors)]
async fn fetch(request: worker::Request, env: Env, context: Context) -> worker::Result<worker::Response> {
    let host = Isolate::new(&env);
    let incoming = client::incoming(request.inner()).await;
    let (answer, answered) = oneshot::channel();
    let mut caller = Caller::new(answer);
    context.wait_until(async move {
        drive(&host, incoming, &mut caller).await;
        caller.close().await;
    });
    match answered.await {
        Ok(response) => Ok(worker::Response::from(response)),
        Err(_) => worker::Response::error("the request ended without an answer", 500),
    }
}
