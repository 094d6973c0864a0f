//! Binds the core to AWS Lambda: the invocation, the platform's traits, and the table for tokens. It decides nothing:
//! every answer, status and byte comes from the core.
//!
//! ```text
//! invocation ─▶ event ─▶ drive ─▶ Caller ─▶ Body ─▶ answers: streamed to the platform, or whole
//!                        │   ▲
//!                        ▼   │
//!    environment: clock, randomness, gateway · store: table or memory · transport: the service
//! ```

mod answers;
mod aws;
mod caller;
pub mod environment;
mod event;
pub mod machine;
mod settings;
mod store;
mod transport;

use core::convert::Infallible;
use std::sync::Arc;

use kiro2api_core::Millis;
use kiro2api_core::drive::{Host as _, drive};
use kiro2api_core::host::Clock as _;
use kiro2api_core::summary::event_line;
use lambda_runtime::tower::layer::layer_fn;
use lambda_runtime::{Error, LambdaEvent, LambdaInvocation, Runtime, service_fn};
use serde::de::IgnoredAny;

use answers::{Answers, INVOCATION_ID, Ticket};
use caller::Caller;
use environment::Environment;

/// Answers invocations until the platform ends this environment.
///
/// # Errors
/// This is no Lambda environment, or its Runtime API is gone.
pub async fn serve(environment: Environment) -> Result<(), Error> {
    if let Some(name) = NEEDED.iter().find(|name| std::env::var_os(name).is_none()) {
        return Err(format!("{name} is not set: this program runs on AWS Lambda or under an emulator of it").into());
    }
    let (environment, answers) = (Arc::new(environment), Arc::new(Answers::new()));
    let answering = service_fn(move |invocation| answer(Arc::clone(&environment), Arc::clone(&answers), invocation));
    // The runtime fetches the invocations. What it would do with them is left to the service that takes its place.
    let unused = service_fn(|_: LambdaEvent<IgnoredAny>| async { Ok::<(), Infallible>(()) });
    // Boxed once: it holds a whole exchange.
    Box::pin(Runtime::new(unused).layer(layer_fn(|_| answering.clone())).run_concurrent()).await
}

/// One invocation. It is over when its answer is sent and its exchange has ended, so that the platform stops the
/// environment in neither; the answer's body ends with the exchange, when what the pool learned is saved.
async fn answer(
    environment: Arc<Environment>,
    answers: Arc<Answers>,
    invocation: LambdaInvocation,
) -> Result<(), Error> {
    let LambdaInvocation { parts, body, context, .. } = invocation;
    let (incoming, delivery) = event::read(&body, environment.now(), Millis(context.deadline));
    drop(body);
    let ticket = Ticket { request_id: context.request_id, invocation_id: parts.headers.get(INVOCATION_ID).cloned() };
    let (mut caller, answered) = Caller::new(incoming.method == "HEAD");
    let exchange = async {
        drive(&*environment, incoming, &mut caller).await;
        drop(caller);
    };
    let sending = async {
        let answer = answered.await.unwrap_or_else(|_| caller::no_answer());
        if let Err(error) = answers.send(ticket, answer, delivery).await {
            let text = format!("the answer did not reach the platform: {error}");
            environment.log(&event_line("warn", &text, environment.now()));
        }
    };
    tokio::join!(exchange, sending);
    Ok(())
}

/// What the platform says about itself; the runtime reads it.
const NEEDED: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
];
