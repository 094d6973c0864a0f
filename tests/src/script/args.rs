//! The verb and the arguments of one action, taken one after the other.

use std::fmt;

use super::ScriptError;
use super::lex::{Token, Value};

/// The verb and the arguments of one action. Whatever is left at the end is an error.
pub(super) struct Args<'t> {
    pub(super) verb: &'t str,
    pub(super) column: usize,
    end: usize,
    values: Vec<(usize, &'t Value)>,
    pairs: Vec<(usize, &'t str, &'t Value)>,
}

impl<'t> Args<'t> {
    pub(super) fn new(tokens: &'t [(usize, Token)], end: usize) -> Result<Self, ScriptError> {
        let Some((column, Token::Value(Value::Word(verb)))) = tokens.first() else {
            let column = tokens.first().map_or(end, |(column, _)| *column);
            return Err(ScriptError::new(column, "an action begins with its verb"));
        };
        let mut args = Self { verb, column: *column, end, values: Vec::new(), pairs: Vec::new() };
        for (column, token) in tokens.iter().skip(1) {
            match token {
                Token::Value(value) => args.values.push((*column, value)),
                Token::Pair(key, value) => args.pairs.push((*column, key, value)),
                Token::Arrow | Token::Semicolon | Token::Or => {}
            }
        }
        Ok(args)
    }

    pub(super) fn fail<T>(&self, message: impl fmt::Display) -> Result<T, ScriptError> {
        Err(ScriptError::new(self.column, format!("{}: {message}", self.verb)))
    }

    pub(super) fn next(&mut self) -> Option<&'t Value> {
        (!self.values.is_empty()).then(|| self.values.remove(0).1)
    }

    /// The next positional argument, which must be there.
    pub(super) fn need(&mut self, what: &str) -> Result<&'t str, ScriptError> {
        match self.next() {
            Some(value) => Ok(value.text()),
            None => Err(ScriptError::new(self.end.min(self.column), format!("{} needs {what}", self.verb))),
        }
    }

    /// The next positional argument if it is a quoted string.
    pub(super) fn quoted(&mut self) -> Option<&'t str> {
        match self.values.first() {
            Some((_, Value::Text(text))) => {
                self.values.remove(0);
                Some(text)
            }
            _ => None,
        }
    }

    /// The next positional argument if it is JSON.
    pub(super) fn json(&mut self) -> Option<&'t str> {
        match self.values.first() {
            Some((_, Value::Json(text))) => {
                self.values.remove(0);
                Some(text)
            }
            _ => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether the bare word is among the arguments.
    pub(super) fn flag(&mut self, word: &str) -> bool {
        let found = self.values.iter().position(|(_, value)| matches!(value, Value::Word(other) if other == word));
        found.map(|at| self.values.remove(at)).is_some()
    }

    pub(super) fn option(&mut self, key: &str) -> Option<&'t str> {
        let at = self.pairs.iter().position(|(_, other, _)| *other == key)?;
        Some(self.pairs.remove(at).2.text())
    }

    pub(super) fn number_option<N: std::str::FromStr>(&mut self, key: &str) -> Result<Option<N>, ScriptError> {
        let Some(text) = self.option(key) else {
            return Ok(None);
        };
        self.number(text).map(Some)
    }

    pub(super) fn number<N: std::str::FromStr>(&self, text: &str) -> Result<N, ScriptError> {
        text.parse().or_else(|_| self.fail(format!("\"{text}\" is not a number in range")))
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(&self) -> Result<(), ScriptError> {
        if let Some((column, value)) = self.values.first() {
            return Err(ScriptError::new(*column, format!("{} does not take \"{}\"", self.verb, value.text())));
        }
        if let Some((column, key, _)) = self.pairs.first() {
            return Err(ScriptError::new(*column, format!("{} has no option {key}=", self.verb)));
        }
        Ok(())
    }
}
