//! What the flow tests share: owned deltas, a grammar checker of its own, and a seeded generator.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

use kiro2api_core::error::Error;
use kiro2api_core::json::{Lit, escape_into};
use kiro2api_core::turn::flow::{Input, Options};
use kiro2api_core::turn::{Answer, Count, Delta, Ending, Finished, Flow, Open, OwnedStop, Progress, Said, Usage};

/// A delta with its text decoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    Start,
    Text,
    Thinking,
    Redacted(String),
    Tool(String, String),
    Piece(String),
    Sign(String),
    Close,
    Finish(OwnedStop),
}

/// Something to say, owned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Line {
    Text(String),
    Thought(String),
    Signature(String),
    Redacted(String),
    Tool(String, Part, bool),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    Nothing,
    Fragment(String),
    Object(String),
}

/// A flow with everything it emitted.
pub struct Stage {
    pub flow: Flow,
    pub seen: Vec<Seen>,
    pub answer: Answer,
}

pub fn text(text: &str) -> Line {
    Line::Text(text.into())
}

pub fn thought(text: &str) -> Line {
    Line::Thought(text.into())
}

pub fn opened(id: &str) -> Line {
    Line::Tool(id.into(), Part::Nothing, false)
}

pub fn fragment(id: &str, json: &str) -> Line {
    Line::Tool(id.into(), Part::Fragment(json.into()), false)
}

pub fn object(id: &str, json: &str) -> Line {
    Line::Tool(id.into(), Part::Object(json.into()), false)
}

pub fn stopped(id: &str) -> Line {
    Line::Tool(id.into(), Part::Nothing, true)
}

pub const TAIL: Ending<'static> = Ending { stop_reason: None, tail: true };
pub const CUT: Ending<'static> = Ending { stop_reason: None, tail: false };

pub fn said(reason: &str) -> Ending<'_> {
    Ending { stop_reason: Some(reason), tail: true }
}

pub fn shown() -> Options {
    Options { show_thinking: true, ..Options::default() }
}

pub fn tagged() -> Options {
    Options { show_thinking: true, split_tags: true, ..Options::default() }
}

pub fn stopping(sequences: &[&str]) -> Options {
    Options { stop_sequences: sequences.iter().map(|text| (*text).to_owned()).collect(), ..Options::default() }
}

impl Stage {
    pub fn new(options: Options) -> Self {
        let mut stage = Self { flow: Flow::new(options), seen: Vec::new(), answer: Answer::new() };
        let (seen, answer) = (&mut stage.seen, &mut stage.answer);
        stage.flow.start(Count::estimated(1), &mut |delta: &Delta<'_>| record(delta, seen, answer));
        stage
    }

    pub fn try_say(&mut self, line: &Line) -> Result<Progress, Error> {
        let (seen, answer) = (&mut self.seen, &mut self.answer);
        let mut sink = |delta: &Delta<'_>| record(delta, seen, answer);
        let (mut first, mut raw) = (String::new(), None);
        let said = match line {
            Line::Text(text) => Said::Text(Lit::escape(text, &mut first)),
            Line::Thought(text) => Said::Thought(Lit::escape(text, &mut first)),
            Line::Signature(text) => Said::Signature(Lit::escape(text, &mut first)),
            Line::Redacted(text) => Said::Redacted(Lit::escape(text, &mut first)),
            Line::Tool(id, part, stop) => {
                let input = match part {
                    Part::Nothing => Input::None,
                    Part::Fragment(json) => Input::Fragment(Lit::escape(json, &mut first)),
                    Part::Object(json) => {
                        Input::Object(raw.insert(serde_json::value::RawValue::from_string(json.clone()).unwrap()))
                    }
                };
                Said::Tool { id, name: "weather", input, stop: *stop }
            }
        };
        self.flow.push(said, &mut sink)
    }

    pub fn say(&mut self, line: &Line) -> Progress {
        self.try_say(line).unwrap()
    }

    pub fn say_all(&mut self, lines: &[Line]) {
        for line in lines {
            let _ = self.say(line);
        }
    }

    pub fn try_finish(&mut self, ending: Ending<'_>) -> Result<Finished, Error> {
        let (seen, answer) = (&mut self.seen, &mut self.answer);
        self.flow.finish(ending, Usage::default(), &mut |delta: &Delta<'_>| record(delta, seen, answer))
    }

    pub fn finish(&mut self, ending: Ending<'_>) -> Finished {
        let finished = self.try_finish(ending).unwrap();
        check(&self.seen);
        finished
    }
}

fn record(delta: &Delta<'_>, seen: &mut Vec<Seen>, answer: &mut Answer) {
    answer.push(delta);
    seen.push(match *delta {
        Delta::Start { .. } => Seen::Start,
        Delta::Open(Open::Text | Open::Refusal) => Seen::Text,
        Delta::Open(Open::Thinking) => Seen::Thinking,
        Delta::Open(Open::Redacted(data)) => Seen::Redacted(data.decode().into_owned()),
        Delta::Open(Open::Tool { id, name }) => Seen::Tool(id.to_owned(), name.to_owned()),
        Delta::Piece(piece) => {
            valid(piece);
            Seen::Piece(piece.decode().into_owned())
        }
        Delta::Sign(signature) => Seen::Sign(signature.decode().into_owned()),
        Delta::Close => Seen::Close,
        Delta::Finish { stop, .. } => Seen::Finish(OwnedStop::of(stop)),
    });
}

/// A literal must be one: put between quotes it is a JSON string.
fn valid(piece: Lit<'_>) {
    let quoted = format!("\"{}\"", piece.escaped());
    assert!(serde_json::from_str::<String>(&quoted).is_ok(), "not a literal: {quoted}");
}

/// Says it all and ends; what a client sees, pieces of one block put together.
pub fn play(options: Options, lines: &[Line], ending: Ending<'_>) -> Vec<Seen> {
    let mut stage = Stage::new(options);
    for line in lines {
        if stage.say(line) == Progress::Done {
            break;
        }
    }
    stage.finish(ending);
    joined(&stage.seen)
}

/// Pieces of one block put together, start left out.
pub fn joined(seen: &[Seen]) -> Vec<Seen> {
    let mut out: Vec<Seen> = Vec::new();
    for step in seen.iter().filter(|step| **step != Seen::Start) {
        match (out.last_mut(), step) {
            (Some(Seen::Piece(text)), Seen::Piece(more)) => text.push_str(more),
            _ => out.push(step.clone()),
        }
    }
    out
}

/// The grammar, said once more and apart from the product: panics where `seen` breaks it.
pub fn check(seen: &[Seen]) {
    #[derive(Clone, Copy, PartialEq, Debug)]
    enum At {
        Begin,
        Between,
        Text { empty: bool },
        Thinking { empty: bool },
        Sealed,
        Tool,
        End,
    }
    let mut at = At::Begin;
    for (index, step) in seen.iter().enumerate() {
        at = match (at, step) {
            (At::Begin, Seen::Start) => At::Between,
            (At::Between, Seen::Text) => At::Text { empty: true },
            (At::Between, Seen::Thinking) => At::Thinking { empty: true },
            (At::Between, Seen::Redacted(data)) if !data.is_empty() => At::Sealed,
            (At::Between, Seen::Tool(id, name)) if !id.is_empty() && !name.is_empty() => At::Tool,
            (At::Text { .. }, Seen::Piece(piece)) if !piece.is_empty() => At::Text { empty: false },
            (At::Thinking { .. }, Seen::Piece(piece)) if !piece.is_empty() => At::Thinking { empty: false },
            (At::Tool, Seen::Piece(piece)) if !piece.is_empty() => At::Tool,
            (At::Thinking { .. }, Seen::Sign(signature)) if !signature.is_empty() => At::Thinking { empty: false },
            (At::Text { empty: false } | At::Thinking { empty: false } | At::Sealed | At::Tool, Seen::Close) => {
                At::Between
            }
            (At::Between, Seen::Finish(_)) => At::End,
            _ => panic!("step {index} ({step:?}) cannot follow {at:?} in {seen:#?}"),
        };
    }
    assert_eq!(at, At::End, "{seen:#?}");
    let mut ids: Vec<_> =
        seen.iter().filter_map(|step| if let Seen::Tool(id, _) = step { Some(id) } else { None }).collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "a call was opened twice: {seen:#?}");
}

/// The inside of a JSON string literal.
pub fn escaped(text: &str) -> String {
    let mut out = String::new();
    escape_into(text, &mut out);
    out
}

/// A small generator (xorshift64*); print its seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Cuts a text at random character borders.
    pub fn cut(&mut self, text: &str) -> Vec<String> {
        let mut pieces = vec![String::new()];
        for char in text.chars() {
            if self.below(4) == 0 {
                pieces.push(String::new());
            }
            pieces.last_mut().unwrap().push(char);
        }
        pieces
    }
}

/// Every way to cut a short text at character borders (2^(n-1) of them).
pub fn partitions(text: &str) -> impl Iterator<Item = Vec<String>> {
    let chars: Vec<char> = text.chars().collect();
    assert!(chars.len() <= 16, "too many partitions of {text:?}");
    (0u32..1 << chars.len().saturating_sub(1)).map(move |mask| {
        let mut pieces = vec![String::new()];
        for (at, char) in chars.iter().enumerate() {
            if at > 0 && mask >> (at - 1) & 1 == 1 {
                pieces.push(String::new());
            }
            pieces.last_mut().unwrap().push(*char);
        }
        pieces
    })
}
