//! What to do after a failure: one pure table.

use core::fmt;

use crate::error::{Error, Kind};
use crate::exchange::deadlines::Deadline;
use crate::host::Millis;
use crate::pool::Outcome;
use crate::upstream::endpoint;
use crate::upstream::fault::{Asked, Fault, FaultKind};

/// Why an attempt did not become an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The service, or the way to it, failed.
    Fault(Fault),
    /// The service's stream ended in good order and said nothing.
    Empty,
    /// A deadline of ours passed.
    TimedOut(Deadline),
}

impl Failure {
    /// What the client is told. `asked` fills an overflow's numbers.
    pub fn error(&self, asked: Asked<'_>) -> Error {
        match self {
            Self::Fault(fault) => fault.to_error(asked),
            Self::Empty => Error::new(Kind::Overloaded, EMPTY),
            Self::TimedOut(deadline) => deadline.error(),
        }
    }
}

impl Failure {
    /// Whether the service answered with a status or in good order, so that the account works.
    pub(crate) fn is_answered(&self) -> bool {
        match self {
            Self::Fault(fault) => fault.status != 0,
            Self::Empty => true,
            Self::TimedOut(_) => false,
        }
    }
}

impl Deadline {
    /// What the client is told.
    pub fn error(self) -> Error {
        let text = match self {
            Self::Total => return Error::new(Kind::TimedOut, TOTAL),
            Self::Platform(span) => format!("{} {PLATFORM}", platform_limit(span)),
            Self::Idle(span) => format!(
                "The service sent nothing for {} s and the answer is incomplete: try again, or ask for less at once.",
                span.0.div_ceil(1000)
            ),
        };
        Error::new(Kind::TimedOut, text)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// For the log: what it was, without the service's own sentences.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => {
                write!(f, "{:?}", fault.kind)?;
                let status = if fault.status == 0 { String::new() } else { fault.status.to_string() };
                let words = [status.as_str(), &fault.code, fault.reason.as_deref().unwrap_or("")];
                words.iter().filter(|word| !word.is_empty()).try_for_each(|word| write!(f, " {word}"))
            }
            Self::Empty => f.write_str("empty answer"),
            Self::TimedOut(Deadline::Total) => f.write_str("total deadline passed"),
            Self::TimedOut(Deadline::Platform(span)) => write!(f, "the platform's {} s have passed", span.0 / 1000),
            Self::TimedOut(Deadline::Idle(span)) => write!(f, "silent for {} ms", span.0),
        }
    }
}

/// What to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Another account: the pool lets this one rest.
    FailOver,
    /// Another account: this one has had its tries.
    GiveUp,
    /// A new access token for this account, then the same request.
    Refresh,
    /// The same account on the next known host.
    NextHost,
    /// Look up the account's profile, then the same request.
    FindProfile,
    /// The same request in another shape.
    Repair(Repair),
    /// The same request after this span.
    Retry(Millis),
    /// Tell the client.
    Refuse,
}

/// Another shape of the same request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repair {
    /// Schemas in the strict profile.
    StrictSchemas,
    /// Without the model's extra fields.
    NoExtraFields,
    /// Without the task ids.
    NoTaskIds,
}

/// What this exchange has tried already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// Requests sent on the current account.
    pub tries_here: u8,
    /// Requests sent in all.
    pub tries: u8,
    /// Empty answers so far, this one included.
    pub empty: u8,
    /// Answers that broke after something for the client had come, this one included.
    pub broken: u8,
    /// Whether a bearer of the current account was refused.
    pub bearer_refused: bool,
    /// Whether the current account's token was refreshed by this exchange after that. One that another instance has
    /// renewed may have ended as well.
    pub refreshed: bool,
    /// Whether the profile was looked up for this exchange, or cannot be.
    pub profiled: bool,
    /// Whether another host is known.
    pub more_hosts: bool,
    /// Whether the request carries extra fields that can be left out.
    pub extra_fields: bool,
    /// Whether the request carries task ids that can be left out.
    pub task_ids: bool,
    /// Whether schemas are strict already.
    pub strict: bool,
    /// Whether another account is known to be offered the model.
    pub offered_elsewhere: bool,
}

/// Most requests on one account, and in one exchange.
pub const TRIES_PER_ACCOUNT: u8 = 3;
/// Most requests in one exchange, whatever the number of accounts.
pub const TRIES: u8 = 9;
/// Empty answers that are tried again.
pub const EMPTY_RETRIES: u8 = 2;

/// Answers that broke after they had begun and are tried again: each has been paid for.
pub const BROKEN_RETRIES: u8 = 1;

/// The table: what to do, and what the pool learns of the account.
pub fn plan(failure: &Failure, facts: &Facts) -> (Verdict, Option<Outcome>) {
    let (verdict, outcome) = match failure {
        Failure::Fault(fault) => of_fault(fault, facts),
        Failure::Empty if facts.empty <= EMPTY_RETRIES => (Verdict::Retry(pause(facts.empty)), None),
        Failure::Empty | Failure::TimedOut(_) => (Verdict::Refuse, None),
    };
    (bounded(verdict, facts), outcome)
}

fn of_fault(fault: &Fault, facts: &Facts) -> (Verdict, Option<Outcome>) {
    use FaultKind as K;
    let retry_after = fault.retry_after;
    let brief = brief(retry_after, facts);
    match fault.kind {
        K::BearerInvalid if facts.refreshed => (Verdict::FailOver, Some(Outcome::NotAuthorized)),
        K::BearerInvalid => (Verdict::Refresh, Some(Outcome::BearerRefused)),
        K::ProfileRequired | K::InvalidProfile if !facts.profiled => (Verdict::FindProfile, None),
        K::ProfileRequired | K::InvalidProfile | K::NotAuthorized => (Verdict::FailOver, Some(Outcome::NotAuthorized)),
        K::Suspended => (Verdict::FailOver, Some(Outcome::Suspended)),
        K::QuotaUsedUp if fault.reason.as_deref() == Some("DAILY_REQUEST_COUNT") => {
            (Verdict::FailOver, Some(Outcome::DayUsedUp))
        }
        K::QuotaUsedUp => (Verdict::FailOver, Some(Outcome::QuotaUsedUp { resets: None })),
        K::Throttled => (Verdict::FailOver, Some(Outcome::Throttled { retry_after })),
        // Other accounts meet the same lack, so the tries of one are enough.
        K::NoCapacity | K::HighLoad if facts.tries_here >= TRIES_PER_ACCOUNT => {
            (Verdict::Refuse, Some(Outcome::NoCapacity { retry_after }))
        }
        K::NoCapacity | K::HighLoad => (brief, Some(Outcome::NoCapacity { retry_after })),
        K::Connect | K::UnknownOperation | K::NotFound if facts.more_hosts && endpoint::moves_on(fault.kind) => {
            (Verdict::NextHost, None)
        }
        // No host of this account serves the call; one in another region may.
        K::UnknownOperation | K::NotFound => (Verdict::GiveUp, Some(Outcome::Failed)),
        K::Internal | K::Unavailable if retry_after.is_some_and(|wait| wait > LONGEST_PAUSE) => {
            (Verdict::GiveUp, Some(Outcome::Failed))
        }
        K::Internal | K::Unavailable | K::Connect | K::Broke | K::Malformed | K::NotEventStream | K::Other => {
            (brief, Some(Outcome::Failed))
        }
        // The plan of this account lacks it.
        K::InvalidModel if facts.offered_elsewhere => (Verdict::GiveUp, None),
        K::Shape { extra_fields, task_ids } => (repair(extra_fields, task_ids, facts), None),
        K::ToolRules | K::ThinkingSignature if !facts.strict => (Verdict::Repair(Repair::StrictSchemas), None),
        _ => (Verdict::Refuse, None),
    }
}

/// A 400 on the shape: leave out what the service named, then send the strict profile, then leave out what
/// some hosts refuse; each once.
fn repair(extra_named: bool, ids_named: bool, facts: &Facts) -> Verdict {
    if extra_named && facts.extra_fields {
        Verdict::Repair(Repair::NoExtraFields)
    } else if !facts.strict {
        Verdict::Repair(Repair::StrictSchemas)
    } else if ids_named && facts.task_ids {
        Verdict::Repair(Repair::NoTaskIds)
    } else {
        Verdict::Refuse
    }
}

/// A short pause and the same account, unless the service named a longer wait.
fn brief(retry_after: Option<Millis>, facts: &Facts) -> Verdict {
    match retry_after {
        Some(wait) if wait > LONGEST_PAUSE => Verdict::Refuse,
        Some(wait) => Verdict::Retry(wait),
        None => Verdict::Retry(pause(facts.tries_here)),
    }
}

fn pause(tries: u8) -> Millis {
    Millis(FIRST_PAUSE.0 << tries.saturating_sub(1).min(3))
}

/// No verdict that sends again passes the caps.
fn bounded(verdict: Verdict, facts: &Facts) -> Verdict {
    match verdict {
        Verdict::Refuse => Verdict::Refuse,
        _ if facts.tries >= TRIES || facts.broken > BROKEN_RETRIES => Verdict::Refuse,
        Verdict::Retry(_) | Verdict::FindProfile if facts.tries_here >= TRIES_PER_ACCOUNT => Verdict::GiveUp,
        other => other,
    }
}

/// The limit that a platform sets to each request.
pub(crate) fn platform_limit(span: Millis) -> String {
    // The request has spent some of it before it came here.
    format!("The platform that runs this gateway ends each request after {} s", span.0.div_ceil(1000))
}

const FIRST_PAUSE: Millis = Millis(250);
/// The longest pause before another try.
/// Longer waits are the client's to decide: it gets the error with `retry-after`.
pub const LONGEST_PAUSE: Millis = Millis::secs(5);
const EMPTY: &str = "The service answered with nothing, several times: try again in a moment, or rephrase.";
const TOTAL: &str = "The request took longer than this gateway allows (REQUEST_TIMEOUT_MINUTES and its siblings): ask for less at once, or stream.";
const PLATFORM: &str = "and this one has come to that limit: ask for less at once; the operator can raise the timeout \
                        of the function (behind an API Gateway the limit is 30 s at most: call the function through \
                        its URL).";
