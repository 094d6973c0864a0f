//! Items of the table on the wire.
//!
//! | attribute | type | of | holds |
//! |---|---|---|---|
//! | `pk` | S | every item | the key; of a part `<key>#<version>#<number>` |
//! | `version` | S | a head | what a save compares: see [`Version`](super::version::Version) |
//! | `value` | B | a part, the head of a value without parts | the bytes |
//! | `expires` | N | what has a lifetime | its end in seconds since 1970, rounded up: the table's TTL attribute |

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kiro2api_core::host::Millis;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// An item, as far as it is ours.
#[derive(Serialize, Deserialize, Default)]
pub(super) struct Item {
    #[serde(skip_serializing_if = "Option::is_none")]
    pk: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Binary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Number>,
}

#[derive(Serialize, Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

#[derive(Serialize, Deserialize)]
struct Binary {
    #[serde(rename = "B")]
    base64: String,
}

#[derive(Serialize, Deserialize)]
struct Number {
    #[serde(rename = "N")]
    digits: String,
}

impl Item {
    /// The head of a value: with the value itself, or with none when parts hold it.
    pub(super) fn head(key: &str, version: String, value: Option<&[u8]>, expires: Option<u64>) -> Self {
        let pk = Some(Text { text: key.to_owned() });
        let version = Some(Text { text: version });
        Self { pk, version, value: value.map(Binary::of), expires: expires.map(Number::of) }
    }

    /// A part of a value.
    pub(super) fn part(key: String, value: &[u8], expires: Option<u64>) -> Self {
        let expires = expires.map(Number::of);
        Self { pk: Some(Text { text: key }), value: Some(Binary::of(value)), expires, ..Self::default() }
    }

    pub(super) fn version(&self) -> Option<&str> {
        self.version.as_ref().map(|version| version.text.as_str())
    }

    /// The bytes; `None` where there are none or they are no base64.
    pub(super) fn value(&self) -> Option<Vec<u8>> {
        STANDARD.decode(&self.value.as_ref()?.base64).ok()
    }

    /// Whether its lifetime is over. The table removes such items some time later.
    pub(super) fn has_expired(&self, now: Millis) -> bool {
        self.expires.as_ref().is_some_and(|expires| expires.read() <= now.0 / 1000)
    }
}

impl Binary {
    fn of(value: &[u8]) -> Self {
        Self { base64: STANDARD.encode(value) }
    }
}

impl Number {
    fn of(number: u64) -> Self {
        Self { digits: number.to_string() }
    }

    /// A number that this gateway did not write is one that never comes.
    fn read(&self) -> u64 {
        self.digits.parse().unwrap_or(u64::MAX)
    }
}

/// The input of `GetItem`: what is there at this moment.
pub(super) fn get(table: &str, key: &str) -> Bytes {
    json!({ "TableName": table, "Key": { "pk": { "S": key } }, "ConsistentRead": true }).to_string().into()
}

/// The input of `DeleteItem`; it answers with `ALL_OLD`, what was there, or `NONE`.
pub(super) fn delete(table: &str, key: &str, returned: &str) -> Bytes {
    json!({ "TableName": table, "Key": { "pk": { "S": key } }, "ReturnValues": returned }).to_string().into()
}

/// When a `PutItem` is performed.
pub(super) enum Only<'v> {
    Always,
    /// There is no head of ours, or its lifetime is over: the table removes those late.
    IfNone(Millis),
    /// The item has this version.
    If(&'v str),
}

/// The input of `PutItem`.
pub(super) fn put(table: &str, item: &Item, only: &Only<'_>) -> Bytes {
    let (condition, names, values) = match only {
        Only::Always => (None, None, None),
        Only::IfNone(now) => (
            Some("attribute_not_exists(#version) OR #expires <= :now"),
            Some(json!({ "#version": "version", "#expires": "expires" })),
            Some(json!({ ":now": Number::of(now.0 / 1000) })),
        ),
        Only::If(version) => (
            Some("#version = :version"),
            Some(json!({ "#version": "version" })),
            Some(json!({ ":version": { "S": version } })),
        ),
    };
    let put = Put { table, item, condition, names, values };
    serde_json::to_vec(&put).unwrap_or_default().into()
}

#[derive(Serialize)]
struct Put<'p> {
    #[serde(rename = "TableName")]
    table: &'p str,
    #[serde(rename = "Item")]
    item: &'p Item,
    #[serde(rename = "ConditionExpression", skip_serializing_if = "Option::is_none")]
    condition: Option<&'static str>,
    #[serde(rename = "ExpressionAttributeNames", skip_serializing_if = "Option::is_none")]
    names: Option<serde_json::Value>,
    #[serde(rename = "ExpressionAttributeValues", skip_serializing_if = "Option::is_none")]
    values: Option<serde_json::Value>,
}

/// The item in the output of `GetItem` or `DeleteItem`; `Err` when the output is something else.
pub(super) fn output(output: &[u8]) -> Result<Option<Item>, ()> {
    #[derive(Deserialize)]
    struct Output {
        #[serde(rename = "Item", alias = "Attributes")]
        item: Option<Item>,
    }
    serde_json::from_slice::<Output>(output).map(|output| output.item).map_err(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(item: &Item) -> serde_json::Value {
        serde_json::to_value(item).unwrap()
    }

    #[test]
    fn heads_and_parts_are_written_as_the_table_has_them() {
        let head = Item::head("k", "v".into(), Some(b"\xff\0"), Some(7));
        let wanted = json!({ "pk": {"S": "k"}, "version": {"S": "v"}, "value": {"B": "/wA="}, "expires": {"N": "7"} });
        assert_eq!(wire(&head), wanted);
        let head = Item::head("k", "v".into(), None, None);
        assert_eq!(wire(&head), json!({ "pk": {"S": "k"}, "version": {"S": "v"} }));
        assert_eq!(wire(&Item::part("p".into(), b"", None)), json!({ "pk": {"S": "p"}, "value": {"B": ""} }));
    }

    #[test]
    fn an_item_expires_at_its_second_and_others_never() {
        let item = Item::head("k", "v".into(), Some(b""), Some(7));
        assert!(!item.has_expired(Millis(6_999)) && item.has_expired(Millis(7_000)));
        assert!(!Item::head("k", "v".into(), Some(b""), None).has_expired(Millis::NEVER));
    }

    #[test]
    fn conditions_compare_the_version_or_see_that_nothing_lives() {
        let item = Item::part("p".into(), b"", None);
        let of = |only: &Only<'_>| serde_json::from_slice::<serde_json::Value>(&put("t", &item, only)).unwrap();
        assert_eq!(of(&Only::If("v"))["ExpressionAttributeValues"], json!({ ":version": {"S": "v"} }));
        assert_eq!(of(&Only::IfNone(Millis(7_999)))["ExpressionAttributeValues"], json!({ ":now": {"N": "7"} }));
        assert_eq!(of(&Only::Always), json!({ "TableName": "t", "Item": { "pk": {"S": "p"}, "value": {"B": ""} } }));
    }

    #[test]
    fn what_is_no_output_of_the_table_is_no_missing_item() {
        assert!(output(b"{}").unwrap().is_none());
        assert!(output(br#"{"Item":{"value":{"B":"AA=="},"more":{"S":"x"}}}"#).unwrap().is_some());
        for other in [&b"<html>"[..], b"", b"[]", br#"{"Item":{"value":{"S":7}}}"#, br#"{"Item":7}"#] {
            assert!(output(other).is_err(), "{}", String::from_utf8_lossy(other));
        }
    }
}
