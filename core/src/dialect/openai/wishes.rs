//! What a client wishes beside the conversation: thinking, the form of the answer, its session.

use std::borrow::Cow;

use crate::dialect::read::{self, Members, Path};
use crate::error::Error;
use crate::host::{Headers, header};
use crate::json::RawValue;
use crate::turn::{Effort, Format, Thinking};

/// How hard to think, by the effort's name, which stands at `path`. Without one nothing is shown, unless the model's
/// name ends in `-thinking`.
pub(in crate::dialect) fn thinking(effort: Option<&RawValue>, model: &str, path: &Path<'_>) -> Result<Thinking, Error> {
    let on = |effort| Ok(Thinking::On { effort, budget: None });
    let Some(raw) = effort else {
        let asked = model.to_ascii_lowercase().ends_with("-thinking");
        return if asked { on(Effort::High) } else { Ok(Thinking::Off) };
    };
    match &*read::string(raw, path)? {
        "none" => Ok(Thinking::Off),
        "minimal" | "low" => on(Effort::Low),
        "medium" => on(Effort::Medium),
        "high" => on(Effort::High),
        "xhigh" => on(Effort::XHigh),
        "max" => on(Effort::Max),
        _ => Err(path.invalid("must be \"none\", \"minimal\", \"low\", \"medium\", \"high\", \"xhigh\" or \"max\"")),
    }
}

/// The form of the answer: `response_format` of Chat, which keeps the schema in a member `json_schema`
/// (`nested`), and `text.format` of Responses, which does not. `None` is plain text. What cannot be verified of a schema
/// is refused where `strict` asks for a guarantee.
pub(in crate::dialect) fn format<'a>(
    raw: Option<&'a RawValue>,
    nested: bool,
    path: &Path<'_>,
) -> Result<Option<Format<'a>>, Error> {
    let Some(raw) = raw else { return Ok(None) };
    let wire = Members::of(raw, path)?;
    match &*wire.require_string("type", path)? {
        "text" => Ok(None),
        "json_object" => Ok(Some(Format::Object)),
        "json_schema" if nested => {
            let at = path.key("json_schema");
            let wire = Members::of(wire.require("json_schema", path)?, &at)?;
            schema(&wire, &at).map(Some)
        }
        "json_schema" => schema(&wire, path).map(Some),
        _ => Err(path.key("type").invalid("must be \"text\", \"json_object\" or \"json_schema\"")),
    }
}

fn schema<'a>(wire: &Members<'a>, path: &Path<'_>) -> Result<Format<'a>, Error> {
    wire.string("name", path)?;
    wire.string("description", path)?;
    let strict = wire.boolean("strict", path)?.unwrap_or(false);
    // Without a schema any object will do.
    let Some(schema) = wire.find("schema", path)? else { return Ok(Format::Object) };
    let path = path.key("schema");
    if !strict && read::loose_schema(schema, &path)? {
        return Ok(Format::Loose(schema));
    }
    read::schema(schema, &path)?;
    Ok(Format::Schema(schema))
}

/// What names the session, and the fields among `user` and `safety_identifier` that do not: the cache key that
/// clients keep for a conversation, else a header that names it, else who the user is.
pub(in crate::dialect) fn session<'a>(
    rest: &Members<'a>,
    headers: &'a Headers,
) -> Result<(Option<Cow<'a, str>>, Vec<&'static str>), Error> {
    let named = |name| Ok(rest.string(name, &Path::Root)?.filter(|text| !text.is_empty()));
    let key = named("prompt_cache_key")?;
    let in_headers = || HEADERS.iter().find_map(|name| header(headers, name).filter(|id| !id.is_empty()));
    let mut session = key.or_else(|| in_headers().map(Cow::Borrowed));
    let mut unused = Vec::new();
    for name in ["safety_identifier", "user"] {
        match named(name)? {
            Some(user) if session.is_none() => session = Some(user),
            Some(_) => unused.push(name),
            None => {}
        }
    }
    Ok((session, unused))
}

/// Headers in which clients name a conversation.
const HEADERS: &[&str] = &["session-id", "session_id", "x-session-id", "thread-id", "conversation_id"];

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn efforts_are_one_scale_and_none_is_off() {
        let path = Path::Root.key("reasoning_effort");
        let of = |effort: &'static str| thinking(Some(raw(effort)), "m", &path);
        assert_eq!(of("\"none\"").unwrap(), Thinking::Off);
        for (name, effort) in [
            ("\"minimal\"", Effort::Low),
            ("\"low\"", Effort::Low),
            ("\"medium\"", Effort::Medium),
            ("\"high\"", Effort::High),
            ("\"xhigh\"", Effort::XHigh),
            ("\"max\"", Effort::Max),
        ] {
            assert_eq!(of(name).unwrap(), Thinking::On { effort, budget: None }, "{name}");
        }
        for wrong in ["\"\"", "\"HIGH\"", "3", "{}"] {
            assert_eq!(of(wrong).unwrap_err().path(), Some("reasoning_effort"), "{wrong}");
        }
        assert_eq!(thinking(None, "m", &path).unwrap(), Thinking::Off);
        assert!(matches!(thinking(None, "claude-opus-5-5-Thinking", &path).unwrap(), Thinking::On { .. }));
    }

    #[test]
    fn a_format_in_the_form_of_either_api_is_understood() {
        let path = Path::Root.key("f");
        let of = |json: &'static str, nested| format(Some(raw(json)), nested, &path);
        assert!(of(r#"{"type":"text"}"#, true).unwrap().is_none());
        assert!(matches!(of(r#"{"type":"json_object"}"#, false).unwrap(), Some(Format::Object)));
        let deep = r#"{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":{"type":"object"}}}"#;
        let flat = r#"{"type":"json_schema","name":"a","schema":{"type":"object"}}"#;
        for (json, nested) in [(deep, true), (flat, false)] {
            assert!(
                matches!(of(json, nested).unwrap(), Some(Format::Schema(schema)) if schema.get() == r#"{"type":"object"}"#)
            );
        }
        let contains = r#"{"type":"json_schema","schema":{"contains":{}}}"#;
        assert!(matches!(of(contains, false).unwrap(), Some(Format::Loose(_))));
        for (json, nested, expected) in [
            (r#"{"type":"json_schema","strict":true,"schema":{"contains":{}}}"#, false, "f.schema.contains"),
            ("7", true, "f"),
            ("{}", true, "f.type"),
            (r#"{"type":"xml"}"#, true, "f.type"),
            (flat, true, "f.json_schema"),
            (r#"{"type":"json_schema","json_schema":{"schema":[]}}"#, true, "f.json_schema.schema"),
            (r#"{"type":"json_schema","schema":"{}"}"#, false, "f.schema"),
            (r#"{"type":"json_schema","strict":1}"#, false, "f.strict"),
        ] {
            assert_eq!(of(json, nested).unwrap_err().path(), Some(expected), "{json}");
        }
    }

    #[test]
    fn the_most_specific_name_of_a_session_counts() {
        let of = |json: &'static str, headers: &[(&'static str, &str)]| {
            let headers: Headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect();
            let members = Members::of(raw(json), &Path::Root).unwrap();
            let (session, unused) = session(&members, &headers).unwrap();
            (session.map(Cow::into_owned), unused)
        };
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(of(r#"{"prompt_cache_key":"k","user":"u"}"#, &[("session-id", "s")]), (named("k"), vec!["user"]));
        assert_eq!(of(r#"{"prompt_cache_key":"","user":"u"}"#, &[("thread-id", "t")]), (named("t"), vec!["user"]));
        assert_eq!(of(r#"{"user":"u","safety_identifier":"i"}"#, &[]), (named("i"), vec!["user"]));
        assert_eq!(of(r#"{"user":"u"}"#, &[("session-id", "")]), (named("u"), vec![]));
        assert_eq!(of("{}", &[]), (None, vec![]));
    }
}
