//! Tokens to a [`Script`]: what each verb takes, and clear errors when it gets something else.

use std::fmt;

use super::args::Args;
use super::lex::{self, Token, Value};
use super::verb;
use crate::frame::{Damage, Order};
use crate::refusal::Refusal;

/// A parsed directive.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// The directive as it was written, without `@sim`.
    pub source: String,
    /// At least one.
    pub steps: Vec<Step>,
}

/// What the server does in one turn of the conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Served one after the other; the last one serves all further requests. At least one.
    pub alternatives: Vec<Alternative>,
    /// Whose requests are counted.
    pub per: Per,
}

/// One way to answer a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternative {
    /// How many requests it serves before the next alternative.
    pub times: usize,
    /// In order.
    pub ops: Vec<Op>,
}

/// Whose requests are counted to choose an alternative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Per {
    /// Requests with the same conversation id.
    #[default]
    Conversation,
    /// Requests with the same bearer's account (and conversation id).
    Account,
    /// All requests that carry this directive.
    Script,
}

/// How a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// TCP reset.
    Reset,
    /// The connection is closed without the last HTTP chunk.
    Drop,
    /// The HTTP body ends as if all were well.
    Close,
}

/// What goes into one write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Chunks {
    /// One frame.
    #[default]
    Frame,
    /// Two frames.
    Pair,
    /// All bytes up to the next pause.
    All,
    /// This many bytes.
    Bytes(usize),
    /// A frame, cut inside each multi-byte character of it.
    Utf8,
    /// A frame, cut after 5 bytes, inside its prelude.
    Prelude,
    /// 1 to 64 bytes, by this seed.
    Seed(u64),
}

/// A tool call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tool {
    /// As written in the script.
    pub name: String,
    /// The input's text; usually JSON.
    pub input: String,
    /// A fixed id instead of a derived one.
    pub id: Option<String>,
    /// Fragments end at these character positions; empty: every [`Tool::cut`] characters.
    pub cuts: Vec<usize>,
    /// Fragment length in characters.
    pub cut: usize,
    /// `input` is sent as a JSON object in one event.
    pub object: bool,
    /// Name, input and stop in one event.
    pub single: bool,
    /// No input member in any event.
    pub noinput: bool,
    /// The call is never stopped; at most so many characters of the input are sent.
    pub open: Option<usize>,
    /// Each event is sent twice.
    pub doubled: bool,
    /// The whole call is sent twice.
    pub twice: bool,
    /// The name is not matched against the declared tools.
    pub exact: bool,
}

/// One action of a step; the table in the module's documentation explains each and its members.
#[allow(missing_docs, reason = "the members carry the names of the directive's arguments, which the table explains")]
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// `text`
    Text { text: String, chunk: usize, times: usize, model: Option<String> },
    /// `answer`
    Answer,
    /// `reason`
    Reason { text: String, chunk: usize, signature: Option<String> },
    /// `tool`
    Tool(Tool),
    /// `interleave`
    Interleave(Vec<Tool>),
    /// `event`, and everything that is a fixed event
    Event { kind: String, payload: String },
    /// `notail`
    NoTail,
    /// `exception`
    Exception { kind: String, message: String, reason: Option<String> },
    /// `error`
    Error { code: String, message: String },
    /// `empty`
    Empty,
    /// `corrupt`
    Corrupt(Damage),
    /// `tear`
    Tear { bytes: Option<usize>, end: End },
    /// `cut`
    Cut { bytes: usize, end: End },
    /// `reset`, `drop`, `close`
    End(End),
    /// `delay`
    Delay(u64),
    /// `pace`
    Pace(u64),
    /// `stall` without a time
    Stall,
    /// `head-delay`
    HeadDelay(u64),
    /// `chunks`
    Chunks(Chunks),
    /// `order`
    Order(Order),
    /// `odd-headers`
    OddHeaders,
    /// `status`, `fault`
    Refuse(Refusal),
    /// `html`
    Html,
    /// `per`
    Per(Per),
}

/// What is wrong with a directive, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// In characters of the directive after `@sim`, from 1; 0 when it concerns the whole.
    pub column: usize,
    /// What was wrong and what is possible.
    pub message: String,
}

impl ScriptError {
    pub(super) fn new(column: usize, message: impl Into<String>) -> Self {
        Self { column, message: message.into() }
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@sim, column {}: {}", self.column, self.message)
    }
}

impl std::error::Error for ScriptError {}

impl Script {
    /// Parses a directive, with or without its `@sim`.
    ///
    /// # Errors
    /// Anything that is not understood; nothing is skipped.
    pub fn parse(directive: &str) -> Result<Self, ScriptError> {
        let trimmed = directive.trim();
        let source = trimmed.strip_prefix("@sim").unwrap_or(trimmed).trim();
        let tokens = lex::tokens(source)?;
        let end = source.chars().count() + 1;
        let steps = tokens
            .split(|(_, token)| *token == Token::Arrow)
            .map(|step| parse_step(step, end))
            .collect::<Result<_, _>>()?;
        Ok(Self { source: source.to_owned(), steps })
    }

    /// Whose requests are counted in a step.
    pub fn per(&self, step: usize) -> Per {
        self.steps.get(step).map(|step| step.per).unwrap_or_default()
    }
}

type Spanned = (usize, Token);

fn parse_step(tokens: &[Spanned], end: usize) -> Result<Step, ScriptError> {
    let mut alternatives = Vec::new();
    for part in tokens.split(|(_, token)| *token == Token::Or) {
        alternatives.push(parse_alternative(part, end)?);
    }
    let per = alternatives.iter().flat_map(|alternative| &alternative.ops).find_map(|op| match op {
        Op::Per(per) => Some(*per),
        _ => None,
    });
    Ok(Step { alternatives, per: per.unwrap_or_default() })
}

fn parse_alternative(tokens: &[Spanned], end: usize) -> Result<Alternative, ScriptError> {
    let (times, tokens) = repeats(tokens)?;
    let mut ops = Vec::new();
    for part in tokens.split(|(_, token)| *token == Token::Semicolon) {
        if !part.is_empty() {
            ops.extend(verb::parse(Args::new(part, end)?)?);
        }
    }
    if ops.is_empty() {
        let column = tokens.first().map_or(end, |(column, _)| *column);
        return Err(ScriptError::new(column, "a step without an action; write for example: text \"hello\""));
    }
    Ok(Alternative { times, ops })
}

/// `2 * …` or `2* …`
fn repeats(tokens: &[Spanned]) -> Result<(usize, &[Spanned]), ScriptError> {
    let Some((column, Token::Value(Value::Word(word)))) = tokens.first() else {
        return Ok((1, tokens));
    };
    if !word.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok((1, tokens));
    }
    let starred = matches!(tokens.get(1), Some((_, Token::Value(Value::Word(star)))) if star == "*");
    let (digits, used) = match word.strip_suffix('*') {
        Some(digits) => (digits, 1),
        None if starred => (word.as_str(), 2),
        None => {
            return Err(ScriptError::new(
                *column,
                format!("\"{word}\" is not an action; to repeat write: {word} * status 500 || …"),
            ));
        }
    };
    let times =
        digits.parse().map_err(|_| ScriptError::new(*column, format!("\"{digits}\" is not a number of times")))?;
    Ok((times, tokens.get(used..).unwrap_or_default()))
}
