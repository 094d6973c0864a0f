//! A directive's tokens, each with its column.

use serde::de::IgnoredAny;

use super::ScriptError;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Arrow,
    Semicolon,
    Or,
    Value(Value),
    Pair(String, Value),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Word(String),
    Text(String),
    /// The JSON as it was written.
    Json(String),
}

impl Value {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Text(text) | Self::Json(text) => text,
        }
    }
}

/// Tokens with the column (in characters, from 1) where each begins.
pub(super) fn tokens(source: &str) -> Result<Vec<(usize, Token)>, ScriptError> {
    let mut lexer = Lexer { source, at: 0 };
    let mut out = Vec::new();
    while lexer.skip_space() {
        let column = lexer.column();
        out.push((column, lexer.token()?));
    }
    Ok(out)
}

struct Lexer<'s> {
    source: &'s str,
    at: usize,
}

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn column(&self) -> usize {
        self.source.get(..self.at).unwrap_or_default().chars().count() + 1
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T, ScriptError> {
        Err(ScriptError::new(self.column(), message))
    }

    fn skip_space(&mut self) -> bool {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.at < self.source.len()
    }

    fn eat(&mut self, mark: &str) -> bool {
        let found = self.rest().starts_with(mark);
        if found {
            self.at += mark.len();
        }
        found
    }

    fn token(&mut self) -> Result<Token, ScriptError> {
        if self.eat("=>") {
            return Ok(Token::Arrow);
        }
        if self.eat("||") {
            return Ok(Token::Or);
        }
        if self.eat(";") {
            return Ok(Token::Semicolon);
        }
        let value = self.value()?;
        match value {
            Value::Word(key) if self.rest().starts_with('=') && !self.rest().starts_with("=>") => {
                self.at += 1;
                Ok(Token::Pair(key, self.value()?))
            }
            value => Ok(Token::Value(value)),
        }
    }

    fn value(&mut self) -> Result<Value, ScriptError> {
        match self.rest().chars().next() {
            Some('"') => {
                let literal = self.json()?;
                let text = serde_json::from_str(&literal).or_else(|error| self.fail(format!("bad string: {error}")))?;
                Ok(Value::Text(text))
            }
            Some('\'') => self.plain(),
            Some('{' | '[') => Ok(Value::Json(self.json()?)),
            _ => self.word(),
        }
    }

    fn json(&mut self) -> Result<String, ScriptError> {
        let rest = self.rest();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => {
                let length = values.byte_offset();
                self.at += length;
                Ok(rest.get(..length).unwrap_or_default().to_owned())
            }
            Some(Err(error)) => self.fail(format!("bad JSON value: {error}")),
            None => self.fail("a JSON value is missing"),
        }
    }

    fn plain(&mut self) -> Result<Value, ScriptError> {
        let inner = self.rest().get(1..).unwrap_or_default();
        match inner.find('\'') {
            Some(length) => {
                self.at += length + 2;
                Ok(Value::Text(inner.get(..length).unwrap_or_default().to_owned()))
            }
            None => self.fail("a string that begins with ' has no end"),
        }
    }

    fn word(&mut self) -> Result<Value, ScriptError> {
        let rest = self.rest();
        let ends = |c: char| c.is_whitespace() || matches!(c, ';' | '"' | '\'' | '{' | '[' | '=');
        let mut length = rest.find(ends).unwrap_or(rest.len());
        if let Some(or) = rest.find("||") {
            length = length.min(or);
        }
        if length == 0 {
            return self.fail("a value is missing here; text that holds = or ; needs quotes");
        }
        self.at += length;
        Ok(Value::Word(rest.get(..length).unwrap_or_default().to_owned()))
    }
}
