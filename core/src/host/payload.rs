//! What hosts say alike about a request body: how it is packed, and what its client is told when it is no good.

use super::{Headers, Payload, header};

/// How a request body is packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// In one gzip member (RFC 1952).
    Gzip,
    /// In the zlib format (RFC 1950), which HTTP calls `deflate`.
    Deflate,
}

impl Encoding {
    /// Reads `content-encoding`.
    ///
    /// # Errors
    /// An encoding that no host undoes, as the payload to be answered.
    pub fn of(headers: &Headers) -> Result<Self, Payload> {
        match header(headers, "content-encoding").map(str::to_ascii_lowercase).as_deref() {
            None | Some("" | "identity") => Ok(Self::Identity),
            Some("gzip" | "x-gzip") => Ok(Self::Gzip),
            Some("deflate") => Ok(Self::Deflate),
            Some(_) => Err(Payload::Broken(
                "the request body's content-encoding is not known here: send gzip, deflate or none",
            )),
        }
    }
}

impl Payload {
    /// A body that ended too early.
    pub const CUT: Self = Self::Broken("the request body broke off before its end: send it again");
    /// A body that cannot be unpacked.
    pub const MISPACKED: Self = Self::Broken("the request body broke off or is not what content-encoding says");
    /// A body that an event brings as base64, and that is none.
    pub const NOT_BASE64: Self =
        Self::Broken("the request body did not arrive whole: the event says base64 and holds something else");
    /// An event of another kind: an upload, a timer, a test of the console.
    pub const NO_REQUEST: Self = Self::NoRequest(
        "this event is no HTTP request: call the function through its URL, or through an API Gateway HTTP API with \
         payload format 2.0",
    );
    /// An HTTP event in a format that is not known.
    pub const OTHER_VERSION: Self =
        Self::NoRequest("this event's version is not 2.0: choose payload format 2.0 where the function is called from");
}
