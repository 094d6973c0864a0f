//! A JSON value that keeps its numbers as they were written.

use core::fmt;
use std::collections::BTreeMap;

use super::decimal::Decimal;
use crate::json::Lit;

/// A JSON value. Numbers are decimals, so nothing is lost to binary floating point.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(Decimal),
    Text(String),
    List(Vec<Value>),
    /// Of several members with one name the last counts, as in every client's reader.
    Object(BTreeMap<String, Value>),
}

impl Value {
    /// Reads a whole JSON text.
    ///
    /// # Errors
    /// What is wrong with it, in words that fit after "is".
    pub(super) fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| format!("not JSON: {error}"))?;
        let mut reader = Reader { rest: text.as_bytes() };
        reader.value(0).ok_or_else(|| format!("nested more than {MAX_DEPTH} levels deep"))
    }

    /// The type's name in a schema; whole numbers are numbers here.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "array",
            Self::Object(_) => "object",
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// As JSON, for a reader: long texts and lists are cut.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) if text.chars().nth(SHOWN).is_some() => {
                write!(f, "{:?}…", text.chars().take(SHOWN).collect::<String>())
            }
            Self::Text(text) => write!(f, "{text:?}"),
            Self::List(_) => f.write_str("[…]"),
            Self::Object(_) => f.write_str("{…}"),
        }
    }
}

/// Reads a text that is known to be JSON; `None` only where it is nested too deep.
struct Reader<'r> {
    rest: &'r [u8],
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        Some(match self.peek()? {
            b'{' => Value::Object(self.members(depth)?),
            b'[' => Value::List(self.items(depth)?),
            b'"' => Value::Text(self.string()?),
            b't' => self.word(4, Value::Bool(true)),
            b'f' => self.word(5, Value::Bool(false)),
            b'n' => self.word(4, Value::Null),
            _ => Value::Number(self.number()),
        })
    }

    fn members(&mut self, depth: usize) -> Option<BTreeMap<String, Value>> {
        let mut members = BTreeMap::new();
        self.skip(1);
        while self.peek()? != b'}' {
            let name = self.string()?;
            self.peek()?;
            self.skip(1);
            members.insert(name, self.value(depth + 1)?);
            self.comma()?;
        }
        self.skip(1);
        Some(members)
    }

    fn items(&mut self, depth: usize) -> Option<Vec<Value>> {
        let mut items = Vec::new();
        self.skip(1);
        while self.peek()? != b']' {
            items.push(self.value(depth + 1)?);
            self.comma()?;
        }
        self.skip(1);
        Some(items)
    }

    fn string(&mut self) -> Option<String> {
        self.peek()?;
        self.skip(1);
        let (literal, rest) = Lit::read(self.rest)?;
        self.rest = rest;
        Some(literal.decode().into_owned())
    }

    fn number(&mut self) -> Decimal {
        let ends = |byte: &u8| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.rest.iter().position(ends).unwrap_or(self.rest.len());
        let number = self.rest.get(..length).and_then(|text| core::str::from_utf8(text).ok());
        let number = number.map_or_else(Decimal::default, Decimal::read);
        // At least one byte, so that no input can hold the reader in one place.
        self.skip(length.max(1));
        number
    }

    fn word(&mut self, length: usize, value: Value) -> Value {
        self.skip(length);
        value
    }

    fn comma(&mut self) -> Option<()> {
        if self.peek()? == b',' {
            self.skip(1);
        }
        Some(())
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.first().copied()
    }

    fn skip(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or_default();
    }
}

/// Characters of a text that are shown.
const SHOWN: usize = 60;

/// Most levels of nesting of a value that is looked at.
pub(super) const MAX_DEPTH: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_equal_by_meaning() {
        for (left, right) in [
            (r#"{"a":1,"b":[true,null]}"#, r#" { "b" : [ true , null ] , "a" : 1.0 } "#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (r#""A\n""#, r#""\u0041\u000a""#),
            ("1e2", "100"),
            ("-0", "0.0"),
        ] {
            assert_eq!(Value::read(left).unwrap(), Value::read(right).unwrap());
        }
        assert_ne!(Value::read("9007199254740993").unwrap(), Value::read("9007199254740992").unwrap());
    }

    #[test]
    fn what_is_no_json_or_too_deep_is_refused() {
        for text in ["", "{", "[1,]", "{\"a\"}", "01", "nul", "1 2", "\"\u{1}\"", "\"\\x\""] {
            assert!(Value::read(text).unwrap_err().starts_with("not JSON: "), "{text}");
        }
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(Value::read(&deep(100)).is_ok());
        assert!(Value::read(&deep(102)).is_err());
        assert!(Value::read(&deep(100_000)).is_err());
    }
}
