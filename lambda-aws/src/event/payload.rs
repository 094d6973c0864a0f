//! The body of a request, out of its event.

use std::borrow::Cow;
use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::{GzDecoder, ZlibDecoder};
use kiro2api_core::host::{Encoding, Headers, MAX_BODY, Payload};

/// The largest body as it is sent, in bytes. The platform takes events of 6 MB, base64 and escapes included, and answers
/// larger ones itself; this is the same bound for whoever calls past it, the local emulator above all. A body that is
/// sent compressed may become as large as on every host.
const MAX_SENT: usize = 6 * 1024 * 1024;

/// Reads a body: out of base64, then out of its `content-encoding`.
pub(super) fn read(body: Option<Cow<'_, str>>, base64: bool, headers: &Headers) -> Payload {
    let sent = match body {
        None => return Payload::Bytes(Vec::new()),
        Some(text) if !base64 => text.into_owned().into_bytes(),
        Some(text) => match STANDARD.decode(text.as_bytes()) {
            Ok(bytes) => bytes,
            Err(_) => return Payload::NOT_BASE64,
        },
    };
    if sent.len() > MAX_SENT {
        return Payload::TooLarge { limit: MAX_SENT };
    }
    match Encoding::of(headers) {
        Err(refused) => refused,
        Ok(_) if sent.is_empty() => Payload::Bytes(sent),
        Ok(Encoding::Identity) => Payload::Bytes(sent),
        Ok(Encoding::Gzip) => inflated(GzDecoder::new(&*sent), GzDecoder::into_inner),
        Ok(Encoding::Deflate) => inflated(ZlibDecoder::new(&*sent), ZlibDecoder::into_inner),
    }
}

/// Unpacks up to the limit: what a few bytes may become has no end. `rest` tells what lies behind the packed bytes.
fn inflated<'s, D: Read>(mut packed: D, rest: impl FnOnce(D) -> &'s [u8]) -> Payload {
    let mut bytes = Vec::new();
    let room = u64::try_from(MAX_BODY).unwrap_or(u64::MAX).saturating_add(1);
    match packed.by_ref().take(room).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() > MAX_BODY => Payload::TooLarge { limit: MAX_BODY },
        Ok(_) if rest(packed).is_empty() => Payload::Bytes(bytes),
        _ => Payload::MISPACKED,
    }
}
