//! What the client is told. A refusal of the gateway's own login never looks like the client's.

use core::fmt;
use std::borrow::Cow;

use super::{Fault, FaultKind};
use crate::error::{Error, Kind};

/// What the client asked for, as far as an error text speaks of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asked<'a> {
    /// The model's public name.
    pub model: &'a str,
    /// Input tokens of the request, in the client's scale; normally an estimate.
    pub tokens: u64,
    /// The window the client believes in, in tokens.
    pub maximum: u64,
}

impl Fault {
    /// The error of a client whose request ended with this fault, when no other try is left.
    ///
    /// Holds the service's words only where they are about the client's own request.
    pub fn to_error(&self, asked: Asked<'_>) -> Error {
        let error = match self.kind {
            FaultKind::TooLong | FaultKind::BodyTooLarge => too_long(asked),
            FaultKind::InvalidModel => Error::new(Kind::UnknownModel, unknown_model(asked.model)),
            kind => self.plain(kind),
        };
        match self.retry_after {
            Some(wait) => error.retry_after(wait),
            None => error,
        }
    }

    fn plain(&self, kind: FaultKind) -> Error {
        let (error, text) = words(kind, self.status == 0);
        let text = match error {
            Kind::Invalid => self.quoting(text),
            _ => Cow::Borrowed(text),
        };
        Error::new(error, text)
    }

    fn quoting(&self, text: &'static str) -> Cow<'static, str> {
        match (self.reason.as_deref(), self.message.as_str()) {
            (None, "") => Cow::Borrowed(text),
            (Some(reason), "") => Cow::Owned(format!("{text} The service's reason: {reason}")),
            (None, message) => Cow::Owned(format!("{text} The service says: {message}")),
            (Some(reason), message) => Cow::Owned(format!("{text} The service says: {message} ({reason})")),
        }
    }
}

/// For logs: kind, status, code, reason and message, all of them redacted and bounded.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)?;
        if self.status != 0 {
            write!(f, " {}", self.status)?;
        }
        for part in [self.code.as_str(), self.reason.as_deref().unwrap_or("")] {
            if !part.is_empty() {
                write!(f, " {part}")?;
            }
        }
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

fn too_long(asked: Asked<'_>) -> Error {
    let maximum = asked.maximum;
    // Clients compute how much to cut from the difference: it is never zero or negative, even when the
    // service counts more than our estimate.
    let tokens = asked.tokens.max(maximum.saturating_add(1));
    let text = format!("prompt is too long: {tokens} tokens > {maximum} maximum");
    Error::new(Kind::TooLong { tokens, maximum }, text)
}

fn unknown_model(model: &str) -> String {
    format!(
        "The service does not serve the model {model} to this gateway: it is unknown, or the plan or region lacks it. \
         GET /v1/models lists what is served."
    )
}

/// One arm is one kind.
fn words(kind: FaultKind, in_stream: bool) -> (Kind, &'static str) {
    match kind {
        FaultKind::Shape { .. } => (Kind::Invalid, "The service refused the request's shape."),
        FaultKind::InvalidJson => (Kind::Invalid, "The service could not read the request as JSON."),
        FaultKind::ToolRules => (
            Kind::Invalid,
            "The service refused the tools: check their names, schemas, and that every result has its call.",
        ),
        FaultKind::MediaRefused => {
            (Kind::Invalid, "The service refused an image or document: send fewer or smaller ones.")
        }
        FaultKind::ConversationRefused => {
            (Kind::Invalid, "The service refused this conversation: start a new one or shorten it.")
        }
        FaultKind::ThinkingSignature => (
            Kind::Invalid,
            "The service did not sign a thinking block of the history: send the conversation without it.",
        ),
        FaultKind::ProfileRequired => (
            Kind::UpstreamRefused,
            "The service wants a profile for the gateway's account: its operator has to set profileArn or log in again.",
        ),
        FaultKind::InvalidProfile => (
            Kind::UpstreamRefused,
            "The service refused the profile of the gateway's account: its operator has to correct profileArn.",
        ),
        FaultKind::BearerInvalid => (
            Kind::UpstreamRefused,
            "The service refused the gateway's own login, not your key: its operator has to log the account in again.",
        ),
        FaultKind::NotAuthorized => (
            Kind::UpstreamRefused,
            "The service does not authorise the gateway's account for this call: its operator has to check plan, profile and region.",
        ),
        FaultKind::Suspended => (
            Kind::NoUsableAccount,
            "The service suspended the gateway's account: its operator has to contact the service's support.",
        ),
        FaultKind::QuotaUsedUp => {
            (Kind::QuotaExhausted, "The quota of the gateway's accounts is used up: try again after its reset.")
        }
        FaultKind::Throttled => {
            (Kind::RateLimited, "The service throttles the gateway's accounts: slow down and try again.")
        }
        FaultKind::NoCapacity => {
            (Kind::Overloaded, "The model has no capacity for now: try again later or take another model.")
        }
        FaultKind::HighLoad => (Kind::Overloaded, "The service is overloaded: try again in a moment."),
        FaultKind::Unavailable => (Kind::Overloaded, "The service is not available for now: try again in a moment."),
        FaultKind::Connect => (Kind::UpstreamFailed, "The service is out of reach: try again in a moment."),
        FaultKind::UnknownOperation | FaultKind::NotFound => (
            Kind::UpstreamFailed,
            "The service's host does not serve this call: the gateway's operator has to check KIRO_API_BASE and the region.",
        ),
        FaultKind::NotEventStream => (
            Kind::UpstreamFailed,
            "Something that is not the service answered: the gateway's operator has to check KIRO_API_BASE and any proxy.",
        ),
        FaultKind::OutputTooLong => {
            (Kind::UpstreamBroke, "The answer hit the service's length limit and is incomplete.")
        }
        FaultKind::Broke => (Kind::UpstreamBroke, "The connection to the service broke: try again."),
        FaultKind::Malformed => {
            (Kind::UpstreamBroke, "The service's answer could not be read and is incomplete: try again.")
        }
        FaultKind::Internal | FaultKind::Other if in_stream => {
            (Kind::UpstreamBroke, "The service failed in the middle of its answer, which is incomplete: try again.")
        }
        FaultKind::TooLong | FaultKind::BodyTooLarge => (Kind::Invalid, "The prompt is too long."),
        FaultKind::InvalidModel => (Kind::UnknownModel, "The service does not serve this model."),
        FaultKind::Internal | FaultKind::Other => (Kind::UpstreamFailed, "The service failed: try again in a moment."),
    }
}
