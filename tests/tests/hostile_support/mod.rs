//! What every answer to bad input must be.

use std::rc::Rc;

use kiro2api_tests::world::{Got, Instance, Kind, World, login};

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
