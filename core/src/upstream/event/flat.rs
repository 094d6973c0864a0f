//! The short way for the events that come a thousand times per answer: an object without blanks whose members
//! are strings and booleans, read in one pass. It reads only what the long way reads too, and to the same event;
//! everything else it leaves to the long way. A test holds the two together.

use std::borrow::Cow;

use super::{Event, ToolInput};
use crate::json::Lit;

/// The event, where its payload has that shape.
pub(super) fn read<'a>(kind: &str, payload: &'a [u8]) -> Option<Event<'a>> {
    match kind {
        "assistantResponseEvent" => {
            let [content] = members(kind, payload, ["content"])?;
            Some(Event::Text(content?.text()?))
        }
        "reasoningContentEvent" => {
            let members = members(kind, payload, ["text", "signature", "redactedContent"])?;
            let [text, signature, redacted] = members.map(|value| value.map(Value::text));
            Some(Event::Reasoning { text: all(text)?, signature: all(signature)?, redacted: all(redacted)? })
        }
        "toolUseEvent" => {
            let [id, name, input, stop] = members(kind, payload, ["toolUseId", "name", "input", "stop"])?;
            let input = all(input.map(Value::text))?.filter(|input| !input.is_empty());
            Some(Event::Tool {
                id: plain(id).filter(|id| !id.is_empty())?,
                name: plain(name)?,
                input: input.map_or(ToolInput::None, ToolInput::Fragment),
                stop: all(stop.map(Value::flag))?.unwrap_or(false),
            })
        }
        _ => None,
    }
}

/// A member's value.
#[derive(Clone, Copy)]
enum Value<'a> {
    Text(Lit<'a>),
    Flag(bool),
}

impl<'a> Value<'a> {
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        match bytes {
            [b'"', inside @ ..] => Lit::read(inside).map(|(text, rest)| (Self::Text(text), rest)),
            [b't', b'r', b'u', b'e', rest @ ..] => Some((Self::Flag(true), rest)),
            [b'f', b'a', b'l', b's', b'e', rest @ ..] => Some((Self::Flag(false), rest)),
            _ => None,
        }
    }

    fn text(self) -> Option<Lit<'a>> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn flag(self) -> Option<bool> {
        if let Self::Flag(flag) = self { Some(flag) } else { None }
    }
}

/// The members of these names; `None` when the payload has another shape, or one of them twice.
fn members<'a, const N: usize>(kind: &str, payload: &'a [u8], names: [&str; N]) -> Option<[Option<Value<'a>>; N]> {
    let mut found = [None; N];
    let mut rest = payload.strip_prefix(b"{")?;
    loop {
        let (name, after) = Lit::read(rest.strip_prefix(b"\"")?)?;
        let (value, after) = Value::read(after.strip_prefix(b":")?)?;
        // Another spelling of a name, or the event inside of another.
        if name.escaped().contains('\\') || name.escaped() == kind {
            return None;
        }
        let slot = names.iter().zip(&mut found).find(|(known, _)| **known == name.escaped()).map(|(_, slot)| slot);
        if let Some(slot) = slot
            && slot.replace(value).is_some()
        {
            return None;
        }
        match after {
            [b'}'] => return Some(found),
            [b',', more @ ..] => rest = more,
            _ => return None,
        }
    }
}

/// A text that can be lent as it is; an absent one is empty.
fn plain<'a>(value: Option<Value<'a>>) -> Option<Cow<'a, str>> {
    match value.map(|value| value.text().map(Lit::decode)) {
        None => Some(Cow::Borrowed("")),
        Some(text) => text,
    }
}

/// Absent, or of the right type; `None` for another type.
#[expect(clippy::option_option, reason = "the question is which of the two is missing")]
fn all<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    value.map_or(Some(None), |value| value.map(Some))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Event, wire};

    type LongWay = for<'a> fn(&'a [u8]) -> Result<Event<'a>, String>;

    const KINDS: [(&str, LongWay); 3] = [
        ("assistantResponseEvent", wire::text),
        ("reasoningContentEvent", wire::reasoning),
        ("toolUseEvent", wire::tool),
    ];

    fn read(payload: &[u8]) -> Option<Event<'_>> {
        super::read("assistantResponseEvent", payload)
    }

    /// The short way reads nothing that the long way refuses or reads otherwise.
    fn agree(payload: &[u8]) -> bool {
        KINDS.iter().all(|(kind, long)| match super::read(kind, payload) {
            Some(event) => long(wire::unwrapped(kind, payload)) == Ok(event),
            None => true,
        })
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
        let payloads: [&[u8]; 19] = [
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
            b"{}",
            b"{\"content\":true}",
            b"{\"content\":\"a\",\"assistantResponseEvent\":\"b\"}",
            b"{\"c\\u006fntent\":\"a\"}",
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
            prop_assert!(matches!(short, Some(Event::Text(lit)) if lit.decode() == text));
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
