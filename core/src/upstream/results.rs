//! Results of tool calls.

use std::borrow::Cow;

use super::media::{self, Document, Titles};
use super::wire::{Object, is_blank};
use crate::error::{Error, Kind};
use crate::turn::{Image, Part};

/// What a call came to.
#[derive(Debug)]
pub(super) struct Outcome<'t> {
    /// The call's id.
    id: String,
    error: bool,
    texts: Vec<Cow<'t, str>>,
}

impl<'t> Outcome<'t> {
    /// The outcome of a call the client sent no result for; the service wants one for each.
    pub(super) fn missing(id: String) -> Self {
        Self { id, error: true, texts: vec![Cow::Borrowed("The user cancelled this tool call; it has no result.")] }
    }

    /// Puts the client's result in its place.
    ///
    /// # Errors
    /// More than [`MAX_RESULT`] characters.
    pub(super) fn fill(&mut self, client_id: &str, error: bool, texts: Vec<Cow<'t, str>>) -> Result<(), Error> {
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        if bytes > MAX_RESULT {
            let chars = texts.iter().map(|text| text.chars().count()).sum();
            if chars > MAX_RESULT {
                return Err(too_long(client_id, chars));
            }
        }
        self.error = error;
        self.texts = texts;
        Ok(())
    }

    /// Writes the result.
    pub(super) fn write(&self, out: &mut String) {
        let mut object = Object::open(out);
        object.string("toolUseId", &self.id);
        let empty = [Cow::Borrowed("(no output)")];
        let texts = if self.texts.is_empty() { empty.as_slice() } else { &self.texts };
        object.list("content", texts, |out, text| {
            let mut entry = Object::open(out);
            entry.string("text", text);
            entry.close();
        });
        object.string("status", if self.error { "error" } else { "success" });
        object.close();
    }
}

/// The texts of a result, in order. Images and documents, which the service takes beside results only, go
/// to the turn that carries the result, with a mark in their place.
///
/// # Errors
/// A document format or a piece of base64 the service does not take.
pub(super) fn flatten<'t>(
    parts: &'t [Part<'_>],
    images: &mut Vec<&'t Image<'t>>,
    documents: &mut Vec<Document<'t>>,
    titles: &mut Titles,
) -> Result<Vec<Cow<'t, str>>, Error> {
    let mut texts = Vec::new();
    let mut levels = vec![parts.iter()];
    while let Some(level) = levels.last_mut() {
        let Some(part) = level.next() else {
            levels.pop();
            continue;
        };
        match part {
            Part::Text(text) if is_blank(text) => {}
            Part::Text(text) => texts.push(Cow::Borrowed(&**text)),
            Part::Image(image) => {
                images.push(media::checked(image)?);
                texts.push(Cow::Owned(format!("(image {} of this message)", images.len())));
            }
            Part::Document { name, format, base64 } => {
                let document = titles.document(name, format, base64)?;
                texts.push(Cow::Owned(format!("(attached document \"{}\")", document.title())));
                documents.push(document);
            }
            Part::ToolUse { name, input, .. } => {
                texts.push(Cow::Owned(format!("[Tool call {name}]\n{}", input.get())));
            }
            Part::ToolResult { parts, .. } => levels.push(parts.iter()),
            Part::Thinking { .. } | Part::Redacted(_) => {}
        }
    }
    Ok(texts)
}

fn too_long(id: &str, chars: usize) -> Error {
    let maximum = MAX_RESULT as u64 / CHARS_PER_TOKEN;
    let tokens = (chars as u64).div_ceil(CHARS_PER_TOKEN).max(maximum + 1);
    let text = format!(
        "The result of tool call {id} has {chars} characters; the service takes at most {MAX_RESULT} in one result. \
         Shorten it or send it in parts."
    );
    Error::new(Kind::TooLong { tokens, maximum }, text)
}

/// Most characters of one tool result (the service's own limit).
const MAX_RESULT: usize = 800_000;

/// For telling a character limit in tokens.
const CHARS_PER_TOKEN: u64 = 4;
