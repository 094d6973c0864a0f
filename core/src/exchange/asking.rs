//! A client's request as long as it may have to be read again.

use crate::config::Config;
use crate::dialect::{self, Api, Decoded, Given, Need};
use crate::error::{Error, Kind};
use crate::host::Headers;

/// What the client sent, and what was fetched for it since.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asking {
    api: Api,
    body: Vec<u8>,
    headers: Headers,
    /// The record of the response it continues.
    previous: Option<Vec<u8>>,
}

impl Asking {
    /// Lone surrogates of the body must be mended.
    pub(crate) fn new(api: Api, body: Vec<u8>, headers: Headers) -> Self {
        Self { api, body, headers, previous: None }
    }

    /// Reads it as a turn.
    pub(crate) fn decode<'a>(&'a self, config: &'a Config) -> Result<Decoded<'a>, Error> {
        dialect::decode(self.api, &self.body, &self.given(config))
    }

    /// What its decoder may know beside the body.
    pub(crate) fn given<'a>(&'a self, config: &'a Config) -> Given<'a> {
        Given {
            catalogue: &config.catalogue,
            previous: self.previous.as_deref(),
            storing: config.responses_kept.is_some(),
            ..Given::of(&self.headers)
        }
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(crate) fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The record of the response it continues has been found.
    pub(crate) fn continues(&mut self, record: Vec<u8>) {
        self.previous = Some(record);
    }

    /// The response whose record it needs next.
    ///
    /// # Errors
    /// A need that nothing here can meet.
    pub(crate) fn previous_of(&self, needs: Vec<Need>) -> Result<String, Error> {
        match needs.into_iter().next() {
            Some(Need::Previous(id)) if self.previous.is_none() => Ok(id),
            Some(Need::Image { path, .. }) => Err(Error::invalid(path, NO_FETCHING)),
            _ => Err(Error::new(Kind::Internal, "the request asks for what it was given")),
        }
    }

    /// It is not read again.
    pub(crate) fn forget(&mut self) {
        self.body = Vec::new();
        self.previous = None;
    }
}

const NO_FETCHING: &str = "pictures are not fetched from elsewhere: send the picture itself as a data: URL";
