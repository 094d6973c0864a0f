//! The streams that are measured, written by the peer's encoder: ours has none.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use serde_json::json;

use crate::suite::{Fault, Work};

/// A stream, cut; or a client's request.
pub(crate) struct Input {
    /// Chunk size, or the size of the request, as the table names it.
    pub(crate) label: String,
    /// The client's request, to the Messages API.
    pub(crate) request: Vec<u8>,
    /// The same to the Chat Completions API.
    pub(crate) chat: &'static str,
    /// The same to the Responses API.
    pub(crate) responses: &'static str,
    /// What the service says before `stream`, so that each run finds the same block open.
    pub(crate) opening: Vec<u8>,
    pub(crate) stream: Vec<u8>,
    /// Where each frame begins and ends in `stream`.
    pub(crate) frames: Vec<std::ops::Range<usize>>,
    /// How many of them a client hears of.
    pub(crate) told: usize,
    /// How many accounts the gateway has.
    pub(crate) accounts: usize,
    /// In bytes.
    pub(crate) chunk: usize,
    /// What a way that only reads frames must find.
    pub(crate) holds: Work,
}

/// What the service says after `request`, and how many bytes of payload are in it.
pub(crate) struct Stream {
    asked: Asked,
    opening: Vec<u8>,
    frames: Vec<Vec<u8>>,
    told: usize,
    payload: usize,
}

/// A request in each dialect.
#[derive(Clone, Copy)]
struct Asked {
    messages: &'static str,
    chat: &'static str,
    responses: &'static str,
}

/// An event's type and payload.
type Event = (&'static str, String);

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
        Self {
            label,
            request: stream.asked.messages.into(),
            chat: stream.asked.chat,
            responses: stream.asked.responses,
            opening: stream.opening.clone(),
            stream: stream.frames.concat(),
            frames,
            told: stream.told,
            accounts: 1,
            chunk: size.min(end),
            holds,
        }
    }

    pub(crate) fn asking(request: String) -> Self {
        let holds = Work { units: 1, bytes: request.len() / 2 };
        Self {
            label: format!("{} KB", request.len() / 1000),
            chunk: request.len(),
            request: request.into_bytes(),
            chat: "",
            responses: "",
            opening: Vec::new(),
            stream: Vec::new(),
            frames: Vec::new(),
            told: 0,
            accounts: 1,
            holds,
        }
    }

    /// A gateway with so many accounts, whose ledger is the request.
    pub(crate) fn pooling(accounts: usize, ledger: Vec<u8>) -> Self {
        let holds = Work { units: 1, bytes: 0 };
        let label = if accounts == 1 { "1 account".to_owned() } else { format!("{accounts} accounts") };
        Self { label, chunk: ledger.len(), request: ledger, accounts, holds, ..Self::asking(String::new()) }
    }

    pub(crate) fn chunks(&self) -> std::slice::Chunks<'_, u8> {
        self.stream.chunks(self.chunk)
    }
}

impl Stream {
    /// The first of `events` opens the answer and is not measured.
    fn of(asked: Asked, events: impl IntoIterator<Item = Event>) -> Result<Self, Fault> {
        let mut events = events.into_iter();
        let (kind, payload) = events.next().ok_or("a stream without events")?;
        let mut stream = Self { asked, opening: encode(kind, payload)?, frames: Vec::new(), told: 0, payload: 0 };
        for (kind, payload) in events {
            stream.payload += payload.len();
            stream.told += usize::from(!BESIDE.iter().any(|(beside, _)| *beside == kind));
            stream.frames.push(encode(kind, payload)?);
        }
        Ok(stream)
    }
}

/// 1000 text events in frames of 165 bytes on average, then two events without text.
pub(crate) fn answer() -> Result<Stream, Fault> {
    Stream::of(PLAIN, answered(text_events()))
}

/// The same to a client that wants thought of a model that marks it by tags: the text is searched for them.
pub(crate) fn watched() -> Result<Stream, Fault> {
    Stream::of(TAGGED, answered(text_events()))
}

/// Text that is code: an escape every dozen bytes, and letters beyond ASCII.
pub(crate) fn code() -> Result<Stream, Fault> {
    let lines = [
        "\n\t\tlet name = self.names.find(",
        "\"wörld – ✓\"),\n",
        "\tif total < limit {\r\n",
        "path = \"C:\\tmp\"\n\n\t",
    ];
    let texts = (0..1_001).map(move |n| lines.iter().cycle().skip(n % 4).take(n % 3 + 1).copied().collect::<String>());
    Stream::of(PLAIN, answered(texts.map(|text| (TEXT, json!({ "content": text }).to_string()))))
}

/// Native thought.
pub(crate) fn thought() -> Result<Stream, Fault> {
    let events = text_events().map(|(_, payload)| ("reasoningContentEvent", payload.replacen("content", "text", 1)));
    Stream::of(THINKING, answered(events))
}

/// One long call that writes a file, in fragments of its input; it stays open, so that it can go on.
pub(crate) fn call() -> Result<Stream, Fault> {
    let lines =
        ["    let total = ", "parts.iter().sum();", "\\n    println!(", "\\\"{total}\\\");\\n", "\\n/// Says so."];
    let pieces = (0..1_000).map(move |n| lines.iter().cycle().skip(n % 5).take(n % 2 + 1).copied().collect::<String>());
    let inputs = [r#"{"file_path":"/src/total.rs","content":""#.to_owned()].into_iter().chain(pieces);
    let events = inputs.map(|input| {
        let payload = json!({ "input": input, "name": "Write", "toolUseId": "tooluse_Wc3hYk0bQ5mXr1Zt8uVnAg" });
        ("toolUseEvent", payload.to_string())
    });
    Stream::of(PLAIN, answered(events))
}

/// 4 MB of text in frames of 60 KB.
pub(crate) fn bulk() -> Result<Stream, Fault> {
    let text = "sixteen letters ".repeat(60_000 / 16);
    Stream::of(PLAIN, (0..68).map(|_| (TEXT, format!(r#"{{"content":"{text}"}}"#))))
}

fn text_events() -> impl Iterator<Item = Event> {
    let words = ["The ", "quick\\n", "brown fox jumps ", "over \\\"the\\\" lazy dog, ", "and runs into the woods. "];
    // The one that opens the answer, then 1000 from the beginning.
    [3].into_iter().chain(0..1_000).map(move |n: usize| {
        let text: String = (0..n % 4 + 1).filter_map(|k| words.get((n * 7 + k * 3) % words.len()).copied()).collect();
        (TEXT, format!(r#"{{"content":"{text}"}}"#))
    })
}

fn answered(events: impl Iterator<Item = Event>) -> impl Iterator<Item = Event> {
    events.chain(BESIDE.map(|(kind, payload)| (kind, payload.to_owned())))
}

const TEXT: &str = "assistantResponseEvent";
/// Neither is one of those that end an answer: it goes on in the next run.
const BESIDE: [(&str, &str); 2] = [
    ("messageMetadataEvent", r#"{"conversationId":"5f0f2a9e-0000-4000-8000-000000000000"}"#),
    ("followupPromptEvent", r#"{"followupPrompt":{"content":"And then?"}}"#),
];
/// With a limit that no number of runs reaches.
const PLAIN: Asked = Asked {
    messages: r#"{"model":"claude-sonnet-4-5","max_tokens":4000000000,"stream":true,"messages":[{"role":"user","content":"Go on"}],"tools":[{"name":"Write","description":"Writes a file","input_schema":{"type":"object","properties":{"file_path":{"type":"string"},"content":{"type":"string"}}}}]}"#,
    chat: r#"{"model":"claude-sonnet-4-5","max_completion_tokens":4000000000,"stream":true,"messages":[{"role":"user","content":"Go on"}],"tools":[{"type":"function","function":{"name":"Write","description":"Writes a file","parameters":{"type":"object","properties":{"file_path":{"type":"string"},"content":{"type":"string"}}}}}]}"#,
    responses: r#"{"model":"claude-sonnet-4-5","max_output_tokens":4000000000,"stream":true,"store":false,"input":"Go on","tools":[{"type":"function","name":"Write","description":"Writes a file","parameters":{"type":"object","properties":{"file_path":{"type":"string"},"content":{"type":"string"}}}}]}"#,
};
const TAGGED: Asked = Asked {
    messages: r#"{"model":"claude-sonnet-4-5","max_tokens":4000000000,"stream":true,"thinking":{"type":"enabled","budget_tokens":4000},"messages":[{"role":"user","content":"Go on"}]}"#,
    chat: r#"{"model":"claude-sonnet-4-5","max_completion_tokens":4000000000,"stream":true,"reasoning_effort":"low","messages":[{"role":"user","content":"Go on"}]}"#,
    responses: r#"{"model":"claude-sonnet-4-5","max_output_tokens":4000000000,"stream":true,"store":false,"reasoning":{"effort":"low","summary":"auto"},"input":"Go on"}"#,
};
const THINKING: Asked = Asked {
    messages: r#"{"model":"claude-opus-4-6","max_tokens":4000000000,"stream":true,"thinking":{"type":"adaptive"},"messages":[{"role":"user","content":"Go on"}]}"#,
    chat: r#"{"model":"claude-opus-4-6","max_completion_tokens":4000000000,"stream":true,"reasoning_effort":"high","messages":[{"role":"user","content":"Go on"}]}"#,
    responses: r#"{"model":"claude-opus-4-6","max_output_tokens":4000000000,"stream":true,"store":false,"reasoning":{"effort":"high","summary":"auto"},"input":"Go on"}"#,
};

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
