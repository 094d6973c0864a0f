//! The input of a call in history: always an object, never with an empty key, as it came where it may.

use std::borrow::Cow;

use super::node::Node;
use super::wire::{self, Object, Shape};
use crate::json::{Lit, RawValue};

/// Writes the input. A string that holds an object is that object (clients of the chat dialects send
/// arguments so), any other value becomes the member `value`, nothing and `null` an empty object.
pub(super) fn write(out: &mut String, input: &RawValue) {
    let text = input.get().trim_ascii();
    let shape = Shape::of(text);
    if shape.depth > MAX_DEPTH || shape.boundless {
        return write_value(out, |out| wire::string(out, text));
    }
    match text.as_bytes().first() {
        Some(b'{') => write_object(out, input, shape),
        Some(b'"') => write_string(out, input),
        Some(b'n') | None => out.push_str("{}"),
        Some(_) if shape.empty_key => write_value(out, |out| write_cleaned(out, input)),
        Some(_) => write_value(out, |out| wire::raw(out, text)),
    }
}

fn write_object(out: &mut String, input: &RawValue, shape: Shape) {
    if shape.empty_key {
        write_cleaned(out, input);
    } else if shape.surrogate {
        wire::raw(out, input.get().trim_ascii());
    } else {
        out.push_str(input.get().trim_ascii());
    }
}

fn write_cleaned(out: &mut String, input: &RawValue) {
    let text = wire::mended(input.get());
    match serde_json::from_str::<&RawValue>(&text) {
        Ok(input) => Node::without_empty_keys(input).write(out),
        Err(_) => out.push_str("{}"),
    }
}

fn write_string(out: &mut String, input: &RawValue) {
    let text = Lit::of(input).map_or(Cow::Borrowed(""), Lit::decode);
    if text.is_empty() {
        return out.push_str("{}");
    }
    let inner: Option<&RawValue> =
        text.trim_start().starts_with('{').then(|| serde_json::from_str(&text).ok()).flatten();
    match inner.map(|inner| (inner, Shape::of(inner.get()))) {
        Some((inner, shape)) if shape.depth <= MAX_DEPTH && !shape.boundless => write_object(out, inner, shape),
        _ => write_value(out, |out| wire::string(out, &text)),
    }
}

fn write_value(out: &mut String, write: impl FnOnce(&mut String)) {
    let mut object = Object::open(out);
    write(object.member("value"));
    object.close();
}

/// Deeper inputs are sent as text: most JSON readers stop at 128 levels, and the body adds its own.
const MAX_DEPTH: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(input: &str) -> String {
        let mut out = String::new();
        write(&mut out, serde_json::from_str(input).unwrap());
        out
    }

    #[test]
    fn every_input_becomes_an_object_and_objects_keep_their_spelling() {
        for (input, expected) in [
            (r#"{"b":1.0,"a":12345678901234567890123,"n":null}"#, r#"{"b":1.0,"a":12345678901234567890123,"n":null}"#),
            (r#""{\"b\":1.0}""#, r#"{"b":1.0}"#),
            (r#""{\"b\":""#, r#"{"value":"{\"b\":"}"#),
            (r#""plain""#, r#"{"value":"plain"}"#),
            (r#"[1,{"":2}]"#, r#"{"value":[1,{}]}"#),
            ("7", r#"{"value":7}"#),
            ("null", "{}"),
            (r#""""#, "{}"),
            (r#"{"":1,"a":{"":2,"b":[{"":3}]}}"#, r#"{"a":{"b":[{}]}}"#),
            (r#"{"a":"\ud83d"}"#, r#"{"a":"\ufffd"}"#),
            (r#"{"a":[-1.5E308,0.1e-400]}"#, r#"{"a":[-1.5E308,0.1e-400]}"#),
            (r#"{"a":[1,-1e309]}"#, r#"{"value":"{\"a\":[1,-1e309]}"}"#),
        ] {
            assert_eq!(written(input), expected);
        }
    }

    #[test]
    fn an_input_too_deep_for_other_readers_is_kept_as_text() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(written(&deep), format!("{{\"value\":\"{deep}\"}}"));
        let in_string = format!("\"{{\\\"a\\\":{deep}}}\"");
        assert_eq!(written(&in_string), format!("{{\"value\":\"{{\\\"a\\\":{deep}}}\"}}"));
    }
}
