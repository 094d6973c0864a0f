//! The root of a tool's schema: the service wants an object with `properties`, and no `anyOf`, `oneOf` or
//! `allOf` beside them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::node::{Node, items, members};
use crate::json::RawValue;

type Members<'a> = Vec<(Cow<'a, str>, Node<'a>)>;

/// Whether a schema's root needs no change.
pub(super) fn is_object(schema: &RawValue) -> bool {
    let Some(all) = members(schema) else { return false };
    let value = |name: &str| all.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
    let strings = |list: &RawValue| items(list).is_some_and(|all| all.iter().all(|item| item.get().starts_with('"')));
    value("type").is_some_and(|kind| kind.get() == "\"object\"")
        && value("properties").is_some_and(|table| table.get().starts_with('{'))
        && value("required").is_none_or(strings)
        && COMBINERS.iter().all(|key| value(key).is_none())
}

/// The root as the service takes it. Branches of combiners are merged into it: their properties all become
/// possible, and required is what every branch of `anyOf` and `oneOf`, or any of `allOf`, requires.
/// Of a schema that describes no object only the description is left.
pub(super) fn object(node: Node<'_>) -> Node<'_> {
    let Node::Map(members) = node else { return object(Node::EMPTY) };
    let mut members = flatten(members, 0);
    if !may_be_object(&members) {
        members.retain(|(key, _)| key == "description");
    }
    let kind = (Cow::Borrowed("type"), Node::plain("object"));
    match members.iter_mut().find(|(key, _)| key == "type") {
        Some(member) => *member = kind,
        None => members.insert(0, kind),
    }
    if value(&members, "properties").and_then(Node::as_map).is_none() {
        members.push((Cow::Borrowed("properties"), Node::EMPTY));
    }
    Node::Map(members)
}

fn may_be_object(members: &[(Cow<'_, str>, Node<'_>)]) -> bool {
    match value(members, "type") {
        None => true,
        Some(Node::List(kinds)) => kinds.contains(&Node::plain("object")),
        Some(kind) => *kind == Node::plain("object"),
    }
}

fn value<'m, 'a>(members: &'m [(Cow<'a, str>, Node<'a>)], name: &str) -> Option<&'m Node<'a>> {
    members.iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// Merges the branches of combiners into the members beside them.
fn flatten(members: Members<'_>, depth: usize) -> Members<'_> {
    if COMBINERS.iter().all(|key| value(&members, key).is_none()) {
        return members;
    }
    let mut merged = Merged::default();
    let mut beside = Vec::new();
    let mut combiners = Vec::new();
    for (key, node) in members {
        match node {
            Node::List(branches) if COMBINERS.contains(&&*key) => combiners.push((key == "allOf", branches)),
            _ if COMBINERS.contains(&&*key) => {}
            Node::Map(table) if key == "properties" => merged.add_all(table, true),
            Node::List(names) if key == "required" => merged.require(&names),
            node => beside.push((key, node)),
        }
    }
    for (all, branches) in combiners {
        merged.add_branches(branches, all, depth);
    }
    merged.close(beside)
}

/// Properties and required names, gathered from several branches.
#[derive(Default)]
struct Merged<'a> {
    order: Vec<Cow<'a, str>>,
    alternatives: BTreeMap<Cow<'a, str>, Vec<Node<'a>>>,
    required: Vec<Node<'a>>,
    object: bool,
}

impl<'a> Merged<'a> {
    fn add_branches(&mut self, branches: Vec<Node<'a>>, all: bool, depth: usize) {
        let mut common: Option<Vec<Node<'a>>> = None;
        for branch in branches {
            let Node::Map(members) = branch else { continue };
            let members = if depth < MAX_BRANCHING { flatten(members, depth + 1) } else { members };
            let mut names = Vec::new();
            for (key, node) in members {
                match node {
                    Node::Map(table) if key == "properties" => self.add_all(table, all),
                    Node::List(list) if key == "required" => names = list,
                    node if key == "type" => self.object |= node == Node::plain("object"),
                    _ => {}
                }
            }
            if all {
                self.require(&names);
            } else {
                common = Some(common.map_or_else(|| names.clone(), |common| intersection(common, &names)));
            }
        }
        self.require(&common.unwrap_or_default());
    }

    /// Adds properties. Of one that is known, the first schema stands, or, for alternatives, either may hold.
    fn add_all(&mut self, table: Members<'a>, first_stands: bool) {
        for (name, schema) in table {
            match self.alternatives.get_mut(&name) {
                None => {
                    self.order.push(name.clone());
                    self.alternatives.insert(name, vec![schema]);
                }
                Some(known) if !first_stands && known.len() <= MAX_ALTERNATIVES && !known.contains(&schema) => {
                    known.push(schema);
                }
                Some(_) => {}
            }
        }
    }

    fn require(&mut self, names: &[Node<'a>]) {
        self.required.extend(names.iter().cloned());
    }

    fn close(mut self, mut members: Members<'a>) -> Members<'a> {
        let mut properties = Vec::with_capacity(self.order.len());
        for name in core::mem::take(&mut self.order) {
            let mut schemas = self.alternatives.remove(&name).unwrap_or_default();
            let schema = match schemas.len() {
                1 => schemas.pop().unwrap_or(Node::EMPTY),
                2..=MAX_ALTERNATIVES => Node::Map(vec![(Cow::Borrowed("anyOf"), Node::List(schemas))]),
                _ => Node::EMPTY,
            };
            properties.push((name, schema));
        }
        if self.object && value(&members, "type").is_none() {
            members.insert(0, (Cow::Borrowed("type"), Node::plain("object")));
        }
        members.push((Cow::Borrowed("properties"), Node::Map(properties)));
        let mut seen = BTreeSet::new();
        self.required.retain(|name| matches!(name, Node::Raw(text) if seen.insert(text.to_string())));
        if !self.required.is_empty() {
            members.push((Cow::Borrowed("required"), Node::List(self.required)));
        }
        members
    }
}

fn intersection<'a>(left: Vec<Node<'a>>, right: &[Node<'a>]) -> Vec<Node<'a>> {
    let text = |node: &Node<'a>| if let Node::Raw(text) = node { text.to_string() } else { String::new() };
    let right: BTreeSet<String> = right.iter().map(text).collect();
    left.into_iter().filter(|name| right.contains(&text(name))).collect()
}

/// Keywords that may not stand at the root.
const COMBINERS: [&str; 3] = ["anyOf", "oneOf", "allOf"];

/// Combiners within combiners that are merged.
const MAX_BRANCHING: usize = 8;

/// Alternatives of one property; one with more may be anything.
const MAX_ALTERNATIVES: usize = 16;
