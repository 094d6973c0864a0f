//! Client keys with scopes, models and an end: what each may ask for, and what is logged of those who may not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::rc::Rc;

use kiro2api_tests::world::{Ask, Got, Instance, Operation, StoreKind, World, login};
use serde_json::json;

const KEYS: &str = r#"[
    {"key":"key-of-the-user","label":"user","scopes":["use"]},
    {"key":"key-of-the-metrics","label":"metrics","scopes":["metrics"]},
    {"key":"key-of-the-admin","label":"admin","scopes":["admin"]},
    {"key":"key-of-the-usual","label":"usual"}
]"#;
const BODY: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}"#;
const INPUT: &str = r#"{"model":"claude-sonnet-4-5","input":"hi"}"#;

fn world(keys: &str) -> (World, Rc<Instance>) {
    let world = World::new(StoreKind::Compare);
    let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::social()), ("KIRO_CLIENT_TOKEN", keys)]);
    (world, instance)
}

fn with(key: &str, method: &str, path: &str, body: &str) -> Ask {
    let ask = if body.is_empty() { Ask::new(method, path) } else { Ask::post(path, body) };
    ask.without_key().header("x-api-key", key)
}

fn message(key: &str, model: &str) -> Ask {
    with(key, "POST", "/v1/messages", &BODY.replace("claude-sonnet-4-5", model))
}

fn kind(got: &Got) -> String {
    let error = &got.json()["error"];
    format!("{}/{}", error["type"].as_str().unwrap_or_default(), error["code"].as_str().unwrap_or_default())
}

#[test]
fn every_route_opens_to_its_scopes_alone() {
    let (world, instance) = world(KEYS);
    let use_it: &[&str] = &["user", "usual"];
    let routes: &[(&str, &str, &str, &[&str])] = &[
        ("POST", "/v1/messages", BODY, use_it),
        ("POST", "/v1/messages/count_tokens", BODY, use_it),
        ("POST", "/v1/chat/completions", BODY, use_it),
        ("POST", "/v1/responses", INPUT, use_it),
        ("POST", "/v1/responses/input_tokens", INPUT, use_it),
        ("GET", "/v1/responses/resp_1", "", use_it),
        ("DELETE", "/v1/responses/resp_1", "", use_it),
        ("GET", "/v1/responses/resp_1/input_items", "", use_it),
        ("POST", "/v1/responses/resp_1/cancel", "{}", use_it),
        ("GET", "/v1/models", "", use_it),
        ("HEAD", "/v1/models", "", use_it),
        ("GET", "/v1/models/claude-sonnet-4-5", "", use_it),
        ("GET", "/stats/token-pool", "", &["metrics", "admin", "usual"]),
        ("HEAD", "/v1/stats/token-pool", "", &["metrics", "admin", "usual"]),
        ("GET", "/stats/token-pool?refresh=0", "", &["metrics", "admin", "usual"]),
        ("GET", "/stats/token-pool?refresh=1", "", &["admin"]),
        ("GET", "/health?deep=1", "", &["user", "metrics", "admin", "usual"]),
        ("GET", "/health", "", &["user", "metrics", "admin", "usual"]),
        ("GET", "/", "", &["user", "metrics", "admin", "usual"]),
    ];
    for (method, path, body, allowed) in routes {
        for label in ["user", "metrics", "admin", "usual"] {
            let got = world.ask(&instance, &with(&format!("key-of-the-{label}"), method, path, body));
            let opens = allowed.contains(&label);
            assert_eq!(got.status() != 403, opens, "{method} {path} {label}: {}", got.text());
            assert_ne!(got.status(), 401, "{method} {path} {label}");
            let line = got.summary();
            assert_eq!(line.get("audit") == Some(&json!("refused")), !opens, "{line}");
            if !opens {
                assert!(got.text().contains("it needs the scope"), "{}", got.text());
                let openai = path.starts_with("/v1/chat") || path.starts_with("/v1/responses");
                assert_eq!(kind(&got).starts_with("permission_error"), !openai || kind(&got).contains("permission"));
                assert_eq!(
                    (&line["key"], &line["status"], &line["level"]),
                    (&json!(label), &json!(403), &json!("warn"))
                );
                assert!(line["route"].as_str().unwrap().starts_with(method), "{line}");
                assert!(line["error"].is_string() && line["timestamp"].is_string());
            }
        }
    }
    let refused: Vec<_> = instance.log().into_iter().filter(|line| line.contains("\"audit\":\"refused\"")).collect();
    let expected: usize = routes.iter().map(|(.., allowed)| 4 - allowed.len()).sum();
    assert_eq!(refused.len(), expected, "one line for each");
}

#[test]
fn who_comes_without_a_valid_key_is_logged_as_unknown() {
    let (world, instance) = world(KEYS);
    for ask in [message("stolen-key-value", "claude-sonnet-4-5"), Ask::messages(BODY).without_key()] {
        let got = world.ask(&instance, &ask);
        assert_eq!(got.status(), 401);
        let line = got.summary();
        assert_eq!((&line["key"], &line["audit"]), (&json!("unknown"), &json!("refused")));
        assert!(!line.to_string().contains("stolen-key-value"), "{line}");
    }
    assert!(world.service.sent().is_empty());
}

#[test]
fn a_key_opens_until_its_end_and_is_told_so_afterwards() {
    // The world begins in 2026.
    let begins = kiro2api_tests::world::START;
    let ends = (begins + kiro2api_core::Millis::mins(10)).rfc3339();
    let (world, instance) = world(&format!(r#"[{{"key":"short-lived-key","label":"guest","expires":"{ends}"}}]"#));
    assert_eq!(world.ask(&instance, &message("short-lived-key", "claude-sonnet-4-5")).status(), 200);
    world.pass(10 * 60 * 1000);
    let sent = world.service.sent().len();
    for ask in [
        message("short-lived-key", "claude-sonnet-4-5"),
        with("short-lived-key", "GET", "/v1/models", ""),
        with("short-lived-key", "GET", "/stats/token-pool", ""),
        with("short-lived-key", "GET", "/health?deep=1", ""),
        with("short-lived-key", "POST", "/v1/chat/completions", BODY),
    ] {
        let got = world.ask(&instance, &ask);
        assert_eq!(got.status(), 401, "{}", got.text());
        assert!(got.text().contains("has expired"), "{}", got.text());
        let line = got.summary();
        assert_eq!((&line["key"], &line["audit"]), (&json!("guest"), &json!("refused")));
    }
    assert_eq!(world.service.sent().len(), sent);
}

#[test]
fn a_key_is_held_to_its_models() {
    let keys = r#"[{"key":"small-key","label":"small","models":["claude-haiku-4.5","claude-sonnet-4-5-latest"]},{"key":"large-key"}]"#;
    let (world, instance) = world(keys);
    for model in ["claude-haiku-4-5", "claude-haiku-4-5-20251001", "claude-3-5-haiku-20241022", "claude-sonnet-4.5"] {
        let got = world.ask(&instance, &message("small-key", model));
        assert_eq!(got.status(), 200, "{model}: {}", got.text());
    }
    let chats = world.service.count(Operation::Chat);
    let picture = r#"{"model":"claude-opus-4-6","max_tokens":10,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://pictures.example/a.png"}}]}]}"#;
    for ask in [
        message("small-key", "claude-opus-4-6"),
        with("small-key", "POST", "/v1/messages", picture),
        with("small-key", "POST", "/v1/chat/completions", &BODY.replace("claude-sonnet-4-5", "claude-opus-4-6")),
        with("small-key", "POST", "/v1/responses", &INPUT.replace("claude-sonnet-4-5", "claude-opus-4-6")),
    ] {
        let got = world.ask(&instance, &ask);
        assert_eq!(got.status(), 403, "{}", got.text());
        assert!(got.text().contains("may not use the model") && got.text().contains("it may use"), "{}", got.text());
        assert!(got.text().contains("claude-haiku-4-5") && got.text().contains("claude-sonnet-4-5"), "{}", got.text());
        assert_eq!(got.summary()["audit"], "refused");
    }
    assert_eq!((world.service.count(Operation::Chat), world.service.count(Operation::Media)), (chats, 0));
    assert_eq!(world.ask(&instance, &message("small-key", "no-such-model")).status(), 404);
    assert_eq!(world.ask(&instance, &message("large-key", "claude-opus-4-6")).status(), 200);
    let listed = |key: &str| {
        let got = world.ask(&instance, &with(key, "GET", "/v1/models", ""));
        got.json()["data"].as_array().unwrap().len()
    };
    assert_eq!(listed("small-key"), 2);
    assert!(listed("large-key") > 5);
    let one =
        |model: &str| world.ask(&instance, &with("small-key", "GET", &format!("/v1/models/{model}"), "")).status();
    assert_eq!([one("claude-haiku-4-5"), one("claude-opus-4-6")], [200, 404]);
}

#[test]
fn a_key_whose_models_nobody_knows_is_noted_and_opens_none() {
    let (world, instance) = world(r#"[{"key":"odd-key","label":"odd","models":["model-of-tomorrow"]}]"#);
    assert!(instance.log().iter().any(|line| line.contains("models[0] of the key") && line.contains("odd")));
    let got = world.ask(&instance, &message("odd-key", "claude-sonnet-4-5"));
    assert_eq!(got.status(), 403, "{}", got.text());
    assert!(got.text().contains("not known to this gateway"), "{}", got.text());
}

#[test]
fn keys_that_cannot_be_read_are_named_by_index_and_field_and_close_the_gateway() {
    for (keys, told) in [
        (r#"[{"key":"fine-key"},{"key":"other-key","rpm":60}]"#, "[1].rpm: is not supported by this version"),
        (r#"{"key":"fine-key","max_concurrent":2}"#, "max_concurrent: is not supported by this version"),
        (r#"[{"key":"fine-key","expires":"soon"}]"#, "[0].expires: give"),
        (r#"[{"key":"fine-key"},{"key":"fine-key"}]"#, "[1].key: is the same key"),
        ("[]", "no client key is set"),
    ] {
        let (world, instance) = world(keys);
        for ask in [message("fine-key", "claude-sonnet-4-5"), with("fine-key", "GET", "/v1/models", "")] {
            let got = world.ask(&instance, &ask);
            assert_eq!(got.status(), 503, "{keys}: {}", got.text());
            assert!(
                got.error_text().contains("KIRO_CLIENT_TOKEN") && got.error_text().contains(told),
                "{}",
                got.text()
            );
            assert!(!got.text().contains("fine-key") && !got.text().contains("other-key"), "{}", got.text());
        }
        assert!(!instance.log().join("").contains("fine-key"));
    }
}
