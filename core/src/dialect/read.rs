//! Checked reading of raw JSON values: what a field must hold, and the path of the one that does not.

use core::fmt;
use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::error::Error;
use crate::json::{self, Lit, RawValue, Text};
use crate::turn::schema::{Schema, SchemaError};

/// Where a value stands in the request. Costs nothing until an error prints it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path<'p> {
    /// The body itself.
    Root,
    /// A member of an object.
    Key(&'p Path<'p>, &'p str),
    /// An element of an array.
    Item(&'p Path<'p>, usize),
}

impl<'p> Path<'p> {
    pub(crate) fn key(&'p self, name: &'p str) -> Path<'p> {
        Path::Key(self, name)
    }

    pub(crate) fn item(&'p self, index: usize) -> Path<'p> {
        Path::Item(self, index)
    }

    /// The error of a value that cannot be used.
    pub(crate) fn invalid(&self, text: impl Into<Cow<'static, str>>) -> Error {
        Error::invalid(self.to_string(), text)
    }

    /// The error of a value of the wrong type.
    fn unlike(&self, wanted: &str, raw: &RawValue) -> Error {
        self.invalid(format!("must be {wanted}, not {}", type_of(raw)))
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Key(Path::Root, name) => f.write_str(name),
            Path::Key(parent, name) => write!(f, "{parent}.{name}"),
            Path::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// The members of an object in their order, values unread. An object with more than 512 members is refused:
/// nothing a client means has so many, and each costs memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Reads an object.
    pub(crate) fn of(raw: &'a RawValue, path: &Path<'_>) -> Result<Self, Error> {
        if !raw.get().starts_with('{') {
            return Err(path.unlike("an object", raw));
        }
        value(raw, path)
    }

    pub(crate) fn push<E: de::Error>(&mut self, name: Cow<'a, str>, raw: &'a RawValue) -> Result<(), E> {
        if self.0.len() >= MAX_MEMBERS {
            return Err(E::custom(format_args!("an object with more than {MAX_MEMBERS} members")));
        }
        self.0.push((name, raw));
        Ok(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, raw)| (&**name, *raw))
    }

    /// The value of a member; `None` when it is absent or null.
    pub(crate) fn find(&self, name: &str, path: &Path<'_>) -> Result<Option<&'a RawValue>, Error> {
        let mut found = self.iter().filter(|(key, _)| *key == name).map(|(_, raw)| raw);
        let first = found.next();
        if found.next().is_some() {
            return Err(path.key(name).invalid("is given twice"));
        }
        Ok(first.filter(|raw| raw.get() != "null"))
    }

    /// The same, and it must be there.
    pub(crate) fn require(&self, name: &str, path: &Path<'_>) -> Result<&'a RawValue, Error> {
        self.find(name, path)?.ok_or_else(|| path.key(name).invalid("is required"))
    }

    pub(crate) fn string(&self, name: &str, path: &Path<'_>) -> Result<Option<Cow<'a, str>>, Error> {
        self.find(name, path)?.map(|raw| string(raw, &path.key(name))).transpose()
    }

    pub(crate) fn require_string(&self, name: &str, path: &Path<'_>) -> Result<Cow<'a, str>, Error> {
        string(self.require(name, path)?, &path.key(name))
    }

    pub(crate) fn boolean(&self, name: &str, path: &Path<'_>) -> Result<Option<bool>, Error> {
        self.find(name, path)?.map(|raw| boolean(raw, &path.key(name))).transpose()
    }

    pub(crate) fn integer(&self, name: &str, path: &Path<'_>) -> Result<Option<u64>, Error> {
        self.find(name, path)?.map(|raw| integer(raw, &path.key(name))).transpose()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Members::default();
                while let Some(Text(name)) = map.next_key()? {
                    members.push(name, map.next_value()?)?;
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// The input of a call that has none.
pub(crate) fn empty_object() -> &'static RawValue {
    serde_json::from_str("{}").unwrap_or(RawValue::NULL)
}

/// Reads a request's body.
pub(crate) fn body<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Error> {
    let text = core::str::from_utf8(body)
        .map_err(|error| Error::invalid("", format!("the body is not UTF-8 (byte {})", error.valid_up_to())))?;
    if text.trim_ascii().is_empty() {
        return Err(Error::invalid("", "the body is empty; a JSON object is expected"));
    }
    match serde_json::from_str(text) {
        Ok(request) => Ok(request),
        // Only what failed is read again, with a tracker of its path.
        Err(error) => Err(match json::read::<T>(body) {
            Err(at) if error.is_data() => Error::invalid(at.path, shorten(at.text)),
            Err(at) => Error::invalid(at.path, format!("the body is no valid JSON: {error}")),
            Ok(_) => Error::invalid("", shorten(error.to_string())),
        }),
    }
}

/// The elements of an array, unread. One with more than 100,001 is refused while it is read: nothing a client means has
/// so many, and each costs memory.
pub(crate) fn list<'a>(raw: &'a RawValue, path: &Path<'_>) -> Result<Vec<&'a RawValue>, Error> {
    value(raw, path).map(|List(items)| items)
}

struct List<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for List<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = List<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    if items.len() >= MAX_ITEMS {
                        return Err(de::Error::custom(format_args!("has more than {MAX_ITEMS} elements")));
                    }
                    items.push(item);
                }
                Ok(List(items))
            }
        }
        deserializer.deserialize_seq(Collect)
    }
}

/// Reads a raw value as a `T`; an error's path continues `path`.
pub(crate) fn value<'a, T: Deserialize<'a>>(raw: &'a RawValue, path: &Path<'_>) -> Result<T, Error> {
    json::read(raw.get().as_bytes()).map_err(|error| {
        let inner = error.path;
        let dot = if inner.is_empty() || inner.starts_with('[') { "" } else { "." };
        Error::invalid(format!("{path}{dot}{inner}"), shorten(error.text))
    })
}

pub(crate) fn string<'a>(raw: &'a RawValue, path: &Path<'_>) -> Result<Cow<'a, str>, Error> {
    Lit::of(raw).map(Lit::decode).ok_or_else(|| path.unlike("a string", raw))
}

/// An array of strings.
pub(crate) fn strings<'a>(raw: &'a RawValue, path: &Path<'_>) -> Result<Vec<Cow<'a, str>>, Error> {
    let items = list(raw, path)?;
    items.into_iter().enumerate().map(|(index, raw)| string(raw, &path.item(index))).collect()
}

pub(crate) fn boolean(raw: &RawValue, path: &Path<'_>) -> Result<bool, Error> {
    match raw.get() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(path.unlike("true or false", raw)),
    }
}

/// A whole number from 0 to 2⁵³; `1000.0` and `1e3` are whole as well.
pub(crate) fn integer(raw: &RawValue, path: &Path<'_>) -> Result<u64, Error> {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    if let Ok(whole) = raw.get().parse::<u64>() {
        return Ok(whole);
    }
    let number = number(raw, path)?;
    if number.fract() != 0.0 || !(0.0..=LIMIT).contains(&number) {
        return Err(path.invalid(format!("must be a whole number of at least 0, not {}", excerpt(raw))));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range, just checked")]
    Ok(number as u64)
}

pub(crate) fn number(raw: &RawValue, path: &Path<'_>) -> Result<f64, Error> {
    if type_of(raw) != "a number" {
        return Err(path.unlike("a number", raw));
    }
    match raw.get().parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(path.invalid(format!("is out of range: {}", excerpt(raw)))),
    }
}

/// Refuses a value that is nested more than 100 deep: the service and every later step would have to walk it.
pub(crate) fn limit_depth(raw: &RawValue, path: &Path<'_>) -> Result<(), Error> {
    let bytes = raw.get().as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => at = after_string(bytes, at),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(path.invalid(format!("is nested more than {MAX_DEPTH} levels deep")));
        }
    }
    Ok(())
}

/// Where the string ends that goes on at `at`.
fn after_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        match bytes.get(at) {
            Some(b'"') => return at + 1,
            _ => at += 2,
        }
    }
    bytes.len()
}

/// Refuses a schema of an answer that is none or could not be verified, by the path of the part at fault.
pub(crate) fn schema(raw: &RawValue, path: &Path<'_>) -> Result<(), Error> {
    Members::of(raw, path)?;
    limit_depth(raw, path)?;
    Schema::read(raw).map(|_| ()).map_err(|error| unusable(error, path))
}

/// The same for a schema that may hold what cannot be verified; whether it does.
pub(crate) fn loose_schema(raw: &RawValue, path: &Path<'_>) -> Result<bool, Error> {
    Members::of(raw, path)?;
    limit_depth(raw, path)?;
    Schema::read_loosely(raw).map(|(_, left_out)| left_out).map_err(|error| unusable(error, path))
}

fn unusable(error: SchemaError, path: &Path<'_>) -> Error {
    let dot = if error.path.is_empty() { "" } else { "." };
    Error::invalid(format!("{path}{dot}{}", error.path), error.text)
}

fn type_of(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// The head of a number, which may be as long as the body.
fn excerpt(raw: &RawValue) -> &str {
    raw.get().get(..40).unwrap_or_else(|| raw.get())
}

/// The head of an error's text: serde repeats the whole string it did not expect.
pub(crate) fn shorten(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_ERROR) {
        text.truncate(end);
        text.push('…');
    }
    text
}

const MAX_MEMBERS: usize = 512;
/// One more than a conversation may have messages, so that the limit on those can say how many there are.
const MAX_ITEMS: usize = 100_001;
const MAX_DEPTH: usize = 100;
/// Characters of an error that serde words.
const MAX_ERROR: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn paths_read_like_the_json_they_name() {
        let messages = Path::Root.key("messages");
        let third = messages.item(3);
        let content = third.key("content");
        assert_eq!(content.item(0).to_string(), "messages[3].content[0]");
    }

    #[test]
    fn whole_numbers_come_in_any_spelling_and_nothing_else_passes() {
        for (text, expected) in [("0", 0), ("1000.0", 1000), ("1e3", 1000), ("9007199254740992", 1 << 53)] {
            assert_eq!(integer(raw(text), &Path::Root).unwrap(), expected, "{text}");
        }
        for text in ["-1", "1.5", "1e400", "-1e400", "1e300", "\"1\"", "true", "[]", "{}", "99999999999999999999999"] {
            assert!(integer(raw(text), &Path::Root.key("n")).is_err(), "{text}");
        }
    }

    #[test]
    fn depth_counts_brackets_outside_of_strings() {
        assert!(limit_depth(raw(r#"{"a":"[[[[[[\"[[[["}"#), &Path::Root).is_ok());
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(limit_depth(raw(&deep(100)), &Path::Root).is_ok());
        assert!(limit_depth(raw(&deep(10_000)), &Path::Root).is_err());
        let wide = format!("[{}[]]", "[],".repeat(1000));
        assert!(limit_depth(raw(&wide), &Path::Root).is_ok());
    }

    #[test]
    fn a_member_given_twice_is_named() {
        let members = Members::of(raw(r#"{"a":1,"b":null,"a":2}"#), &Path::Root).unwrap();
        assert_eq!(members.find("a", &Path::Root).unwrap_err().to_string(), "a: is given twice");
        assert!(members.find("b", &Path::Root).unwrap().is_none());
    }

    #[test]
    fn an_object_with_too_many_members_is_refused() {
        let text = format!("{{{}\"z\":0}}", "\"a\":0,".repeat(MAX_MEMBERS));
        assert!(Members::of(raw(&text), &Path::Root).is_err());
    }

    #[test]
    fn a_list_with_too_many_elements_is_refused() {
        let of = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
        assert_eq!(list(raw(&of(MAX_ITEMS)), &Path::Root).unwrap().len(), MAX_ITEMS);
        let error = list(raw(&of(MAX_ITEMS + 1)), &Path::Root.key("input")).unwrap_err();
        assert_eq!(error.to_string(), "input: has more than 100001 elements");
    }
}
