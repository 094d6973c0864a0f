//! The OpenAI Responses API.

use crate::dialect::{Decoded, Given, Ids};
use crate::error::{Error, Kind};
use crate::turn::{Answer, Delta};

/// What is remembered of a request to tell its answer.
#[derive(Clone, Debug)]
pub struct Voice {
    /// The model's name exactly as the client wrote it.
    pub model: String,
}

/// Writes a streamed answer.
#[derive(Debug)]
pub struct Encoder {}

impl Encoder {
    /// An encoder for this voice.
    pub fn new(_voice: &Voice, _ids: &Ids) -> Self {
        Self {}
    }

    /// Appends the events of a delta.
    pub fn delta(&mut self, _delta: &Delta<'_>, _out: &mut Vec<u8>) {}

    /// The whole answer, complete, while its last event waits for [`Encoder::conclude`].
    pub fn unconcluded(&self) -> Option<&Answer> {
        None
    }

    /// Appends the last event.
    pub fn conclude(&mut self, _kept: bool, _out: &mut Vec<u8>) {}

    /// Appends the failure that ends a stream.
    pub fn fault(&mut self, _error: &Error, _out: &mut Vec<u8>) {}
}

/// Reads the body of `POST /v1/responses`.
///
/// # Errors
/// See [`dialect::decode`](crate::dialect::decode).
pub fn decode<'a>(_body: &'a [u8], _given: &Given<'a>) -> Result<Decoded<'a>, Error> {
    Err(Error::new(Kind::NoSuchRoute, "not served yet"))
}

/// Appends the body of an answer that is not streamed.
pub fn body(_voice: &Voice, _ids: &Ids, _answer: &Answer, _kept: bool, _out: &mut Vec<u8>) {}

/// The record of a complete answer, where the client wants it kept.
pub fn record(_voice: &Voice, _ids: &Ids, _answer: &Answer) -> Option<(String, Vec<u8>)> {
    None
}
