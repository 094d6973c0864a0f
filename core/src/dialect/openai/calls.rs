//! Calls in a history, and what they came to.
//!
//! Both APIs write the arguments of a call as a text that should be a JSON object. A model may have written anything
//! there, and clients send it back as it was: such a call goes on as text, and then its result does too, so that
//! nothing is lost and nothing is paired with a call that is not one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::dialect::openai::freeform;
use crate::dialect::read::{self, Path};
use crate::error::Error;
use crate::json::{Lit, RawValue};
use crate::turn::Part;

/// The calls of one history that could not be told as calls.
#[derive(Debug, Default)]
pub(in crate::dialect) struct Calls<'a> {
    /// The names of those calls, by id.
    texts: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

impl<'a> Calls<'a> {
    /// A call of a function; `arguments` stands at `path`.
    ///
    /// # Errors
    /// Arguments that are no text, or nested too deeply.
    pub(in crate::dialect) fn function(
        &mut self,
        id: Cow<'a, str>,
        name: Cow<'a, str>,
        arguments: Option<&'a RawValue>,
        path: &Path<'_>,
    ) -> Result<Part<'a>, Error> {
        // An id that is used again names the later call.
        self.texts.remove(&id);
        let Some(raw) = arguments else {
            return Ok(Part::ToolUse { id, name, input: Cow::Borrowed(read::empty_object()) });
        };
        // Some clients send the object itself.
        if raw.get().starts_with('{') {
            read::limit_depth(raw, path)?;
            return Ok(Part::ToolUse { id, name, input: Cow::Borrowed(raw) });
        }
        let text = read::string(raw, path)?;
        if let Some(input) = object(&text) {
            read::limit_depth(&input, path)?;
            return Ok(Part::ToolUse { id, name, input });
        }
        let told = format!("[Tool call {name} ({id}) with arguments that are not a JSON object]\n{text}");
        self.texts.insert(id, name);
        Ok(Part::Text(Cow::Owned(told)))
    }

    /// A call of a tool that takes free text; `input` stands at `path`.
    ///
    /// # Errors
    /// An input that is no text.
    pub(in crate::dialect) fn freeform(
        id: Cow<'a, str>,
        name: Cow<'a, str>,
        input: &'a RawValue,
        path: &Path<'_>,
    ) -> Result<Part<'a>, Error> {
        let Some(text) = Lit::of(input) else {
            // Says what it is instead.
            return read::string(input, path).map(Part::Text);
        };
        let wrapped = RawValue::from_string(freeform::object_of(text));
        let input = wrapped.map_err(|_| path.invalid("is not a valid JSON string"))?;
        Ok(Part::ToolUse { id, name, input: Cow::Owned(input) })
    }

    /// Appends what a call came to.
    pub(in crate::dialect) fn result(&self, id: Cow<'a, str>, parts: Vec<Part<'a>>, out: &mut Vec<Part<'a>>) {
        match self.texts.get(&id) {
            None => out.push(Part::ToolResult { id, error: false, parts }),
            Some(name) => {
                out.push(Part::Text(Cow::Owned(format!("[Result of the tool call {name} ({id})]"))));
                out.extend(parts);
            }
        }
    }
}

/// The JSON object that a text is; nothing but blanks is an empty one.
fn object<'a>(text: &Cow<'a, str>) -> Option<Cow<'a, RawValue>> {
    if text.trim_ascii().is_empty() {
        return Some(Cow::Borrowed(read::empty_object()));
    }
    if !text.trim_ascii_start().starts_with('{') {
        return None;
    }
    match text {
        Cow::Borrowed(text) => serde_json::from_str::<&RawValue>(text).ok().map(Cow::Borrowed),
        // The text is parsed where it stands, without the blanks around it.
        Cow::Owned(text) => RawValue::from_string(text.trim_ascii().to_owned()).ok().map(Cow::Owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    fn told(arguments: &str) -> String {
        let (mut calls, mut parts) = (Calls::default(), Vec::new());
        parts.push(calls.function("c1".into(), "read".into(), Some(raw(arguments)), &Path::Root).unwrap());
        calls.result("c1".into(), vec![Part::Text("done".into())], &mut parts);
        let one = |part: &Part<'_>| match part {
            Part::ToolUse { input, .. } => format!("call {}", input.get()),
            Part::ToolResult { .. } => "result".to_owned(),
            Part::Text(text) => format!("text {text}"),
            _ => "other".to_owned(),
        };
        parts.iter().map(one).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn arguments_that_are_an_object_are_a_calls_input() {
        for (arguments, input) in [
            (r#""{}""#, "{}"),
            (r#""""#, "{}"),
            (r#"" \n ""#, "{}"),
            (r#""{\"a\":\"\\u00e9\"}""#, r#"{"a":"\u00e9"}"#),
            (r#"" {\"a\":1}\n""#, r#"{"a":1}"#),
            (r#"{"a":1}"#, r#"{"a":1}"#),
        ] {
            assert_eq!(told(arguments), format!("call {input} | result"), "{arguments}");
        }
    }

    #[test]
    fn anything_else_survives_as_text_with_its_result() {
        for (arguments, text) in
            [(r#""{\"a\":""#, "{\"a\":"), (r#""[1]""#, "[1]"), (r#""no""#, "no"), (r#""{} x""#, "{} x")]
        {
            let expected = format!(
                "text [Tool call read (c1) with arguments that are not a JSON object]\n{text} | \
                 text [Result of the tool call read (c1)] | text done"
            );
            assert_eq!(told(arguments), expected, "{arguments}");
        }
    }

    #[test]
    fn free_text_travels_in_an_object_and_wrong_types_are_named() {
        let path = Path::Root.key("input");
        let call = Calls::freeform("c".into(), "sql".into(), raw(r#""a\n\"b\"""#), &path).unwrap();
        assert!(matches!(call, Part::ToolUse { input, .. } if input.get() == r#"{"input":"a\n\"b\""}"#));
        assert_eq!(Calls::freeform("c".into(), "sql".into(), raw("7"), &path).unwrap_err().path(), Some("input"));
        for arguments in ["7", "[]", "true"] {
            let error = Calls::default().function("c".into(), "n".into(), Some(raw(arguments)), &path).unwrap_err();
            assert_eq!(error.path(), Some("input"));
        }
        let deep = format!(r#""{{\"a\":{}{}}}""#, "[".repeat(200), "]".repeat(200));
        assert!(Calls::default().function("c".into(), "n".into(), Some(raw(&deep)), &path).is_err());
    }
}
