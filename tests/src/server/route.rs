//! Which operation a request means, and the way from a request to its answer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;

use super::socket::ResetFlag;
use super::state::{Guard, Shared};
use super::stream::Streamed;
use super::{admin, chat, control};
use crate::check::Dialect;
use crate::record::{Outcome, Record, Verdict};
use crate::refusal::Refusal;
use crate::script::Action;

/// A request with its body read.
pub(super) struct Call {
    pub(super) operation: Operation,
    pub(super) dialect: Dialect,
    pub(super) record: Record,
    pub(super) bytes: Vec<u8>,
    /// The region in the path or in `Host`, if there is one.
    pub(super) region: Option<String>,
}

/// What the client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Chat,
    Social,
    Idc,
    Register,
    Device,
    Usage,
    Models,
    Profiles,
    Mcp,
    Unknown,
}

impl Operation {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Social => "social",
            Self::Idc => "idc",
            Self::Register => "register",
            Self::Device => "device",
            Self::Usage => "usage",
            Self::Models => "models",
            Self::Profiles => "profiles",
            Self::Mcp => "mcp",
            Self::Unknown => "unknown",
        }
    }
}

/// An answer before it is put on the wire.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) actions: Vec<Action>,
    /// Milliseconds before the head.
    pub(super) delay: u64,
    pub(super) verdict: Verdict,
    /// Whether it counts as an open stream.
    pub(super) streams: bool,
}

impl Answer {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::plain(status, "application/json", body.to_string())
    }

    pub(super) fn plain(status: u16, content_type: &str, body: String) -> Self {
        let headers = vec![("content-type", content_type.to_owned()), ("content-length", body.len().to_string())];
        Self {
            status,
            headers,
            actions: vec![Action::Write(body.into_bytes())],
            delay: 0,
            verdict: Verdict::Accepted,
            streams: false,
        }
    }

    pub(super) fn refused(refusal: &Refusal, dialect: Dialect, verdict: Verdict) -> Self {
        let aws_json = dialect == Dialect::AwsJson;
        let usual = if aws_json { "application/x-amz-json-1.0" } else { "application/json" };
        let content_type = refusal.content_type.as_deref().unwrap_or(usual);
        let mut answer = Self::plain(refusal.status, content_type, refusal.encode(aws_json));
        if !refusal.kind.is_empty() {
            let suffix = if aws_json { ":http://internal.amazon.com/coral/com.amazon.coral.service/" } else { "" };
            answer.headers.push(("x-amzn-errortype", format!("{}{suffix}", refusal.kind)));
        }
        if let Some(after) = &refusal.retry_after {
            answer.headers.push(("retry-after", after.clone()));
        }
        answer.verdict = verdict;
        answer
    }

    #[must_use]
    pub(super) fn because(mut self, rule: String) -> Self {
        self.headers.push(("x-sim-rule", rule));
        self
    }
}

/// Serves one request.
pub(super) async fn serve(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    reset: ResetFlag,
) -> Result<Response<Streamed>, io::Error> {
    let is_admin = request.uri().path().starts_with("/_sim/");
    let (operation, dialect) = operation(&request);
    let record = record(&request, operation);
    let region = region(&record);
    let mut guard = if is_admin { shared.silent() } else { shared.begin(record.clone()) };
    let bytes = match Limited::new(request.into_body(), READ_LIMIT).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(error) if error.is::<LengthLimitError>() => {
            let refusal = Refusal::preset("front-end").unwrap_or_else(Refusal::improper);
            return respond(Answer::refused(&refusal, dialect, Verdict::Refused), guard, reset);
        }
        // The peer has gone before it had said everything; there is nobody to answer.
        Err(error) => return Err(io::Error::other(error)),
    };
    let body = body_value(&bytes);
    let keep = shared.lock().config().keep_text;
    guard.update(|record| {
        record.text = keep.then(|| String::from_utf8_lossy(&bytes).into_owned());
        record.body_bytes = bytes.len();
        record.body = body;
    });
    if is_admin {
        return respond(admin::answer(&record, &bytes, &shared), guard, reset);
    }
    let call = Call { operation, dialect, record, bytes, region };
    let answer = match operation {
        Operation::Chat => chat::answer(&call, &guard),
        _ => control::answer(&call, &guard),
    };
    if answer.streams {
        guard.stream();
    }
    if answer.delay > 0 {
        tokio::time::sleep(Duration::from_millis(answer.delay)).await;
    }
    respond(answer, guard, reset)
}

fn respond(answer: Answer, mut guard: Guard, reset: ResetFlag) -> Result<Response<Streamed>, io::Error> {
    let Answer { status, headers, actions, verdict, .. } = answer;
    guard.update(|record| {
        record.status = status;
        record.verdict = verdict;
    });
    guard.settle(Outcome::ClientGone);
    let id = guard.id;
    let mut response = Response::new(Streamed::new(actions, guard, reset));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = headers.into_iter().chain([("x-amzn-requestid", format!("00000000-0000-4000-8000-{id:012}"))]);
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&printable(&value)) {
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
    Ok(response)
}

/// Header values are visible ASCII; anything else is escaped.
fn printable(value: &str) -> String {
    let short: String = value.chars().take(500).collect();
    short
        .chars()
        .flat_map(|c| if c.is_ascii_graphic() || c == ' ' { vec![c] } else { c.escape_default().collect() })
        .collect()
}

fn body_value(bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned().into())
}

fn operation(request: &Request<Incoming>) -> (Operation, Dialect) {
    let last = request.uri().path().rsplit('/').next().unwrap_or_default();
    let post = request.method() == Method::POST;
    let readable = post || request.method() == Method::GET;
    let by_path = match last {
        "generateAssistantResponse" if post => Operation::Chat,
        "refreshToken" if post => Operation::Social,
        "token" if post => Operation::Idc,
        "register" if post => Operation::Register,
        "device_authorization" if post => Operation::Device,
        "mcp" if post => Operation::Mcp,
        "getUsageLimits" | "Get-Usage-Limits" if readable => Operation::Usage,
        "ListAvailableModels" | "List-Available-Models" if readable => Operation::Models,
        "ListAvailableProfiles" | "List-Available-Profiles" if post => Operation::Profiles,
        "" if post => return (by_target(request), Dialect::AwsJson),
        _ => Operation::Unknown,
    };
    (by_path, Dialect::Rest)
}

fn by_target(request: &Request<Incoming>) -> Operation {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    match target.split_once('.') {
        Some(("AmazonCodeWhispererStreamingService", "GenerateAssistantResponse")) => Operation::Chat,
        Some(("AmazonCodeWhispererStreamingService", "InvokeMCP")) => Operation::Mcp,
        Some(("AmazonCodeWhispererService" | "KiroControlPlaneBearerService", name)) => match name {
            "GetUsageLimits" => Operation::Usage,
            "ListAvailableModels" => Operation::Models,
            "ListAvailableProfiles" => Operation::Profiles,
            _ => Operation::Unknown,
        },
        _ => Operation::Unknown,
    }
}

fn record(request: &Request<Incoming>, operation: Operation) -> Record {
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    Record {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        operation: operation.name().to_owned(),
        ..Record::default()
    }
}

/// A region such as `eu-west-1` as a path segment before the last, or as a label of `Host`.
fn region(record: &Record) -> Option<String> {
    let segments = record.path.split('/');
    let labels = record.header("host").unwrap_or_default().split('.');
    segments.chain(labels).find(|part| is_region(part)).map(str::to_owned)
}

fn is_region(part: &str) -> bool {
    let mut words = part.split('-').rev();
    let number = words.next().is_some_and(|word| word.len() == 1 && word.chars().all(|c| c.is_ascii_digit()));
    let rest: Vec<&str> = words.collect();
    number
        && rest.len() >= 2
        && rest.iter().all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase()))
}

/// Larger bodies are refused by the front end before the service sees them.
const READ_LIMIT: usize = 64 << 20;
