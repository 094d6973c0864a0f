//! History of tools that the vendor's servers ran: calls and results become text, because the service
//! knows no such blocks and a declared tool for them does not exist.

use std::borrow::Cow;

use super::content::Parts;
use super::wire::{Block, Slot};
use crate::dialect::read::{self, Members, Path};
use crate::error::Error;
use crate::json::RawValue;

/// A call: `server_tool_use`, `mcp_tool_use`.
pub(super) fn call(call: &Members<'_>, path: &Path<'_>) -> Result<String, Error> {
    call.string("id", path)?;
    let name = call.require_string("name", path)?;
    let server = call.string("server_name", path)?;
    let input = call.find("input", path)?.map_or("{}", RawValue::get);
    let of = server.map_or(String::new(), |server| format!(" of {server}"));
    Ok(format!("[The server tool {name}{of} was called with {input}]"))
}

/// What a client tool search loaded.
pub(super) fn tool_reference(reference: &Members<'_>, path: &Path<'_>) -> Result<String, Error> {
    let name = reference.require_string("tool_name", path)?;
    Ok(format!("The tool {name} is loaded and can be called now."))
}

/// A search result the client passes in: title and source, then its texts.
pub(super) fn search_result<'a>(parts: &mut Parts<'_, 'a>, block: Block<'a>, path: &Path<'_>) -> Result<(), Error> {
    let title = block.rest.string("title", path)?.unwrap_or_default();
    let source = match block.source {
        Slot::Raw(raw) if raw.get() != "null" => read::string(raw, &path.key("source"))?,
        _ => Cow::default(),
    };
    parts.text(format!("Search result: {title} ({source})"));
    parts.inner(block.content, path)
}

/// The result of a server tool, whatever its type: `web_search_tool_result`, `web_fetch_tool_result`,
/// `code_execution_tool_result`, `tool_search_tool_result`, `mcp_tool_result`, ….
pub(super) fn result<'a>(parts: &mut Parts<'_, 'a>, block: Block<'a>, path: &Path<'_>) -> Result<(), Error> {
    block.rest.string("tool_use_id", path)?;
    let failed = block.rest.boolean("is_error", path)?.unwrap_or(false);
    let tool = block.kind.trim_end_matches("_tool_result").to_owned();
    parts.text(format!("[Result of the server tool {tool}{}]", if failed { ", which failed" } else { "" }));
    match block.content {
        Slot::Raw(raw) => outcome(parts, raw, &path.key("content"), 0),
        content => parts.inner(content, path),
    }
}

fn outcome<'a>(parts: &mut Parts<'_, 'a>, raw: &'a RawValue, path: &Path<'_>, depth: usize) -> Result<(), Error> {
    match raw.get().as_bytes().first() {
        Some(b'[') if depth < MAX_DEPTH => {
            let items = read::list(raw, path)?;
            items.into_iter().enumerate().try_for_each(|(at, item)| outcome(parts, item, &path.item(at), depth + 1))
        }
        Some(b'{') if depth < MAX_DEPTH => one(parts, raw, path, depth),
        Some(b'"') => {
            parts.text(read::string(raw, path)?);
            Ok(())
        }
        Some(b'n') => Ok(()),
        _ => {
            parts.text(raw.get());
            Ok(())
        }
    }
}

/// One object of a result, by its type.
fn one<'a>(parts: &mut Parts<'_, 'a>, raw: &'a RawValue, path: &Path<'_>, depth: usize) -> Result<(), Error> {
    let members = Members::of(raw, path)?;
    let kind = members.string("type", path)?.unwrap_or_default();
    match &*kind {
        "web_search_result" => {
            let title = members.string("title", path)?.unwrap_or_default();
            let url = members.string("url", path)?.unwrap_or_default();
            parts.text(format!("{title} ({url})"));
        }
        "tool_search_tool_search_result" => {
            if let Some(references) = members.find("tool_references", path)? {
                return outcome(parts, references, &path.key("tool_references"), depth + 1);
            }
        }
        "web_fetch_result" => {
            parts.text(members.string("url", path)?.unwrap_or_default());
            if let Some(content) = members.find("content", path)? {
                return parts.nested(content, &path.key("content"));
            }
        }
        "text" | "image" | "document" | "tool_reference" | "search_result" => {
            return parts.nested(raw, path);
        }
        // Errors, output of programs, and what is not known yet: told as it came.
        _ => parts.text(raw.get()),
    }
    Ok(())
}

const MAX_DEPTH: usize = 8;
