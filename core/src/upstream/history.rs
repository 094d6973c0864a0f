//! Any sequence of client messages as rounds the service takes: user and assistant in turn, the user first,
//! the current user turn last, every call answered in the very next turn.
//!
//! The types hold most of the rules: a [`Round`] is one of each, and what is no round is the current turn.
//! A round depends on nothing that comes after it, so history keeps its bytes when a conversation grows.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::ids::CallIds;
use super::media::{self, Document, Titles};
use super::results::{self, Outcome};
use super::wire::is_blank;
use crate::error::Error;
use crate::json::RawValue;
use crate::models::Reasoning;
use crate::turn::{Image, Message, Part, Role, Turn};

/// A conversation, normalised.
#[derive(Debug)]
pub(super) struct History<'t> {
    /// What is over.
    pub(super) rounds: Vec<Round<'t>>,
    /// What is asked now.
    pub(super) current: Asked<'t>,
}

/// A user turn and the answer to it.
#[derive(Debug)]
pub(super) struct Round<'t> {
    pub(super) asked: Asked<'t>,
    pub(super) replied: Replied<'t>,
}

/// A user turn.
#[derive(Debug, Default)]
pub(super) struct Asked<'t> {
    pub(super) texts: Vec<Cow<'t, str>>,
    pub(super) images: Vec<&'t Image<'t>>,
    pub(super) documents: Vec<Document<'t>>,
    /// One for every call of the reply before, in its order.
    pub(super) results: Vec<Outcome<'t>>,
    /// Whether any message of the client stands behind it.
    spoken: bool,
}

/// An assistant turn.
#[derive(Debug, Default)]
pub(super) struct Replied<'t> {
    pub(super) texts: Vec<&'t str>,
    pub(super) calls: Vec<Call<'t>>,
    /// The one thought the service's model has room for. Signatures cover one block each and cannot be
    /// joined: the last block wins, the one nearest to the calls that follow from it.
    pub(super) thought: Option<Thought<'t>>,
    /// Thought without a signature. The service's vendor drops earlier thought from its context too, so it
    /// is sent only where a turn would otherwise be empty.
    pub(super) unsigned: Vec<&'t str>,
}

/// A tool call.
#[derive(Debug)]
pub(super) struct Call<'t> {
    /// Legal and unique in the conversation.
    pub(super) id: String,
    /// The client's id.
    pub(super) client_id: &'t str,
    /// The client's name of the tool.
    pub(super) name: &'t str,
    pub(super) input: &'t RawValue,
}

/// A thought the service can check.
#[derive(Clone, Copy, Debug)]
pub(super) enum Thought<'t> {
    Signed { text: &'t str, signature: &'t str },
    Redacted(&'t str),
}

impl<'t> History<'t> {
    /// Normalises the messages of `turn`.
    ///
    /// # Errors
    /// A document format or a piece of base64 the service does not take; a tool result that is too long.
    pub(super) fn of(turn: &'t Turn<'_>, strict: bool) -> Result<Self, Error> {
        let native = matches!(turn.model.reasoning, Reasoning::Effort { .. } | Reasoning::Gpt);
        let mut builder = Builder { replay_thought: native && !strict, ..Builder::default() };
        for message in &turn.messages {
            builder.add(message)?;
        }
        Ok(builder.finish())
    }

    /// The client's names of all tools that were called, in the order of their first call.
    pub(super) fn used_names(&self) -> impl Iterator<Item = &'t str> {
        self.rounds.iter().flat_map(|round| &round.replied.calls).map(|call| call.name)
    }
}

impl<'t> Round<'t> {
    /// The round that gives the model its instructions.
    pub(super) fn instructing(texts: Vec<Cow<'t, str>>) -> Self {
        let replied = Replied { texts: vec![ACCEPTED], ..Replied::default() };
        Self { asked: Asked { texts, ..Asked::default() }, replied }
    }
}

impl Asked<'_> {
    /// What stands for a text where the client sent none: the service refuses a turn without.
    pub(super) fn fallback(&self) -> &'static str {
        if !self.results.is_empty() {
            "(tool results attached)"
        } else if !self.images.is_empty() || !self.documents.is_empty() {
            "(see the attached file)"
        } else if self.spoken {
            "(empty message)"
        } else {
            "(the conversation begins with your message)"
        }
    }
}

impl Replied<'_> {
    /// What stands for a text where the model wrote none. Beside calls a blank: models imitate any words
    /// that are put into their mouth.
    pub(super) fn fallback(&self) -> Cow<'static, str> {
        if !self.calls.is_empty() {
            Cow::Borrowed(" ")
        } else if self.thought.is_none() && !self.unsigned.is_empty() {
            Cow::Owned(format!("<thinking>{}</thinking>", self.unsigned.join("\n\n")))
        } else {
            Cow::Borrowed("(no reply)")
        }
    }
}

/// Builds rounds, part by part.
#[derive(Debug, Default)]
struct Builder<'t> {
    rounds: Vec<Round<'t>>,
    asked: Asked<'t>,
    /// Calls of the reply before `asked` that wait for a result, by the client's id, last one first.
    waiting: BTreeMap<&'t str, Vec<usize>>,
    replied: Option<Replied<'t>>,
    /// Calls of `replied` by the client's id: the first of each.
    first_calls: BTreeMap<&'t str, usize>,
    ids: CallIds<'t>,
    titles: Titles,
    replay_thought: bool,
}

impl<'t> Builder<'t> {
    fn add(&mut self, message: &'t Message<'_>) -> Result<(), Error> {
        if message.role == Role::User {
            self.asking().spoken = true;
        }
        for part in &message.parts {
            match message.role {
                Role::User => self.ask(part)?,
                Role::Assistant => self.reply(part)?,
            }
        }
        Ok(())
    }

    fn ask(&mut self, part: &'t Part<'_>) -> Result<(), Error> {
        match part {
            Part::Text(text) if is_blank(text) => {}
            Part::Text(text) => self.asking().texts.push(Cow::Borrowed(text)),
            Part::Image(image) => self.asking().images.push(media::checked(image)?),
            Part::Document { name, format, base64 } => {
                let document = self.titles.document(name, format, base64)?;
                self.asking().documents.push(document);
            }
            Part::ToolResult { id, error, parts } => self.answer(id, *error, parts)?,
            Part::ToolUse { name, input, .. } => {
                let text = format!("[Tool call {name}]\n{}", input.get());
                self.asking().texts.push(Cow::Owned(text));
            }
            Part::Thinking { .. } | Part::Redacted(_) => {}
        }
        Ok(())
    }

    fn reply(&mut self, part: &'t Part<'_>) -> Result<(), Error> {
        match part {
            Part::Text(text) if is_blank(text) => {}
            Part::Text(text) => self.replying().texts.push(text),
            Part::ToolUse { id, name, input } => self.call(id, name, input),
            Part::Thinking { text, signature } => self.think(text, signature.as_deref()),
            Part::Redacted(base64) if self.replay_thought && media::is_base64(base64) => {
                self.replying().thought = Some(Thought::Redacted(base64));
            }
            Part::Redacted(_) => {}
            // The service takes these from users only, so they come in a user turn between two replies.
            Part::Image(_) | Part::Document { .. } | Part::ToolResult { .. } => {
                self.asking().spoken = true;
                self.ask(part)?;
            }
        }
        Ok(())
    }

    fn think(&mut self, text: &'t str, signature: Option<&'t str>) {
        match signature {
            Some(signature) if self.replay_thought && !signature.is_empty() => {
                self.replying().thought = Some(Thought::Signed { text, signature });
            }
            _ if is_blank(text) => {}
            _ => self.replying().unsigned.push(text),
        }
    }

    /// Adds a call. The same call a second time in one reply is a doubled event and is left out; another
    /// call under the same id gets an id of its own.
    fn call(&mut self, id: &'t str, name: &'t str, input: &'t RawValue) {
        let at = self.replying().calls.len();
        let first = *self.first_calls.entry(id).or_insert(at);
        let replied = self.replied.get_or_insert_default();
        if let Some(twin) = replied.calls.get(first)
            && twin.name == name
            && twin.input.get() == input.get()
        {
            return;
        }
        replied.calls.push(Call { id: self.ids.assign(id), client_id: id, name, input });
    }

    /// Puts a result where its call waits for it; one without such a call becomes text.
    fn answer(&mut self, id: &'t str, error: bool, parts: &'t [Part<'_>]) -> Result<(), Error> {
        self.asking();
        let (asked, titles) = (&mut self.asked, &mut self.titles);
        let texts = results::flatten(parts, &mut asked.images, &mut asked.documents, titles)?;
        let slot = self.waiting.get_mut(id).and_then(Vec::pop).and_then(|at| self.asked.results.get_mut(at));
        match slot {
            Some(slot) => slot.fill(id, error, texts)?,
            None => {
                let what = if error { "Error" } else { "Result" };
                self.asked.texts.push(Cow::Owned(format!("[{what} of tool call {id}]")));
                self.asked.texts.extend(texts);
            }
        }
        Ok(())
    }

    /// The open user turn; ends the open reply.
    fn asking(&mut self) -> &mut Asked<'t> {
        if let Some(replied) = self.replied.take() {
            self.first_calls.clear();
            self.waiting.clear();
            for (at, call) in replied.calls.iter().enumerate().rev() {
                self.waiting.entry(call.client_id).or_default().push(at);
            }
            let results = replied.calls.iter().map(|call| Outcome::missing(call.id.clone())).collect();
            let asked = core::mem::replace(&mut self.asked, Asked { results, ..Asked::default() });
            self.rounds.push(Round { asked, replied });
        }
        &mut self.asked
    }

    /// The open reply; ends the open user turn.
    fn replying(&mut self) -> &mut Replied<'t> {
        self.replied.get_or_insert_default()
    }

    /// A reply that comes last is history too. Without calls the client wants it continued.
    fn finish(mut self) -> History<'t> {
        if let Some(replied) = &self.replied {
            let prefilled = replied.calls.is_empty();
            let asked = self.asking();
            if prefilled {
                asked.texts.push(Cow::Borrowed(CONTINUE));
            }
        }
        if self.rounds.is_empty() {
            self.asked.spoken = true;
        }
        History { rounds: self.rounds, current: self.asked }
    }
}

/// Asks for the rest of a reply the client began.
const CONTINUE: &str = "Continue your last message from exactly where it ends. Write only what comes next: repeat \
                        nothing of it, add no introduction.";

/// What the model is taken to have said to its instructions; the wording of the service's own clients.
const ACCEPTED: &str = "I will follow these instructions.";
