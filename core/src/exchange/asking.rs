//! A client's request as long as it may have to be read again.

use crate::config::Config;
use crate::dialect::{self, Api, Decoded, Fetched, Given, Need};
use crate::error::Error;
use crate::host::Headers;

/// What the client sent, and what was fetched for it since.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asking {
    api: Api,
    body: Vec<u8>,
    headers: Headers,
    /// The record of the response it continues.
    previous: Option<Vec<u8>>,
    /// Pictures that were fetched for it.
    fetched: Vec<Fetched>,
}

impl Asking {
    /// Lone surrogates of the body must be mended.
    pub(crate) fn new(api: Api, body: Vec<u8>, headers: Headers) -> Self {
        Self { api, body, headers, previous: None, fetched: Vec::new() }
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
            fetched: &self.fetched,
            storing: config.responses_kept.is_some(),
            ..Given::of(&self.headers)
        }
    }

    /// Bytes of the body and of the pictures that were fetched for it.
    pub(crate) fn len(&self) -> usize {
        self.body.len() + self.fetched.iter().map(|fetched| fetched.base64.len()).sum::<usize>()
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

    /// The response whose record it needs next, and the path of what names it.
    pub(crate) fn previous_of(&self, needs: &[Need]) -> Option<(String, String)> {
        needs.iter().find_map(|need| match need {
            Need::Previous { id, path } if self.previous.is_none() => Some((id.clone(), path.clone())),
            _ => None,
        })
    }

    /// Pictures that were fetched for it.
    pub(crate) fn fetched(&self) -> &[Fetched] {
        &self.fetched
    }

    /// A picture it needs has been fetched.
    pub(crate) fn shows(&mut self, picture: Fetched) {
        self.fetched.push(picture);
    }

    /// It is not read again.
    pub(crate) fn forget(&mut self) {
        self.body = Vec::new();
        self.previous = None;
        self.fetched = Vec::new();
    }
}
