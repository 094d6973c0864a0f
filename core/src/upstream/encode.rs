//! From any [`Turn`] to a body the service takes. Total: the only errors are things that cannot be sent at
//! all (a document format, an image or a result beyond the service's limits).
//!
//! ```text
//! {"conversationState":{ids, "history":[system round, round, …], "currentMessage":{…, tools}},
//!  "additionalModelRequestFields":{…}, "profileArn":"…"}
//! ```
//! What stays from turn to turn comes first, so that the bytes of a conversation's body up to the end of its
//! history begin the body of its next turn.

use std::borrow::Cow;

use super::history::{Asked, History, Replied, Round, Thought};
use super::ids::ConversationIds;
use super::names::Names;
use super::tools::{self, Toolbox};
use super::wire::{self, Object, is_blank};
use super::{effort, input, media};
use crate::error::Error;
use crate::models::FieldSet;
use crate::turn::{Part, ToolKind, Turn, demand};

/// What an account or model is known to take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wishes {
    /// Lean schemas and no thought of earlier turns: for the one repair after a 400.
    pub strict: bool,
    /// Send `agentContinuationId` and `agentTaskType`.
    pub task_ids: bool,
    /// Fields of the model's own that are not sent although its schema has them.
    pub refused: FieldSet,
}

impl Default for Wishes {
    fn default() -> Self {
        Self { strict: false, task_ids: true, refused: FieldSet::default() }
    }
}

/// An encoded request and what is needed to understand its answer.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The body up to its closing brace; behind that, what the last [`Encoded::body`] added.
    text: String,
    open_len: usize,
    names: Names,
    tags: bool,
    limited: bool,
    fields: FieldSet,
    conversation: String,
}

impl Encoded {
    /// The complete JSON body for an account. The profile is spliced in at the end, so another account costs
    /// no second encoding; without one (or with an empty one) the member is left out.
    pub fn body(&mut self, profile_arn: Option<&str>) -> &[u8] {
        self.text.truncate(self.open_len);
        if let Some(arn) = profile_arn.filter(|arn| !arn.is_empty()) {
            self.text.push_str(",\"profileArn\":");
            wire::string(&mut self.text, arn);
        }
        self.text.push('}');
        self.text.as_bytes()
    }

    /// Tool names, both ways.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Whether thinking was asked for by tags in the prompt, so that the answer's text must be split.
    pub fn tags(&self) -> bool {
        self.tags
    }

    /// Whether the model was told the most tokens to answer with. If not, the answer is to be cut.
    pub fn limited(&self) -> bool {
        self.limited
    }

    /// Bytes of the body without a profile.
    #[expect(clippy::len_without_is_empty, reason = "a body is never empty")]
    pub fn len(&self) -> usize {
        self.open_len + 1
    }

    /// The fields of the model's own that it carries, which some models and hosts refuse.
    pub fn extra_fields(&self) -> FieldSet {
        self.fields
    }

    /// Frees the body once no further attempt can come.
    pub fn forget_body(&mut self) {
        self.text = String::new();
        self.open_len = 0;
    }

    /// The id the service knows the conversation by; the same on every turn.
    pub fn conversation_id(&self) -> &str {
        &self.conversation
    }
}

/// Encodes a turn.
///
/// # Errors
/// [`Invalid`](crate::Kind::Invalid): a document format the service does not know, an image over 5 MiB of
/// base64, more than 20 images in the current turn or any for a model that takes none, base64 that is none.
/// [`TooLong`](crate::Kind::TooLong): a tool result over 800,000 characters. Everything else is made to fit.
pub fn encode(turn: &Turn<'_>, wishes: &Wishes) -> Result<Encoded, Error> {
    let mut history = History::of(turn, wishes.strict)?;
    media::limit(&mut history, turn.model)?;
    let declared = tools::declared(turn);
    let names = Names::of(declared.iter().map(|(tool, _)| &*tool.name), history.used_names());
    let toolbox = Toolbox::of(turn, &history, &names, wishes.strict);
    history.current.texts.extend(toolbox.instruction.clone());
    history.current.texts.extend(turn.format.map(|format| Cow::Owned(demand::instruction(format))));
    let asked = effort::Asked::of(turn, wishes.refused);
    let tags = asked.tags();
    let ids = ConversationIds::of(turn);

    let mut text = String::with_capacity(weight(turn));
    let writer = Writer { model: &turn.model.upstream_id, names: &names };
    let mut body = Object::open(&mut text);
    let mut state = Object::open(body.member("conversationState"));
    if wishes.task_ids {
        state.string("agentContinuationId", &ids.continuation);
        state.string("agentTaskType", "vibe");
    }
    state.string("chatTriggerType", "MANUAL");
    state.string("conversationId", &ids.conversation);
    let opening = opening(turn, tags.as_deref(), &toolbox);
    writer.rounds(&mut state, opening.iter().chain(&history.rounds));
    writer.user(state.member("currentMessage"), &history.current, Some(&toolbox));
    state.close();
    asked.write(&mut body);
    let open_len = text.len();
    let (limited, fields) = (asked.limits(), asked.written());
    Ok(Encoded { text, open_len, names, tags: tags.is_some(), limited, fields, conversation: ids.conversation })
}

/// The system text as a round of its own, the way the service's own clients send it: the wish to think, the
/// client's texts, descriptions too long for a tool.
fn opening<'s>(turn: &'s Turn<'_>, tags: Option<&'s str>, toolbox: &'s Toolbox<'_>) -> Option<Round<'s>> {
    let client = turn.system.iter().map(|text| &**text);
    let pieces = tags.into_iter().chain(client).chain(toolbox.manual.iter().map(|text| &**text));
    let texts: Vec<_> = pieces.filter(|text| !is_blank(text)).map(Cow::Borrowed).collect();
    (!texts.is_empty()).then(|| Round::instructing(texts))
}

/// Writes turns.
struct Writer<'w> {
    model: &'w str,
    names: &'w Names,
}

impl Writer<'_> {
    fn rounds<'r, 't: 'r>(&self, state: &mut Object<'_>, rounds: impl Iterator<Item = &'r Round<'t>>) {
        state.list("history", rounds, |out, round| {
            self.user(out, &round.asked, None);
            out.push(',');
            self.assistant(out, &round.replied);
        });
    }

    fn user(&self, out: &mut String, asked: &Asked<'_>, toolbox: Option<&Toolbox<'_>>) {
        out.push_str("{\"userInputMessage\":");
        let mut message = Object::open(out);
        wire::joined(message.member("content"), asked.texts.iter().map(|text| &**text), asked.fallback());
        message.string("modelId", self.model);
        message.string("origin", "AI_EDITOR");
        message.list("images", &asked.images, |out, image| media::write_image(out, image));
        message.list("documents", &asked.documents, |out, document| document.write(out));
        let toolbox = toolbox.filter(|toolbox| !toolbox.is_empty());
        if toolbox.is_some() || !asked.results.is_empty() {
            let mut context = Object::open(message.member("userInputMessageContext"));
            context.list("toolResults", &asked.results, |out, result| result.write(out));
            if let Some(toolbox) = toolbox {
                toolbox.write(&mut context);
            }
            context.close();
        }
        message.close();
        out.push('}');
    }

    fn assistant(&self, out: &mut String, replied: &Replied<'_>) {
        out.push_str("{\"assistantResponseMessage\":");
        let mut message = Object::open(out);
        wire::joined(message.member("content"), replied.texts.iter().copied(), &replied.fallback());
        message.list("toolUses", &replied.calls, |out, call| {
            let mut tool_use = Object::open(out);
            tool_use.string("toolUseId", &call.id);
            tool_use.string("name", self.names.upstream_name(call.name));
            input::write(tool_use.member("input"), call.input);
            tool_use.close();
        });
        if let Some(thought) = &replied.thought {
            write_thought(message.member("reasoningContent"), thought);
        }
        message.close();
        out.push('}');
    }
}

fn write_thought(out: &mut String, thought: &Thought<'_>) {
    let mut content = Object::open(out);
    match thought {
        Thought::Signed { text, signature } => {
            let mut signed = Object::open(content.member("reasoningText"));
            signed.string("text", text);
            signed.string("signature", signature);
            signed.close();
        }
        Thought::Redacted(base64) => content.string("redactedContent", base64),
    }
    content.close();
}

/// About how long the body will be: everything in it that can be long, and a tenth for escapes.
fn weight(turn: &Turn<'_>) -> usize {
    let mut weight: usize = turn.system.iter().map(|text| text.len()).sum();
    for tool in &turn.tools {
        let schema = if let ToolKind::Client(Some(schema)) = tool.kind { schema.get().len() } else { 0 };
        weight += 200 + tool.description.len() + schema;
    }
    for message in &turn.messages {
        weight += 200 + message.parts.iter().map(part_weight).sum::<usize>();
    }
    weight + weight / 8 + 1_000
}

fn part_weight(part: &Part<'_>) -> usize {
    match part {
        Part::Text(text) | Part::Redacted(text) => text.len(),
        Part::Image(image) => image.base64.len(),
        Part::Document { base64, .. } => base64.len(),
        Part::ToolUse { input, .. } => 150 + input.get().len(),
        Part::ToolResult { parts, .. } => 150 + parts.iter().map(shallow_weight).sum::<usize>(),
        Part::Thinking { text, signature } => text.len() + signature.as_ref().map_or(0, |text| text.len()),
    }
}

/// Results inside results are rare and may be deep: they are not counted.
fn shallow_weight(part: &Part<'_>) -> usize {
    if matches!(part, Part::ToolResult { .. }) { 0 } else { part_weight(part) }
}
