//! The OpenAI Responses API.

use crate::dialect::{Decoded, Given, Ids};
use crate::error::{Error, Kind};
use crate::turn::{Answer, Delta};

/// What is remembered of a request to tell its answer.
#[derive(Clone, Debug)]
pub struct Voice {
    /// The model's name exactly as the client wrote it.
    pub model: String,
    /// Whether the client wants the answer kept.
    pub store: bool,
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

/// What `POST /v1/responses/input_tokens` came to.
pub fn input_tokens(
    _body: &[u8],
    _given: &Given<'_>,
    _scaled: impl FnOnce(&crate::models::Model, u64) -> u64,
) -> Result<Result<Vec<u8>, Vec<crate::dialect::Need>>, Error> {
    Err(Error::new(Kind::NoSuchRoute, "not served yet"))
}

/// A kept response.
pub fn stored_response(_record: &[u8]) -> Result<Vec<u8>, Error> {
    Err(Error::new(Kind::NoSuchRoute, "not served yet"))
}

/// Its input.
pub fn input_items(_record: &[u8], _query: &str) -> Result<Vec<u8>, Error> {
    Err(Error::new(Kind::NoSuchRoute, "not served yet"))
}

/// The answer to a removal.
pub fn deleted(_id: &str) -> Vec<u8> {
    Vec::new()
}

/// The record of a complete answer, where the client wants it kept.
pub fn record(_voice: &Voice, _ids: &Ids, _answer: &Answer) -> Option<(String, Vec<u8>)> {
    None
}
