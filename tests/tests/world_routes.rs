//! Routes, keys, configuration and pages: everything that needs no model.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use kiro2api_core::host::{MAX_BODY, Payload};
use kiro2api_tests::world::{Ask, CLIENT_KEY, Got, Operation, StoreKind, World, login};

const BODY: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}"#;

fn error(got: &Got) -> (u16, String) {
    assert_eq!(got.header("content-type"), Some("application/json"));
    assert_eq!(got.json()["type"], "error", "{}", got.text());
    assert_eq!(got.json()["request_id"].as_str(), got.header("request-id"));
    (got.status(), got.error_type())
}

#[test]
fn a_key_in_either_header_opens_and_nothing_else_does() {
    let world = World::default();
    let instance = world.instance();
    let open = |ask: Ask| world.ask(&instance, &ask).status();
    let bare = || Ask::messages(BODY).without_key();
    assert_eq!(open(bare().header("x-api-key", CLIENT_KEY)), 200);
    assert_eq!(open(bare().header("authorization", &format!("Bearer {CLIENT_KEY}"))), 200);
    assert_eq!(open(bare().header("authorization", &format!("bearer {CLIENT_KEY}"))), 200);
    for ask in [
        bare(),
        bare().header("x-api-key", ""),
        bare().header("x-api-key", "wrong-key"),
        bare().header("authorization", "Bearer wrong-key"),
        bare().header("authorization", CLIENT_KEY),
        bare().header("authorization", &format!("Basic {CLIENT_KEY}")),
        bare().header("x-api-key", &CLIENT_KEY[..CLIENT_KEY.len() - 1]),
    ] {
        let got = world.ask(&instance, &ask);
        assert_eq!(error(&got), (401, "authentication_error".into()));
    }
    for path in ["/v1/models", "/v1/messages/count_tokens", "/health?deep=1"] {
        let ask = if path.ends_with("tokens") { Ask::post(path, BODY) } else { Ask::get(path) };
        assert_eq!(world.ask(&instance, &ask.without_key()).status(), 401, "{path}");
    }
    let calls = world.service.count(Operation::Chat);
    assert_eq!(calls, 3, "a refused request reaches nobody");
}

#[test]
fn an_unconfigured_gateway_says_what_to_set_and_serves_nothing() {
    let no_account = World::default();
    let instance = no_account.instance_with(&[]);
    for path in ["/v1/messages", "/v1/messages/count_tokens"] {
        let got = no_account.ask(&instance, &Ask::post(path, BODY));
        assert_eq!(error(&got), (503, "api_error".into()), "{path}");
        assert!(got.error_text().contains("KIRO_AUTH_TOKEN"), "{}", got.error_text());
        assert_eq!(got.header("x-should-retry"), Some("false"));
    }
    let world = World::default();
    let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::social()), ("KIRO_CLIENT_TOKEN", "")]);
    for ask in [
        Ask::messages(BODY),
        Ask::messages(BODY).without_key(),
        Ask::get("/v1/models"),
        Ask::messages(BODY).without_key().header("x-api-key", "123456"),
    ] {
        let got = world.ask(&instance, &ask);
        assert_eq!(got.status(), 503, "no default key: {}", got.text());
        assert!(got.text().contains("KIRO_CLIENT_TOKEN"));
    }
    assert_eq!(world.ask(&instance, &Ask::get("/health")).status(), 200);
    assert_eq!(world.service.sent().len(), 0);
}

#[test]
fn a_value_that_cannot_be_read_is_named_and_never_shown() {
    for (name, value) in [
        ("KIRO_AUTH_TOKEN", r#"[{"auth":"Social","refreshToken":7}]"#),
        ("KIRO_AUTH_TOKEN", "not json aorSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRET"),
        ("KIRO_API_BASE", "ftp://user:hunter2@host/"),
        ("REQUEST_TIMEOUT_MINUTES", "soon"),
        ("TOKEN_REFRESH_TIMEOUT", "-1s"),
        ("TOKEN_SELECTION_STRATEGY", "random"),
        ("TOKEN_STORE_KEY", "short"),
    ] {
        let world = World::default();
        let social = login::social();
        let mut variables = vec![("KIRO_AUTH_TOKEN", social.as_str())];
        variables.push((name, value));
        let instance = world.instance_with(&variables);
        let got = world.ask(&instance, &Ask::messages(BODY));
        assert_eq!(got.status(), 503, "{name}: {}", got.text());
        assert!(got.error_text().contains(name), "{name}: {}", got.error_text());
        let everything = format!("{}{}", got.text(), instance.log().join(""));
        assert!(!everything.contains("hunter2") && !everything.contains("SECRETSECRET"), "{everything}");
    }
}

#[test]
fn paths_and_methods_are_answered_in_the_right_dialect() {
    let world = World::default();
    let instance = world.instance();
    let ask = |method: &str, path: &str| world.ask(&instance, &Ask::new(method, path));
    for path in ["/v1/nothing", "/v2/messages", "/api/hello", "/v1/messages/batches", "/v1/../etc/passwd", "/%00"] {
        assert_eq!(error(&ask("GET", path)), (404, "not_found_error".into()), "{path}");
    }
    for path in ["/v1/chat/completions/x", "/v1/embeddings"] {
        let got = ask("POST", path);
        assert_eq!(got.status(), 404, "{path}");
        assert!(got.json()["error"]["message"].is_string());
    }
    for (method, path, allow) in [
        ("GET", "/v1/messages", "POST, OPTIONS"),
        ("DELETE", "/v1/models", "GET, HEAD, OPTIONS"),
        ("PUT", "/health", "GET, HEAD, OPTIONS"),
    ] {
        let got = ask(method, path);
        assert_eq!((got.status(), got.header("allow")), (405, Some(allow)), "{method} {path}");
    }
    for path in ["/messages", "/v1/v1/messages", "/v1/messages/", "/v1/messages?beta=true"] {
        assert_eq!(world.ask(&instance, &Ask::post(path, BODY)).status(), 200, "{path}");
    }
    for (method, path) in [("GET", "/"), ("HEAD", "/"), ("GET", "/health"), ("HEAD", "/health")] {
        let got = world.ask(&instance, &Ask::new(method, path).without_key());
        assert_eq!(got.status(), 200, "{method} {path}");
    }
    assert_eq!(error(&world.ask(&instance, &Ask::new("HEAD", "/api/hello").without_key())).0, 404);
}

#[test]
fn models_come_in_the_dialect_of_the_caller() {
    let world = World::default();
    let instance = world.instance();
    let anthropic = world.ask(&instance, &Ask::get("/v1/models?limit=2")).json();
    assert_eq!(anthropic["data"].as_array().unwrap().len(), 2);
    assert_eq!((&anthropic["has_more"], &anthropic["data"][0]["type"]), (&true.into(), &"model".into()));
    let bearer = format!("Bearer {CLIENT_KEY}");
    let openai = world.ask(&instance, &Ask::get("/v1/models").without_key().header("authorization", &bearer)).json();
    assert_eq!((&openai["object"], &openai["data"][0]["object"]), (&"list".into(), &"model".into()));
    let one = world.ask(&instance, &Ask::get("/v1/models/claude-sonnet-4-5-20250929"));
    assert_eq!(one.status(), 200, "{}", one.text());
    assert_eq!(world.ask(&instance, &Ask::get("/v1/models/gpt-99")).status(), 404);
    assert_eq!(world.service.sent().len(), 0);
}

#[test]
fn tokens_are_counted_without_the_service() {
    let world = World::default();
    let instance = world.instance();
    let got = world.ask(
        &instance,
        &Ask::post(
            "/v1/messages/count_tokens",
            r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"How many tokens is this?"}]}"#,
        ),
    );
    let tokens = got.json()["input_tokens"].as_u64().unwrap();
    assert!((5..50).contains(&tokens), "{tokens}");
    assert_eq!(world.service.sent().len(), 0);
}

#[test]
fn browsers_are_answered_by_the_configured_origins() {
    let world = World::default();
    let any = world.instance();
    let preflight = Ask::new("OPTIONS", "/v1/messages")
        .without_key()
        .header("origin", "https://a.example")
        .header("access-control-request-headers", "x-api-key, anthropic-beta");
    let got = world.ask(&any, &preflight);
    assert_eq!((got.status(), got.header("access-control-allow-origin")), (204, Some("*")));
    assert_eq!(got.header("access-control-allow-headers"), Some("x-api-key, anthropic-beta"));
    let listed = world.instance_with(&[
        ("KIRO_AUTH_TOKEN", &login::social()),
        ("CORS_ALLOW_ORIGINS", "https://a.example, https://b.example/"),
    ]);
    assert_eq!(world.ask(&listed, &preflight).header("access-control-allow-origin"), Some("https://a.example"));
    let other = Ask::messages(BODY).header("origin", "https://evil.example");
    assert_eq!(world.ask(&listed, &other).header("access-control-allow-origin"), None);
    for got in [world.ask(&any, &Ask::messages(BODY)), world.ask(&any, &Ask::get("/v1/nothing"))] {
        assert!(got.header("access-control-allow-credentials").is_none());
        assert_eq!(got.header("access-control-allow-origin"), Some("*"));
    }
}

#[test]
fn every_answer_carries_a_request_id_of_its_own() {
    let world = World::default();
    let instance = world.instance();
    let asks = [
        Ask::messages(BODY),
        Ask::get("/health"),
        Ask::get("/"),
        Ask::get("/nothing"),
        Ask::messages("{").without_key(),
        Ask::messages("{"),
    ];
    let ids: std::collections::BTreeSet<String> = asks
        .iter()
        .map(|ask| world.ask(&instance, ask).header("request-id").expect("a request-id").to_owned())
        .collect();
    assert_eq!(ids.len(), asks.len());
}

#[test]
fn bodies_that_the_host_could_not_read_are_told_apart() {
    let world = World::default();
    let instance = world.instance();
    let got = world.ask(&instance, &Ask::messages("").body(Payload::TooLarge { limit: MAX_BODY }));
    assert_eq!(error(&got), (413, "request_too_large".into()));
    let got = world.ask(&instance, &Ask::messages("").body(Payload::Broken("the upload broke off")));
    assert_eq!(error(&got), (400, "invalid_request_error".into()));
    assert!(got.error_text().contains("broke off"));
}

#[test]
fn a_body_that_a_platform_does_not_take_is_told_with_its_limit_and_where_more_is_taken() {
    let world = World::default();
    let instance = world.instance();
    for path in ["/v1/messages", "/v1/messages/count_tokens", "/v1/chat/completions", "/v1/responses"] {
        for (limit, told, elsewhere) in
            [(MAX_BODY, "32 MiB", false), (6_291_556, "6 MiB", true), (3 << 19, "1.5 MiB", true)]
        {
            let got = world.ask(&instance, &Ask::post(path, "").body(Payload::TooLarge { limit }));
            assert_eq!(got.status(), 413, "{path}: {}", got.text());
            let text = got.error_text();
            assert!(text.contains(&format!("larger than {told}: send fewer")), "{path}: {text}");
            assert_eq!(text.contains("deployed on Cloudflare Workers it takes up to 32 MiB"), elsewhere, "{text}");
        }
    }
}

#[test]
fn the_log_has_one_line_for_each_request_and_no_word_of_the_conversation() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    let got = world.ask(&instance, &Ask::prompt("my secret plan", true));
    let line = got.summary();
    for (name, value) in [
        ("message", "request"),
        ("service", "kiro2api"),
        ("account", "only"),
        ("key", "key-1"),
        ("stop", "end_turn"),
        ("model", "claude-sonnet-4-5"),
    ] {
        assert_eq!(line[name], value, "{line}");
    }
    assert_eq!(line["request_id"].as_str(), got.header("request-id"));
    assert_eq!((line["status"].as_u64(), line["attempts"].as_u64()), (Some(200), Some(1)));
    assert!(!instance.log().join("").contains("my secret plan"));
    assert_eq!(instance.log().iter().filter(|line| line.contains("\"message\":\"request\"")).count(), 1);
}

#[test]
fn openai_clients_find_the_request_id_where_their_sdks_look() {
    let world = World::default();
    let instance = world.instance();
    for path in ["/v1/chat/completions", "/v1/responses", "/v1/embeddings"] {
        let got = world.ask(&instance, &Ask::post(path, "{"));
        assert_eq!(got.header("x-request-id"), got.header("request-id"), "{path}");
        assert!(got.header("x-request-id").unwrap().starts_with("req_"), "{path}");
    }
    assert_eq!(world.ask(&instance, &Ask::messages(BODY)).header("x-request-id"), None);
}
