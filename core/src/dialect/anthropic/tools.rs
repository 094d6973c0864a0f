//! Declared tools and the choice among them.
//!
//! A tool with `defer_loading` is declared like any other. Deferring is a promise of the vendor's API: it
//! hides the tool until a search names it. Where the vendor's own search tool is declared nobody here runs
//! it, and where the client runs a search it may never be called; in both cases a hidden tool could not be
//! reached at all, while a declared one costs some tokens and keeps the prompt's prefix the same between
//! turns.

use std::borrow::Cow;

use crate::dialect::read::{self, Members, Path};
use crate::error::Error;
use crate::json::RawValue;
use crate::turn::{Tool, ToolChoice, ToolKind};

/// A declared tool of any type.
pub(super) fn tool<'a>(wire: &Members<'a>, path: &Path<'_>) -> Result<Tool<'a>, Error> {
    let kind = wire.string("type", path)?.unwrap_or(Cow::Borrowed("custom"));
    wire.boolean("defer_loading", path)?;
    match kind_of(&kind) {
        Some(Kind::Custom) => custom(wire, path),
        Some(Kind::Vendor(vendor)) => Ok(Tool {
            name: named(wire, path)?,
            description: Cow::Borrowed(vendor.description),
            kind: ToolKind::Client(serde_json::from_str(vendor.schema).ok()),
        }),
        Some(Kind::Served) => Ok(Tool {
            name: wire.string("name", path)?.or(wire.string("mcp_server_name", path)?).unwrap_or_else(|| kind.clone()),
            description: Cow::Borrowed(""),
            kind: ToolKind::Server(kind),
        }),
        None if wire.find("input_schema", path)?.is_some() => custom(wire, path),
        None => Err(path.key("type").invalid(format!(
            "{:?} is a tool type this gateway cannot offer; declare it as a custom tool with an input_schema",
            kind.chars().take(100).collect::<String>()
        ))),
    }
}

fn custom<'a>(wire: &Members<'a>, path: &Path<'_>) -> Result<Tool<'a>, Error> {
    let name = named(wire, path)?;
    let description = wire.string("description", path)?.unwrap_or_default();
    let schema = wire.find("input_schema", path)?;
    if let Some(schema) = schema {
        let path = path.key("input_schema");
        if !schema.get().starts_with('{') {
            return Err(path.invalid("must be an object: a JSON schema"));
        }
        read::limit_depth(schema, &path)?;
    }
    Ok(Tool { name, description, kind: ToolKind::Client(schema) })
}

fn named<'a>(wire: &Members<'a>, path: &Path<'_>) -> Result<Cow<'a, str>, Error> {
    let name = wire.require_string("name", path)?;
    if name.is_empty() {
        return Err(path.key("name").invalid("must not be empty"));
    }
    Ok(name)
}

/// The choice, and whether more than one call in an answer is welcome.
pub(super) fn choice<'a>(
    raw: Option<&'a RawValue>,
    tools: &[Tool<'_>],
    path: &Path<'_>,
) -> Result<(ToolChoice<'a>, bool), Error> {
    let Some(raw) = raw else { return Ok((ToolChoice::Auto, true)) };
    let wire = Members::of(raw, path)?;
    let parallel = !wire.boolean("disable_parallel_tool_use", path)?.unwrap_or(false);
    let kind = wire.require_string("type", path)?;
    let choice = match &*kind {
        "auto" => ToolChoice::Auto,
        "none" => ToolChoice::None,
        "any" if tools.is_empty() => return Err(path.invalid("asks for a tool, but tools is empty")),
        "any" => ToolChoice::Any,
        "tool" => {
            let name = wire.require_string("name", path)?;
            if !tools.iter().any(|tool| tool.name == name) {
                return Err(path.key("name").invalid("names no tool of tools"));
            }
            ToolChoice::Tool(name)
        }
        _ => return Err(path.key("type").invalid("must be \"auto\", \"any\", \"tool\" or \"none\"")),
    };
    Ok((choice, parallel))
}

enum Kind {
    Custom,
    /// Defined by the vendor, run by the client.
    Vendor(&'static Vendor),
    /// Run by the vendor's server.
    Served,
}

/// A tool whose schema every client of its type knows.
struct Vendor {
    /// How its types begin; the first row that fits counts.
    prefixes: &'static [&'static str],
    description: &'static str,
    schema: &'static str,
}

/// `None`: nothing is known of the type.
fn kind_of(kind: &str) -> Option<Kind> {
    if matches!(kind, "custom" | "function") {
        return Some(Kind::Custom);
    }
    if kind.starts_with("computer_") {
        return None;
    }
    if let Some(vendor) = VENDOR.iter().find(|vendor| vendor.prefixes.iter().any(|prefix| kind.starts_with(prefix))) {
        return Some(Kind::Vendor(vendor));
    }
    let served = kind == "mcp_toolset" || kind.starts_with("tool_search_tool_") || is_versioned(kind);
    served.then_some(Kind::Served)
}

/// Whether a type ends in a date, as those of the vendor's server tools do: `web_search_20250305`.
fn is_versioned(kind: &str) -> bool {
    kind.rsplit_once('_').is_some_and(|(_, date)| date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()))
}

const VENDOR: &[Vendor] = &[
    Vendor {
        prefixes: &["bash_"],
        description: "Runs a command in a persistent bash session. Set restart to true to start the session anew.",
        schema: r#"{"type":"object","properties":{"command":{"type":"string","description":"The bash command to run. Required unless restart is true."},"restart":{"type":"boolean","description":"Set to true to restart the bash session."}}}"#,
    },
    Vendor {
        // Up to April 2025 the text to insert was called new_str.
        prefixes: &["text_editor_2024", "text_editor_202501", "text_editor_202504"],
        description: "Views, creates and edits text files. The commands: view (path, view_range), create (path, file_text), str_replace (path, old_str, new_str), insert (path, insert_line, new_str).",
        schema: r#"{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert"]},"path":{"type":"string","description":"Path of the file or directory."},"view_range":{"type":"array","items":{"type":"integer"},"description":"First and last line to view, counted from 1; -1 as the last is the end of the file."},"file_text":{"type":"string","description":"The whole content of the file to create."},"old_str":{"type":"string","description":"The text to replace; it must occur exactly once."},"new_str":{"type":"string","description":"The text to put in its place, or the text to insert."},"insert_line":{"type":"integer","description":"The line after which to insert, 0 for the beginning."}},"required":["command","path"]}"#,
    },
    Vendor {
        prefixes: &["text_editor_"],
        description: "Views, creates and edits text files. The commands: view (path, view_range), create (path, file_text), str_replace (path, old_str, new_str), insert (path, insert_line, insert_text).",
        schema: r#"{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert"]},"path":{"type":"string","description":"Path of the file or directory."},"view_range":{"type":"array","items":{"type":"integer"},"description":"First and last line to view, counted from 1; -1 as the last is the end of the file."},"file_text":{"type":"string","description":"The whole content of the file to create."},"old_str":{"type":"string","description":"The text to replace; it must occur exactly once."},"new_str":{"type":"string","description":"The text to put in its place."},"insert_line":{"type":"integer","description":"The line after which to insert, 0 for the beginning."},"insert_text":{"type":"string","description":"The text to insert."}},"required":["command","path"]}"#,
    },
    Vendor {
        prefixes: &["memory_"],
        description: "Keeps files under /memories between conversations. The commands: view (path, view_range), create (path, file_text), str_replace (path, old_str, new_str), insert (path, insert_line, insert_text), delete (path), rename (old_path, new_path).",
        schema: r#"{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert","delete","rename"]},"path":{"type":"string","description":"Path under /memories."},"view_range":{"type":"array","items":{"type":"integer"}},"file_text":{"type":"string"},"old_str":{"type":"string"},"new_str":{"type":"string"},"insert_line":{"type":"integer"},"insert_text":{"type":"string"},"old_path":{"type":"string"},"new_path":{"type":"string"}},"required":["command"]}"#,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_schema_is_an_object() {
        for vendor in VENDOR {
            let schema: serde_json::Value = serde_json::from_str(vendor.schema).unwrap();
            assert_eq!(schema["type"], "object", "{:?}", vendor.prefixes);
            let described = |name: &String| vendor.description.contains(name.as_str());
            let mut members = schema["properties"].as_object().unwrap().keys().filter(|name| *name != "command");
            assert!(members.all(described), "{}", vendor.description);
        }
    }
}
