//! The OpenAI Chat Completions API.

use crate::dialect::{Decoded, Given, Ids};
use crate::error::{Error, Kind};
use crate::turn::{Answer, Delta, Usage};

/// What is remembered of a request to tell its answer.
#[derive(Clone, Debug)]
pub struct Voice {
    /// The model's name exactly as the client wrote it.
    pub model: String,
    /// How many answers the client wants: 1 to 8.
    pub choices: u32,
}

/// Writes a streamed answer.
#[derive(Debug)]
pub struct Encoder {}

impl Encoder {
    /// An encoder for this voice.
    pub fn new(_voice: &Voice, _ids: &Ids) -> Self {
        Self {}
    }

    /// Appends the chunks of a delta.
    pub fn delta(&mut self, _delta: &Delta<'_>, _out: &mut Vec<u8>) {}

    /// Appends the error that ends a stream.
    pub fn fault(&mut self, _error: &Error, _out: &mut Vec<u8>) {}
}

/// Reads the body of `POST /v1/chat/completions`.
///
/// # Errors
/// See [`dialect::decode`](crate::dialect::decode).
pub fn decode<'a>(_body: &'a [u8], _given: &Given<'a>) -> Result<Decoded<'a>, Error> {
    Err(Error::new(Kind::NoSuchRoute, "not served yet"))
}

/// Appends the body of an answer that is not streamed.
pub fn body(_voice: &Voice, _ids: &Ids, _answers: &[&Answer], _out: &mut Vec<u8>) {}

/// Appends what closes a stream of several choices.
pub fn finale(_voice: &Voice, _ids: &Ids, _usages: &[Usage], _out: &mut Vec<u8>) {}
