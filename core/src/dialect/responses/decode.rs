//! From the bytes of a Responses request to a turn.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::items::{Conversation, Item};
use super::tools::Tools;
use super::{Asked, Voice, echo, record};
use crate::dialect::elsewhere::Pictures;
use crate::dialect::openai::wishes;
use crate::dialect::read::{self, Members, Path};
use crate::dialect::{self, Decoded, Given, Need, limits, models};
use crate::error::Error;
use crate::host::{Headers, header};
use crate::json::RawValue;
use crate::models::Model;
use crate::turn::{Effort, Message, Part, Role, Thinking, Turn, estimate};

/// Reads the body of `POST /v1/responses`.
///
/// # Errors
/// See [`dialect::decode`](crate::dialect::decode).
pub fn decode<'a>(body: &'a [u8], given: &Given<'a>) -> Result<Decoded<'a>, Error> {
    let rest: Members<'a> = read::body(body)?;
    let root = Path::Root;
    refuse(&rest)?;
    let name = rest.require_string("model", &root)?;
    let model = models::find(given.catalogue, &name)?;
    let store = store(&rest, given)?;
    let pictures = Pictures::new(given.fetched);
    let input = Input::read(&rest, given)?;
    let mut tools = declared(&rest, &input, given.headers)?;
    let tool_choice = tools.choice(rest.find("tool_choice", &root)?, &root.key("tool_choice"))?;
    let (thinking, summary) = thinking(&rest, &name)?;
    let (format, mut ignored) = text(&rest)?;
    let sealed = include(&rest, &mut ignored)?;
    let (session, unused) = wishes::session(&rest, given.headers)?;
    // A conversation that goes on keeps the name it once had.
    let session = session.or_else(|| record::session(given.previous?).map(Cow::Owned));
    without_effect(&rest, &mut ignored)?;
    ignored.extend(unused);
    ignored.append(&mut tools.ignored);
    let mut conversation = Conversation::new(&tools.table, &pictures);
    conversation.system.extend(rest.string("instructions", &root)?.filter(|text| !text.is_empty()));
    input.tell(&mut conversation)?;
    ignored.append(&mut conversation.ignored);
    let (system, messages) = spoken(conversation.system, conversation.messages);
    if input.lacking.is_none() {
        limits::some_content(&messages, &root.key("input"))?;
    }
    let asked = Asked {
        echo: echo::echo(&rest, &name),
        summary,
        sealed,
        tools: tools.table,
        session: session.as_deref().map(str::to_owned),
        input: if store { input.kept() } else { None },
    };
    let turn = Turn {
        model,
        system,
        messages,
        tools: tools.offered,
        tool_choice,
        parallel_tools: rest.boolean("parallel_tool_calls", &root)?.unwrap_or(true),
        thinking,
        max_tokens: limits::max_tokens(rest.integer("max_output_tokens", &root)?, &root.key("max_output_tokens"))?,
        stop_sequences: Vec::new(),
        session,
        format,
        truncate: truncation(&rest)?,
        stream: rest.boolean("stream", &root)?.unwrap_or(false),
        ignored,
    };
    let needs = input.lacking.into_iter().chain(pictures.needs()).collect();
    let voice = Voice { model: name.into_owned(), store, asked: Arc::new(asked) };
    Ok(Decoded { turn, voice: dialect::Voice::Responses(Box::new(voice)), needs })
}

/// The body of `POST /v1/responses/input_tokens`: an estimate, made here; or what must be given before there can be
/// one. `scale` brings it to what the client counts in.
///
/// # Errors
/// As [`decode`].
pub fn input_tokens(
    body: &[u8],
    given: &Given<'_>,
    scale: impl FnOnce(&Model, u64) -> u64,
) -> Result<Result<Vec<u8>, Need>, Error> {
    let Decoded { turn, needs, .. } = decode(body, given)?;
    // A picture by URL is not fetched to be counted: it counts as a large one.
    if let Some(previous) = needs.into_iter().find(|need| matches!(need, Need::Previous { .. })) {
        return Ok(Err(previous));
    }
    let tokens = scale(turn.model, estimate::turn(&turn));
    Ok(Ok(format!("{{\"object\":\"response.input_tokens\",\"input_tokens\":{tokens}}}").into_bytes()))
}

/// Refuses what would change the answer and cannot be done.
fn refuse(rest: &Members<'_>) -> Result<(), Error> {
    let root = Path::Root;
    if rest.boolean("background", &root)? == Some(true) {
        return Err(root.key("background").invalid("answers are not made in the background here: send false"));
    }
    for (name, text) in UNSERVED {
        if rest.find(name, &root)?.is_some() {
            return Err(root.key(name).invalid(*text));
        }
    }
    if rest.integer("top_logprobs", &root)?.is_some_and(|count| count > 0) {
        return Err(root.key("top_logprobs").invalid("the service tells no log probabilities: leave it out"));
    }
    Ok(())
}

/// Whether the answer is to be kept.
fn store(rest: &Members<'_>, given: &Given<'_>) -> Result<bool, Error> {
    let root = Path::Root;
    let wanted = rest.boolean("store", &root)?;
    if given.storing {
        return Ok(wanted.unwrap_or(true));
    }
    if wanted == Some(true) {
        return Err(root.key("store").invalid("responses are not kept here: send false"));
    }
    if rest.string("previous_response_id", &root)?.is_some() {
        let text = "responses are not kept here: send the whole conversation in input";
        return Err(root.key("previous_response_id").invalid(text));
    }
    Ok(false)
}

/// What there is to answer: the items of earlier responses, then those of the request.
struct Input<'a> {
    earlier: Vec<Item<'a>>,
    new: Vec<Item<'a>>,
    /// An input that is a text alone.
    text: Option<&'a RawValue>,
    /// The kept response that must be given before this is all.
    lacking: Option<Need>,
}

impl<'a> Input<'a> {
    fn read(rest: &Members<'a>, given: &Given<'a>) -> Result<Self, Error> {
        let (root, at) = (Path::Root, Path::Root.key("input"));
        let previous = rest.string("previous_response_id", &root)?;
        let continues = previous.is_some();
        let mut input = Self { earlier: Vec::new(), new: Vec::new(), text: None, lacking: None };
        let mut kept = Vec::new();
        if let Some(record) = given.previous {
            let at = if continues { root.key("previous_response_id") } else { root.key("input") };
            for raw in record::items(record).ok_or_else(|| at.invalid("what is kept of it cannot be read"))? {
                kept.push(Item::read(raw, &at)?);
            }
        } else if let Some(id) = previous {
            let path = "previous_response_id".to_owned();
            input.lacking = Some(Need::Previous { id: id.into_owned(), path });
        }
        if continues {
            input.earlier = core::mem::take(&mut kept);
        }
        match rest.find("input", &root)? {
            None if continues => {}
            None => return Err(at.invalid("is required")),
            Some(raw) if raw.get().starts_with('"') => input.text = Some(raw),
            Some(raw) if raw.get().starts_with('[') => input.list(raw, continues, &kept, given, &at)?,
            Some(_) => return Err(at.invalid("must be a string or a list of items")),
        }
        Ok(input)
    }

    /// Takes a list of items. One that is only named comes from `kept`, the conversation of the response that made it.
    fn list(
        &mut self,
        raw: &'a RawValue,
        continues: bool,
        kept: &[Item<'a>],
        given: &Given<'_>,
        at: &Path<'_>,
    ) -> Result<(), Error> {
        let list = read::list(raw, at)?;
        if !(continues && list.is_empty()) {
            limits::messages(list.len(), at)?;
        }
        let mut told: BTreeSet<_> = self.earlier.iter().filter_map(Item::id).collect();
        let named: BTreeMap<_, _> = kept.iter().rev().filter_map(|item| Some((item.id()?, item))).collect();
        for (index, raw) in list.into_iter().enumerate() {
            let path = at.item(index);
            let item = Item::read(raw, &path)?;
            if item.kind != "item_reference" {
                self.new.push(item);
                continue;
            }
            let id = item.wire.require_string("id", &path)?;
            let path = path.key("id");
            if told.contains(&id) {
                // It stands in the conversation already.
                continue;
            }
            if let Some(item) = named.get(&id) {
                self.new.push((*item).clone());
                told.insert(id);
            } else if given.previous.is_none() && (continues || given.storing) {
                // The newest of several: its record holds the whole conversation before it.
                if !continues {
                    let id = record::response_of(&id).ok_or_else(|| path.invalid(NO_SUCH_ITEM))?;
                    self.lacking = Some(Need::Previous { id, path: path.to_string() });
                }
            } else {
                return Err(path.invalid(NO_SUCH_ITEM));
            }
        }
        Ok(())
    }

    /// Everything in its order, with the member it stands in.
    fn all(&self) -> impl Iterator<Item = (&'static str, usize, &Item<'a>)> {
        let earlier = self.earlier.iter().map(|item| ("previous_response_id", 0, item));
        earlier.chain(self.new.iter().enumerate().map(|(index, item)| ("input", index, item)))
    }

    fn tell(&self, conversation: &mut Conversation<'_, 'a>) -> Result<(), Error> {
        for (member, index, item) in self.all() {
            let member = Path::Root.key(member);
            conversation.item(item, &member.item(index))?;
        }
        if let Some(raw) = self.text {
            let text = Part::Text(read::string(raw, &Path::Root.key("input"))?);
            conversation.messages.push(Message { role: Role::User, parts: vec![text] });
        }
        Ok(())
    }

    /// What a record needs of it.
    fn kept(&self) -> Option<record::Input> {
        let raws = |items: &[Item<'a>]| items.iter().map(|item| item.raw).collect::<Vec<_>>();
        record::Input::of(&raws(&self.earlier), &raws(&self.new), self.text)
    }
}

/// A conversation of instructions alone: the last of them is what there is to answer.
fn spoken<'a>(mut system: Vec<Cow<'a, str>>, mut messages: Vec<Message<'a>>) -> (Vec<Cow<'a, str>>, Vec<Message<'a>>) {
    if messages.is_empty()
        && let Some(last) = system.pop()
    {
        messages.push(Message { role: Role::User, parts: vec![Part::Text(last)] });
    }
    (system, messages)
}

/// The tools of the request and those that came in items.
fn declared<'a>(rest: &Members<'a>, input: &Input<'a>, headers: &Headers) -> Result<Tools<'a>, Error> {
    let root = Path::Root;
    let mut tools = Tools::new(is_codex(headers));
    if let Some(raw) = rest.find("tools", &root)? {
        tools.list(raw, &root.key("tools"))?;
    }
    for (member, index, item) in input.all().filter(|(_, _, item)| item.kind == "additional_tools") {
        let member = root.key(member);
        let path = member.item(index);
        if let Some(raw) = item.wire.find("tools", &path)? {
            tools.list(raw, &path.key("tools"))?;
        }
    }
    Ok(tools)
}

/// Codex declares the vendor's tools unasked and goes on well without them; anyone else who declares one means it.
fn is_codex(headers: &Headers) -> bool {
    let names =
        |name, sign: fn(&str) -> bool| header(headers, name).is_some_and(|value| sign(&value.to_ascii_lowercase()));
    names("originator", |value| value.starts_with("codex")) || names("user-agent", |value| value.contains("codex"))
}

/// Whether and how hard to think, and whether the thought is shown. Asking for a summary asks for thought.
fn thinking(rest: &Members<'_>, model: &str) -> Result<(Thinking, bool), Error> {
    let root = Path::Root;
    let path = root.key("reasoning");
    let wire = match rest.find("reasoning", &root)? {
        Some(raw) => Members::of(raw, &path)?,
        None => Members::default(),
    };
    let effort = wire.find("effort", &path)?;
    let mut summary = false;
    for name in ["summary", "generate_summary"] {
        summary |= match wire.string(name, &path)?.as_deref() {
            None | Some("none") => false,
            Some("auto" | "concise" | "detailed") => true,
            Some(_) => return Err(path.key(name).invalid("must be \"auto\", \"concise\" or \"detailed\"")),
        };
    }
    let thinking = wishes::thinking(effort, model, &path.key("effort"))?;
    match (effort, thinking) {
        (None, Thinking::Off) if summary => Ok((Thinking::On { effort: Effort::Medium, budget: None }, true)),
        // A model's name can ask as well, and then there is nothing else that could show it.
        (None, Thinking::On { .. }) => Ok((thinking, true)),
        _ => Ok((thinking, summary)),
    }
}

/// The form of the answer's text.
fn text<'a>(rest: &Members<'a>) -> Result<(Option<crate::turn::Format<'a>>, Vec<&'static str>), Error> {
    let root = Path::Root;
    let path = root.key("text");
    let mut ignored = Vec::new();
    let Some(raw) = rest.find("text", &root)? else { return Ok((None, ignored)) };
    let wire = Members::of(raw, &path)?;
    match wire.string("verbosity", &path)?.as_deref() {
        None => {}
        Some("low" | "medium" | "high") => ignored.push("text.verbosity"),
        Some(_) => return Err(path.key("verbosity").invalid("must be \"low\", \"medium\" or \"high\"")),
    }
    let format = wishes::format(wire.find("format", &path)?, false, &path.key("format"))?;
    if let Some(crate::turn::Format::Loose(_)) = format {
        ignored.push("text.format.schema");
    }
    Ok((format, ignored))
}

/// Whether thought is to be sealed into the answer; what else is asked for is not there to include.
fn include(rest: &Members<'_>, ignored: &mut Vec<&'static str>) -> Result<bool, Error> {
    let root = Path::Root;
    let Some(raw) = rest.find("include", &root)? else { return Ok(false) };
    let wanted = read::strings(raw, &root.key("include"))?;
    if wanted.iter().any(|name| name != SEALED) {
        ignored.push("include");
    }
    Ok(wanted.iter().any(|name| name == SEALED))
}

fn truncation(rest: &Members<'_>) -> Result<bool, Error> {
    let root = Path::Root;
    match rest.string("truncation", &root)?.as_deref() {
        None | Some("disabled") => Ok(false),
        Some("auto") => Ok(true),
        Some(_) => Err(root.key("truncation").invalid("must be \"auto\" or \"disabled\"")),
    }
}

/// Documented fields the client set that have no effect here. Their types are checked where a wrong one can only be a
/// mistake.
fn without_effect(rest: &Members<'_>, ignored: &mut Vec<&'static str>) -> Result<(), Error> {
    let root = Path::Root;
    for name in ["temperature", "top_p"] {
        rest.find(name, &root)?.map(|raw| read::number(raw, &root.key(name))).transpose()?;
    }
    rest.integer("max_tool_calls", &root)?;
    rest.string("service_tier", &root)?;
    for name in ["metadata", "stream_options"] {
        rest.find(name, &root)?.map(|raw| Members::of(raw, &root.key(name))).transpose()?;
    }
    ignored.extend(limits::ignored(rest, WITHOUT_EFFECT)?);
    Ok(())
}

const SEALED: &str = "reasoning.encrypted_content";

const NO_SUCH_ITEM: &str = "names no item that is kept here: send the item itself, or previous_response_id with it";

const UNSERVED: &[(&str, &str)] = &[
    ("conversation", "conversations are not kept here: send the items in input, or use previous_response_id"),
    ("prompt", "prompts are not kept here: send the text in instructions and input"),
];

const WITHOUT_EFFECT: &[&str] = &[
    "context_management",
    "max_tool_calls",
    "metadata",
    "moderation",
    "prompt_cache_retention",
    "service_tier",
    "stream_options",
    "temperature",
    "top_p",
];
