//! JSON as bytes: string literals that are never decoded, and errors that name their path.

use core::fmt;
use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
pub use serde_json::value::RawValue;

/// The inside of a JSON string literal: escaped as it came, without its quotes, valid.
///
/// Text deltas travel from the service to the client as `Lit`, so the common event is copied and never
/// decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lit<'a>(&'a str);

impl<'a> Lit<'a> {
    /// Nothing.
    pub const EMPTY: Lit<'static> = Lit("");

    /// The literal of a raw value; `None` when that is not a string.
    pub fn of(raw: &'a RawValue) -> Option<Self> {
        raw.get().strip_prefix('"')?.strip_suffix('"').map(Lit)
    }

    /// Escapes `text` into `scratch` (cleared first) and lends the result.
    pub fn escape(text: &str, scratch: &'a mut String) -> Self {
        scratch.clear();
        escape_into(text, scratch);
        Lit(scratch)
    }

    /// The literal whose inside `bytes` begins with, and what follows its closing quote; `None` when it is not
    /// valid or does not end.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut at = 0;
        loop {
            at += clean_prefix(bytes.get(at..)?);
            at += match bytes.get(at..)? {
                [b'"', rest @ ..] => return Some((Lit(core::str::from_utf8(bytes.get(..at)?).ok()?), rest)),
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
                [b'\\', b'u', a, b, c, d, ..] if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) => 6,
                _ => return None,
            };
        }
    }

    /// A text that holds nothing to escape, such as a fixed mark; `None` when it does.
    pub fn plain(text: &'a str) -> Option<Self> {
        (clean_prefix(text.as_bytes()) == text.len()).then_some(Lit(text))
    }

    /// The escaped form, to be put between quotes.
    pub fn escaped(self) -> &'a str {
        self.0
    }

    /// Whether the text is empty.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The text. Borrowed when nothing is escaped; lone surrogates become U+FFFD.
    pub fn decode(self) -> Cow<'a, str> {
        if memchr::memchr(b'\\', self.0.as_bytes()).is_none() {
            return Cow::Borrowed(self.0);
        }
        let mut text = String::with_capacity(self.0.len());
        self.decode_into(&mut text);
        Cow::Owned(text)
    }

    /// The text's characters, decoded on the fly; lone surrogates become U+FFFD.
    pub fn chars(self) -> Chars<'a> {
        Chars(self.0)
    }

    /// The text in as long pieces as escapes leave: what stands for itself, and one character per escape.
    pub(crate) fn runs(self) -> Runs<'a> {
        Runs(self.0)
    }

    /// Literals that were put one behind the other in a buffer are a literal again.
    pub(crate) fn joined(escaped: &'a str) -> Self {
        Lit(escaped)
    }

    /// Appends the text to `out`.
    pub fn decode_into(self, out: &mut String) {
        for run in self.runs() {
            match run {
                Run::Plain(text) => out.push_str(text),
                Run::Escape(char) => out.push(char),
            }
        }
    }
}

/// A piece of a literal, decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Run<'a> {
    /// Text that stands for itself; not empty.
    Plain(&'a str),
    /// What an escape stands for.
    Escape(char),
}

/// See [`Lit::runs`].
#[derive(Clone, Debug)]
pub(crate) struct Runs<'a>(&'a str);

impl<'a> Iterator for Runs<'a> {
    type Item = Run<'a>;

    fn next(&mut self) -> Option<Run<'a>> {
        let plain = memchr::memchr(b'\\', self.0.as_bytes()).unwrap_or(self.0.len());
        if plain > 0 {
            let (text, rest) = self.0.split_at_checked(plain)?;
            self.0 = rest;
            return Some(Run::Plain(text));
        }
        let (decoded, rest) = unescape(self.0);
        self.0 = rest;
        decoded.map(Run::Escape)
    }
}

/// The character an escape at the head of `text` stands for, and what follows the escape.
pub(crate) fn unescape(text: &str) -> (Option<char>, &str) {
    let plain = match text.as_bytes().get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return unescape_unicode(text),
        Some(&other) => char::from(other),
        None => return (None, ""),
    };
    (Some(plain), text.get(2..).unwrap_or(""))
}

fn unescape_unicode(text: &str) -> (Option<char>, &str) {
    let unit = |at: usize| {
        let hex = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u32::from_str_radix(hex, 16).ok()
    };
    let Some(first) = unit(0) else { return (None, "") };
    let (code, length) = match (first, unit(6)) {
        (0xD800..=0xDBFF, Some(second @ 0xDC00..=0xDFFF)) => {
            (0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00), 12)
        }
        _ => (first, 6),
    };
    (Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)), text.get(length..).unwrap_or(""))
}

/// The characters of a literal, decoded one by one without a buffer. See [`Lit::chars`].
#[derive(Clone, Debug)]
pub struct Chars<'a>(&'a str);

impl Iterator for Chars<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let mut rest = self.0.chars();
        let first = rest.next()?;
        if first != '\\' {
            self.0 = rest.as_str();
            return Some(first);
        }
        let (decoded, after) = unescape(self.0);
        self.0 = after;
        decoded
    }
}

/// Appends `text` to `out`, escaped for a JSON string, without quotes.
pub fn escape_into(text: &str, out: &mut String) {
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        let Some(escape) = escape_of(byte) else { continue };
        out.push_str(text.get(start..at).unwrap_or(""));
        match escape {
            Escape::Short(short) => out.extend(['\\', short]),
            Escape::Unicode => {
                let hex = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
                out.push_str("\\u00");
                out.extend([hex(byte >> 4), hex(byte & 15)]);
            }
        }
        start = at + 1;
    }
    out.push_str(text.get(start..).unwrap_or(""));
}

enum Escape {
    Short(char),
    Unicode,
}

fn escape_of(byte: u8) -> Option<Escape> {
    Some(match byte {
        b'"' => Escape::Short('"'),
        b'\\' => Escape::Short('\\'),
        b'\n' => Escape::Short('n'),
        b'\r' => Escape::Short('r'),
        b'\t' => Escape::Short('t'),
        0..0x20 => Escape::Unicode,
        _ => return None,
    })
}

/// A string that borrows from the input where nothing is escaped. (`Cow<str>` inside `Option` or `Vec`
/// never borrows under serde.)
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Text<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: de::Error>(self, value: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(value)))
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(value.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrow)
    }
}

/// What was wrong with a JSON text, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathError {
    /// JSON path of the value at fault, empty for the root.
    pub path: String,
    /// What was expected, in serde's words, without the line and column.
    pub text: String,
}

/// Reads `bytes` as a `T`.
///
/// # Errors
/// Names the JSON path: the text is read a second time with a path tracker only after it failed once.
pub fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, PathError> {
    let first = match serde_json::from_slice(bytes) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let mut tracked = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, T>(&mut tracked) {
        Err(error) => Err(PathError { path: path_of(error.path()), text: without_position(error.inner()) }),
        Ok(_) => Err(at_root(&first)),
    }
}

fn at_root(error: &serde_json::Error) -> PathError {
    PathError { path: String::new(), text: without_position(error) }
}

fn path_of(path: &serde_path_to_error::Path) -> String {
    let text = path.to_string();
    // A text that breaks off before a member's name has a last step that nobody knows.
    text.trim_end_matches('?').trim_end_matches('.').to_owned()
}

fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text.get(..end).unwrap_or(&text).to_owned()
}

/// How many leading bytes may stand in a JSON string as they are; looks at eight at a time.
pub(crate) fn clean_prefix(bytes: &[u8]) -> usize {
    let mut at = 0;
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        let found = dirty(u64::from_le_bytes(*word));
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + tail.iter().take_while(|&&byte| byte >= 0x20 && byte != b'"' && byte != b'\\').count()
}

/// The high bit of every byte below 0x20 or equal to a quote or backslash; exact up to the lowest one set.
fn dirty(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = zero(word ^ (ONES * 0x22));
    let backslash = zero(word ^ (ONES * 0x5c));
    (control | quote | backslash) & (ONES * 0x80)
}

/// Replaces every lone surrogate escape (`\ud83d` without its other half) by `\ufffd`, in place.
///
/// Clients that cut a string between two UTF-16 units send these; they are no valid JSON text, and the
/// service answers them with `REQUEST_BODY_INVALID_JSON`.
pub fn mend_surrogates(body: &mut [u8]) {
    // Most bodies have none; to find that out by looking at every escape would cost more than the rest.
    if !may_hold_surrogates(body) {
        return;
    }
    let mut at = 0;
    while let Some(found) = body.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        at += found;
        at += match unit_at(body, at) {
            Some(0xD800..=0xDBFF) if matches!(unit_at(body, at + 6), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                if let Some(escape) = body.get_mut(at..at + 6) {
                    escape.copy_from_slice(b"\\ufffd");
                }
                6
            }
            _ => 2,
        };
    }
}

/// Whether a text holds `\ud` or `\uD` anywhere.
pub(crate) fn may_hold_surrogates(text: &[u8]) -> bool {
    [b"\\ud", b"\\uD"].iter().any(|head| memchr::memmem::find(text, *head).is_some())
}

fn unit_at(body: &[u8], at: usize) -> Option<u32> {
    let escape = body.get(at..at.checked_add(6)?)?.strip_prefix(b"\\u")?;
    u32::from_str_radix(core::str::from_utf8(escape).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaping_and_decoding_are_inverse() {
        let text = "a\"b\\c\n\r\t\u{1}é😀/";
        let mut scratch = String::new();
        let lit = Lit::escape(text, &mut scratch);
        assert_eq!(lit.escaped(), "a\\\"b\\\\c\\n\\r\\t\\u0001é😀/");
        assert_eq!(lit.decode(), text);
    }

    #[test]
    fn surrogate_pairs_decode_and_lone_ones_are_replaced() {
        let raw: &RawValue = serde_json::from_str(r#""\ud83d\ude00 \ud83d \ude00x""#).unwrap();
        assert_eq!(Lit::of(raw).unwrap().decode(), "😀 \u{fffd} \u{fffd}x");
        assert!(Lit::of(raw).unwrap().chars().eq("😀 \u{fffd} \u{fffd}x".chars()));
    }

    #[test]
    fn lone_surrogates_are_mended_in_place_and_pairs_are_left() {
        let mut body = br#"{"a":"\ud83d\ude00 \ud83d \\ud83d \ude00"}"#.to_vec();
        mend_surrogates(&mut body);
        assert_eq!(core::str::from_utf8(&body).unwrap(), r#"{"a":"\ud83d\ude00 \ufffd \\ud83d \ufffd"}"#);
    }

    #[test]
    fn a_wrong_type_is_named_by_its_path() {
        #[derive(Deserialize, Debug)]
        #[expect(dead_code, reason = "only its errors are looked at")]
        struct Inner {
            b: Vec<u32>,
        }
        #[derive(Deserialize, Debug)]
        #[expect(dead_code, reason = "only its errors are looked at")]
        struct Outer {
            a: Inner,
        }
        let error = read::<Outer>(br#"{"a":{"b":[1,"x"]}}"#).unwrap_err();
        assert_eq!(error.path, "a.b[1]");
        assert_eq!(error.text, "invalid type: string \"x\", expected u32");
    }
}
