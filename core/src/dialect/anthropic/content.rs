//! Content blocks of every type, to parts of a message.

use std::borrow::Cow;

use super::wire::{Block, Content, Item, Slot};
use super::{UNSIGNED, served};
use crate::dialect::elsewhere::Pictures;
use crate::dialect::media;
use crate::dialect::read::{self, Members, Path};
use crate::error::Error;
use crate::json::RawValue;
use crate::turn::{Image, Part};

/// Collects the parts of one message.
pub(super) struct Parts<'p, 'a> {
    parts: Vec<Part<'a>>,
    pictures: &'p Pictures<'a>,
    /// Levels of tool results and documents around the current block.
    depth: usize,
}

impl<'p, 'a> Parts<'p, 'a> {
    /// The parts of a whole content.
    pub(super) fn of(
        content: Content<'a>,
        path: &Path<'_>,
        pictures: &'p Pictures<'a>,
    ) -> Result<Vec<Part<'a>>, Error> {
        Self { parts: Vec::new(), pictures, depth: 0 }.whole(content, path)
    }

    /// The parts of a content inside of this one.
    fn inside(&self, content: Content<'a>, path: &Path<'_>) -> Result<Vec<Part<'a>>, Error> {
        Self { parts: Vec::new(), pictures: self.pictures, depth: self.depth + 1 }.whole(content, path)
    }

    fn whole(mut self, content: Content<'a>, path: &Path<'_>) -> Result<Vec<Part<'a>>, Error> {
        if self.depth > MAX_DEPTH {
            return Err(path.invalid("is nested too deeply"));
        }
        match content {
            Content::Nothing => {}
            Content::Text(text) => self.parts.push(Part::Text(text)),
            Content::Items(items) => self.items(items, path)?,
            Content::Block(block) => self.block(*block, path)?,
        }
        Ok(self.parts)
    }

    fn items(&mut self, items: Vec<Item<'a>>, path: &Path<'_>) -> Result<(), Error> {
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Item::Text(text) => self.text(text),
                Item::Items(items) => self.items(items, &path.item(index))?,
                Item::Block(block) => self.block(block, &path.item(index))?,
            }
        }
        Ok(())
    }

    pub(super) fn text(&mut self, text: impl Into<Cow<'a, str>>) {
        self.parts.push(Part::Text(text.into()));
    }

    /// Takes the parts that stand inside a block, without a frame around them.
    pub(super) fn inner(&mut self, content: Slot<'a, Content<'a>>, path: &Path<'_>) -> Result<(), Error> {
        let parts = self.parts_of(content, path)?;
        self.parts.extend(parts);
        Ok(())
    }

    /// Takes a block, or blocks, that stand at `path` itself.
    pub(super) fn nested(&mut self, raw: &'a RawValue, path: &Path<'_>) -> Result<(), Error> {
        let parts = self.inside(read::value(raw, path)?, path)?;
        self.parts.extend(parts);
        Ok(())
    }

    fn parts_of(&self, content: Slot<'a, Content<'a>>, path: &Path<'_>) -> Result<Vec<Part<'a>>, Error> {
        let path = path.key("content");
        let content = match content {
            Slot::Absent => Content::Nothing,
            Slot::Read(content) => content,
            Slot::Raw(raw) => read::value(raw, &path)?,
        };
        self.inside(content, &path)
    }

    fn block(&mut self, block: Block<'a>, path: &Path<'_>) -> Result<(), Error> {
        let inside = self.depth > 0;
        match &*block.kind {
            "text" => self.text(text_of(&block, path)?),
            "image" => self.parts.push(Part::Image(image(block, path, self.pictures)?)),
            "document" => self.document(block, path)?,
            "tool_result" if inside => self.inner(block.content, path)?,
            "tool_result" => self.tool_result(block, path)?,
            "tool_use" if !inside => self.parts.push(tool_use(&block.rest, path)?),
            "thinking" if !inside => self.parts.push(thinking(&block.rest, path)?),
            "redacted_thinking" if !inside => {
                self.parts.push(Part::Redacted(block.rest.require_string("data", path)?));
            }
            "tool_reference" => self.text(served::tool_reference(&block.rest, path)?),
            "search_result" => served::search_result(self, block, path)?,
            "compaction" => self.inner(block.content, path)?,
            "server_tool_use" | "mcp_tool_use" => self.text(served::call(&block.rest, path)?),
            kind if kind.ends_with("_tool_result") => served::result(self, block, path)?,
            // A type nobody knows is kept, so that nothing the client said is lost.
            _ => self.text(block.to_json()),
        }
        Ok(())
    }

    fn tool_result(&mut self, block: Block<'a>, path: &Path<'_>) -> Result<(), Error> {
        let id = block.rest.require_string("tool_use_id", path)?;
        let error = block.rest.boolean("is_error", path)?.unwrap_or(false);
        let parts = self.parts_of(block.content, path)?;
        self.parts.push(Part::ToolResult { id, error, parts });
        Ok(())
    }

    fn document(&mut self, block: Block<'a>, path: &Path<'_>) -> Result<(), Error> {
        let title = block.rest.string("title", path)?;
        let context = block.rest.string("context", path)?;
        let at = path.key("source");
        let source = source_of(block.source, &at)?;
        let kind = source.require_string("type", &at)?;
        if let Some(context) = context.filter(|context| !context.is_empty()) {
            self.text(context);
        }
        match &*kind {
            "base64" => self.file(title, &source, &at),
            "text" => {
                self.heading(title);
                self.text(source.require_string("data", &at)?);
                Ok(())
            }
            "content" => {
                self.heading(title);
                self.inner(Slot::Raw(source.require("content", &at)?), &at)
            }
            other => Err(not_fetched(other, &at)),
        }
    }

    fn file(&mut self, title: Option<Cow<'a, str>>, source: &Members<'a>, at: &Path<'_>) -> Result<(), Error> {
        let media_type = source.string("media_type", at)?.unwrap_or(Cow::Borrowed("application/pdf"));
        let format = media::document_format(&media_type).ok_or_else(|| {
            at.key("media_type").invalid(format!("{media_type:?} is no document type the service takes"))
        })?;
        let base64 = media::base64(source.require_string("data", at)?, &at.key("data"))?;
        let name = title.filter(|title| !title.trim().is_empty()).unwrap_or(Cow::Borrowed("document"));
        self.parts.push(Part::Document { name, format: Cow::Borrowed(format), base64 });
        Ok(())
    }

    fn heading(&mut self, title: Option<Cow<'a, str>>) {
        if let Some(title) = title.filter(|title| !title.is_empty()) {
            self.text(format!("Document: {title}"));
        }
    }
}

/// The text of a `text` block.
pub(super) fn text_of<'a>(block: &Block<'a>, path: &Path<'_>) -> Result<Cow<'a, str>, Error> {
    let path = path.key("text");
    read::string(block.text.ok_or_else(|| path.invalid("is required"))?, &path)
}

fn image<'a>(block: Block<'a>, path: &Path<'_>, pictures: &Pictures<'a>) -> Result<Image<'a>, Error> {
    let at = path.key("source");
    let source = source_of(block.source, &at)?;
    match &*source.require_string("type", &at)? {
        "base64" => {
            source.string("media_type", &at)?;
            media::image(source.require_string("data", &at)?, &at.key("data"))
        }
        "url" => pictures.image(source.require_string("url", &at)?, &at.key("url")),
        other => Err(not_fetched(other, &at)),
    }
}

/// The members of a picture's or document's source, which stands at `at`.
fn source_of<'a>(slot: Slot<'a, Members<'a>>, at: &Path<'_>) -> Result<Members<'a>, Error> {
    match slot {
        Slot::Absent => Err(at.invalid("is required")),
        Slot::Read(source) => Ok(source),
        Slot::Raw(raw) => Members::of(raw, at),
    }
}

/// The error of a source that lies elsewhere.
fn not_fetched(kind: &str, at: &Path<'_>) -> Error {
    match kind {
        "url" => at.key("url").invalid("this gateway fetches images alone: send the document as base64"),
        "file" => at.key("file_id").invalid("this gateway has no Files API: send the content as base64"),
        _ => at.key("type").invalid("must be \"base64\", or \"text\" or \"content\" for a document"),
    }
}

fn tool_use<'a>(call: &Members<'a>, path: &Path<'_>) -> Result<Part<'a>, Error> {
    let id = call.require_string("id", path)?;
    let name = call.require_string("name", path)?;
    let input = call.find("input", path)?;
    if let Some(input) = input {
        read::limit_depth(input, &path.key("input"))?;
    }
    Ok(Part::ToolUse { id, name, input: Cow::Borrowed(input.unwrap_or_else(|| read::empty_object())) })
}

fn thinking<'a>(thought: &Members<'a>, path: &Path<'_>) -> Result<Part<'a>, Error> {
    let text = thought.require_string("thinking", path)?;
    let signature = thought.string("signature", path)?;
    let signature = signature.filter(|signature| !signature.is_empty() && signature != UNSIGNED);
    Ok(Part::Thinking { text, signature })
}

/// Levels of content in content. A client means two: a document in a tool result.
const MAX_DEPTH: usize = 16;
