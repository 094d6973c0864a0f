//! The lean schema profile, tried once after the service refused the full one: only the keywords that every
//! model host behind the service is known to take.

use std::borrow::Cow;

use super::node::Node;

/// A root, already an object, in the lean profile.
pub(super) fn root(node: Node<'_>) -> Node<'_> {
    lean(node)
}

/// Keeps `type` (one), `properties`, `required`, `description`, `enum` and `items`; the first real branch of
/// an alternative stands for all.
fn lean(node: Node<'_>) -> Node<'_> {
    let Node::Map(members) = node else { return Node::EMPTY };
    let mut kept: Vec<(Cow<'_, str>, Node<'_>)> = Vec::new();
    for (key, value) in members {
        match (&*key, value) {
            ("type", value) => add(&mut kept, key, one_type(value)),
            ("description" | "enum", value) => add(&mut kept, key, value),
            ("const", value) => add(&mut kept, Cow::Borrowed("enum"), Node::List(vec![value])),
            ("required", Node::List(names)) if !names.is_empty() => add(&mut kept, key, Node::List(names)),
            ("properties", Node::Map(table)) => {
                let table = table.into_iter().map(|(name, schema)| (name, lean(schema)));
                add(&mut kept, key, Node::Map(table.collect()));
            }
            ("items", Node::List(schemas)) => {
                add(&mut kept, key, schemas.into_iter().next().map_or(Node::EMPTY, lean));
            }
            ("items", schema @ Node::Map(_)) => add(&mut kept, key, lean(schema)),
            ("anyOf" | "oneOf" | "allOf", Node::List(branches)) => adopt(&mut kept, branches),
            _ => {}
        }
    }
    Node::Map(kept)
}

/// Takes over what the first branch that is more than `null` says and the schema itself does not.
fn adopt<'a>(kept: &mut Vec<(Cow<'a, str>, Node<'a>)>, branches: Vec<Node<'a>>) {
    let real = branches.into_iter().find(|branch| {
        let is_null = |(key, value): &(Cow<'_, str>, Node<'_>)| key == "type" && *value == Node::plain("null");
        branch.as_map().is_some_and(|members| !members.is_empty() && !members.iter().any(is_null))
    });
    let Some(Node::Map(members)) = real.map(lean) else { return };
    for (key, value) in members {
        add(kept, key, value);
    }
}

/// Adds what is not there yet; there are six keywords at most.
fn add<'a>(kept: &mut Vec<(Cow<'a, str>, Node<'a>)>, key: Cow<'a, str>, value: Node<'a>) {
    if kept.iter().all(|(known, _)| *known != key) {
        kept.push((key, value));
    }
}

fn one_type(value: Node<'_>) -> Node<'_> {
    let Node::List(kinds) = value else { return value };
    let real = kinds.iter().position(|kind| *kind != Node::plain("null")).unwrap_or(0);
    kinds.into_iter().nth(real).unwrap_or_else(|| Node::plain("string"))
}
