//! Declared tools: what the model is offered, and how its calls go back under the names and in the form the client
//! declared.
//!
//! Three kinds are served: functions, custom tools (free text in and out), and namespaces, which hold the other two.
//! The service knows no namespaces, so a tool inside one is offered as `namespace__name`.

use std::borrow::Cow;

use crate::dialect::openai::tools;
use crate::dialect::read::{self, Members, Path};
use crate::error::Error;
use crate::json::RawValue;
use crate::turn::{Tool, ToolChoice};

/// The tools of a request and what they are called for the model.
#[derive(Debug, Default)]
pub(super) struct Table(Vec<Row>);

#[derive(Debug)]
struct Row {
    /// What the model calls it.
    offered: String,
    namespace: Option<String>,
    name: String,
    custom: bool,
}

/// A tool as the client declared it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared<'t> {
    pub(super) name: &'t str,
    pub(super) namespace: Option<&'t str>,
    /// Whether its input is free text.
    pub(super) custom: bool,
}

impl Table {
    /// The tool that the model calls by this name; a function of that very name where none is known.
    pub(super) fn declared<'t>(&'t self, offered: &'t str) -> Declared<'t> {
        match self.0.iter().find(|row| row.offered == offered) {
            Some(row) => Declared { name: &row.name, namespace: row.namespace.as_deref(), custom: row.custom },
            None => Declared { name: offered, namespace: None, custom: false },
        }
    }

    /// What the model calls the client's tool. A name without its namespace stands for the only tool that has it; a
    /// tool that is no longer declared keeps the form it would have.
    pub(super) fn offered<'a>(&self, namespace: Option<&str>, name: Cow<'a, str>) -> Cow<'a, str> {
        match self.find(namespace, &name) {
            Some(row) => Cow::Owned(row.offered.clone()),
            None => match namespace {
                Some(namespace) => Cow::Owned(join(namespace, &name)),
                None => name,
            },
        }
    }

    fn find(&self, namespace: Option<&str>, name: &str) -> Option<&Row> {
        let mut named = self.0.iter().filter(|row| row.name == name);
        match named.clone().find(|row| row.namespace.as_deref() == namespace) {
            Some(row) => Some(row),
            None if namespace.is_none() => named.next().filter(|_| named.next().is_none()),
            None => None,
        }
    }

    fn has(&self, namespace: Option<&str>, name: &str) -> bool {
        self.0.iter().any(|row| row.name == name && row.namespace.as_deref() == namespace)
    }

    fn takes(&self, offered: &str) -> bool {
        self.0.iter().any(|row| row.offered == offered)
    }
}

/// Reads declared tools.
#[derive(Debug)]
pub(super) struct Tools<'a> {
    pub(super) offered: Vec<Tool<'a>>,
    pub(super) table: Table,
    pub(super) ignored: Vec<&'static str>,
    /// Whether the client declares tools of the vendor's servers unasked, so that they are left out instead of
    /// refused.
    lenient: bool,
}

impl<'a> Tools<'a> {
    pub(super) fn new(lenient: bool) -> Self {
        Self { offered: Vec::new(), table: Table::default(), ignored: Vec::new(), lenient }
    }

    /// Takes a list of tools, which stands at `path`.
    pub(super) fn list(&mut self, raw: &'a RawValue, path: &Path<'_>) -> Result<(), Error> {
        let list = read::list(raw, path)?;
        few(list.len(), path)?;
        for (index, raw) in list.into_iter().enumerate() {
            let path = path.item(index);
            let wire = Members::of(raw, &path)?;
            match &*wire.require_string("type", &path)? {
                "namespace" => self.namespace(&wire, &path)?,
                kind => self.tool(kind, &wire, None, &path)?,
            }
        }
        Ok(())
    }

    /// Takes the tools of a namespace. Its description is not lost: its first tool has it in front of its own.
    fn namespace(&mut self, wire: &Members<'a>, path: &Path<'_>) -> Result<(), Error> {
        let name = wire.require_string("name", path)?;
        if name.is_empty() {
            return Err(path.key("name").invalid("must not be empty"));
        }
        let mut description = wire.string("description", path)?.unwrap_or_default();
        let at = path.key("tools");
        let list = read::list(wire.require("tools", path)?, &at)?;
        few(list.len(), &at)?;
        for (index, raw) in list.into_iter().enumerate() {
            let at = at.item(index);
            let wire = Members::of(raw, &at)?;
            let kind = wire.require_string("type", &at)?;
            self.tool(&kind, &wire, Some((&name, &core::mem::take(&mut description))), &at)?;
        }
        Ok(())
    }

    fn tool(
        &mut self,
        kind: &str,
        wire: &Members<'a>,
        namespace: Option<(&str, &str)>,
        path: &Path<'_>,
    ) -> Result<(), Error> {
        let mut tool = match kind {
            "function" => tools::function(wire, path, &mut self.ignored)?,
            "custom" => tools::freeform(wire, path)?,
            _ => return self.unserved(kind, path),
        };
        let name = tool.name.clone().into_owned();
        if self.table.has(namespace.map(|(namespace, _)| namespace), &name) {
            // Of two with one name the first counts: an answer could not tell them apart.
            return Ok(());
        }
        if self.offered.len() >= MAX_TOOLS {
            return Err(path.invalid(format!("is one tool too many: the limit is {MAX_TOOLS} in all")));
        }
        if let Some((namespace, description)) = namespace {
            tool.name = Cow::Owned(join(namespace, &name));
            if !description.is_empty() {
                let told = format!("Tools whose names begin with {namespace}__: {description}\n\n{}", tool.description);
                tool.description = Cow::Owned(told.trim_end().to_owned());
            }
        }
        while self.table.takes(&tool.name) {
            tool.name = Cow::Owned(format!("{}_", tool.name));
        }
        self.table.0.push(Row {
            offered: tool.name.clone().into_owned(),
            namespace: namespace.map(|(namespace, _)| namespace.to_owned()),
            name,
            custom: kind == "custom",
        });
        self.offered.push(tool);
        Ok(())
    }

    /// A tool of the vendor's servers.
    fn unserved(&mut self, kind: &str, path: &Path<'_>) -> Result<(), Error> {
        let known = UNSERVED.iter().find(|(known, _)| kind.starts_with(known));
        match known {
            Some((_, told)) if self.lenient => {
                if !self.ignored.contains(told) {
                    self.ignored.push(told);
                }
                Ok(())
            }
            Some(_) => Err(path.key("type").invalid(format!(
                "{kind:?} runs on the vendor's servers, which this gateway has not: declare a function or a custom \
                 tool, which the client runs"
            ))),
            None if self.lenient => {
                if !self.ignored.contains(&"tools") {
                    self.ignored.push("tools");
                }
                Ok(())
            }
            None => Err(path.key("type").invalid("must be \"function\", \"custom\" or \"namespace\"")),
        }
    }

    /// The choice among them. A tool may be named with its namespace, or without where its name says enough.
    pub(super) fn choice(&mut self, raw: Option<&'a RawValue>, path: &Path<'_>) -> Result<ToolChoice<'a>, Error> {
        if let Some(raw) = raw.filter(|raw| raw.get().starts_with('{')) {
            let wire = Members::of(raw, path)?;
            let kind = wire.string("type", path)?;
            if matches!(kind.as_deref(), Some("function" | "custom")) {
                let name = wire.require_string("name", path)?;
                let namespace = wire.string("namespace", path)?;
                if let Some(row) = self.table.find(namespace.as_deref(), &name) {
                    return Ok(ToolChoice::Tool(Cow::Owned(row.offered.clone())));
                }
            }
        }
        tools::choice(raw, &mut self.offered, path)
    }
}

fn few(count: usize, path: &Path<'_>) -> Result<(), Error> {
    if count > MAX_TOOLS {
        return Err(path.invalid(format!("has {count} tools; the limit is {MAX_TOOLS}")));
    }
    Ok(())
}

fn join(namespace: &str, name: &str) -> String {
    format!("{namespace}__{name}")
}

/// Types of tools that the vendor's servers run, or that only its own clients know, by how they begin, and how they
/// are named as ignored.
const UNSERVED: &[(&str, &str)] = &[
    ("web_search", "tools.web_search"),
    ("file_search", "tools.file_search"),
    ("code_interpreter", "tools.code_interpreter"),
    ("image_generation", "tools.image_generation"),
    ("computer", "tools.computer"),
    ("mcp", "tools.mcp"),
    ("tool_search", "tools.tool_search"),
    ("local_shell", "tools.local_shell"),
    ("shell", "tools.shell"),
    ("apply_patch", "tools.apply_patch"),
    ("programmatic_tool_calling", "tools.programmatic_tool_calling"),
];

/// Most tools of a request, wherever they are declared: each is compared with all before it.
const MAX_TOOLS: usize = 1024;
