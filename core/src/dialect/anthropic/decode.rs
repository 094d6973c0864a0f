//! From the bytes of a Messages request to a turn.

use core::fmt;
use std::borrow::Cow;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};

use super::content::{self, Parts};
use super::wire::{self, Content, Item, Request};
use super::{edits, tools, wishes};
use crate::dialect::elsewhere::Pictures;
use crate::dialect::read::{self, Members, Path};
use crate::dialect::{Given, Need, limits, models};
use crate::error::{Error, Kind};
use crate::json::Text;
use crate::turn::{Message, Role, Thinking, Tool, Turn};

/// Reads the body of `POST /v1/messages`. Lone surrogates must be mended already (`json::mend_surrogates`).
///
/// # Errors
/// [`Kind::Invalid`] with the JSON path of the field at fault, [`Kind::UnknownModel`],
/// [`Kind::ThreadsUnsupported`].
pub fn decode<'a>(body: &'a [u8], given: &Given<'a>) -> Result<Turn<'a>, Error> {
    let (turn, needs) = whole(body, given)?;
    match needs.into_iter().next() {
        Some(Need::Image { path, .. }) => Err(Error::invalid(path, "the image lies elsewhere and was not fetched")),
        _ => Ok(turn),
    }
}

/// The turn, and what it still needs; it is not to be answered before it is decoded again with that.
pub(super) fn whole<'a>(body: &'a [u8], given: &Given<'a>) -> Result<(Turn<'a>, Vec<Need>), Error> {
    let (turn, needs) = turn(body, given)?;
    if turn.max_tokens.is_none() {
        return Err(Error::invalid("max_tokens", "is required: the most tokens to answer with, at least 1"));
    }
    Ok((turn, needs))
}

/// The same, where `max_tokens` may be absent: for counting tokens.
pub(super) fn turn<'a>(body: &'a [u8], given: &Given<'a>) -> Result<(Turn<'a>, Vec<Need>), Error> {
    let Request { system, messages, tools: declared, rest } = read::body(body)?;
    let root = Path::Root;
    if rest.find("thread", &root)?.is_some() {
        return Err(Error::new(
            Kind::ThreadsUnsupported,
            "thread: message threads are not stored here: send the whole conversation in messages",
        ));
    }
    let name = rest.require_string("model", &root)?;
    let model = models::find(given.catalogue, &name)?;
    let messages = messages.ok_or_else(|| root.key("messages").invalid("is required"))?;
    let tools = tools_of(declared.unwrap_or_default())?;
    let (tool_choice, parallel_tools) =
        tools::choice(rest.find("tool_choice", &root)?, &tools, &root.key("tool_choice"))?;
    let mut ignored = without_effect(&rest)?;
    let thinking = thinking(&rest, &name, &mut ignored)?;
    let pictures = Pictures::new(given.fetched);
    let mut turn = Turn {
        model,
        system: system_of(system)?,
        messages: messages_of(messages, &pictures)?,
        tools,
        tool_choice,
        parallel_tools,
        thinking,
        max_tokens: limits::max_tokens(rest.integer("max_tokens", &root)?, &root.key("max_tokens"))?,
        stop_sequences: wishes::stop_sequences(rest.find("stop_sequences", &root)?, &root.key("stop_sequences"))?,
        session: wishes::session(rest.find("metadata", &root)?, given.headers, &root.key("metadata"))?,
        format: wishes::format(&rest)?,
        truncate: false,
        stream: rest.boolean("stream", &root)?.unwrap_or(false),
        ignored,
    };
    edits::apply(rest.find("context_management", &root)?, &mut turn)?;
    Ok((turn, pictures.needs()))
}

fn system_of(system: Option<Content<'_>>) -> Result<Vec<Cow<'_, str>>, Error> {
    let path = Path::Root.key("system");
    let mut texts = Vec::new();
    match system {
        None | Some(Content::Nothing) => {}
        Some(Content::Text(text)) => texts.push(text),
        Some(Content::Block(_)) => return Err(path.invalid("must be a string or a list of text blocks")),
        Some(Content::Items(items)) => {
            for (index, item) in items.into_iter().enumerate() {
                texts.push(system_text(item, &path.item(index))?);
            }
        }
    }
    Ok(texts.into_iter().map(without_billing).filter(|text| !text.is_empty()).collect())
}

fn system_text<'a>(item: Item<'a>, path: &Path<'_>) -> Result<Cow<'a, str>, Error> {
    match item {
        Item::Text(text) => Ok(text),
        Item::Block(block) if block.kind == "text" => content::text_of(&block, path),
        _ => Err(path.invalid("must be a text block")),
    }
}

/// Drops Claude Code's billing line: it changes with every request and would spoil the service's cache of
/// everything after it.
fn without_billing(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.starts_with(BILLING) {
        return text;
    }
    let start = text.find('\n').map_or(text.len(), |end| end + 1);
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(start..).unwrap_or("")),
        Cow::Owned(mut text) => {
            text.drain(..start);
            Cow::Owned(text)
        }
    }
}

fn messages_of<'a>(wire: Vec<wire::Message<'a>>, pictures: &Pictures<'a>) -> Result<Vec<Message<'a>>, Error> {
    let path = Path::Root.key("messages");
    limits::messages(wire.len(), &path)?;
    let mut messages: Vec<Message<'a>> = Vec::with_capacity(wire.len());
    for (index, message) in wire.into_iter().enumerate() {
        let path = path.item(index);
        let parts = Parts::of(message.content, &path.key("content"), pictures)?;
        match (&*message.role, messages.last_mut()) {
            // A reminder of the client belongs to what the user just said.
            ("system", Some(user)) if user.role == Role::User => user.parts.extend(parts),
            ("user" | "system", _) => messages.push(Message { role: Role::User, parts }),
            ("assistant", _) => messages.push(Message { role: Role::Assistant, parts }),
            _ => return Err(path.key("role").invalid("must be \"user\", \"assistant\" or \"system\"")),
        }
    }
    limits::some_content(&messages, &path)?;
    Ok(messages)
}

fn tools_of(wire: Vec<Members<'_>>) -> Result<Vec<Tool<'_>>, Error> {
    let path = Path::Root.key("tools");
    wire.iter().enumerate().map(|(index, tool)| tools::tool(tool, &path.item(index))).collect()
}

/// Documented fields the client set that have no effect here. Their types are checked where a wrong one can
/// only be a mistake.
fn without_effect(rest: &Members<'_>) -> Result<Vec<&'static str>, Error> {
    let root = Path::Root;
    for name in ["temperature", "top_p"] {
        rest.find(name, &root)?.map(|raw| read::number(raw, &root.key(name))).transpose()?;
    }
    rest.integer("top_k", &root)?;
    for name in ["service_tier", "speed", "inference_geo"] {
        rest.string(name, &root)?;
    }
    limits::ignored(rest, wire::WITHOUT_EFFECT)
}

fn thinking(rest: &Members<'_>, name: &str, ignored: &mut Vec<&'static str>) -> Result<Thinking, Error> {
    let root = Path::Root;
    let mut effort = None;
    if let Some(raw) = rest.find("output_config", &root)? {
        let path = root.key("output_config");
        let output = Members::of(raw, &path)?;
        effort = wishes::effort(&output, &path)?;
        if output.find("task_budget", &path)?.is_some() {
            ignored.push("output_config.task_budget");
        }
    }
    let path = root.key("thinking");
    let wire = rest.find("thinking", &root)?.map(|raw| Members::of(raw, &path)).transpose()?;
    let thinking = wishes::thinking(wire.as_ref(), effort, name, &path)?;
    if wire.map(|wire| wire.string("display", &path)).transpose()?.flatten().as_deref() == Some("omitted") {
        ignored.push("thinking.display");
    }
    if effort.is_some() && thinking == Thinking::Off {
        ignored.push("output_config.effort");
    }
    Ok(thinking)
}

/// The model's name exactly as the client wrote it, for the answer; `None` when there is none to read.
/// Reads no further than the name.
pub fn requested_model(body: &[u8]) -> Option<Cow<'_, str>> {
    let mut name = None;
    // Ends early with an error of its own, so the outcome says nothing: the name does.
    let _ = Name(&mut name).deserialize(&mut serde_json::Deserializer::from_slice(body));
    name
}

struct Name<'n, 'a>(&'n mut Option<Cow<'a, str>>);

impl<'de> DeserializeSeed<'de> for Name<'_, 'de> {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Name<'_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = map.next_key()? {
            if key == "model" {
                *self.0 = Some(map.next_value::<Text<'de>>()?.0);
                return Err(A::Error::custom("found"));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

const BILLING: &str = "x-anthropic-billing-header:";
