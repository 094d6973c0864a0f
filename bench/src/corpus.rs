//! The streams that are measured, written by the peer's encoder: ours has none.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};

use crate::suite::{Fault, Work};

/// A stream, cut.
pub(crate) struct Input {
    /// Chunk size as the table names it.
    pub(crate) label: String,
    pub(crate) stream: Vec<u8>,
    /// Where each frame begins and ends in `stream`.
    pub(crate) frames: Vec<std::ops::Range<usize>>,
    /// In bytes.
    pub(crate) chunk: usize,
    /// What a way that only reads frames must find.
    pub(crate) holds: Work,
}

/// Frames, and how many bytes of payload are in them.
pub(crate) struct Stream {
    frames: Vec<Vec<u8>>,
    payload: usize,
}

impl Input {
    pub(crate) fn cut(stream: &Stream, size: usize) -> Self {
        let mut frames = Vec::new();
        let mut end = 0;
        for frame in &stream.frames {
            frames.push(end..end + frame.len());
            end += frame.len();
        }
        let label = match size {
            usize::MAX => "whole".to_owned(),
            kilo if kilo % 1024 == 0 => format!("{} KiB", kilo / 1024),
            bytes => format!("{bytes} B"),
        };
        let holds = Work { units: frames.len(), bytes: stream.payload };
        Self { label, stream: stream.frames.concat(), frames, chunk: size.min(end), holds }
    }

    pub(crate) fn chunks(&self) -> std::slice::Chunks<'_, u8> {
        self.stream.chunks(self.chunk)
    }
}

impl Stream {
    fn of(events: impl IntoIterator<Item = (&'static str, String)>) -> Result<Self, Fault> {
        let mut stream = Self { frames: Vec::new(), payload: 0 };
        for (kind, payload) in events {
            stream.payload += payload.len();
            stream.frames.push(encode(kind, payload)?);
        }
        Ok(stream)
    }
}

/// 1000 text events of 165 bytes on average, then the two events that end a real answer.
pub(crate) fn answer() -> Result<Stream, Fault> {
    let words = ["The ", "quick\\n", "brown fox jumps ", "over \\\"the\\\" lazy dog, ", "and runs into the woods. "];
    let texts = (0..1_000).map(|n| {
        let text: String = (0..n % 4 + 1).map(|k| words[(n * 7 + k * 3) % words.len()]).collect();
        ("assistantResponseEvent", format!(r#"{{"content":"{text}"}}"#))
    });
    let tail = [
        ("contextUsageEvent", r#"{"contextUsagePercentage":10.867}"#.to_owned()),
        ("meteringEvent", r#"{"unit":"credit","unitPlural":"credits","usage":0.0897}"#.to_owned()),
    ];
    Stream::of(texts.chain(tail))
}

/// 4 MB of text in frames of 60 KB.
pub(crate) fn bulk() -> Result<Stream, Fault> {
    let text = "sixteen letters ".repeat(60_000 / 16);
    Stream::of((0..67).map(|_| ("assistantResponseEvent", format!(r#"{{"content":"{text}"}}"#))))
}

fn encode(kind: &'static str, payload: String) -> Result<Vec<u8>, Fault> {
    let header = |name: &'static str, value: &'static str| Header::new(name, HeaderValue::String(value.into()));
    let message = Message::new(payload)
        .add_header(header(":event-type", kind))
        .add_header(header(":content-type", "application/json"))
        .add_header(header(":message-type", "event"));
    let mut frame = Vec::new();
    write_message_to(&message, &mut frame)?;
    Ok(frame)
}
