//! Which tools a request declares, and what is said about them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::history::History;
use super::names::Names;
use super::schema;
use super::wire::{Object, is_blank};
use crate::json::RawValue;
use crate::turn::{Tool, ToolChoice, ToolKind, Turn};

/// The tools of one request.
#[derive(Debug)]
pub(super) struct Toolbox<'t> {
    specs: Vec<Spec<'t>>,
    /// Descriptions too long for their tool, for the system text.
    pub(super) manual: Vec<Cow<'t, str>>,
    /// What the current turn must say about calling tools: the service has no member for it.
    pub(super) instruction: Option<Cow<'static, str>>,
    lean: bool,
}

#[derive(Debug)]
struct Spec<'t> {
    name: String,
    description: Cow<'t, str>,
    schema: Option<&'t RawValue>,
}

/// The tools the client runs. Of two with one name the first counts: an answer could not tell them apart.
/// The vendor's server tools are none of the service's.
pub(super) fn declared<'t>(turn: &'t Turn<'_>) -> Vec<(&'t Tool<'t>, Option<&'t RawValue>)> {
    let mut seen = BTreeSet::new();
    let client = turn.tools.iter().filter_map(|tool| match &tool.kind {
        ToolKind::Client(schema) => Some((tool, *schema)),
        ToolKind::Server(_) => None,
    });
    client.filter(|(tool, _)| seen.insert(&*tool.name)).collect()
}

impl<'t> Toolbox<'t> {
    /// What `turn` offers. Tools that were called earlier and are not offered now get a stub: the service
    /// wants every name in history declared.
    pub(super) fn of(turn: &'t Turn<'_>, history: &History<'t>, names: &Names, lean: bool) -> Self {
        let declared = declared(turn);
        let mut specs = Vec::with_capacity(declared.len());
        let mut manual = Vec::new();
        for (tool, schema) in &declared {
            let name = names.upstream_name(&tool.name);
            let description = describe(name, &tool.description, &mut manual);
            if is_offered(&turn.tool_choice, &tool.name, &declared) {
                specs.push(Spec { name: name.to_owned(), description, schema: *schema });
            }
        }
        let instruction = instruction(turn, names, specs.len(), &declared);
        let mut known: BTreeSet<String> = specs.iter().map(|spec| spec.name.clone()).collect();
        for name in history.used_names().map(|name| names.upstream_name(name)) {
            if known.insert(name.to_owned()) {
                specs.push(Spec { name: name.to_owned(), description: Cow::Borrowed(STUB), schema: None });
            }
        }
        let instruction = instruction.or_else(|| none_allowed(turn, specs.is_empty()));
        Self { specs, manual, instruction, lean }
    }

    /// Writes the member `tools`, if there are any.
    pub(super) fn write(&self, context: &mut Object<'_>) {
        context.list("tools", &self.specs, |out, spec| {
            out.push_str("{\"toolSpecification\":");
            let mut object = Object::open(out);
            object.string("name", &spec.name);
            object.string("description", &spec.description);
            let mut input = Object::open(object.member("inputSchema"));
            schema::write(input.member("json"), spec.schema, self.lean);
            input.close();
            object.close();
            out.push('}');
        });
    }

    /// Whether no tool is declared.
    pub(super) fn is_empty(&self) -> bool {
        self.specs.is_empty()
    }
}

fn is_offered(choice: &ToolChoice<'_>, name: &str, declared: &[(&Tool<'_>, Option<&RawValue>)]) -> bool {
    match choice {
        ToolChoice::Auto | ToolChoice::Any => true,
        ToolChoice::None => false,
        ToolChoice::Tool(wanted) => *wanted == name || !is_declared(wanted, declared),
    }
}

fn is_declared(name: &str, declared: &[(&Tool<'_>, Option<&RawValue>)]) -> bool {
    declared.iter().any(|(tool, _)| tool.name == name)
}

/// The wish the service has no member for. It stands in the current turn, not in the system text: the next
/// turn may wish something else, and the prefix keeps its bytes.
fn instruction(
    turn: &Turn<'_>,
    names: &Names,
    offered: usize,
    declared: &[(&Tool<'_>, Option<&RawValue>)],
) -> Option<Cow<'static, str>> {
    let single = (!turn.parallel_tools && offered > 0).then_some(SINGLE);
    let must = match &turn.tool_choice {
        ToolChoice::Any if offered > 0 => Some(Cow::Borrowed(ANY)),
        ToolChoice::Tool(name) if is_declared(name, declared) => {
            Some(Cow::Owned(format!("Reply by calling the tool {}, not with text.", names.upstream_name(name))))
        }
        _ => None,
    };
    match (must, single) {
        (Some(must), Some(single)) => Some(Cow::Owned(format!("{must} {single}"))),
        (must, single) => must.or_else(|| single.map(Cow::Borrowed)),
    }
}

fn none_allowed(turn: &Turn<'_>, no_tools: bool) -> Option<Cow<'static, str>> {
    (turn.tool_choice == ToolChoice::None && !no_tools).then_some(Cow::Borrowed(NONE))
}

/// A description the service takes: never empty, and a long one goes to the manual with a pointer to it.
fn describe<'t>(name: &str, description: &'t str, manual: &mut Vec<Cow<'t, str>>) -> Cow<'t, str> {
    if is_blank(description) {
        return Cow::Owned(format!("The tool {name}."));
    }
    if description.len() <= MAX_DESCRIPTION || fits(description) {
        return Cow::Borrowed(description);
    }
    if manual.is_empty() {
        manual.push(Cow::Borrowed("# Tool manual"));
    }
    manual.push(Cow::Owned(format!("## {name}")));
    manual.push(Cow::Borrowed(description));
    let head = summary(description);
    Cow::Owned(format!(
        "{head}\n\nThe full description is in the section \"{name}\" of the tool manual in the system text."
    ))
}

/// The service counts; whether characters or UTF-8 bytes (then 10,240) is not known, so both limits hold.
fn fits(description: &str) -> bool {
    description.len() <= MAX_DESCRIPTION_BYTES && description.chars().count() <= MAX_DESCRIPTION
}

/// The first paragraph, or its beginning.
fn summary(description: &str) -> Cow<'_, str> {
    let text = description.trim_start();
    let paragraph = text.split("\n\n").next().unwrap_or(text).trim_end();
    match paragraph.char_indices().nth(MAX_SUMMARY) {
        None => Cow::Borrowed(paragraph),
        Some((at, _)) => Cow::Owned(format!("{}…", paragraph.get(..at).unwrap_or(""))),
    }
}

const ANY: &str = "Reply by calling one of your tools, not with text.";
const SINGLE: &str = "Call at most one tool in this reply.";
const NONE: &str = "Reply with text only: no tool may be called now.";
const STUB: &str = "Was called earlier in this conversation. Not available now: do not call it.";

/// Most characters of a tool's description that every source agrees on.
const MAX_DESCRIPTION: usize = 10_000;

/// The same limit as two sources have it, in bytes.
const MAX_DESCRIPTION_BYTES: usize = 10_240;

/// Characters of a long description that stay with its tool.
const MAX_SUMMARY: usize = 600;
