//! Declared tools and functions, and the choice among them.

use std::borrow::Cow;

use crate::dialect::openai::tools;
use crate::dialect::read::{self, Members, Path};
use crate::error::Error;
use crate::json::RawValue;
use crate::turn::{Tool, ToolChoice};

/// What a request says of tools.
pub(super) struct Tools<'a> {
    pub(super) declared: Vec<Tool<'a>>,
    pub(super) choice: ToolChoice<'a>,
    /// Names of those whose input is plain text.
    pub(super) custom: Vec<String>,
    /// Whether they are declared in the form before tools.
    pub(super) functions: bool,
}

/// Reads `tools`, `tool_choice`, and what came before them: `functions`, `function_call`.
pub(super) fn read<'a>(wire: &Members<'a>, ignored: &mut Vec<&'static str>) -> Result<Tools<'a>, Error> {
    let root = Path::Root;
    let (mut declared, mut custom) = (Vec::new(), Vec::new());
    let path = root.key("tools");
    for (index, raw) in list(wire, "tools")?.into_iter().enumerate() {
        let path = path.item(index);
        let (tool, is_custom) = tool(&Members::of(raw, &path)?, &path, ignored)?;
        // Of two tools with one name the first counts.
        if is_custom && !declared.iter().any(|known: &Tool<'_>| known.name == tool.name) {
            custom.push(tool.name.clone().into_owned());
        }
        declared.push(tool);
    }
    let functions = declared.is_empty();
    let path = root.key("functions");
    for (index, raw) in list(wire, "functions")?.into_iter().enumerate() {
        let path = path.item(index);
        declared.push(tools::function(&Members::of(raw, &path)?, &path, ignored)?);
    }
    let functions = functions && !declared.is_empty();
    let mut choice = tools::choice(wire.find("tool_choice", &root)?, &mut declared, &root.key("tool_choice"))?;
    if let Some(raw) = wire.find("function_call", &root)?
        && choice == ToolChoice::Auto
    {
        choice = function_call(raw, &declared, &root.key("function_call"))?;
    }
    Ok(Tools { declared, choice, custom, functions })
}

fn list<'a>(wire: &Members<'a>, name: &str) -> Result<Vec<&'a RawValue>, Error> {
    let found = wire.find(name, &Path::Root)?;
    found.map(|raw| read::list(raw, &Path::Root.key(name))).transpose().map(Option::unwrap_or_default)
}

/// A tool, and whether its input is plain text.
fn tool<'a>(wire: &Members<'a>, path: &Path<'_>, ignored: &mut Vec<&'static str>) -> Result<(Tool<'a>, bool), Error> {
    let kind = wire.require_string("type", path)?;
    let at = path.key(&kind);
    let inner = |kind| Members::of(wire.require(kind, path)?, &at);
    match &*kind {
        "function" => Ok((tools::function(&inner("function")?, &at, ignored)?, false)),
        "custom" => Ok((tools::freeform(&inner("custom")?, &at)?, true)),
        _ => Err(path.key("type").invalid("must be \"function\" or \"custom\"")),
    }
}

fn function_call<'a>(raw: &'a RawValue, declared: &[Tool<'_>], path: &Path<'_>) -> Result<ToolChoice<'a>, Error> {
    if raw.get().starts_with('{') {
        let name: Cow<'a, str> = Members::of(raw, path)?.require_string("name", path)?;
        if !declared.iter().any(|tool| tool.name == name) {
            return Err(path.key("name").invalid("names no function of functions"));
        }
        return Ok(ToolChoice::Tool(name));
    }
    match &*read::string(raw, path)? {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        _ => Err(path.invalid("must be \"auto\", \"none\" or {\"name\": …}")),
    }
}
