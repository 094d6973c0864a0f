//! Thinking sealed into `encrypted_content`: what the service signed comes back whole, whatever was shown of it.
//!
//! The seal is a wrapper and no secret: base64 of a versioned JSON object. Only what this gateway wrapped is ever
//! unwrapped; anything else says nothing to the service behind it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::json;
use crate::turn::Part;

/// Seals a thought; `text` and `signature` are insides of JSON string literals.
pub(super) fn seal(text: &str, signature: Option<&str>) -> String {
    let signature = signature.map_or(String::new(), |signature| format!(",\"signature\":\"{signature}\""));
    let mut sealed = format!("{{\"kiro2api\":{VERSION},\"text\":\"{text}\"{signature}}}").into_bytes();
    // Half a surrogate pair in it could not be read when it comes back.
    json::mend_surrogates(&mut sealed);
    STANDARD.encode(sealed)
}

/// Seals thought that the service encrypted; `data` is the inside of a JSON string literal.
pub(super) fn seal_redacted(data: &str) -> String {
    STANDARD.encode(format!("{{\"kiro2api\":{VERSION},\"redacted\":\"{data}\"}}"))
}

/// What was sealed; `None` for what was not sealed here, or is broken.
pub(super) fn open<'a>(seal: &str) -> Option<Part<'a>> {
    let Sealed { kiro2api, text, signature, redacted } = serde_json::from_slice(&STANDARD.decode(seal).ok()?).ok()?;
    if kiro2api != VERSION {
        return None;
    }
    match (text, redacted) {
        (_, Some(data)) => Some(Part::Redacted(Cow::Owned(data))),
        (Some(text), None) => Some(Part::Thinking { text: Cow::Owned(text), signature: signature.map(Cow::Owned) }),
        (None, None) => None,
    }
}

#[derive(Deserialize)]
struct Sealed {
    kiro2api: u32,
    text: Option<String>,
    signature: Option<String>,
    redacted: Option<String>,
}

const VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_comes_back_whole() {
        let Some(Part::Thinking { text, signature }) = open(&seal("a\\n\\\"b\\\"", Some("Eq=="))) else { panic!() };
        assert_eq!((&*text, signature.as_deref()), ("a\n\"b\"", Some("Eq==")));
        let Some(Part::Thinking { text, signature }) = open(&seal("hm", None)) else { panic!() };
        assert_eq!((&*text, signature), ("hm", None));
        let Some(Part::Redacted(data)) = open(&seal_redacted("AbC=")) else { panic!() };
        assert_eq!(data, "AbC=");
    }

    #[test]
    fn a_thought_with_half_a_surrogate_pair_is_not_lost() {
        let Some(Part::Thinking { text, .. }) = open(&seal("a\\ud83d b", Some("Eq"))) else { panic!() };
        assert_eq!(text, "a\u{fffd} b");
    }

    #[test]
    fn foreign_and_broken_seals_say_nothing() {
        let whole = seal("hm", Some("Eq"));
        for seal in ["", "gAAAAABo", "ENC", &whole[..whole.len() - 3], &STANDARD.encode("{}")] {
            assert!(open(seal).is_none(), "{seal}");
        }
        assert!(open(&STANDARD.encode(r#"{"kiro2api":2,"text":"a"}"#)).is_none());
        assert!(open(&STANDARD.encode(r#"{"kiro2api":1}"#)).is_none());
    }
}
