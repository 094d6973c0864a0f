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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Event, wire};
    use super::read;

    /// The short way reads nothing that the long way refuses or reads otherwise.
    fn agree(payload: &[u8]) -> bool {
        match read(payload) {
            Some(text) => wire::text(payload) == Ok(Event::Text(text)),
            None => true,
        }
    }

    #[test]
    fn the_common_shapes_take_the_short_way() {
        for payload in [
            r#"{"content":""}"#,
            r#"{"content":"Hel","modelId":"claude-sonnet-4.5"}"#,
            r#"{"content":"é😀 \n\"q\" \u00e9 \ud83d"}"#,
            r#"{"content":"a\\","modelId":"gpt-5.6-sol"}"#,
        ] {
            assert!(read(payload.as_bytes()).is_some(), "{payload}");
            assert!(agree(payload.as_bytes()), "{payload}");
        }
    }

    #[test]
    fn everything_else_is_left_to_the_long_way() {
        let payloads: [&[u8]; 16] = [
            b"",
            b"{\"content\":\"",
            b"{\"content\":\"a\"",
            b"{\"content\":\"a\\\"}",
            b"{\"content\":\"a\"}}",
            b"{\"content\":\"a\"} ",
            b"{\"content\":\"a\\x\"}",
            b"{\"content\":\"a\\u12g4\"}",
            b"{\"content\":\"a\nb\"}",
            b"{\"content\":\"a\xff\"}",
            b"{\"content\":\"\\n\xff\"}",
            b"{\"content\":null}",
            b"{\"content\":\"a\",\"content\":\"b\"}",
            b"{\"content\":\"a\",\"modelId\":\"m\",\"x\":\"y\"}",
            b"{\"content\":\"a\",\"modelId\":\"m\\\"}",
            b"{\"content\":\"a\",\"modelId\":\"",
        ];
        for payload in payloads {
            assert_eq!(read(payload), None, "{}", payload.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn both_ways_agree_on_any_text(text in any::<String>(), model in proptest::option::of("[a-z0-9.:-]{1,20}")) {
            let content = serde_json::to_string(&text).unwrap();
            let tail = model.map(|model| format!(r#","modelId":"{model}""#)).unwrap_or_default();
            let payload = format!(r#"{{"content":{content}{tail}}}"#);
            let short = read(payload.as_bytes());
            prop_assert!(short.is_some());
            prop_assert_eq!(short.unwrap().decode(), text);
            prop_assert!(agree(payload.as_bytes()));
        }

        #[test]
        fn both_ways_agree_on_broken_payloads(
            text in any::<String>(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
        ) {
            let content = serde_json::to_string(&text).unwrap();
            let mut payload = format!(r#"{{"content":{content},"modelId":"m"}}"#).into_bytes();
            let at = at.index(payload.len());
            if cut { payload.truncate(at) } else { payload[at] = byte }
            prop_assert!(agree(&payload), "{}", payload.escape_ascii());
        }

        #[test]
        fn both_ways_agree_on_anything_between_the_quotes(
            inside in proptest::collection::vec(
                prop_oneof![any::<u8>(), prop::sample::select(&b"\"\\u0dn/,:{}[] \xc3\xa9"[..])], 0..24,
            ),
            tail in prop::sample::select(vec!["\"}", "\",\"modelId\":\"m\"}", "\\\"}", "\" }", ""]),
        ) {
            let payload = [&br#"{"content":""#[..], &inside, tail.as_bytes()].concat();
            prop_assert!(agree(&payload), "{}", payload.escape_ascii());
        }
    }
}
