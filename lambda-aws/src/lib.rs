//! Binds the core to AWS Lambda: the invocation, the platform's traits, and the table for tokens. It decides nothing:
//! every answer, status and byte comes from the core.
//!
//! ```text
//! invocation ─▶ event::incoming ─▶ drive (a task of its own) ─▶ Caller ─▶ head ─▶ the invocation's response
//!                                    │   ▲                        └─────▶ Body ─▶ its streamed body
//!                                    ▼   │
//!               environment: clock, randomness, gateway · store: table or memory · transport: the service
//! ```

mod aws;
mod caller;
pub mod environment;
mod event;
pub mod machine;
mod store;
mod transport;

use std::sync::Arc;

use kiro2api_core::drive::drive;
use lambda_http::{Request, Response, service_fn};

use caller::{Body, Caller};
use environment::Environment;

/// Answers invocations until the environment ends.
///
/// # Errors
/// Only what the platform's runtime cannot go on with.
pub async fn serve(environment: Environment) -> Result<(), lambda_runtime::Error> {
    let environment = Arc::new(environment);
    lambda_http::run_with_streaming_response_concurrent(service_fn(move |request| {
        answer(Arc::clone(&environment), request)
    }))
    .await
}

/// One invocation. The exchange is a task: it goes on after the head is returned, until what the pool learned is saved;
/// only then does the body end.
async fn answer(environment: Arc<Environment>, request: Request) -> Result<Response<Body>, lambda_runtime::Error> {
    let incoming = event::incoming(request);
    let (mut caller, answered) = Caller::new(incoming.method == "HEAD");
    tokio::spawn(async move { drive(&*environment, incoming, &mut caller).await });
    Ok(answered.await.unwrap_or_else(|_| caller::no_answer()))
}
