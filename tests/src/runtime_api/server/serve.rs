//! The calls of the API, each judged as the platform judges it.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::super::answer::{End, Leave, Piece, Said, Teller};
use super::super::shape::Splitter;
use super::state::{Closing, Open, Refused, Shared};
use crate::server::socket::ResetFlag;

type Reply = Response<Full<Bytes>>;

/// One call of the program.
pub(super) async fn serve(request: Request<Incoming>, shared: Arc<Shared>, reset: ResetFlag) -> io::Result<Reply> {
    let path = request.uri().path().to_owned();
    let Some(call) = path.strip_prefix("/2018-06-01/runtime/") else {
        return Ok(unknown(&request, &shared));
    };
    let words: Vec<&str> = call.split('/').collect();
    match (request.method(), words.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next(&shared).await,
        (&Method::POST, ["invocation", id, "response"]) => response(request, id, &shared, &reset).await,
        (&Method::POST, ["invocation", id, "error"]) => error(request, id, &shared).await,
        (&Method::POST, ["init", "error"]) => {
            let (kind, body) = failure(request, &shared).await;
            shared.lock().init_errors.push(json!({ "kind": kind, "body": body }));
            Ok(accepted())
        }
        _ => Ok(unknown(&request, &shared)),
    }
}

fn unknown(request: &Request<Incoming>, shared: &Shared) -> Reply {
    shared.offence(format!("there is no {} {}", request.method(), request.uri().path()));
    refusal(StatusCode::NOT_FOUND, "NotFound")
}

async fn next(shared: &Arc<Shared>) -> io::Result<Reply> {
    let handed = shared.next().await.ok_or_else(|| io::Error::other("the endpoint has ended"))?;
    tokio::spawn(expire(Arc::clone(shared), handed.id.clone(), handed.deadline));
    let mut reply = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", &handed.id)
        .header("lambda-runtime-deadline-ms", handed.deadline_ms.to_string())
        .header("lambda-runtime-invoked-function-arn", FUNCTION);
    if let Some(trace) = &handed.invocation.trace {
        reply = reply.header("lambda-runtime-trace-id", trace);
    }
    reply.body(Full::from(handed.invocation.event)).map_err(io::Error::other)
}

/// An invocation to which nothing was answered when its time is over.
async fn expire(shared: Arc<Shared>, id: String, deadline: Instant) {
    tokio::time::sleep_until(deadline.into()).await;
    if let Some(open) = shared.expired(&id) {
        shared.offence("the deadline passed before an answer".to_owned());
        open.teller.tell(Said::End(End::TimedOut)).await;
    }
}

async fn response(request: Request<Incoming>, id: &str, shared: &Shared, reset: &ResetFlag) -> io::Result<Reply> {
    let open = match begin(id, shared) {
        Ok(open) => open,
        Err(reply) => return Ok(reply),
    };
    let _closing = Closing { shared, id };
    match text(request.headers(), "lambda-runtime-function-response-mode").as_deref() {
        None => Ok(buffered(request.into_body(), open, shared).await),
        Some("streaming") => streamed(request, open, shared, reset).await,
        Some(other) => {
            shared.offence(format!("there is no response mode {other}"));
            open.teller.tell(Said::End(End::Broken("Runtime.InvalidResponseModeHeader".to_owned()))).await;
            Ok(refusal(StatusCode::BAD_REQUEST, "InvalidFunctionResponseMode"))
        }
    }
}

async fn streamed(request: Request<Incoming>, open: Open, shared: &Shared, reset: &ResetFlag) -> io::Result<Reply> {
    let kind = text(request.headers(), "content-type").unwrap_or_default();
    if kind != STREAMED_ANSWER {
        shared.offence(format!("a streamed HTTP answer has the content type {kind:?}"));
    }
    let mut stream = Stream { body: request.into_body(), splitter: Splitter::default(), said: Vec::new() };
    let teller = &open.teller;
    let ended = tokio::select! {
        // A caller that has left is seen before anything else: nothing more is read for it.
        biased;
        how = teller.left() => Err(how),
        () = tokio::time::sleep_until(open.deadline.into()) => Ok(End::TimedOut),
        end = stream.read(teller) => Ok(end),
    };
    let end = match ended {
        Err(how) => return left(how, stream.body, reset).await,
        Ok(end) => end,
    };
    let problem = match &end {
        End::TimedOut => Some("the deadline passed in mid-stream".to_owned()),
        End::Broken(text) => Some(format!("the answer broke: {text}")),
        End::Trailer(kind, _) => Some(format!("the answer ended with the trailer {kind}")),
        _ => None,
    };
    if let Some(problem) = problem {
        shared.offence(problem);
    }
    let over = matches!(end, End::TimedOut | End::Broken(_));
    if !teller.tell(Said::End(end)).await && over {
        return Err(io::Error::other("over"));
    }
    if over { Err(io::Error::other("over")) } else { Ok(accepted()) }
}

/// The caller is gone and the program is not done.
async fn left(how: Leave, mut body: Incoming, reset: &ResetFlag) -> io::Result<Reply> {
    match how {
        Leave::Drain => {
            // Its end, and even its failure, concern nobody any more.
            while let Some(Ok(_)) = body.frame().await {}
            Ok(accepted())
        }
        Leave::Close => Err(io::Error::other("the caller has left")),
        Leave::Reset => {
            reset.set();
            Err(io::Error::other("the caller has left"))
        }
        Leave::Refuse => Ok(refusal(StatusCode::GONE, "InvocationGone")),
    }
}

struct Stream {
    body: Incoming,
    splitter: Splitter,
    /// The last bytes said, for what must not be among them.
    said: Vec<u8>,
}

impl Stream {
    async fn read(&mut self, teller: &Teller) -> End {
        loop {
            let frame = match self.body.frame().await {
                None if self.splitter.found() => return End::Complete,
                None => return End::Broken("it ended before its body".to_owned()),
                Some(Err(error)) => return End::Broken(error.to_string()),
                Some(Ok(frame)) => frame,
            };
            match frame.into_data() {
                Ok(bytes) => {
                    if let Err(text) = self.take(&bytes, teller).await {
                        return End::Broken(text);
                    }
                }
                Err(frame) => {
                    if let Some(end) = frame.trailers_ref().and_then(trailer) {
                        return end;
                    }
                }
            }
        }
    }

    async fn take(&mut self, bytes: &Bytes, teller: &Teller) -> Result<(), String> {
        let at = Instant::now();
        let (head, bytes) = self.splitter.push(bytes)?;
        if let Some(head) = head {
            teller.tell(Said::Head(head)).await;
        }
        if bytes.is_empty() {
            return Ok(());
        }
        self.said.extend_from_slice(&bytes);
        if self.said.windows(TRAILER.len()).any(|window| window.eq_ignore_ascii_case(TRAILER)) {
            return Err("a trailer came as part of the body".to_owned());
        }
        let surplus = self.said.len().saturating_sub(TRAILER.len());
        self.said.drain(..surplus);
        teller.tell(Said::Piece(Piece { bytes, at })).await;
        Ok(())
    }
}

fn trailer(trailers: &HeaderMap) -> Option<End> {
    let kind = text(trailers, "lambda-runtime-function-error-type")?;
    let body = text(trailers, "lambda-runtime-function-error-body").unwrap_or_default();
    let body = BASE64_STANDARD.decode(body).unwrap_or_default();
    Some(End::Trailer(kind, String::from_utf8_lossy(&body).into_owned()))
}

async fn buffered(body: Incoming, open: Open, shared: &Shared) -> Reply {
    let bytes = match Limited::new(body, ANSWER_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            shared.offence(format!("a whole answer broke or was too large: {error}"));
            open.teller.tell(Said::End(End::Broken(error.to_string()))).await;
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge");
        }
    };
    let end = match serde_json::from_slice(&bytes) {
        Ok(body) => End::Buffered(body),
        Err(error) => {
            shared.offence(format!("a whole answer is no JSON: {error}"));
            End::Broken(error.to_string())
        }
    };
    open.teller.tell(Said::End(end)).await;
    accepted()
}

async fn error(request: Request<Incoming>, id: &str, shared: &Shared) -> io::Result<Reply> {
    let open = match begin(id, shared) {
        Ok(open) => open,
        Err(reply) => return Ok(reply),
    };
    let _closing = Closing { shared, id };
    let (kind, body) = failure(request, shared).await;
    open.teller.tell(Said::End(End::Error(kind, body))).await;
    Ok(accepted())
}

/// The kind and body of a reported failure, which must have the documented form.
async fn failure(request: Request<Incoming>, shared: &Shared) -> (String, Value) {
    let kind = text(request.headers(), "lambda-runtime-function-error-type").unwrap_or_default();
    let bytes = Limited::new(request.into_body(), ANSWER_LIMIT).collect().await;
    let body = bytes.map(|body| serde_json::from_slice::<Value>(&body.to_bytes()).unwrap_or_default());
    let body = body.unwrap_or_default();
    if !body["errorMessage"].is_string() || !body["errorType"].is_string() {
        shared.offence(format!("a failure is told without its two fields: {body}"));
    }
    (kind, body)
}

fn begin(id: &str, shared: &Shared) -> Result<Open, Reply> {
    shared.begin(id).map_err(|refused| match refused {
        Refused::UnknownId => {
            shared.offence(format!("an answer to {id}, which is no open invocation"));
            refusal(StatusCode::BAD_REQUEST, "InvalidRequestID")
        }
        Refused::SecondAnswer => {
            shared.offence(format!("a second answer to {id}"));
            refusal(StatusCode::FORBIDDEN, "InvalidStateTransition")
        }
    })
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn accepted() -> Reply {
    json_reply(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

fn refusal(status: StatusCode, kind: &str) -> Reply {
    json_reply(status, &json!({ "errorMessage": kind, "errorType": kind }))
}

fn json_reply(status: StatusCode, body: &Value) -> Reply {
    let mut reply = Response::new(Full::from(body.to_string()));
    *reply.status_mut() = status;
    reply
}

const STREAMED_ANSWER: &str = "application/vnd.awslambda.http-integration-response";
/// What some runtimes write into the body when a stream fails.
const TRAILER: &[u8] = b"Lambda-Runtime-Function-Error-Type";
/// The largest answer outside of the streaming mode: 6 MiB and the envelope.
const ANSWER_LIMIT: usize = 6 * 1024 * 1024 + 100;
const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:kiro2api";
