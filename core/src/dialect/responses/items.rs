//! Input items of every type, to the messages of a turn.

use std::borrow::Cow;

use super::thought;
use super::tools::Table;
use crate::dialect::elsewhere::Pictures;
use crate::dialect::openai::calls::Calls;
use crate::dialect::openai::parts;
use crate::dialect::read::{self, Members, Path};
use crate::error::Error;
use crate::json::RawValue;
use crate::turn::{Message, Part, Role};

/// An input item.
#[derive(Clone, Debug)]
pub(super) struct Item<'a> {
    pub(super) raw: &'a RawValue,
    pub(super) wire: Members<'a>,
    /// Its type; `message` where only a role says so.
    pub(super) kind: Cow<'a, str>,
}

impl<'a> Item<'a> {
    pub(super) fn read(raw: &'a RawValue, path: &Path<'_>) -> Result<Self, Error> {
        let wire = Members::of(raw, path)?;
        let kind = match wire.string("type", path)? {
            Some(kind) => kind,
            None if wire.find("role", path)?.is_some() => Cow::Borrowed("message"),
            // A reference may come as its id alone.
            None if matches!(wire.iter().next(), Some(("id", _))) && wire.iter().count() == 1 => {
                Cow::Borrowed("item_reference")
            }
            None => return Err(path.key("type").invalid("is required")),
        };
        Ok(Self { raw, wire, kind })
    }

    /// Its id, where it has one.
    pub(super) fn id(&self) -> Option<Cow<'a, str>> {
        self.wire.string("id", &Path::Root).ok().flatten()
    }
}

/// Collects the messages of a conversation.
#[derive(Debug)]
pub(super) struct Conversation<'c, 'a> {
    table: &'c Table,
    pictures: &'c Pictures<'a>,
    calls: Calls<'a>,
    pub(super) system: Vec<Cow<'a, str>>,
    pub(super) messages: Vec<Message<'a>>,
    /// Items without a meaning here.
    pub(super) ignored: Vec<&'static str>,
}

impl<'c, 'a> Conversation<'c, 'a> {
    pub(super) fn new(table: &'c Table, pictures: &'c Pictures<'a>) -> Self {
        let (system, messages, ignored) = (Vec::new(), Vec::new(), Vec::new());
        Self { table, pictures, calls: Calls::default(), system, messages, ignored }
    }

    /// Takes the next item.
    pub(super) fn item(&mut self, item: &Item<'a>, path: &Path<'_>) -> Result<(), Error> {
        let wire = &item.wire;
        match &*item.kind {
            "message" => self.message(wire, path),
            "reasoning" => self.reasoning(wire, path),
            "function_call" => {
                let (id, name) = self.call(wire, path)?;
                let arguments = wire.find("arguments", path)?;
                let part = self.calls.function(id, name, arguments, &path.key("arguments"))?;
                self.say(Role::Assistant, [part]);
                Ok(())
            }
            "custom_tool_call" => {
                let (id, name) = self.call(wire, path)?;
                let input = wire.require("input", path)?;
                let part = Calls::freeform(id, name, input, &path.key("input"))?;
                self.say(Role::Assistant, [part]);
                Ok(())
            }
            "local_shell_call" => {
                let id = wire.string("call_id", path)?.or(wire.string("id", path)?).unwrap_or_default();
                let name = Cow::Borrowed("local_shell");
                let part = self.calls.function(id, name, wire.find("action", path)?, &path.key("action"))?;
                self.say(Role::Assistant, [part]);
                Ok(())
            }
            "function_call_output" | "custom_tool_call_output" | "local_shell_call_output" => self.output(wire, path),
            // Its tools are declared already.
            "additional_tools" => Ok(()),
            // Only who made them can read them.
            "compaction" | "compaction_summary" | "context_compaction" | "compaction_trigger" => {
                self.ignored.push("input.compaction");
                Ok(())
            }
            _ => self.unknown(item),
        }
    }

    fn message(&mut self, wire: &Members<'a>, path: &Path<'_>) -> Result<(), Error> {
        let role = wire.require_string("role", path)?;
        let parts = self.content(wire.find("content", path)?, &path.key("content"))?;
        match &*role {
            "user" => self.say(Role::User, parts),
            "assistant" => self.say(Role::Assistant, parts),
            "system" | "developer" if self.messages.is_empty() => self.instruct(parts),
            // Later ones belong to what the user just said, or is about to say.
            "system" | "developer" => self.say(Role::User, parts),
            _ => {
                let text = "must be \"user\", \"assistant\", \"system\" or \"developer\"";
                return Err(path.key("role").invalid(text));
            }
        }
        Ok(())
    }

    /// Instructions before the conversation. A picture among them is shown by the user.
    fn instruct(&mut self, parts: Vec<Part<'a>>) {
        let mut shown = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) if text.is_empty() => {}
                Part::Text(text) => self.system.push(text),
                other => shown.push(other),
            }
        }
        if !shown.is_empty() {
            self.say(Role::User, shown);
        }
    }

    /// Adds to the last message of the same speaker, or begins one: the items of one answer are one message.
    fn say(&mut self, role: Role, parts: impl IntoIterator<Item = Part<'a>>) {
        match self.messages.last_mut() {
            Some(last) if last.role == role => last.parts.extend(parts),
            _ => self.messages.push(Message { role, parts: parts.into_iter().collect() }),
        }
    }

    /// The id and the offered name of a call.
    fn call(&self, wire: &Members<'a>, path: &Path<'_>) -> Result<(Cow<'a, str>, Cow<'a, str>), Error> {
        let id = wire.require_string("call_id", path)?;
        let name = wire.require_string("name", path)?;
        let namespace = wire.string("namespace", path)?;
        Ok((id, self.table.offered(namespace.as_deref(), name)))
    }

    fn output(&mut self, wire: &Members<'a>, path: &Path<'_>) -> Result<(), Error> {
        let id = match wire.string("call_id", path)? {
            Some(id) => id,
            // The output of a local shell names its call so.
            None => wire.string("id", path)?.ok_or_else(|| path.key("call_id").invalid("is required"))?,
        };
        let parts = self.content(wire.find("output", path)?, &path.key("output"))?;
        let mut result = Vec::new();
        self.calls.result(id, parts, &mut result);
        self.say(Role::User, result);
        Ok(())
    }

    /// A thought that came back: as it was sealed, else what is shown of it.
    fn reasoning(&mut self, wire: &Members<'a>, path: &Path<'_>) -> Result<(), Error> {
        if let Some(part) = wire.string("encrypted_content", path)?.as_deref().and_then(thought::open) {
            self.say(Role::Assistant, [part]);
            return Ok(());
        }
        let mut text = String::new();
        for name in ["summary", "content"] {
            let Some(raw) = wire.find(name, path)? else { continue };
            for part in self.content(Some(raw), &path.key(name))? {
                if let Part::Text(part) = part {
                    text.push_str(if text.is_empty() { "" } else { "\n\n" });
                    text.push_str(&part);
                }
            }
        }
        if !text.is_empty() {
            self.say(Role::Assistant, [Part::Thinking { text: Cow::Owned(text), signature: None }]);
        }
        Ok(())
    }

    /// An item of a type that is not known, or that the vendor's servers made, is kept as its JSON, so that nothing
    /// that was said is lost. What the model did stays with the model.
    fn unknown(&mut self, item: &Item<'a>) -> Result<(), Error> {
        let role = if item.kind.ends_with("_call") { Role::Assistant } else { Role::User };
        let text = match &*item.kind {
            // Holds the whole picture in base64.
            "image_generation_call" => Cow::Borrowed("[A picture was generated here.]"),
            _ => Cow::Borrowed(item.raw.get()),
        };
        self.say(role, [Part::Text(text)]);
        Ok(())
    }

    /// A text or a list of parts.
    fn content(&mut self, raw: Option<&'a RawValue>, path: &Path<'_>) -> Result<Vec<Part<'a>>, Error> {
        let Some(raw) = raw else { return Ok(Vec::new()) };
        match raw.get().as_bytes().first() {
            Some(b'"') => return Ok(vec![Part::Text(read::string(raw, path)?)]),
            Some(b'[') => {}
            _ => return Err(path.invalid("must be a string or a list of content parts")),
        }
        let list = read::list(raw, path)?;
        let mut found = Vec::with_capacity(list.len());
        for (index, raw) in list.into_iter().enumerate() {
            found.extend(self.part(raw, &path.item(index))?);
        }
        Ok(found)
    }

    fn part(&mut self, raw: &'a RawValue, path: &Path<'_>) -> Result<Option<Part<'a>>, Error> {
        if raw.get().starts_with('"') {
            return Ok(Some(Part::Text(read::string(raw, path)?)));
        }
        let wire = Members::of(raw, path)?;
        let text = |name| Ok(Some(Part::Text(wire.require_string(name, path)?)));
        match &*wire.require_string("type", path)? {
            "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text" => text("text"),
            "refusal" => text("refusal"),
            "input_image" => self.image(&wire, path).map(Some),
            "input_file" => parts::file(&wire, path).map(Some),
            "input_audio" => {
                Err(path.key("type").invalid("the service takes no audio: send a transcript as input_text"))
            }
            _ => Ok(Some(Part::Text(Cow::Borrowed(raw.get())))),
        }
    }

    fn image(&self, wire: &Members<'a>, path: &Path<'_>) -> Result<Part<'a>, Error> {
        parts::detail(wire, path)?;
        match wire.string("image_url", path)? {
            Some(url) => Ok(Part::Image(self.pictures.image(url, &path.key("image_url"))?)),
            None if wire.find("file_id", path)?.is_some() => {
                Err(path.key("file_id").invalid("this gateway keeps no files: send the picture as image_url"))
            }
            None => Err(path.key("image_url").invalid("is required")),
        }
    }
}
