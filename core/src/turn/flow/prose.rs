//! The way of text: marks of thought taken out, stop sequences watched for, then written.

use super::writer::{Sink, Writer};
use crate::json::Lit;
use crate::turn::stop::Sequences;
use crate::turn::thinking::{Part, Splitter};

/// The state of one answer's text. With nothing to look for, literals pass untouched.
#[derive(Debug)]
pub(super) struct Prose {
    splitter: Option<Splitter>,
    stops: Option<Sequences>,
    show_thinking: bool,
    decoded: String,
    escaped: String,
}

impl Prose {
    pub(super) fn new(show_thinking: bool, split_tags: bool, stop_sequences: Vec<String>) -> Self {
        Self {
            splitter: split_tags.then(Splitter::new),
            stops: Sequences::new(stop_sequences),
            show_thinking,
            decoded: String::new(),
            escaped: String::new(),
        }
    }

    /// The stop sequence that came, once one has.
    pub(super) fn matched(&self) -> Option<&str> {
        self.stops.as_ref()?.matched()
    }

    /// The one sequence the client named, when it named one.
    pub(super) fn only(&self) -> Option<&str> {
        self.stops.as_ref()?.only()
    }

    /// Bytes held back.
    pub(super) fn held(&self) -> usize {
        self.splitter.as_ref().map_or(0, Splitter::held) + self.stops.as_ref().map_or(0, Sequences::held)
    }

    pub(super) fn text(&mut self, text: Lit<'_>, writer: &mut Writer, sink: &mut Sink<'_>) {
        if self.splitter.is_none() && self.stops.is_none() {
            return writer.text(text, sink);
        }
        self.decoded.clear();
        text.decode_into(&mut self.decoded);
        let mut tail = Tail {
            stops: self.stops.as_mut(),
            show_thinking: self.show_thinking,
            escaped: &mut self.escaped,
            writer,
            sink,
        };
        match &mut self.splitter {
            Some(splitter) => splitter.push(&self.decoded, &mut |part| tail.part(part)),
            None => tail.text(&self.decoded),
        }
    }

    /// The service marks thought itself: tags in its text are only text from here on.
    pub(super) fn stop_splitting(&mut self, writer: &mut Writer, sink: &mut Sink<'_>) {
        if self.splitter.is_some() {
            self.flush_splitter(writer, sink);
            self.splitter = None;
        }
    }

    /// Another block begins, or the answer ends: writes what is held.
    pub(super) fn flush(&mut self, writer: &mut Writer, sink: &mut Sink<'_>) {
        self.flush_splitter(writer, sink);
        if let Some(stops) = &mut self.stops {
            let escaped = &mut self.escaped;
            stops.flush(&mut |text| writer.text(Lit::escape(text, escaped), sink));
        }
    }

    fn flush_splitter(&mut self, writer: &mut Writer, sink: &mut Sink<'_>) {
        let mut tail = Tail {
            stops: self.stops.as_mut(),
            show_thinking: self.show_thinking,
            escaped: &mut self.escaped,
            writer,
            sink,
        };
        if let Some(splitter) = &mut self.splitter {
            splitter.flush(&mut |part| tail.part(part));
        }
    }
}

/// What comes after the splitter.
struct Tail<'t, 's> {
    stops: Option<&'t mut Sequences>,
    show_thinking: bool,
    escaped: &'t mut String,
    writer: &'t mut Writer,
    sink: &'t mut Sink<'s>,
}

impl Tail<'_, '_> {
    fn part(&mut self, part: Part<'_>) {
        match part {
            Part::Text(text) => self.text(text),
            Part::Thought(text) if self.show_thinking => self.thought(text),
            Part::Thought(_) => {}
        }
    }

    fn text(&mut self, text: &str) {
        let Self { stops, escaped, writer, sink, .. } = self;
        let mut write = |text: &str| writer.text(Lit::escape(text, escaped), *sink);
        match stops {
            Some(stops) => stops.push(text, &mut write),
            None => write(text),
        }
    }

    /// Thought that is shown ends the text block, and with it the text a sequence could lie in.
    fn thought(&mut self, text: &str) {
        let Self { stops, escaped, writer, sink, .. } = self;
        if let Some(stops) = stops {
            if stops.matched().is_some() {
                return;
            }
            stops.flush(&mut |text| writer.text(Lit::escape(text, escaped), *sink));
        }
        writer.thought(Lit::escape(text, escaped), *sink);
    }
}
