//! What the service says when it does not answer: before the stream as an HTTP status and a body, inside
//! it as an exception frame, or nothing at all when the connection fails. One type for all of them.
//!
//! It says what happened, not what to do about it: that is the exchange's plan.

mod kind;
mod speak;
mod wire;

pub use kind::FaultKind;
pub use speak::Asked;
pub(in crate::upstream) use wire::{Said, error_type, retry_after, speakable};

use crate::host::{Head, Millis, TransportError, TransportFault, header};
use crate::models::FieldSet;
use kind::Clues;

/// A failure of the service. Holds no secret: its texts are redacted, in one line, and bounded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What went wrong.
    pub kind: FaultKind,
    /// HTTP status; 0 inside the stream and below HTTP.
    pub status: u16,
    /// The exception's name without namespace (`ThrottlingException`); empty when none was given.
    pub code: String,
    /// The service's own reason (`INVALID_MODEL_ID`).
    pub reason: Option<String>,
    /// The service's words, at most 1 KiB.
    pub message: String,
    /// How long the service asks to wait, not bounded here.
    pub retry_after: Option<Millis>,
}

impl Fault {
    /// Reads a reply that is no event stream; `body` may be cut off at the caller's limit. A status of
    /// 2xx is a [`FaultKind::NotEventStream`] unless the body says more.
    pub fn read(head: &Head, body: &[u8], now: Millis) -> Self {
        let said = Said::read(body);
        let code = error_type(&head.headers).map(str::to_owned).or(said.code).unwrap_or_default();
        let mut fault = Self::new(head.status, code, said.reason, &said.message);
        if fault.kind == FaultKind::NotEventStream && fault.message.is_empty() {
            let kind = header(&head.headers, "content-type").unwrap_or("no type");
            fault.message = speakable(&format!("status {} with a body of {kind}", head.status));
        }
        fault.retry_after = retry_after(&head.headers, now);
        fault
    }

    /// The model's request fields that its words speak of, quoted or not; none where they name none. A path stands
    /// for the field it begins with: `'output_config.effort' has the value …`.
    pub fn named_fields(&self) -> FieldSet {
        let quoted = self.message.split('\'').skip(1).step_by(2);
        let quoted = FieldSet::of(quoted.map(|path| path.split('.').next().unwrap_or(path)));
        if !quoted.is_empty() {
            return quoted;
        }
        let letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        FieldSet::of(self.message.split(|mark| !letter(mark)))
    }

    /// Reads an exception frame by its `:exception-type`. Also serves `invalidStateEvent`.
    pub fn from_exception(name: Option<&str>, payload: &[u8]) -> Self {
        let said = Said::read(payload);
        let code = match name {
            Some(name) => wire::short_name(name).to_owned(),
            None => said.code.unwrap_or_default(),
        };
        Self::new(0, code, said.reason, &said.message)
    }

    /// Reads an error frame by its `:error-code` and `:error-message`.
    pub fn from_error_frame(code: Option<&str>, message: Option<&str>) -> Self {
        let code = code.map(wire::short_name).unwrap_or_default().to_owned();
        Self::new(0, code, None, message.unwrap_or_default())
    }

    /// A failure below HTTP.
    pub fn transport(error: &TransportError) -> Self {
        let kind = match error.kind {
            TransportFault::Connect => FaultKind::Connect,
            TransportFault::Broke => FaultKind::Broke,
        };
        Self::of(kind, &error.text)
    }

    /// A stream that cannot be read on: a bad frame, or an event of the wrong shape.
    pub fn malformed(text: &str) -> Self {
        Self::of(FaultKind::Malformed, text)
    }

    fn of(kind: FaultKind, text: &str) -> Self {
        Self { kind, status: 0, code: String::new(), reason: None, message: speakable(text), retry_after: None }
    }

    fn new(status: u16, code: String, reason: Option<String>, message: &str) -> Self {
        let kind = FaultKind::of(Clues { status, code: &code, reason: reason.as_deref(), message });
        let (code, reason) = (name(&code), reason.map(|reason| name(&reason)).filter(|reason| !reason.is_empty()));
        Self { kind, status, code, reason, message: speakable(message), retry_after: None }
    }
}

/// Whether a reply is the event stream that was asked for. A success without a content type, or with the
/// one for unknown bytes, is taken for one: the frame checksums decide.
pub fn is_stream(head: &Head) -> bool {
    let kind = header(&head.headers, "content-type").unwrap_or("");
    let kind = kind.split_once(';').map_or(kind, |(kind, _)| kind).trim();
    let stream = ["", "application/vnd.amazon.eventstream", "application/octet-stream"];
    head.status == 200 && stream.iter().any(|known| kind.eq_ignore_ascii_case(known))
}

/// A code or reason as it may be shown: redacted, at most 128 characters.
fn name(text: &str) -> String {
    speakable(text).chars().take(128).collect()
}
