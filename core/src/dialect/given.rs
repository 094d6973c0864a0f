//! What a decoder knows beside the body, and what it still needs.

use crate::dialect::Voice;
use crate::host::Headers;
use crate::models::Catalogue;
use crate::turn::Turn;

/// What a decoder knows beside the body.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The request's headers.
    pub headers: &'a Headers,
    /// The models there are.
    pub catalogue: &'a Catalogue,
    /// Pictures that were fetched for this request.
    pub fetched: &'a [Fetched],
    /// The record of the response this one continues or takes items from, as [`Voice::record`] made it.
    pub previous: Option<&'a [u8]>,
    /// Whether responses can be kept at all.
    pub storing: bool,
}

impl<'a> Given<'a> {
    /// Headers and the built-in models; nothing fetched, nothing continued, nothing kept.
    pub fn of(headers: &'a Headers) -> Self {
        Self { headers, catalogue: Catalogue::built_in(), fetched: &[], previous: None, storing: false }
    }
}

/// A picture from elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetched {
    /// Its address as the client wrote it.
    pub url: String,
    /// Its bytes in standard base64.
    pub base64: String,
}

/// A request as a dialect understood it.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// What the client wants. Not to be used while something is needed.
    pub turn: Turn<'a>,
    /// How the answer is told.
    pub voice: Voice,
    /// What must be given before the turn is complete. Decode again with it.
    pub needs: Vec<Need>,
}

/// Something a decoder needs that is not in the body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Need {
    /// A picture that lies elsewhere.
    Image {
        /// Its address as the client wrote it.
        url: String,
        /// The JSON path of the address, for errors.
        path: String,
    },
    /// A kept response that this request continues or takes items from.
    Previous {
        /// Its id.
        id: String,
        /// The JSON path of what names it, for errors.
        path: String,
    },
}
