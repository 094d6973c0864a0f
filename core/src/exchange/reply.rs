//! Answers that need no model: heads, errors, pages.

use serde::Serialize;

use crate::config::{Config, Origins};
use crate::dialect::{self, anthropic};
use crate::error::Error;
use crate::host::{Head, Headers, header};
use crate::route::Dialect;

/// A complete answer.
pub(crate) type Answered = (Head, Vec<u8>);

/// Headers that every answer of a request carries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Common(Headers);

impl Common {
    pub(crate) fn of(config: &Config, headers: &Headers, dialect: Dialect, request_id: &str) -> Self {
        let mut common = cors(&config.cors, header(headers, "origin"));
        common.push(("request-id".into(), request_id.to_owned()));
        if dialect == Dialect::OpenAi {
            // Where OpenAI's SDKs look for it.
            common.push(("x-request-id".into(), request_id.to_owned()));
        }
        Self(common)
    }

    pub(crate) fn with(&self, status: u16, more: Headers) -> Head {
        let mut headers = self.0.clone();
        headers.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        headers.extend(more);
        Head { status, headers }
    }

    pub(crate) fn json(&self, status: u16, body: Vec<u8>) -> Answered {
        (self.with(status, vec![json_type()]), body)
    }

    /// The head of a streamed answer.
    pub(crate) fn stream(&self, ignored: &[&'static str]) -> Head {
        let mut headers: Headers = vec![
            ("content-type".into(), "text/event-stream; charset=utf-8".into()),
            ("cache-control".into(), "no-cache, no-transform".into()),
            ("x-accel-buffering".into(), "no".into()),
        ];
        headers.extend(ignored_header(ignored));
        self.with(200, headers)
    }

    pub(crate) fn error(&self, dialect: Dialect, error: &Error, request_id: &str) -> Answered {
        let (status, headers, body) = match dialect {
            Dialect::Anthropic => anthropic::error(error, request_id),
            Dialect::OpenAi => dialect::openai_error(error),
        };
        (self.with(status, headers), body)
    }

    pub(crate) fn preflight(&self, headers: &Headers) -> Answered {
        let asked =
            header(headers, "access-control-request-headers").unwrap_or("authorization, content-type, x-api-key");
        let more = vec![
            ("access-control-allow-methods".into(), "GET, HEAD, POST, DELETE, OPTIONS".into()),
            ("access-control-allow-headers".into(), asked.to_owned()),
            ("access-control-max-age".into(), "86400".into()),
        ];
        (self.with(204, more), Vec::new())
    }

    pub(crate) fn home(&self) -> Answered {
        let more = vec![("content-type".into(), "text/plain; charset=utf-8".into())];
        (self.with(200, more), HOME.as_bytes().to_vec())
    }
}

/// The header that lists request fields without effect.
pub(crate) fn ignored_header(ignored: &[&'static str]) -> Option<(std::borrow::Cow<'static, str>, String)> {
    (!ignored.is_empty()).then(|| ("x-kiro2api-ignored".into(), ignored.join(", ")))
}

/// `GET /health`: whether the gateway could serve, without touching anything.
pub(crate) fn health(config: &Config) -> Vec<u8> {
    #[derive(Serialize)]
    struct Health<'h> {
        status: &'static str,
        version: &'static str,
        configured: bool,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        problems: &'h [String],
    }
    let configured = config.problems.is_empty();
    let health = Health { status: "ok", version: env!("CARGO_PKG_VERSION"), configured, problems: &config.problems };
    serde_json::to_vec(&health).unwrap_or_default()
}

fn cors(origins: &Origins, origin: Option<&str>) -> Headers {
    let expose = ("access-control-expose-headers".into(), EXPOSED.into());
    match (origins, origin) {
        (Origins::Any, _) => vec![("access-control-allow-origin".into(), "*".into()), expose],
        (Origins::Listed(list), Some(origin)) if list.iter().any(|listed| listed == origin) => {
            vec![("access-control-allow-origin".into(), origin.to_owned()), ("vary".into(), "origin".into()), expose]
        }
        (Origins::Listed(_), _) => vec![("vary".into(), "origin".into())],
    }
}

fn json_type() -> (std::borrow::Cow<'static, str>, String) {
    ("content-type".into(), "application/json".into())
}

/// What a page of another origin may read.
const EXPOSED: &str = "request-id, x-request-id, retry-after, x-kiro2api-ignored";

const HOME: &str = concat!(
    "kiro2api ",
    env!("CARGO_PKG_VERSION"),
    "\n\nA gateway from Anthropic and OpenAI clients to the Kiro service.\n\n",
    "  POST /v1/messages                the Messages API, streamed or not\n",
    "  POST /v1/messages/count_tokens   token counts, estimated here\n",
    "  POST /v1/chat/completions        the Chat Completions API, streamed or not\n",
    "  POST /v1/responses               the Responses API, streamed or not\n",
    "  GET  /v1/models                  the models\n",
    "  GET  /stats/token-pool           the accounts and what is left of their quotas\n",
    "  GET  /health                     whether it is up and configured\n\n",
    "Claude Code: set ANTHROPIC_BASE_URL to this address and ANTHROPIC_AUTH_TOKEN to your client key.\n",
    "OpenAI clients: set OPENAI_BASE_URL to this address with /v1 and OPENAI_API_KEY to your client key.\n",
);
