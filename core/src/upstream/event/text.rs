//! The short way for the event that comes a thousand times per answer: `{"content":"…"}`, with or without
//! a `"modelId":"…"` after it. It reads only what the long way reads too, and to the same text; everything
//! else it leaves to the long way. A test holds the two together.

use serde::Deserialize;

use crate::json::{Lit, RawValue};

/// The text, where the payload has exactly that shape.
pub(super) fn read(payload: &[u8]) -> Option<Lit<'_>> {
    let value = payload.strip_prefix(br#"{"content":"#)?;
    let inside = value.strip_prefix(b"\"")?;
    let end = memchr::memchr2(b'"', b'\\', inside)?;
    let (content, rest) = inside.split_at_checked(end)?;
    if let Some(rest) = rest.strip_prefix(b"\"") {
        let content = Lit::plain(core::str::from_utf8(content).ok()?)?;
        return is_end(rest).then_some(content);
    }
    let literal = <&RawValue>::deserialize(&mut serde_json::Deserializer::from_slice(value)).ok()?;
    is_end(value.get(literal.get().len()..)?).then(|| Lit::of(literal))?
}

/// Whether nothing follows the text but the model's id.
fn is_end(rest: &[u8]) -> bool {
    let Some(model) = rest.strip_prefix(br#","modelId":""#) else { return rest == b"}" };
    let plain = |&byte: &u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    model.strip_suffix(br#""}"#).is_some_and(|id| id.iter().all(plain))
}
