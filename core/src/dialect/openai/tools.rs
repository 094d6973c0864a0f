//! Declared tools and the choice among them.

use std::borrow::Cow;

use crate::dialect::openai::freeform;
use crate::dialect::read::{self, Members, Path};
use crate::error::Error;
use crate::json::RawValue;
use crate::turn::{Tool, ToolChoice, ToolKind};

/// A function: the object that holds `name`, `description`, `parameters` and `strict`. That `strict` is asked for and
/// not enforced is noted in `ignored`.
pub(in crate::dialect) fn function<'a>(
    wire: &Members<'a>,
    path: &Path<'_>,
    ignored: &mut Vec<&'static str>,
) -> Result<Tool<'a>, Error> {
    let name = named(wire, path)?;
    let description = wire.string("description", path)?.unwrap_or_default();
    let schema = wire.find("parameters", path)?;
    if let Some(schema) = schema {
        self::schema(schema, &path.key("parameters"))?;
    }
    if wire.boolean("strict", path)?.unwrap_or(false) && !ignored.contains(&STRICT) {
        ignored.push(STRICT);
    }
    Ok(Tool { name, description, kind: ToolKind::Client(schema) })
}

/// A tool whose input is free text: the object that holds `name`, `description` and `format`. The service knows only
/// JSON, so the text travels as the member `input` of an object; a grammar is told in the description.
pub(in crate::dialect) fn freeform<'a>(wire: &Members<'a>, path: &Path<'_>) -> Result<Tool<'a>, Error> {
    let name = named(wire, path)?;
    let mut description = wire.string("description", path)?.unwrap_or_default();
    if let Some(raw) = wire.find("format", path)? {
        let path = path.key("format");
        let format = Members::of(raw, &path)?;
        match &*format.require_string("type", &path)? {
            "text" => {}
            "grammar" => {
                let note = grammar(&format, &path)?;
                description = Cow::Owned(format!("{description}\n\n{note}").trim_start().to_owned());
            }
            _ => return Err(path.key("type").invalid("must be \"text\" or \"grammar\"")),
        }
    }
    let schema = serde_json::from_str(freeform::SCHEMA).ok();
    Ok(Tool { name, description, kind: ToolKind::Client(schema) })
}

/// A grammar in words. Chat puts its members one level deeper than Responses does.
fn grammar(format: &Members<'_>, path: &Path<'_>) -> Result<String, Error> {
    let told = |format: &Members<'_>, path: &Path<'_>| {
        let syntax = format.require_string("syntax", path)?;
        let definition = format.require_string("definition", path)?;
        Ok(format!("The text of \"input\" must follow this {syntax} grammar:\n{definition}"))
    };
    match format.find("grammar", path)? {
        Some(raw) => {
            let path = path.key("grammar");
            told(&Members::of(raw, &path)?, &path)
        }
        None => told(format, path),
    }
}

/// A JSON schema: an object that is not nested too deeply.
pub(in crate::dialect) fn schema(schema: &RawValue, path: &Path<'_>) -> Result<(), Error> {
    if !schema.get().starts_with('{') {
        return Err(path.invalid("must be an object: a JSON schema"));
    }
    read::limit_depth(schema, path)
}

fn named<'a>(wire: &Members<'a>, path: &Path<'_>) -> Result<Cow<'a, str>, Error> {
    let name = wire.require_string("name", path)?;
    if name.is_empty() {
        return Err(path.key("name").invalid("must not be empty"));
    }
    Ok(name)
}

/// `tool_choice` of both APIs. A choice of some tools takes the others out of `tools`.
pub(in crate::dialect) fn choice<'a>(
    raw: Option<&'a RawValue>,
    tools: &mut Vec<Tool<'_>>,
    path: &Path<'_>,
) -> Result<ToolChoice<'a>, Error> {
    let Some(raw) = raw else { return Ok(ToolChoice::Auto) };
    if raw.get().starts_with('"') {
        return mode(&read::string(raw, path)?, tools, path);
    }
    let wire = Members::of(raw, path)?;
    match &*wire.require_string("type", path)? {
        kind @ ("function" | "custom") => Ok(ToolChoice::Tool(name_of(kind, &wire, tools, path)?)),
        "allowed_tools" => match wire.find("allowed_tools", path)? {
            Some(raw) => {
                let path = path.key("allowed_tools");
                allowed(&Members::of(raw, &path)?, tools, &path)
            }
            None => allowed(&wire, tools, path),
        },
        _ => Err(path.key("type").invalid("must be \"function\", \"custom\" or \"allowed_tools\"")),
    }
}

fn mode<'a>(mode: &str, tools: &[Tool<'_>], path: &Path<'_>) -> Result<ToolChoice<'a>, Error> {
    match mode {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        "required" if tools.is_empty() => Err(path.invalid("asks for a tool, but tools is empty")),
        "required" => Ok(ToolChoice::Any),
        _ => Err(path.invalid("must be \"auto\", \"none\", \"required\" or an object that names a tool")),
    }
}

/// The name in a reference to a tool; Chat puts it one level deeper than Responses does.
fn name_of<'a>(kind: &str, wire: &Members<'a>, tools: &[Tool<'_>], path: &Path<'_>) -> Result<Cow<'a, str>, Error> {
    let nested = path.key(kind);
    let (name, path) = match wire.find(kind, path)? {
        Some(raw) => (Members::of(raw, &nested)?.require_string("name", &nested)?, nested.key("name")),
        None => (wire.require_string("name", path)?, path.key("name")),
    };
    if tools.iter().any(|tool| tool.name == name) { Ok(name) } else { Err(path.invalid("names no tool of tools")) }
}

fn allowed<'a>(wire: &Members<'a>, tools: &mut Vec<Tool<'_>>, path: &Path<'_>) -> Result<ToolChoice<'a>, Error> {
    let at = path.key("tools");
    let listed = read::list(wire.require("tools", path)?, &at)?;
    let mut names = Vec::with_capacity(listed.len());
    for (index, raw) in listed.into_iter().enumerate() {
        let at = at.item(index);
        let wire = Members::of(raw, &at)?;
        match &*wire.require_string("type", &at)? {
            kind @ ("function" | "custom") => names.push(name_of(kind, &wire, tools, &at)?),
            _ => return Err(at.key("type").invalid("must be \"function\" or \"custom\"")),
        }
    }
    tools.retain(|tool| names.contains(&tool.name));
    let wanted = wire.require_string("mode", path)?;
    match &*wanted {
        "auto" | "required" => mode(&wanted, tools, &path.key("mode")),
        _ => Err(path.key("mode").invalid("must be \"auto\" or \"required\"")),
    }
}

const STRICT: &str = "tools.strict";

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    fn members(json: &str) -> Members<'_> {
        Members::of(raw(json), &Path::Root).unwrap()
    }

    fn two() -> Vec<Tool<'static>> {
        ["read", "write"].map(named_tool).to_vec()
    }

    fn named_tool(name: &'static str) -> Tool<'static> {
        Tool { name: name.into(), description: "".into(), kind: ToolKind::Client(None) }
    }

    #[test]
    fn a_choice_in_the_form_of_either_api_is_understood() {
        let path = Path::Root.key("tool_choice");
        for (json, expected, left) in [
            (r#""auto""#, ToolChoice::Auto, 2),
            (r#""none""#, ToolChoice::None, 2),
            (r#""required""#, ToolChoice::Any, 2),
            (r#"{"type":"function","function":{"name":"read"}}"#, ToolChoice::Tool("read".into()), 2),
            (r#"{"type":"function","name":"read"}"#, ToolChoice::Tool("read".into()), 2),
            (r#"{"type":"custom","custom":{"name":"write"}}"#, ToolChoice::Tool("write".into()), 2),
            (
                r#"{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"read"}}]}}"#,
                ToolChoice::Any,
                1,
            ),
            (
                r#"{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"read"}]}"#,
                ToolChoice::Auto,
                1,
            ),
        ] {
            let mut tools = two();
            assert_eq!(choice(Some(raw(json)), &mut tools, &path).unwrap(), expected, "{json}");
            assert_eq!(tools.len(), left, "{json}");
        }
        assert_eq!(choice(None, &mut Vec::new(), &path).unwrap(), ToolChoice::Auto);
    }

    #[test]
    fn a_choice_that_cannot_be_is_refused_by_its_path() {
        let path = Path::Root.key("tool_choice");
        for (json, expected) in [
            ("7", "tool_choice"),
            (r#""any""#, "tool_choice"),
            ("{}", "tool_choice.type"),
            (r#"{"type":"file_search"}"#, "tool_choice.type"),
            (r#"{"type":"function"}"#, "tool_choice.name"),
            (r#"{"type":"function","function":7}"#, "tool_choice.function"),
            (r#"{"type":"function","function":{"name":"delete"}}"#, "tool_choice.function.name"),
            (r#"{"type":"allowed_tools","mode":"auto"}"#, "tool_choice.tools"),
            (r#"{"type":"allowed_tools","mode":"none","tools":[]}"#, "tool_choice.mode"),
            (r#"{"type":"allowed_tools","mode":"required","tools":[]}"#, "tool_choice.mode"),
            (r#"{"type":"allowed_tools","mode":"auto","tools":[{"type":"mcp"}]}"#, "tool_choice.tools[0].type"),
        ] {
            let error = choice(Some(raw(json)), &mut two(), &path).unwrap_err();
            assert_eq!(error.path(), Some(expected), "{json}");
        }
        assert!(choice(Some(raw(r#""required""#)), &mut Vec::new(), &path).is_err());
    }

    #[test]
    fn a_free_text_tool_takes_an_object_with_the_text_and_tells_its_grammar() {
        let flat = r#"{"name":"sql","description":"Runs SQL.","format":{"type":"grammar","syntax":"lark","definition":"start: X"}}"#;
        let deep = r#"{"name":"sql","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"start: X"}}}"#;
        let (flat, deep) =
            (freeform(&members(flat), &Path::Root).unwrap(), freeform(&members(deep), &Path::Root).unwrap());
        assert!(flat.description.starts_with("Runs SQL.\n\n") && flat.description.ends_with("lark grammar:\nstart: X"));
        assert!(deep.description.starts_with("The text of"));
        assert!(matches!(deep.kind, ToolKind::Client(Some(schema)) if schema.get() == freeform::SCHEMA));
        for (json, path) in [
            (r#"{"name":""}"#, "name"),
            (r#"{"name":"a","format":"text"}"#, "format"),
            (r#"{"name":"a","format":{"type":"regex"}}"#, "format.type"),
            (r#"{"name":"a","format":{"type":"grammar","syntax":"lark"}}"#, "format.definition"),
        ] {
            assert_eq!(freeform(&members(json), &Path::Root).unwrap_err().path(), Some(path), "{json}");
        }
    }

    #[test]
    fn a_function_needs_a_name_and_its_schema_is_an_object() {
        let mut ignored = Vec::new();
        let tool =
            function(&members(r#"{"name":"a","strict":true,"parameters":null}"#), &Path::Root, &mut ignored).unwrap();
        assert!(matches!(tool.kind, ToolKind::Client(None)));
        assert_eq!(ignored, [STRICT]);
        let deep = format!(r#"{{"name":"a","parameters":{{"a":{}{}}}}}"#, "[".repeat(200), "]".repeat(200));
        for (json, path) in [
            ("{}", "name"),
            (r#"{"name":""}"#, "name"),
            (r#"{"name":"a","name":"b"}"#, "name"),
            (r#"{"name":"a","description":[]}"#, "description"),
            (r#"{"name":"a","parameters":"{}"}"#, "parameters"),
            (r#"{"name":"a","strict":1}"#, "strict"),
            (&deep, "parameters"),
        ] {
            let error = function(&members(json), &Path::Root, &mut ignored).unwrap_err();
            assert_eq!(error.path(), Some(path), "{json:.60}");
        }
    }
}
