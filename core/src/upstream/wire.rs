//! JSON written straight into one buffer: no tree, no second pass.

use std::borrow::Cow;

use memchr::memchr;

use crate::json::{self, clean_prefix};

/// An object being written.
pub(super) struct Object<'o> {
    out: &'o mut String,
    first: bool,
}

impl<'o> Object<'o> {
    /// Writes `{`.
    pub(super) fn open(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, first: true }
    }

    /// Writes `"key":` and lends the buffer for the value. `key` holds nothing to escape.
    pub(super) fn member(&mut self, key: &str) -> &mut String {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
        self.out
    }

    /// Writes a member that is a string.
    pub(super) fn string(&mut self, key: &str, value: &str) {
        string(self.member(key), value);
    }

    /// Writes a member that is a list; nothing at all when there are no items.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut String, T),
    ) {
        let mut items = items.into_iter().peekable();
        if items.peek().is_none() {
            return;
        }
        let out = self.member(key);
        out.push('[');
        for (at, item) in items.enumerate() {
            if at > 0 {
                out.push(',');
            }
            write(out, item);
        }
        out.push(']');
    }

    /// Writes `}`.
    pub(super) fn close(self) {
        self.out.push('}');
    }
}

/// Writes a string literal.
pub(super) fn string(out: &mut String, text: &str) {
    out.push('"');
    escape(out, text);
    out.push('"');
}

/// Writes one string literal of several texts with a blank line between them; blank ones are left out.
/// Writes `fallback` when nothing is left.
pub(super) fn joined<'p>(out: &mut String, texts: impl IntoIterator<Item = &'p str>, fallback: &str) {
    out.push('"');
    let mut first = true;
    for text in texts.into_iter().filter(|text| !is_blank(text)) {
        if !first {
            out.push_str("\\n\\n");
        }
        first = false;
        escape(out, text);
    }
    if first {
        escape(out, fallback);
    }
    out.push('"');
}

/// Copies a valid JSON text. Lone surrogate escapes, which the service refuses, become U+FFFD.
pub(super) fn raw(out: &mut String, text: &str) {
    out.push_str(&mended(text));
}

/// A JSON text without lone surrogate escapes.
pub(super) fn mended(text: &str) -> Cow<'_, str> {
    if !json::may_hold_surrogates(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.as_bytes().to_vec();
    json::mend_surrogates(&mut bytes);
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Whether a text holds nothing a reader could see: the service refuses such content.
pub(super) fn is_blank(text: &str) -> bool {
    text.trim_start().is_empty()
}

/// Appends `text`, escaped. Runs that need no escape are found a word at a time.
fn escape(out: &mut String, text: &str) {
    let mut rest = text;
    loop {
        let clean = clean_prefix(rest.as_bytes());
        let (plain, tail) = rest.split_at_checked(clean).unwrap_or((rest, ""));
        out.push_str(plain);
        let Some(first) = tail.get(..1) else { return };
        match first {
            "\n" => out.push_str("\\n"),
            "\"" => out.push_str("\\\""),
            other => json::escape_into(other, out),
        }
        rest = tail.get(1..).unwrap_or("");
    }
}

/// What one pass over a valid JSON text shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Shape {
    /// How deep its objects and lists are nested.
    pub(super) depth: usize,
    /// Whether it holds a `null`.
    pub(super) null: bool,
    /// Whether an object in it has a member named `""`.
    pub(super) empty_key: bool,
    /// Whether it may hold half a surrogate pair, which only [`raw`] may copy.
    pub(super) surrogate: bool,
    /// Whether it holds a number that no double can: JSON by its grammar, refused by most readers.
    pub(super) boundless: bool,
}

impl Shape {
    /// Looks over `text`, which must be valid JSON; never recurses.
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let (mut shape, mut depth, mut at) = (Self::default(), 0_usize, 0);
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            match byte {
                b'{' | b'[' => {
                    depth += 1;
                    shape.depth = shape.depth.max(depth);
                }
                b'}' | b']' => depth = depth.saturating_sub(1),
                b'n' => shape.null = true,
                b'0'..=b'9' => {
                    let end = number_end(bytes, at);
                    shape.boundless |= end - at >= SHORTEST_BOUNDLESS && is_boundless(text.get(at - 1..end));
                    at = end;
                }
                b'"' => {
                    let end = string_end(bytes, at, &mut shape.surrogate);
                    shape.empty_key |= end == at + 1 && colon_follows(bytes, end);
                    at = end;
                }
                _ => {}
            }
        }
        shape
    }
}

/// Where the string literal whose inside begins at `at` ends: the place after its closing quote. Sets
/// `surrogate` when an escape in it may be half a surrogate pair.
fn string_end(bytes: &[u8], mut at: usize, surrogate: &mut bool) -> usize {
    loop {
        at += clean_prefix(bytes.get(at..).unwrap_or_default());
        match bytes.get(at..).unwrap_or_default() {
            [] => return bytes.len(),
            [b'"', ..] => return at + 1,
            [b'\\', b'u', b'd' | b'D', ..] => *surrogate = true,
            _ => {}
        }
        at += if bytes.get(at) == Some(&b'\\') { 2 } else { 1 };
    }
}

/// Where the number whose first digit stands before `at` ends.
fn number_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    at + rest.iter().take_while(|byte| part(byte)).count()
}

fn is_boundless(number: Option<&str>) -> bool {
    number.and_then(|number| number.parse::<f64>().ok()).is_some_and(f64::is_infinite)
}

/// `1e309` has four more bytes than its first digit; shorter numbers are all finite.
const SHORTEST_BOUNDLESS: usize = 4;

fn colon_follows(bytes: &[u8], at: usize) -> bool {
    bytes.get(at..).unwrap_or_default().iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
}

/// Whether `text` holds a `\u` escape anywhere.
pub(super) fn has_unicode_escape(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let Some(at) = memchr(b'\\', rest) {
        if rest.get(at + 1) == Some(&b'u') {
            return true;
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_escape_is_found_at_every_place_of_a_word() {
        for special in ['"', '\\', '\n', '\u{0}', '\u{1f}', '\u{7f}', 'é', '😀', ' ', '!', '#', '[', ']'] {
            for lead in 0..17 {
                let text = format!("{}{special}{}{special}", "a".repeat(lead), "b".repeat(9));
                let mut ours = String::new();
                string(&mut ours, &text);
                assert_eq!(serde_json::from_str::<String>(&ours).unwrap(), text, "{ours}");
                assert_eq!(ours, serde_json::to_string(&text).unwrap());
            }
        }
    }

    #[test]
    fn shapes_are_seen_without_being_fooled_by_strings() {
        assert_eq!(Shape::of(r#"{"a":[{"b":"null { \" \\"}]}"#), Shape { depth: 3, ..Shape::default() });
        assert!(Shape::of(r#"{"a":null}"#).null);
        assert!(Shape::of("{\"\" \n:1}").empty_key);
        assert!(!Shape::of(r#"{"a":"","b":[""]}"#).empty_key);
        assert_eq!(Shape::of(&"[".repeat(100_000)).depth, 100_000);
    }

    #[test]
    fn lone_surrogates_in_raw_json_are_mended() {
        let mut out = String::new();
        raw(&mut out, r#"{"a":"\ud83d","b":"\uD83D\uDE00","c":"\\ud83d"}"#);
        assert_eq!(out, r#"{"a":"\ufffd","b":"\uD83D\uDE00","c":"\\ud83d"}"#);
    }
}
