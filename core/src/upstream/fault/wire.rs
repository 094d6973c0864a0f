//! The many shapes of an error body, and the marks that take secrets out of its words.

use serde_json::Value;

use crate::host::{Headers, Millis, header};

/// What a body says, whatever its shape; every text as it came.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::upstream) struct Said {
    /// `__type`, `error` or `error.code`, without namespace and URL.
    pub(in crate::upstream) code: Option<String>,
    /// `reason`.
    pub(in crate::upstream) reason: Option<String>,
    /// `message`, `Message`, `error_description`, `error.message`, a page's title, or the text itself.
    pub(in crate::upstream) message: String,
}

impl Said {
    pub(in crate::upstream) fn read(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(value @ Value::Object(_)) => Self::of(&value),
            Ok(Value::String(text)) => Self { message: text, ..Self::default() },
            _ => Self { message: page(&String::from_utf8_lossy(body)), ..Self::default() },
        }
    }

    fn of(value: &Value) -> Self {
        let text = |key: &str| value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let nested = |key: &str| value.get("error").and_then(|error| error.get(key)).and_then(Value::as_str);
        let code = text("__type").or_else(|| nested("code")).or_else(|| text("code")).or_else(|| text("error"));
        let message = text("message")
            .or_else(|| text("Message"))
            .or_else(|| text("error_description"))
            .or_else(|| text("errorMessage"))
            .or_else(|| nested("message"));
        Self {
            code: code.map(|code| short_name(code).to_owned()),
            reason: text("reason").map(str::to_owned),
            message: message.unwrap_or_default().to_owned(),
        }
    }
}

/// The exception name of `x-amzn-errortype`.
pub(in crate::upstream) fn error_type(headers: &Headers) -> Option<&str> {
    header(headers, "x-amzn-errortype").map(short_name).filter(|name| !name.is_empty())
}

/// `Name` of `namespace#Name:http://…`.
pub(super) fn short_name(code: &str) -> &str {
    let name = code.split_once(':').map_or(code, |(name, _)| name);
    name.rsplit_once('#').map_or(name, |(_, name)| name).trim()
}

/// `retry-after`: seconds, or the span until an HTTP date (zero once that has passed).
pub(in crate::upstream) fn retry_after(headers: &Headers, now: Millis) -> Option<Millis> {
    let value = header(headers, "retry-after")?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Millis::secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let since = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)) - now)
}

/// The words of a body that is no JSON: a page's title, or the text.
fn page(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|start| {
        let start = start + "<title>".len();
        let end = start + lower.get(start..)?.find("</title>")?;
        text.get(start..end)
    });
    match title {
        Some(title) => format!("a web page titled \"{}\"", title.trim()),
        None if lower.contains("<html") => "a web page without a title".to_owned(),
        None => text.trim().to_owned(),
    }
}

/// The text in one line, without anything that looks like a credential, at most [`MAX_WORDS`] bytes.
pub(in crate::upstream) fn speakable(text: &str) -> String {
    let mut out = String::new();
    let mut after_bearer = false;
    for piece in text.trim().split_inclusive(parts) {
        if out.len() > MAX_WORDS {
            break;
        }
        let word = piece.trim_end_matches(parts);
        out.push_str(shown(word, after_bearer));
        out.extend(piece.chars().skip(word.chars().count()).map(|mark| if mark.is_control() { ' ' } else { mark }));
        if !word.is_empty() {
            after_bearer = word.trim_end_matches([':', '=']).eq_ignore_ascii_case("bearer");
        }
    }
    bounded(out)
}

/// What stands between words.
fn parts(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || "\"'`()<>{}[],;".contains(letter)
}

fn shown(word: &str, after_bearer: bool) -> &str {
    if (after_bearer && word.len() >= 16) || is_secret(word) { REDACTED } else { word }
}

fn is_secret(word: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'=');
    let marked = |part: &str| part.len() >= 8 && MARKS.iter().any(|mark| part.starts_with(mark));
    // Long names of reasons and exceptions hold no digit; random bytes do.
    let random = |run: &[u8]| run.len() >= 40 && run.iter().any(u8::is_ascii_digit);
    word.as_bytes().split(|&byte| !token(byte)).any(random) || word.split([':', '=', '/', '?', '&']).any(marked)
}

fn bounded(mut text: String) -> String {
    if text.len() > MAX_WORDS {
        let end = (0..=MAX_WORDS - ELLIPSIS.len()).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push_str(ELLIPSIS);
    }
    text
}

/// Most bytes of a message that are kept.
const MAX_WORDS: usize = 1024;
const ELLIPSIS: &str = "…";
const REDACTED: &str = "[redacted]";
/// How access tokens, refresh tokens, API keys and JWTs begin.
const MARKS: &[&str] = &["aoa", "aor", "ksk_", "eyJ"];
