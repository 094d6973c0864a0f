//! A door before the emulated services: it counts what passes, spoils what a test wants spoilt, and lets in one write
//! with a condition at a time, because the emulator checks the condition and performs the write in two steps.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::aws;

/// What happens to a request instead of being passed on.
#[derive(Clone)]
pub enum Act {
    /// It is answered with this status and this error.
    Refuse(u16, &'static str),
    /// It is never answered.
    Hang,
    /// It is performed, and the connection closed without an answer.
    Lose,
    /// It is passed on when the test says so.
    Hold(Held),
}

/// Where a request waits.
#[derive(Clone, Default)]
pub struct Held {
    /// It has come.
    pub reached: Arc<Notify>,
    /// It may go on.
    pub go: Arc<Notify>,
}

struct Rule {
    operation: &'static str,
    part: String,
    left: usize,
    act: Act,
}

struct Inside {
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<String>>,
    one_by_one: tokio::sync::Mutex<()>,
}

/// The door; it closes with the runtime of its test.
pub struct Gate {
    address: SocketAddr,
    inside: Arc<Inside>,
}

impl Gate {
    pub async fn open() -> Self {
        aws::ready().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inside = Arc::new(Inside {
            rules: Mutex::default(),
            seen: Mutex::default(),
            one_by_one: tokio::sync::Mutex::default(),
        });
        let shared = Arc::clone(&inside);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, inside }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Spoils the next `times` requests for this operation whose body holds `part`.
    pub fn spoil(&self, operation: &'static str, part: &str, times: usize, act: Act) {
        self.inside.rules.lock().unwrap().push(Rule { operation, part: part.to_owned(), left: times, act });
    }

    /// How many requests for an operation have come.
    pub fn count(&self, operation: &str) -> usize {
        self.inside.seen.lock().unwrap().iter().filter(|seen| *seen == operation).count()
    }
}

async fn serve(stream: TcpStream, inside: Arc<Inside>) {
    let service = service_fn(move |request| pass(request, Arc::clone(&inside)));
    // A connection that a rule closes is an error here.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// The connection is closed without an answer.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed")
    }
}

impl std::error::Error for Closed {}

async fn pass(request: Request<Incoming>, inside: Arc<Inside>) -> Result<Response<Full<Bytes>>, Closed> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
    let target = head.headers["x-amz-target"].to_str().unwrap();
    let operation = target.rsplit('.').next().unwrap().to_owned();
    let act = inside.act(&operation, &String::from_utf8_lossy(&body));
    inside.seen.lock().unwrap().push(operation);
    match &act {
        Some(Act::Refuse(status, code)) => return Ok(refusal(*status, code)),
        Some(Act::Hang) => std::future::pending().await,
        Some(Act::Hold(held)) => {
            held.reached.notify_one();
            held.go.notified().await;
        }
        Some(Act::Lose) | None => return forward(&head, body, &inside, act.is_some()).await,
    };
    forward(&head, body, &inside, false).await
}

async fn forward(
    head: &hyper::http::request::Parts,
    body: Bytes,
    inside: &Inside,
    lose: bool,
) -> Result<Response<Full<Bytes>>, Closed> {
    let conditional = body.windows(CONDITION.len()).any(|word| word == CONDITION);
    let alone = if conditional { Some(inside.one_by_one.lock().await) } else { None };
    let (status, answer) = aws::post(&aws::endpoint(), &head.headers, body).await;
    drop(alone);
    if lose { Err(Closed) } else { Ok(Response::builder().status(status).body(Full::new(answer)).unwrap()) }
}

fn refusal(status: u16, code: &str) -> Response<Full<Bytes>> {
    let body = format!(r#"{{"__type":"com.amazonaws.x#{code}","message":"hush 123456789012"}}"#);
    Response::builder().status(status).body(Full::new(body.into())).unwrap()
}

impl Inside {
    fn act(&self, operation: &str, body: &str) -> Option<Act> {
        let mut rules = self.rules.lock().unwrap();
        let fits = |rule: &&mut Rule| rule.operation == operation && rule.left > 0 && body.contains(&rule.part);
        let rule = rules.iter_mut().find(fits)?;
        rule.left -= 1;
        Some(rule.act.clone())
    }
}

const CONDITION: &[u8] = b"\"ConditionExpression\"";
