//! The function, the service behind it, and what every test looks for at its end.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use kiro2api_tests::accounts::{Account, credentials};
use kiro2api_tests::runtime_api::{Answer, Answering, End, Environment, Invocation, Plan, Request};
use kiro2api_tests::{Config, Outcome, Upstream};
use serde_json::{Value, json};

pub(crate) const KEY: &str = "client-key-of-the-tests";
pub(crate) const MODEL: &str = "claude-sonnet-4-5";

/// A service and one environment of the function.
pub(crate) struct Stage {
    pub(crate) upstream: Upstream,
    pub(crate) environment: Environment,
}

/// The three ways clients speak.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dialect {
    Messages,
    Chat,
    Responses,
}

impl Dialect {
    pub(crate) const ALL: [Self; 3] = [Self::Messages, Self::Chat, Self::Responses];

    pub(crate) fn ask(self, prompt: &str, stream: bool) -> Request {
        let said = json!([{ "role": "user", "content": prompt }]);
        let (path, body) = match self {
            Self::Messages => {
                ("/v1/messages", json!({ "model": MODEL, "max_tokens": 4096, "stream": stream, "messages": said }))
            }
            Self::Chat => ("/v1/chat/completions", json!({ "model": MODEL, "stream": stream, "messages": said })),
            Self::Responses => ("/v1/responses", json!({ "model": MODEL, "stream": stream, "input": prompt })),
        };
        let request = Request::new("POST", path).json(&body);
        match self {
            Self::Messages => request.header("X-Api-Key", KEY).header("Anthropic-Version", "2023-06-01"),
            Self::Chat | Self::Responses => request.header("Authorization", &format!("Bearer {KEY}")),
        }
    }

    /// What stands at the end of a complete stream.
    pub(crate) fn complete(self) -> &'static str {
        match self {
            Self::Messages => "event: message_stop",
            Self::Chat => "data: [DONE]",
            Self::Responses => "event: response.completed",
        }
    }

    /// What tells of a failure in a stream.
    pub(crate) fn failure(self) -> &'static str {
        match self {
            Self::Messages => "event: error",
            Self::Chat => "data: {\"error\":",
            Self::Responses => "event: response.failed",
        }
    }
}

impl Stage {
    /// With an account that needs no refresh.
    pub(crate) fn new() -> Self {
        Self::with(|plan| plan)
    }

    pub(crate) fn with(change: impl FnOnce(Plan) -> Plan) -> Self {
        let upstream = Upstream::start(Config::default()).unwrap();
        let plan = change(plan(&upstream, "demo-key"));
        let mut environment = Environment::start(&plan).unwrap();
        environment.ready().unwrap();
        Self { upstream, environment }
    }

    pub(crate) fn begin(&self, request: &Request) -> Answering {
        self.environment.invoke(Invocation::new(&request.function_url())).unwrap()
    }

    pub(crate) fn ask(&self, request: &Request) -> Answer {
        self.begin(request).whole().unwrap()
    }

    /// The environment serves one more request.
    pub(crate) fn serves(&self) {
        let answer = self.ask(&Dialect::Messages.ask("@sim text \"still here\"", false));
        assert_eq!((answer.status(), &answer.end), (200, &End::Complete), "{}", answer.text());
        assert!(answer.text().contains("still here"), "{}", answer.text());
    }

    /// Waits until the service has seen the end of all its answers; how the newest ended.
    pub(crate) fn settled(&self) -> Outcome {
        let began = Instant::now();
        loop {
            let outcomes: Vec<_> = self.upstream.requests_of("chat").iter().map(|record| record.outcome).collect();
            if !outcomes.contains(&Outcome::Open) {
                return *outcomes.last().unwrap();
            }
            assert!(began.elapsed() < Duration::from_secs(60), "a request to the service goes on");
            std::thread::yield_now();
        }
    }

    /// The platform had nothing to complain of, and the log is JSON alone.
    pub(crate) fn well(mut self) {
        assert_eq!(self.environment.api().offences(), Vec::<String>::new());
        assert_eq!(self.environment.ended().unwrap(), None, "{:#?}", self.environment.log());
        let log = self.environment.log();
        log.iter().for_each(|line| line_of_the_log(line));
        assert!(!log.iter().any(|line| line.contains(KEY)), "a secret is in the log");
    }
}

pub(crate) fn line_of_the_log(line: &str) {
    let read: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the log: {line}"));
    for field in ["timestamp", "level", "message", "service"] {
        assert!(read[field].is_string(), "no {field} in the log: {line}");
    }
    assert!(!line.contains("panicked"), "{line}");
}

/// The function before this service with one of its accounts.
pub(crate) fn plan(upstream: &Upstream, account: &str) -> Plan {
    let accounts: Vec<Account> =
        upstream.config().accounts.into_iter().filter(|known| known.label == account).collect();
    assert_eq!(accounts.len(), 1);
    Plan::new(&bootstrap())
        .with("KIRO_CLIENT_TOKEN", KEY)
        .with("KIRO_AUTH_TOKEN", &credentials(&accounts).to_string())
        .with("KIRO_API_BASE", &upstream.url())
        .with("KIRO_AUTH_BASE", &upstream.url())
        .with("KIRO_OIDC_BASE", &upstream.url())
        // Nothing leads out of this machine.
        .with("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
}

pub(crate) fn bootstrap() -> PathBuf {
    let path = std::env::var_os("KIRO2API_BOOTSTRAP").map(PathBuf::from);
    let path =
        path.expect("KIRO2API_BOOTSTRAP does not name the function's program: cargo xtask test --only lambda-runtime");
    assert!(path.is_file(), "KIRO2API_BOOTSTRAP: there is no file {}", path.display());
    path
}
