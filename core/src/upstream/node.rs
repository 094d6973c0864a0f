//! A small tree for the few JSON values that must change: keys stay in order, scalars keep their spelling.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::wire::{self, Object};
use crate::json::{self, RawValue, Text};

/// A JSON value.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Node<'a> {
    /// Any value as it was written.
    Raw(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Map(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// `{}`.
    pub(super) const EMPTY: Self = Node::Map(Vec::new());

    /// A string that needs no escape.
    pub(super) fn plain(text: &str) -> Self {
        Node::Raw(Cow::Owned(format!("\"{text}\"")))
    }

    /// A copy without members named `""`. Recurses: for values whose depth is known to be small.
    pub(super) fn without_empty_keys(raw: &'a RawValue) -> Self {
        if let Some(members) = members(raw) {
            let kept = members.into_iter().filter(|(key, _)| !key.is_empty());
            return Node::Map(kept.map(|(key, value)| (key, Self::without_empty_keys(value))).collect());
        }
        match items(raw) {
            Some(items) => Node::List(items.into_iter().map(Self::without_empty_keys).collect()),
            None => Node::Raw(Cow::Borrowed(raw.get())),
        }
    }

    /// The members of an object.
    pub(super) fn as_map(&self) -> Option<&[(Cow<'a, str>, Node<'a>)]> {
        if let Node::Map(members) = self { Some(members) } else { None }
    }

    /// Appends the value, without blanks of its own.
    pub(super) fn write(&self, out: &mut String) {
        match self {
            Node::Raw(text) => wire::raw(out, text),
            Node::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Node::Map(members) => {
                let mut object = Object::open(out);
                let mut name = String::new();
                for (key, value) in members {
                    name.clear();
                    json::escape_into(key, &mut name);
                    value.write(object.member(&name));
                }
                object.close();
            }
        }
    }
}

/// The members of an object in order, of twins the last; `None` for any other value. Does not look into the
/// values.
pub(super) fn members<'a>(raw: &'a RawValue) -> Option<Vec<(Cow<'a, str>, &'a RawValue)>> {
    if !raw.get().starts_with('{') {
        return None;
    }
    serde_json::from_str::<Members<'a>>(raw.get()).ok().map(|members| without_twins(members.0))
}

/// Most readers let the last of two members with one name count.
fn without_twins<'a>(members: Vec<(Cow<'a, str>, &'a RawValue)>) -> Vec<(Cow<'a, str>, &'a RawValue)> {
    let last: BTreeMap<&str, usize> = members.iter().enumerate().map(|(at, (key, _))| (&**key, at)).collect();
    if last.len() == members.len() {
        return members;
    }
    let last: BTreeSet<usize> = last.into_values().collect();
    members.into_iter().enumerate().filter(|(at, _)| last.contains(at)).map(|(_, member)| member).collect()
}

/// The items of a list; `None` for any other value.
pub(super) fn items(raw: &RawValue) -> Option<Vec<&RawValue>> {
    if !raw.get().starts_with('[') {
        return None;
    }
    serde_json::from_str::<Items<'_>>(raw.get()).ok().map(|items| items.0)
}

struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    members.push((key.0, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

struct Items<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Items<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(InOrder)
    }
}
