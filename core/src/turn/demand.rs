//! What a client demands of an answer and the service cannot promise: a call, or a form of the text.
//!
//! The model is told in the current turn, and its answer waits until it is known to be as demanded. One that is not
//! is asked for once more, with what was wrong; after that the client is told the truth: a refusal where a form was
//! promised, the text itself where a call was.

use std::borrow::Cow;
use std::sync::Arc;

use crate::json::{self, Lit};
use crate::turn::answer::{Answer, Block, OwnedStop};
use crate::turn::delta::Open;
use crate::turn::request::{Format, Message, Part, Role, ToolChoice, ToolKind, Turn};
use crate::turn::schema::{self, Schema, Violation};

/// What an answer must be. The default demands nothing.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    call: Option<Wanted>,
    form: Option<Form>,
}

/// Which call is demanded.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Wanted {
    Any,
    /// Of the tool the client calls by this name.
    Named(String),
}

/// The form that the text must have.
#[derive(Clone, Debug)]
enum Form {
    Object,
    Schema(Arc<Schema>),
}

/// What is to be done with an answer that has come to its end.
#[derive(Clone, PartialEq, Debug)]
pub enum Judged {
    /// Tell it.
    Told {
        /// The answer in the form it is to be told.
        answer: Answer,
        /// What was done to it, for the log.
        note: Option<String>,
    },
    /// Ask once more.
    Unmet(Correction),
}

/// Why an answer is not as demanded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Correction {
    /// What the model said.
    said: String,
    /// What to answer it.
    reply: String,
    /// In short, for the log: none of the conversation's words.
    pub reason: &'static str,
}

impl Demand {
    /// What `turn` demands. A schema that cannot be read demands nothing: decoders have refused it.
    pub fn of(turn: &Turn<'_>) -> Self {
        let is_client = |kind: &ToolKind<'_>| matches!(kind, ToolKind::Client(_));
        let call = match &turn.tool_choice {
            ToolChoice::Any if turn.tools.iter().any(|tool| is_client(&tool.kind)) => Some(Wanted::Any),
            ToolChoice::Tool(name) if turn.tools.iter().any(|tool| tool.name == *name && is_client(&tool.kind)) => {
                Some(Wanted::Named(name.clone().into_owned()))
            }
            _ => None,
        };
        let form = match turn.format {
            Some(Format::Object) => Some(Form::Object),
            Some(Format::Schema(raw)) => Schema::read(raw).ok().map(|schema| Form::Schema(Arc::new(schema))),
            Some(Format::Loose(raw)) => {
                Schema::read_loosely(raw).ok().map(|(schema, _)| Form::Schema(Arc::new(schema)))
            }
            None => None,
        };
        Self { call, form }
    }

    /// Whether every answer will do.
    pub fn is_nothing(&self) -> bool {
        self.call.is_none() && self.form.is_none()
    }

    /// Whether an answer in which this block begins is as demanded, whatever follows.
    pub fn is_met_by(&self, open: Open<'_>) -> bool {
        self.form.is_none() && matches!(open, Open::Tool { name, .. } if self.wants(name))
    }

    fn wants(&self, name: &str) -> bool {
        match &self.call {
            Some(Wanted::Named(wanted)) => wanted == name,
            Some(Wanted::Any) | None => true,
        }
    }

    /// Judges a complete answer. One that was cut, filtered or ended by the client's own stop sequence is told as it
    /// is: its stop reason says why it is not as demanded. `last`: nothing can be asked again.
    pub fn judge(&self, answer: &Answer, last: bool) -> Judged {
        if !matches!(answer.stop, OwnedStop::EndTurn | OwnedStop::ToolUse) {
            return Judged::Told { answer: answer.clone(), note: None };
        }
        let called = answer.blocks.iter().any(|block| matches!(block, Block::Tool { name, .. } if self.wants(name)));
        let mut note = None;
        if self.call.is_some() && !called {
            if !last {
                return Judged::Unmet(self.correct_call(answer));
            }
            note = Some("no call although one was demanded: told as it is".to_owned());
        }
        match &self.form {
            Some(form) => form.judge(answer, last, note),
            None => Judged::Told { answer: answer.clone(), note },
        }
    }

    fn correct_call(&self, answer: &Answer) -> Correction {
        let reply = match &self.call {
            Some(Wanted::Named(_)) => {
                "You replied without the call that was asked for. Reply by calling that tool now."
            }
            _ => "You replied with text. Reply by calling one of your tools now.",
        };
        Correction { said: text_of(answer), reply: reply.to_owned(), reason: "text where a call was demanded" }
    }
}

impl Form {
    fn judge(&self, answer: &Answer, last: bool, note: Option<String>) -> Judged {
        let text = text_of(answer);
        let called = answer.blocks.iter().any(|block| matches!(block, Block::Tool { .. }));
        match self.find(&text) {
            Ok(json) => {
                let trimmed = (json.len() < text.trim().len()).then(|| "text around the JSON left out".to_owned());
                Judged::Told { answer: with_text(answer, Some(json)), note: note.or(trimmed) }
            }
            Err(_) if called => {
                let dropped =
                    (!text.trim().is_empty()).then(|| "text beside calls that is not the JSON left out".to_owned());
                Judged::Told { answer: with_text(answer, None), note: note.or(dropped) }
            }
            Err(violations) if last => {
                let note = format!("refused: not of the demanded form ({} faults)", violations.len());
                Judged::Told { answer: refused(answer, &violations), note: Some(note) }
            }
            Err(violations) => {
                Judged::Unmet(Correction { said: text, reply: reply(&violations), reason: "not of the demanded form" })
            }
        }
    }

    /// The part of `text` that is the JSON: all of it, what a code fence holds, or what stands behind a sentence
    /// from the first to the last bracket. Else what is wrong with the one that came nearest.
    fn find<'t>(&self, text: &'t str) -> Result<&'t str, Vec<Violation>> {
        let candidates = [Some(text.trim()), fenced(text.trim()), bracketed(text)];
        let mut faults = Vec::new();
        for json in candidates.into_iter().flatten() {
            match self.check(json) {
                Ok(()) => return Ok(json),
                Err(found) => faults = found,
            }
        }
        Err(faults)
    }

    fn check(&self, json: &str) -> Result<(), Vec<Violation>> {
        match self {
            Self::Object => schema::object(json),
            Self::Schema(schema) => schema.validate(json),
        }
    }
}

impl Correction {
    /// The messages that ask once more, behind the conversation.
    pub fn messages(&self) -> Vec<Message<'static>> {
        let message = |role, text: &str| Message { role, parts: vec![Part::Text(Cow::Owned(text.to_owned()))] };
        let mut messages = Vec::new();
        if !self.said.trim().is_empty() {
            messages.push(message(Role::Assistant, &self.said));
        }
        messages.push(message(Role::User, &self.reply));
        messages
    }
}

/// What the current turn must say about the form of the answer: the service has no member for it.
pub fn instruction(format: Format<'_>) -> String {
    match format {
        Format::Object => format!("{IN_JSON} The value must be an object."),
        Format::Schema(schema) | Format::Loose(schema) => {
            format!("{IN_JSON} The value must be valid under this JSON schema:\n{}", schema.get())
        }
    }
}

/// All text of an answer, decoded.
fn text_of(answer: &Answer) -> String {
    let mut text = String::new();
    for block in &answer.blocks {
        if let Block::Text(literal) = block {
            Lit::joined(literal).decode_into(&mut text);
        }
    }
    text
}

/// The answer with this as its only text, where its first text stood.
fn with_text(answer: &Answer, json: Option<&str>) -> Answer {
    let mut json = json.map(|json| {
        let mut literal = String::with_capacity(json.len() + json.len() / 8);
        json::escape_into(json, &mut literal);
        Block::Text(literal)
    });
    let blocks = answer.blocks.iter().filter_map(|block| match block {
        Block::Text(_) => json.take(),
        other => Some(other.clone()),
    });
    let blocks = blocks.collect();
    let mut told = answer.clone();
    told.blocks = blocks;
    told
}

/// The answer with a refusal in the place of its text.
fn refused(answer: &Answer, violations: &[Violation]) -> Answer {
    let mut text = String::from("The model did not answer in the form that was asked for:");
    violations.iter().take(TOLD).for_each(|violation| text += &format!("\n- {violation}"));
    let mut literal = String::new();
    json::escape_into(&text, &mut literal);
    let kept = answer.blocks.iter().filter(|block| !matches!(block, Block::Text(_)));
    let blocks = kept.cloned().chain([Block::Refusal(literal)]).collect();
    let mut told = answer.clone();
    (told.blocks, told.stop) = (blocks, OwnedStop::EndTurn);
    told
}

fn reply(violations: &[Violation]) -> String {
    let mut text = String::from("That is not in the form that was asked for:");
    violations.iter().for_each(|violation| text += &format!("\n- {violation}"));
    text += "\nAnswer again, in full.";
    text
}

/// What the first code fence holds, where the text begins with it.
fn fenced(text: &str) -> Option<&str> {
    let (_, inside) = text.strip_prefix("```")?.split_once('\n')?;
    Some(inside.strip_suffix("```")?.trim())
}

/// What stands between the first and the last bracket, where nothing but the end of a code fence follows.
fn bracketed(text: &str) -> Option<&str> {
    let start = text.find(['{', '['])?;
    let end = text.rfind(['}', ']'])?;
    let tail = text.get(end + 1..)?.trim_start();
    if tail.is_empty() || tail.starts_with("```") { text.get(start..=end) } else { None }
}

const IN_JSON: &str =
    "Answer with a single JSON value and nothing else: no introduction, no explanation, no code fence.";
/// Violations that a refusal names.
const TOLD: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::RawValue;
    use crate::turn::{Delta, Stop, Usage};

    fn form(schema: &str) -> Demand {
        let raw: &RawValue = serde_json::from_str(schema).unwrap();
        Demand { form: Some(Form::Schema(Arc::new(Schema::read(raw).unwrap()))), ..Demand::default() }
    }

    fn answer(text: &str, stop: Stop<'_>) -> Answer {
        let mut answer = Answer::new();
        let mut scratch = String::new();
        answer.push(&Delta::Open(Open::Text));
        answer.push(&Delta::Piece(Lit::escape(text, &mut scratch)));
        answer.push(&Delta::Close);
        answer.push(&Delta::Finish { stop, usage: Usage::default() });
        answer
    }

    fn told(demand: &Demand, text: &str) -> Option<String> {
        match demand.judge(&answer(text, Stop::EndTurn), false) {
            Judged::Told { answer, .. } => Some(text_of(&answer)),
            Judged::Unmet(_) => None,
        }
    }

    #[test]
    fn json_is_found_behind_a_sentence_and_in_a_fence_and_nowhere_else() {
        let object = form(r#"{"type":"object","required":["a"]}"#);
        for (text, expected) in [
            (" {\"a\":1}\n", Some("{\"a\":1}")),
            ("```json\n{\"a\":1}\n```", Some("{\"a\":1}")),
            ("Sure! Here it is:\n\n{\"a\":[1]}", Some("{\"a\":[1]}")),
            ("Sure:\n```\n{\"a\":1}\n```\nIs that fine?", Some("{\"a\":1}")),
            ("{\"a\":1} and {\"a\":2}", None),
            ("{\"a\":1} is it.", None),
            ("{\"b\":1}", None),
            ("}{", None),
            ("", None),
        ] {
            assert_eq!(told(&object, text).as_deref(), expected, "{text}");
        }
        assert_eq!(told(&form(r#"{"type":"string"}"#), "```\n\"x\"\n```").as_deref(), Some("\"x\""));
        let any_object = Demand { form: Some(Form::Object), ..Demand::default() };
        assert_eq!(told(&any_object, "[1]"), None);
        assert_eq!(told(&any_object, "{}").as_deref(), Some("{}"));
    }

    #[test]
    fn a_second_failure_is_a_refusal_and_a_cut_is_a_cut() {
        let demand = form(r#"{"type":"object"}"#);
        let Judged::Told { answer: refusal, note } = demand.judge(&answer("no", Stop::EndTurn), true) else {
            panic!("told whatever it is")
        };
        assert!(matches!(&refusal.blocks[..], [Block::Refusal(text)] if text.contains("not JSON")), "{refusal:?}");
        assert!(note.is_some_and(|note| note.starts_with("refused")));
        for stop in [Stop::MaxTokens, Stop::ContextWindow, Stop::Refusal, Stop::Sequence("x")] {
            let cut = answer("{\"a\"", stop);
            assert_eq!(demand.judge(&cut, false), Judged::Told { answer: cut.clone(), note: None });
        }
    }

    #[test]
    fn a_correction_repeats_what_was_said_and_names_what_was_wrong() {
        let demand = form(r#"{"properties":{"a":{"type":"null"}},"required":["a"]}"#);
        let Judged::Unmet(correction) = demand.judge(&answer("{\"a\":7}", Stop::EndTurn), false) else {
            panic!("a second try is asked for")
        };
        let messages = correction.messages();
        let text = |at: usize| match &messages[at].parts[..] {
            [Part::Text(text)] => text.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!((messages.len(), messages[0].role, messages[1].role), (2, Role::Assistant, Role::User));
        assert_eq!(text(0), "{\"a\":7}");
        assert!(text(1).contains("\n- a must be null, not number\n"), "{}", text(1));
        let Judged::Unmet(silent) = demand.judge(&answer(" ", Stop::EndTurn), false) else { panic!("unmet") };
        assert_eq!(silent.messages().len(), 1, "an empty reply is not repeated");
    }

    #[test]
    fn what_an_answer_folded_it_tells_again() {
        let mut folded = answer("hi \"x\"\n", Stop::ToolUse);
        folded.blocks.push(Block::Thinking { text: "hm".into(), signature: Some("s".into()) });
        folded.blocks.push(Block::Redacted("QUJD".into()));
        folded.blocks.push(Block::Tool { id: "1".into(), name: "t".into(), input: r#"{"a":"\n"}"#.into() });
        let mut again = Answer::new();
        folded.tell(&mut |delta| again.push(delta));
        assert_eq!(again, folded);
    }
}
