//! How an answer is told: the encoders and bodies of all dialects behind one name.

use crate::dialect::{anthropic, chat, responses};
use crate::error::Error;
use crate::turn::{Answer, Delta, Usage};

/// What the names in an answer are made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ids {
    /// 24 hex digits that differ from answer to answer; each dialect puts its own prefix before them.
    pub stem: String,
    /// When the answer was begun, in Unix seconds.
    pub created: u64,
    /// Which of several choices this stream is; `None` where there is only one.
    pub choice: Option<u32>,
}

/// What a dialect must remember of a request to tell its answer. Owned: it outlives the body.
#[derive(Clone, Debug)]
pub enum Voice {
    /// Anthropic Messages.
    Messages(anthropic::Voice),
    /// OpenAI Chat Completions.
    Chat(Box<chat::Voice>),
    /// OpenAI Responses.
    Responses(Box<responses::Voice>),
}

impl Voice {
    /// The model's name exactly as the client wrote it.
    pub fn model(&self) -> &str {
        match self {
            Self::Messages(voice) => &voice.model,
            Self::Chat(voice) => &voice.model,
            Self::Responses(voice) => &voice.model,
        }
    }

    /// How many answers the client wants side by side; at least 1.
    pub fn choices(&self) -> u32 {
        match self {
            Self::Messages(_) | Self::Responses(_) => 1,
            Self::Chat(voice) => voice.choices,
        }
    }

    /// An encoder for a streamed answer.
    pub fn encoder(&self, ids: &Ids) -> Encoder {
        match self {
            Self::Messages(voice) => {
                Encoder::Messages(anthropic::Encoder::new(&anthropic::message_id(ids), &voice.model))
            }
            Self::Chat(voice) => Encoder::Chat(chat::Encoder::new(voice, ids)),
            Self::Responses(voice) => Encoder::Responses(Box::new(responses::Encoder::new(voice, ids))),
        }
    }

    /// Appends the body of an answer that is not streamed: one answer for each choice. `kept` says whether its
    /// [`Voice::record`] could be stored.
    pub fn body(&self, ids: &Ids, answers: &[&Answer], kept: bool, out: &mut Vec<u8>) {
        match (self, answers) {
            (Self::Messages(voice), [answer, ..]) => {
                anthropic::body(&anthropic::message_id(ids), &voice.model, answer, out);
            }
            (Self::Chat(voice), answers) => chat::body(voice, ids, answers, out),
            (Self::Responses(voice), [answer, ..]) => responses::body(voice, ids, answer, kept, out),
            (Self::Messages(_) | Self::Responses(_), []) => {}
        }
    }

    /// Appends what closes a stream of several choices; each one's encoder has left that out.
    pub fn finale(&self, ids: &Ids, usages: &[Usage], out: &mut Vec<u8>) {
        if let Self::Chat(voice) = self {
            chat::finale(voice, ids, usages, out);
        }
    }

    /// Whether the client wants the answer kept.
    pub fn wants_keeping(&self) -> bool {
        match self {
            Self::Messages(_) | Self::Chat(_) => false,
            Self::Responses(voice) => voice.store,
        }
    }

    /// What the client asked to be kept of a complete answer: the response's id and its record. `None` where nothing
    /// is to be kept.
    pub fn record(&self, ids: &Ids, answer: &Answer) -> Option<(String, Vec<u8>)> {
        match self {
            Self::Messages(_) | Self::Chat(_) => None,
            Self::Responses(voice) => responses::record(voice, ids, answer),
        }
    }
}

/// The streaming voice of a dialect.
#[derive(Debug)]
pub enum Encoder {
    /// Anthropic Messages.
    Messages(anthropic::Encoder),
    /// OpenAI Chat Completions.
    Chat(chat::Encoder),
    /// OpenAI Responses.
    Responses(Box<responses::Encoder>),
}

impl Encoder {
    /// Appends a delta as the dialect's events.
    pub fn delta(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Messages(encoder) => encoder.delta(delta, out),
            Self::Chat(encoder) => encoder.delta(delta, out),
            Self::Responses(encoder) => encoder.delta(delta, out),
        }
    }

    /// The whole answer once it is complete, for an encoder that holds its last event back until the answer is kept.
    /// Then [`Encoder::conclude`] must follow.
    pub fn unconcluded(&self) -> Option<&Answer> {
        match self {
            Self::Messages(_) | Self::Chat(_) => None,
            Self::Responses(encoder) => encoder.unconcluded(),
        }
    }

    /// Appends the last event of an answer that was to be kept; `kept` says whether it is. Otherwise nothing.
    pub fn conclude(&mut self, kept: bool, out: &mut Vec<u8>) {
        if let Self::Responses(encoder) = self {
            encoder.conclude(kept, out);
        }
    }

    /// Appends what keeps a silent connection alive.
    pub fn ping(&self, out: &mut Vec<u8>) {
        match self {
            Self::Messages(encoder) => encoder.ping(out),
            Self::Chat(_) | Self::Responses(_) => super::sse::comment("ping", out),
        }
    }

    /// Appends an error in the middle of a stream; nothing may follow it.
    pub fn fault(&mut self, error: &Error, request_id: &str, out: &mut Vec<u8>) {
        match self {
            Self::Messages(encoder) => encoder.fault(error, request_id, out),
            Self::Chat(encoder) => encoder.fault(error, out),
            Self::Responses(encoder) => encoder.fault(error, out),
        }
    }
}
