//! Messages of every role, to the turns of a conversation.

use std::borrow::Cow;

use crate::dialect::elsewhere::Pictures;
use crate::dialect::openai::calls::Calls;
use crate::dialect::openai::parts;
use crate::dialect::read::{self, Members, Path};
use crate::dialect::{Given, Need, limits};
use crate::error::Error;
use crate::json::RawValue;
use crate::turn::{Image, Message, Part, Role};

/// A conversation as it is read.
pub(super) struct History<'a> {
    pub(super) system: Vec<Cow<'a, str>>,
    pub(super) messages: Vec<Message<'a>>,
    pub(super) needs: Vec<Need>,
    pub(super) ignored: Option<&'static str>,
}

/// Reads one message after the other.
struct Reader<'a> {
    pictures: Pictures<'a>,
    calls: Calls<'a>,
    system: Vec<Cow<'a, str>>,
    messages: Vec<Message<'a>>,
    /// Whether the last message holds results only, so that the next result belongs beside them.
    results: bool,
    /// Calls in the old form that wait for their result: names and the ids they got here.
    functions: Vec<(Cow<'a, str>, String)>,
    /// Whether a message told its speaker's name.
    named: bool,
}

impl<'a> History<'a> {
    /// Reads `messages`.
    ///
    /// # Errors
    /// The first message that cannot be used, by its path.
    pub(super) fn read(raw: &'a RawValue, given: &Given<'a>) -> Result<Self, Error> {
        let path = Path::Root.key("messages");
        let wire = read::list(raw, &path)?;
        limits::messages(wire.len(), &path)?;
        let mut reader = Reader {
            pictures: Pictures::new(given.fetched),
            calls: Calls::default(),
            system: Vec::new(),
            messages: Vec::with_capacity(wire.len()),
            results: false,
            functions: Vec::new(),
            named: false,
        };
        for (index, raw) in wire.into_iter().enumerate() {
            let path = path.item(index);
            reader.message(&Members::of(raw, &path)?, index, &path)?;
        }
        reader.finish(&path)
    }
}

impl<'a> Reader<'a> {
    fn finish(mut self, path: &Path<'_>) -> Result<History<'a>, Error> {
        // A conversation of instructions alone: the last one is what is to be done.
        if self.messages.is_empty()
            && let Some(last) = self.system.pop()
        {
            self.messages.push(Message { role: Role::User, parts: vec![Part::Text(last)] });
        }
        limits::some_content(&self.messages, path)?;
        self.system.retain(|text| !text.is_empty());
        Ok(History {
            system: self.system,
            messages: self.messages,
            needs: self.pictures.needs(),
            ignored: self.named.then_some("messages.name"),
        })
    }

    fn message(&mut self, wire: &Members<'a>, index: usize, path: &Path<'_>) -> Result<(), Error> {
        let role = wire.require_string("role", path)?;
        let was_results = core::mem::take(&mut self.results);
        if role != "function" && wire.string("name", path)?.is_some_and(|name| !name.is_empty()) {
            self.named = true;
        }
        match &*role {
            "system" | "developer" => self.instructions(wire, path),
            "user" => {
                wire.require("content", path)?;
                let parts = self.content(wire, path)?;
                self.messages.push(Message { role: Role::User, parts });
                Ok(())
            }
            "assistant" => self.assistant(wire, index, path),
            "tool" => {
                let id = wire.require_string("tool_call_id", path)?;
                self.result(id, wire, was_results, path)
            }
            "function" => {
                let name = wire.require_string("name", path)?;
                let called = self.functions.iter().rposition(|(known, _)| *known == name);
                let id = called.map_or_else(|| format!("function_{name}"), |at| self.functions.remove(at).1);
                self.result(Cow::Owned(id), wire, was_results, path)
            }
            _ => Err(path
                .key("role")
                .invalid("must be \"system\", \"developer\", \"user\", \"assistant\", \"tool\" or \"function\"")),
        }
    }

    /// Leading instructions are the system prompt; later ones belong to what the user just said.
    fn instructions(&mut self, wire: &Members<'a>, path: &Path<'_>) -> Result<(), Error> {
        wire.require("content", path)?;
        let parts = self.content(wire, path)?;
        if let Some(at) = parts.iter().position(|part| !matches!(part, Part::Text(_))) {
            return Err(path.key("content").item(at).invalid("must be a text part"));
        }
        match self.messages.last_mut() {
            None => self.system.extend(parts.into_iter().filter_map(|part| match part {
                Part::Text(text) => Some(text),
                _ => None,
            })),
            Some(user) if user.role == Role::User => user.parts.extend(parts),
            Some(_) => self.messages.push(Message { role: Role::User, parts }),
        }
        Ok(())
    }

    fn assistant(&mut self, wire: &Members<'a>, index: usize, path: &Path<'_>) -> Result<(), Error> {
        let mut parts = Vec::new();
        if let Some(text) = wire.string("reasoning_content", path)?.filter(|text| !text.is_empty()) {
            parts.push(Part::Thinking { text, signature: None });
        }
        parts.extend(self.content(wire, path)?);
        parts.extend(wire.string("refusal", path)?.filter(|text| !text.is_empty()).map(Part::Text));
        if let Some(raw) = wire.find("tool_calls", path)? {
            let path = path.key("tool_calls");
            let calls = read::list(raw, &path)?;
            for (index, raw) in calls.into_iter().enumerate() {
                let path = path.item(index);
                parts.push(self.call(&Members::of(raw, &path)?, &path)?);
            }
        }
        if let Some(raw) = wire.find("function_call", path)? {
            let path = path.key("function_call");
            let wire = Members::of(raw, &path)?;
            let name = wire.require_string("name", &path)?;
            let id = format!("function_call_{index}");
            self.functions.push((name.clone(), id.clone()));
            let arguments = wire.find("arguments", &path)?;
            parts.push(self.calls.function(Cow::Owned(id), name, arguments, &path.key("arguments"))?);
        }
        if wire.find("audio", path)?.is_some() {
            return Err(path.key("audio").invalid("this gateway keeps no audio: send its transcript as content"));
        }
        self.messages.push(Message { role: Role::Assistant, parts });
        Ok(())
    }

    fn call(&mut self, wire: &Members<'a>, path: &Path<'_>) -> Result<Part<'a>, Error> {
        let id = wire.require_string("id", path)?;
        let kind = wire.string("type", path)?.unwrap_or(Cow::Borrowed("function"));
        let at = path.key(&kind);
        match &*kind {
            "function" => {
                let call = Members::of(wire.require("function", path)?, &at)?;
                let name = call.require_string("name", &at)?;
                self.calls.function(id, name, call.find("arguments", &at)?, &at.key("arguments"))
            }
            "custom" => {
                let call = Members::of(wire.require("custom", path)?, &at)?;
                let name = call.require_string("name", &at)?;
                Calls::freeform(id, name, call.require("input", &at)?, &at.key("input"))
            }
            _ => Err(path.key("type").invalid("must be \"function\" or \"custom\"")),
        }
    }

    /// Results in a row are one message.
    fn result(&mut self, id: Cow<'a, str>, wire: &Members<'a>, beside: bool, path: &Path<'_>) -> Result<(), Error> {
        let parts = self.content(wire, path)?;
        if !beside {
            self.messages.push(Message { role: Role::User, parts: Vec::new() });
        }
        if let Some(message) = self.messages.last_mut() {
            self.calls.result(id, parts, &mut message.parts);
        }
        self.results = true;
        Ok(())
    }

    fn content(&mut self, wire: &Members<'a>, path: &Path<'_>) -> Result<Vec<Part<'a>>, Error> {
        let Some(raw) = wire.find("content", path)? else { return Ok(Vec::new()) };
        let path = path.key("content");
        if raw.get().starts_with('"') {
            return Ok(vec![Part::Text(read::string(raw, &path)?)]);
        }
        if !raw.get().starts_with('[') {
            return Err(path.invalid("must be a string or a list of content parts"));
        }
        let wire = read::list(raw, &path)?;
        let mut parts = Vec::with_capacity(wire.len());
        for (index, raw) in wire.into_iter().enumerate() {
            let path = path.item(index);
            parts.extend(self.part(&Members::of(raw, &path)?, &path)?);
        }
        Ok(parts)
    }

    /// `None` for a picture that must be fetched first.
    fn part(&mut self, wire: &Members<'a>, path: &Path<'_>) -> Result<Option<Part<'a>>, Error> {
        let kind = wire.require_string("type", path)?;
        match &*kind {
            "text" => wire.require_string("text", path).map(Part::Text).map(Some),
            "refusal" => wire.require_string("refusal", path).map(Part::Text).map(Some),
            "image_url" => Ok(Some(Part::Image(self.picture(wire, path)?))),
            "file" => {
                let at = path.key("file");
                parts::file(&Members::of(wire.require("file", path)?, &at)?, &at).map(Some)
            }
            "input_audio" => Err(path.key("type").invalid("the service takes no audio: send a transcript as text")),
            _ => Err(path.key("type").invalid("must be \"text\", \"image_url\", \"file\" or \"refusal\"")),
        }
    }

    fn picture(&self, wire: &Members<'a>, path: &Path<'_>) -> Result<Image<'a>, Error> {
        let at = path.key("image_url");
        let raw = wire.require("image_url", path)?;
        // Some clients leave the object out.
        if raw.get().starts_with('"') {
            return self.pictures.image(read::string(raw, &at)?, &at);
        }
        let image = Members::of(raw, &at)?;
        parts::detail(&image, &at)?;
        self.pictures.image(image.require_string("url", &at)?, &at.key("url"))
    }
}
