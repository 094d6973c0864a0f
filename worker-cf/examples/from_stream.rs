//! The gateway with the plumbing that the `worker` crate offers, `Response::from_stream`: what `bench/workers`
//! measures the pump against. Everything but the way of the bytes is the product's own.

#[expect(dead_code, reason = "only the pump asks for the source")]
#[path = "../src/fetch.rs"]
mod fetch;
#[path = "../src/headers.rs"]
mod headers;
#[path = "../src/host.rs"]
mod host;
#[expect(dead_code, reason = "the pump itself is what this does without")]
#[path = "../src/pump.rs"]
mod pump;

use futures_channel::{mpsc, oneshot};
use futures_util::{SinkExt, StreamExt};
use kiro2api_core::drive::{self, Client, Gone};
use kiro2api_core::exchange::relay::Relay;
use kiro2api_core::host::{Head, Incoming, Millis, Payload};
use worker::{Context, Env, Request, Response, ResponseBuilder, event};

use fetch::Fetching;
use host::Isolate;

struct Caller {
    answer: Option<oneshot::Sender<Response>>,
    body: Option<mpsc::Sender<Vec<u8>>>,
}

impl Caller {
    fn respond(&mut self, response: worker::Result<Response>) -> Result<(), Gone> {
        let response = response.map_err(|_| Gone)?;
        self.answer.take().ok_or(Gone)?.send(response).map_err(|_| Gone)
    }
}

impl Client<Isolate> for Caller {
    async fn answer(&mut self, head: &Head, body: &[u8]) -> Result<(), Gone> {
        self.respond(Ok(ResponseBuilder::new().with_status(head.status).fixed(body.to_vec())))
    }

    async fn open(&mut self, head: &Head) -> Result<(), Gone> {
        let (sender, receiver) = mpsc::channel::<Vec<u8>>(1);
        self.body = Some(sender);
        let response = Response::from_stream(receiver.map(Ok::<_, worker::Error>));
        self.respond(response.map(|response| response.with_status(head.status)))
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        self.body.as_mut().ok_or(Gone)?.send(bytes.to_vec()).await.map_err(|_| Gone)
    }

    async fn pump(&mut self, host: &Isolate, relay: Relay, reply: Fetching) -> (Relay, Result<(), Gone>) {
        drive::pump(host, self, relay, reply).await
    }
}

/// Answers one request.
#[event(fetch)]
async fn fetch(mut request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let host = Isolate::new(&env);
    let incoming = Incoming {
        method: request.method().to_string(),
        path: request.path(),
        query: String::new(),
        headers: request.headers().entries().map(|(name, value)| (name.into(), value)).collect(),
        body: Payload::Bytes(request.bytes().await?),
        ends: Millis::NEVER,
    };
    let (answer, answered) = oneshot::channel();
    context.wait_until(async move {
        drive::drive(&host, incoming, &mut Caller { answer: Some(answer), body: None }).await;
    });
    answered.await.map_err(|_| worker::Error::from("no answer"))
}
