//! What every answer to bad input must be, and what bad input is made of.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::rc::Rc;

use kiro2api_tests::world::{Got, Instance, Kind, World, login};
use serde_json::{Value, json};

/// Whatever came: an answer in good order, or an error in the dialect that is not the gateway's own fault.
pub(crate) fn is_sound(got: &Got, what: &str) {
    match got.kind {
        Kind::Nothing => panic!("{what}: no answer"),
        Kind::Answer if got.status() == 200 => assert!(got.json().is_object(), "{what}: {}", got.text()),
        Kind::Answer => {
            let body = got.json();
            assert_eq!(body["type"], "error", "{what}: {}", got.text());
            assert!(
                body["error"]["type"].is_string()
                    && body["error"]["message"].as_str().is_some_and(|text| !text.is_empty()),
                "{what}"
            );
            assert_ne!(got.status(), 500, "{what}: {}", got.text());
            assert!(got.body.len() < 4_000, "{what}: an error of {} bytes", got.body.len());
        }
        Kind::Stream => {
            let names = got.names();
            assert!(
                matches!(names.last().map(String::as_str), Some("message_stop" | "error")),
                "{what}: ends with {:?}",
                names.last()
            );
        }
    }
}

/// A world with an API key for an account: nothing but the turn itself is sent.
pub(crate) fn world() -> (World, Rc<Instance>) {
    let world = World::default();
    let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::key())]);
    (world, instance)
}

/// The JSON pointers of everything in a value, but not of itself.
pub(crate) fn collect(value: &Value, path: String, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| collect(value, format!("{path}/{name}"), out))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| collect(value, format!("{path}/{at}"), out))
        }
        _ => {}
    }
    if !path.is_empty() {
        out.push(path);
    }
}

/// What is put where something else belongs.
pub(crate) fn wrong_values() -> [Value; 14] {
    [
        json!(null),
        json!(true),
        json!(-1),
        json!(7),
        json!(1.5),
        json!(1e308),
        json!(""),
        json!("text"),
        json!([]),
        json!([null]),
        json!([[]]),
        json!({}),
        json!({"type": 7}),
        json!({"type": "nonsense"}),
    ]
}
