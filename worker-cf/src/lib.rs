//! Binds the core to Cloudflare Workers: the fetch event, the platform's traits, and the pump that moves
//! streamed bytes. It decides nothing: every answer, status and byte comes from the core.
//!
//! ```text
//! fetch event ─▶ client::incoming ─▶ drive (under wait_until) ─▶ Caller ─▶ head ─▶ the event's response
//!                                      │   ▲                        └──▶ pump.js ─▶ its body
//!                                      ▼   │
//!                            host: clock, randomness, KV       fetch: the service
//! ```

mod client;
mod fetch;
mod headers;
mod host;
mod pump;

use futures_channel::oneshot;
use kiro2api_core::drive::{Client, drive};
use worker::{Context, Env, event};

use client::Caller;
use host::Isolate;

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// Answers one request. The work goes on after the head is returned, until the body is complete and what the
/// pool learned is saved.
#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, context: Context) -> worker::Result<web_sys::Response> {
    let host = Isolate::new(&env);
    let incoming = client::incoming(&request).await;
    let (answer, answered) = oneshot::channel();
    let mut caller = Caller::new(&request, answer);
    context.wait_until(async move {
        drive(&host, incoming, &mut caller).await;
        caller.end().await;
    });
    match answered.await {
        Ok(response) => Ok(response),
        Err(_) => Ok(client::no_answer()?),
    }
}
