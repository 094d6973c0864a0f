//! What a response object repeats of its request, in the request's own bytes.

use crate::dialect::read::Members;
use crate::dialect::sse::{raw, string};
use crate::json::RawValue;

/// The members that repeat the request: `,"name":value` each. What the client did not send stands there with the
/// API's default, as far as that says nothing untrue.
pub(super) fn echo(rest: &Members<'_>, model: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    raw(",\"model\":", &mut out);
    string(model, &mut out);
    // There is one tier, whichever was asked for.
    raw(",\"service_tier\":\"default\"", &mut out);
    for (name, default) in REPEATED {
        let given = rest.iter().find(|(key, raw)| key == name && raw.get() != "null").map(|(_, raw)| raw);
        let given = given.filter(|raw| raw.get().len() <= MAX_MEMBER);
        if given.is_none() && default.is_empty() {
            continue;
        }
        raw(",\"", &mut out);
        raw(name, &mut out);
        raw("\":", &mut out);
        match given {
            Some(given) => on_one_line(given, &mut out),
            None => raw(default, &mut out),
        }
    }
    out
}

/// Appends a value without its line breaks, which would end a line of an event. They stand only between tokens: inside
/// a string JSON has them escaped.
pub(super) fn on_one_line(value: &RawValue, out: &mut Vec<u8>) {
    for line in value.get().split(['\n', '\r']) {
        raw(line, out);
    }
}

/// The largest value that is repeated (bytes): three events of a stream carry each.
const MAX_MEMBER: usize = 32 * 1024;

/// Names, and what stands where a value is absent or too large; nothing where the member may be left out.
const REPEATED: &[(&str, &str)] = &[
    ("background", "false"),
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("prompt_cache_key", ""),
    ("reasoning", "{\"effort\":null,\"summary\":null}"),
    ("safety_identifier", ""),
    ("temperature", "null"),
    ("text", "{\"format\":{\"type\":\"text\"}}"),
    ("tool_choice", "\"auto\""),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "null"),
    ("truncation", "\"disabled\""),
    ("user", "null"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn told(body: &str) -> Value {
        let rest: Members<'_> = serde_json::from_str(body).unwrap();
        let echo = String::from_utf8(echo(&rest, "m")).unwrap();
        assert!(!echo.contains(['\n', '\r']));
        serde_json::from_str(&format!("{{{}}}", &echo[1..])).unwrap()
    }

    #[test]
    fn what_was_sent_is_repeated_and_the_rest_has_its_default() {
        let told =
            told("{\"temperature\":0.5,\"tools\":[\r\n{\"type\":\"function\",\"name\":\"a\\nb\"}\n],\"user\":null}");
        assert_eq!(told["temperature"], 0.5);
        assert_eq!(told["tools"][0]["name"], "a\nb");
        assert_eq!(told["text"]["format"]["type"], "text");
        assert!(told["user"].is_null() && told["instructions"].is_null());
        assert!(told.get("prompt_cache_key").is_none());
    }

    #[test]
    fn a_large_value_is_not_repeated() {
        let body = format!("{{\"instructions\":\"{}\",\"metadata\":{{\"a\":\"b\"}}}}", "x".repeat(MAX_MEMBER));
        let told = told(&body);
        assert!(told["instructions"].is_null());
        assert_eq!(told["metadata"]["a"], "b");
    }
}
