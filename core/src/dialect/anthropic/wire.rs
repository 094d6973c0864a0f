//! The Messages request as bytes have it, borrowed, in one pass.
//!
//! Scalars stay raw until a decoder asks for them, so a block of an unknown type can be kept whole and a
//! wrong type is named by the field that holds it. Only what is large is read on the way: messages, their
//! blocks, a tool result's content, a picture's source.

use core::fmt;
use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{self, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::dialect::read::Members;
use crate::json::{RawValue, Text, escape_into};

/// The body of `POST /v1/messages`.
#[derive(Default)]
pub(super) struct Request<'a> {
    pub(super) system: Option<Content<'a>>,
    pub(super) messages: Option<Vec<Message<'a>>>,
    pub(super) tools: Option<Vec<Members<'a>>>,
    /// Every other documented field.
    pub(super) rest: Members<'a>,
}

pub(super) struct Message<'a> {
    pub(super) role: Cow<'a, str>,
    pub(super) content: Content<'a>,
}

/// What stands where the API takes a string or blocks.
pub(super) enum Content<'a> {
    /// Null.
    Nothing,
    Text(Cow<'a, str>),
    Items(Vec<Item<'a>>),
    /// A single block without the list around it, as results of server tools have it.
    Block(Box<Block<'a>>),
}

/// An element of a list of blocks. Some clients nest the lists or put bare strings there.
pub(super) enum Item<'a> {
    Text(Cow<'a, str>),
    Items(Vec<Item<'a>>),
    Block(Block<'a>),
}

/// A content block of any type.
pub(super) struct Block<'a> {
    pub(super) kind: Cow<'a, str>,
    pub(super) text: Option<&'a RawValue>,
    pub(super) content: Slot<'a, Content<'a>>,
    pub(super) source: Slot<'a, Members<'a>>,
    /// Every other member but `cache_control`, which has no effect.
    pub(super) rest: Members<'a>,
}

/// A member that is read on the way when the block's type came before it.
pub(super) enum Slot<'a, T> {
    Absent,
    Read(T),
    Raw(&'a RawValue),
}

impl<'a> Block<'a> {
    /// The block as JSON text, for a type nobody knows.
    pub(super) fn to_json(&self) -> String {
        let mut json = String::from("{\"type\":\"");
        escape_into(&self.kind, &mut json);
        json.push('"');
        let mut member = |name: &str, raw: &str| {
            json.push_str(",\"");
            escape_into(name, &mut json);
            json.push_str("\":");
            json.push_str(raw);
        };
        for (name, raw) in self.rest.iter() {
            member(name, raw.get());
        }
        let raw_slots = [("text", self.text), ("content", self.content.raw()), ("source", self.source.raw())];
        for (name, raw) in raw_slots {
            if let Some(raw) = raw {
                member(name, raw.get());
            }
        }
        json.push('}');
        json
    }
}

impl<'a, T> Slot<'a, T> {
    fn raw(&self) -> Option<&'a RawValue> {
        match self {
            Slot::Raw(raw) => Some(raw),
            _ => None,
        }
    }
}

/// The names of fields that are kept for the decoder; all others are skipped unread.
const FIELDS: &[&str] = &[
    "model",
    "max_tokens",
    "metadata",
    "stop_sequences",
    "stream",
    "thinking",
    "tool_choice",
    "context_management",
    "output_config",
    "output_format",
    "thread",
];

/// Documented fields that are taken and have no effect here.
pub(super) const WITHOUT_EFFECT: &[&str] = &[
    "betas",
    "cache_control",
    "container",
    "diagnostics",
    "fallbacks",
    "inference_geo",
    "mcp_servers",
    "service_tier",
    "speed",
    "temperature",
    "top_k",
    "top_p",
    "user_profile_id",
];

impl<'de: 'a, 'a> Deserialize<'de> for Request<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Request<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut request = Request::default();
                while let Some(Text(name)) = map.next_key()? {
                    match &*name {
                        "system" => once(&mut request.system, map.next_value()?, "system")?,
                        "messages" => once(&mut request.messages, Some(map.next_value()?), "messages")?,
                        "tools" => once(&mut request.tools, map.next_value()?, "tools")?,
                        known if FIELDS.contains(&known) || WITHOUT_EFFECT.contains(&known) => {
                            request.rest.push(name, map.next_value()?)?;
                        }
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(request)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

fn once<T, E: de::Error>(slot: &mut Option<T>, value: Option<T>, name: &'static str) -> Result<(), E> {
    if slot.is_some() {
        return Err(E::duplicate_field(name));
    }
    *slot = value;
    Ok(())
}

impl<'de: 'a, 'a> Deserialize<'de> for Message<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Message<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut role, mut content) = (None, None);
                while let Some(Text(name)) = map.next_key()? {
                    match &*name {
                        "role" => once(&mut role, Some(map.next_value::<Text<'de>>()?.0), "role")?,
                        "content" => once(&mut content, Some(map.next_value()?), "content")?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                let role = role.ok_or_else(|| A::Error::missing_field("role"))?;
                let content = content.ok_or_else(|| A::Error::missing_field("content"))?;
                Ok(Message { role, content })
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Content<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of content blocks")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Content::Nothing)
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                items(seq).map(Content::Items)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                block(map).map(|block| Content::Block(Box::new(block)))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Item<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Item<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a content block")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Item::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Item::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                items(seq).map(Item::Items)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                block(map).map(Item::Block)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

fn items<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<Vec<Item<'de>>, A::Error> {
    let mut items = Vec::new();
    while let Some(item) = seq.next_element()? {
        items.push(item);
    }
    Ok(items)
}

fn block<'de, A: MapAccess<'de>>(mut map: A) -> Result<Block<'de>, A::Error> {
    let mut kind: Option<Cow<'de, str>> = None;
    let (mut text, mut rest) = (None, Members::default());
    let (mut content, mut source) = (None, None);
    while let Some(Text(name)) = map.next_key()? {
        match &*name {
            "type" => once(&mut kind, Some(map.next_value::<Text<'de>>()?.0), "type")?,
            "text" => once(&mut text, map.next_value()?, "text")?,
            "content" if kind.as_deref() == Some("tool_result") => {
                once(&mut content, Some(Slot::Read(map.next_value()?)), "content")?;
            }
            "content" => once(&mut content, Some(Slot::Raw(map.next_value()?)), "content")?,
            "source" if matches!(kind.as_deref(), Some("image" | "document")) => {
                once(&mut source, Some(Slot::Read(map.next_value()?)), "source")?;
            }
            "source" => once(&mut source, Some(Slot::Raw(map.next_value()?)), "source")?,
            "cache_control" => drop(map.next_value::<IgnoredAny>()?),
            _ => rest.push(name, map.next_value()?)?,
        }
    }
    let kind = kind.ok_or_else(|| A::Error::missing_field("type"))?;
    let (content, source) = (content.unwrap_or(Slot::Absent), source.unwrap_or(Slot::Absent));
    Ok(Block { kind, text, content, source, rest })
}
