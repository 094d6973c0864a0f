//! The two functions, and a call of the service without any.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kiro2api_tests::Upstream;
use kiro2api_tests::accounts::{DEMO_API_KEY, credentials};
use kiro2api_tests::runtime_api::{Environment, Fault, Plan, Request};
use serde_json::{Value, json};

/// A function that can be started.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// What a request for this script's answer looks like.
    pub(crate) ask: fn(&str) -> Request,
    /// Whether this is the whole answer with so many frames.
    pub(crate) whole: fn(&str, usize) -> bool,
    program: PathBuf,
    plan: Plan,
}

impl Function {
    /// The peer: it gets the service's own body and passes on what comes.
    pub(crate) fn pass_through(program: &Path, upstream: &Upstream) -> Self {
        let plan = Plan::new(program).with("KIRO_API_BASE", &upstream.url()).with("BENCH_KEY", DEMO_API_KEY);
        let ask: fn(&str) -> Request = |script| Request::new("POST", "/").json(&body(script));
        let whole: fn(&str, usize) -> bool = |text, frames| frames == text.matches("assistantResponseEvent").count();
        Self { name: "pass-through", ask, whole, program: program.to_owned(), plan }
    }

    /// The gateway, asked through the Messages API.
    pub(crate) fn gateway(program: &Path, upstream: &Upstream) -> Self {
        let accounts = upstream.config().accounts.into_iter().filter(|account| account.label == "demo-key");
        let plan = Plan::new(program)
            .with("KIRO_CLIENT_TOKEN", "bench")
            .with("KIRO_AUTH_TOKEN", &credentials(&accounts.collect::<Vec<_>>()).to_string())
            .with("KIRO_API_BASE", &upstream.url())
            .with("KIRO_AUTH_BASE", &upstream.url())
            .with("KIRO_OIDC_BASE", &upstream.url());
        let ask: fn(&str) -> Request = |script| {
            let said = json!([{ "role": "user", "content": format!("@sim {script}") }]);
            let body = json!({ "model": "claude-sonnet-4-5", "max_tokens": 64_000, "stream": true, "messages": said });
            Request::new("POST", "/v1/messages").header("x-api-key", "bench").json(&body)
        };
        let whole: fn(&str, usize) -> bool =
            |text, frames| text.contains("event: message_stop") && text.matches("word ").count() == frames;
        Self { name: "this gateway", ask, whole, program: program.to_owned(), plan }
    }

    /// A warm environment.
    pub(crate) fn start(&self) -> Result<Environment, Fault> {
        self.start_with(1)
    }

    /// One that takes several invocations at a time.
    pub(crate) fn start_with(&self, concurrency: usize) -> Result<Environment, Fault> {
        let mut environment = Environment::start(&Plan { concurrency, ..self.plan.clone() })?;
        environment.ready()?;
        Ok(environment)
    }

    /// A cold one, which has not asked for an event yet.
    pub(crate) fn spawn(&self) -> Result<Environment, Fault> {
        Environment::start(&self.plan)
    }

    /// Bytes of its program.
    pub(crate) fn size(&self) -> Result<u64, Fault> {
        Ok(fs::metadata(&self.program)?.len())
    }
}

/// A call without a function: milliseconds to the first words and to the end.
pub(crate) fn direct(upstream: &Upstream, script: &str, frames: usize) -> Result<Vec<f64>, Fault> {
    let address = upstream.url();
    let body = body(script).to_string();
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address.trim_start_matches("http://"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let head = format!(
        "POST /generateAssistantResponse HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: application/json\r\n\
         authorization: Bearer {DEMO_API_KEY}\r\ntokentype: API_KEY\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes())?;
    let (mut all, mut buffer, mut first) = (Vec::new(), [0; 16 * 1024], None);
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        all.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if first.is_none() && all.windows(5).any(|window| window == b"word ") {
            first = Some(begun.elapsed());
        }
    }
    let total = begun.elapsed();
    let text = String::from_utf8_lossy(&all);
    if text.matches("assistantResponseEvent").count() != frames {
        return Err(format!("a direct call got {text}").into());
    }
    Ok([first.ok_or("no words")?, total].map(|time| time.as_secs_f64() * 1e3).to_vec())
}

/// The service's own body.
fn body(script: &str) -> Value {
    json!({ "conversationState": {
        "chatTriggerType": "MANUAL", "conversationId": "6f0f2f52-6c0c-4b43-9a2e-3a2f5a4a9d01",
        "currentMessage": { "userInputMessage": {
            "content": format!("@sim {script}"), "modelId": "claude-sonnet-4.5", "origin": "AI_EDITOR",
        } },
    } })
}
