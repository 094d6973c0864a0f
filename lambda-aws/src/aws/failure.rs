//! Why an operation failed. No text of a service gets in here, only the name of its error: a text may hold what was
//! sent.

use core::fmt;
use std::error::Error;

use http::{HeaderMap, StatusCode};
use serde::Deserialize;

/// An operation that was not performed, or of which nobody knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    /// What the last try failed of.
    pub(crate) cause: Cause,
    /// How often it was tried.
    pub(crate) tries: u32,
}

/// Why one try failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// These variables are not set.
    Unset(&'static str),
    /// The request could not be made.
    Unsigned(String),
    /// No connection.
    Unconnected(String),
    /// The connection broke before the whole answer was there.
    Broke(String),
    /// No answer in time.
    Silent,
    /// The service refused.
    Refused {
        /// HTTP status.
        status: u16,
        /// The error's name, such as `AccessDeniedException`; empty where the answer has none.
        code: String,
    },
}

impl Failure {
    /// Whether the service refused with this error.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        matches!(&self.cause, Cause::Refused { code, .. } if code == wanted)
    }
}

impl Cause {
    pub(super) fn unreachable(error: &hyper_util::client::legacy::Error) -> Self {
        let text = deepest(error);
        if error.is_connect() { Self::Unconnected(text) } else { Self::Broke(text) }
    }

    pub(super) fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Told {
            #[serde(rename = "__type")]
            name: String,
        }
        let header = || Some(headers.get("x-amzn-errortype")?.to_str().ok()?.to_owned());
        let name = serde_json::from_slice::<Told>(body).ok().map(|told| told.name).or_else(header).unwrap_or_default();
        let name = name.rsplit('#').next().unwrap_or_default();
        let name = name.split(':').next().unwrap_or_default();
        let is_name =
            name.len() <= LONGEST_NAME && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        let code = if is_name { name.to_owned() } else { String::new() };
        Self::Refused { status: status.as_u16(), code }
    }

    /// Whether it can be otherwise in a moment.
    pub(super) fn passes(&self) -> bool {
        match self {
            Self::Unset(_) | Self::Unsigned(_) => false,
            Self::Unconnected(_) | Self::Broke(_) | Self::Silent => true,
            Self::Refused { status, code } => *status >= 500 || *status == 429 || PASSING.contains(&code.as_str()),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset(names) => write!(f, "{names} not set; the platform sets them for the function"),
            Self::Unsigned(text) => write!(f, "the request cannot be made: {text}"),
            Self::Unconnected(text) => write!(f, "no connection: {text}"),
            Self::Broke(text) => write!(f, "the connection broke: {text}"),
            Self::Silent => f.write_str("no answer in time"),
            Self::Refused { status, code } if code.is_empty() => write!(f, "status {status}"),
            Self::Refused { code, .. } => f.write_str(code),
        }
    }
}

/// The first cause says most: hyper's own errors say only what they were about.
fn deepest(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// Errors with a status of 400 that the services ask to repeat.
const PASSING: &[&str] = &[
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "ThrottledException",
    "Throttling",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "TransactionInProgressException",
    "TransactionConflictException",
];
const LONGEST_NAME: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Cause {
        Cause::refused(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn the_name_of_an_error_is_found_wherever_the_service_puts_it() {
        let told = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"hush"}"#;
        assert_eq!(refused(400, told), Cause::Refused { status: 400, code: "ThrottlingException".into() });
        let mut headers = HeaderMap::new();
        headers.insert("x-amzn-errortype", "AccessDeniedException:http://x/y".parse().unwrap());
        let cause = Cause::refused(StatusCode::BAD_REQUEST, &headers, b"<html>");
        assert_eq!(cause.to_string(), "AccessDeniedException");
    }

    #[test]
    fn a_refusal_shows_its_name_or_its_status_and_no_text_of_the_service() {
        for body in ["", "hush", r#"{"__type":"hush and\nhush"}"#, r#"{"message":"hush"}"#, r#"{"__type":7}"#] {
            assert_eq!(refused(503, body).to_string(), "status 503", "{body}");
        }
    }

    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        let code = |code: &str| refused(400, &format!(r#"{{"__type":"x#{code}"}}"#));
        for cause in [code("ProvisionedThroughputExceededException"), refused(500, ""), Cause::Silent] {
            assert!(cause.passes(), "{cause}");
        }
        for cause in [code("ConditionalCheckFailedException"), code("AccessDeniedException"), Cause::Unset("A")] {
            assert!(!cause.passes(), "{cause}");
        }
    }
}
