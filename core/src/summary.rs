//! One JSON line per request.

use serde::Serialize;

use crate::host::Millis;
use crate::turn::{Source, Usage};

/// What is known of a request when it is over. Never holds a secret or a word of the conversation.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    timestamp: String,
    level: &'static str,
    message: &'static str,
    service: &'static str,
    /// The id the client got in `request-id`.
    pub request_id: String,
    /// Label of the client key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Method and path.
    pub route: String,
    /// Model as the client named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The service's model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_model: Option<&'static str>,
    /// Label of the account that served last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Whether the answer was streamed.
    pub stream: bool,
    /// Requests sent to the service for the answer.
    pub attempts: u8,
    /// Status the client got; in-band errors do not change it.
    pub status: u16,
    /// From the request until the first meaningful frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<u64>,
    /// From the request until the end.
    pub response_time: u64,
    /// Input tokens as told to the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Where they come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_source: Option<&'static str>,
    /// Output tokens as told to the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Where they come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_source: Option<&'static str>,
    /// The service's price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credits: Option<f64>,
    /// How the answer ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<&'static str>,
    /// Faults on the way and what was done about each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<String>,
    /// Request fields that had no effect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<&'static str>,
    /// Whether the answer is kept, where the client wants that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<bool>,
    /// Events of the service that nobody knows.
    #[serde(skip_serializing_if = "is_zero")]
    pub unknown_events: u32,
    /// The error the client got, by its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Summary {
    /// Nothing is known yet but the request's id.
    pub fn new(request_id: &str) -> Self {
        Self { request_id: request_id.to_owned(), ..Self::default() }
    }

    /// Takes over what the answer used.
    pub fn used(&mut self, usage: &Usage) {
        self.input_tokens = Some(usage.input.tokens);
        self.input_source = Some(word(usage.input.source));
        self.output_tokens = Some(usage.output.tokens);
        self.output_source = Some(word(usage.output.source));
        self.credits = usage.credits;
    }

    /// The line, without its newline.
    pub fn line(&mut self, begun: Millis, now: Millis) -> String {
        self.timestamp = rfc3339(now);
        self.level = match (self.status, &self.error) {
            (_, None) => "info",
            (400..=499, _) => "warn",
            _ => "error",
        };
        self.message = "request";
        self.service = "kiro2api";
        self.response_time = (now - begun).0;
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A line that is not about one request: configuration notes, a store that cannot be reached.
pub fn event_line(level: &str, message: &str, now: Millis) -> String {
    #[derive(Serialize)]
    struct Line<'l> {
        timestamp: String,
        level: &'l str,
        message: &'l str,
        service: &'static str,
    }
    let line = Line { timestamp: rfc3339(now), level, message, service: "kiro2api" };
    serde_json::to_string(&line).unwrap_or_default()
}

/// UTC, to the millisecond. Days to a civil date by counting 400-year eras from March.
pub fn rfc3339(at: Millis) -> String {
    let (days, rest) = (at.0 / DAY, at.0 % DAY);
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second, milli) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60, rest % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

fn word(source: Source) -> &'static str {
    match source {
        Source::Reported => "reported",
        Source::Derived => "derived",
        Source::Estimated => "estimated",
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

const DAY: u64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days() {
        for (at, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (1_735_689_599_999, "2024-12-31T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(Millis(at)), text);
        }
    }
}
