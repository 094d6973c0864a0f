//! The function's program under an emulated platform: events in, answers out, and it lives on.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::path::Path;
use std::process::Command;

use kiro2api_tests::accounts::credentials;
use kiro2api_tests::runtime_api::{Answer, End, Environment, Invocation, Leave, Plan, Request};
use kiro2api_tests::{Config, Upstream};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kiro2api-lambda");

fn function() -> Environment {
    Environment::start(&Plan::new(Path::new(PROGRAM))).unwrap()
}

fn request(method: &str, target: &str) -> Request {
    Request::new(method, target).header("Origin", "https://app.example")
}

/// The whole answer to an event, which the platform must have found in order.
fn ask(function: &Environment, event: &Value) -> Answer {
    raw(function, event.to_string().as_bytes())
}

fn raw(function: &Environment, event: &[u8]) -> Answer {
    let answer = function.invoke(Invocation::raw(event)).unwrap().whole().unwrap();
    let shown = String::from_utf8_lossy(event);
    assert!(matches!(answer.end, End::Complete | End::Buffered(_)), "{shown}: {:?}", answer.end);
    assert_eq!(function.api().offences(), Vec::<String>::new(), "{shown}");
    answer
}

#[test]
fn requests_of_a_function_url_are_answered_as_streams() {
    let function = function();
    let answer = ask(&function, &request("GET", "/health").function_url());
    assert_eq!((answer.status(), &answer.end), (200, &End::Complete));
    let head = answer.head.as_ref().unwrap();
    assert_eq!(head.header("content-type"), Some("application/json"));
    serde_json::from_str::<Value>(&answer.text()).unwrap();
    let bare = ask(&function, &request("HEAD", "/health").function_url());
    assert_eq!((bare.status(), bare.text().as_str()), (200, ""));
    assert_eq!(bare.head.unwrap().header("content-type"), Some("application/json"));
    let preflight = ask(&function, &request("OPTIONS", "/v1/messages").function_url());
    assert_eq!((preflight.status(), preflight.text().as_str()), (204, ""));
    assert!(preflight.head.unwrap().header("access-control-allow-origin").is_some());
}

#[test]
fn requests_of_an_http_api_are_answered_whole_and_without_its_stage() {
    let function = function();
    for stage in ["prod", "$default"] {
        let End::Buffered(answer) = ask(&function, &request("GET", "/health").http_api(stage)).end else { panic!() };
        assert_eq!(
            (&answer["statusCode"], &answer["headers"]["content-type"]),
            (&json!(200), &json!("application/json"))
        );
        serde_json::from_str::<Value>(answer["body"].as_str().unwrap()).unwrap();
    }
}

#[test]
fn bad_events_are_refused_in_a_clients_dialect_and_are_no_function_errors() {
    let function = function();
    let mut events: Vec<Vec<u8>> = [
        "{}",
        "[]",
        "null",
        "{",
        "",
        r#"{"Records":[{"eventSource":"aws:s3"}]}"#,
        r#"{"version":"0","source":"aws.events","detail":{}}"#,
    ]
    .map(Into::into)
    .into();
    events.push(b"\xff\xfe".to_vec());
    for (name, value) in [
        ("version", json!("3.0")),
        ("version", json!(2)),
        ("requestContext", Value::Null),
        ("headers", json!({ "a": ["b"] })),
        ("headers", json!({ "a": "b\r\nc: d" })),
        ("isBase64Encoded", json!("yes")),
    ] {
        let mut event = request("POST", "/v1/messages").function_url();
        event[name] = value;
        events.push(event.to_string().into());
    }
    for event in events {
        let answer = raw(&function, &event);
        let error: Value = serde_json::from_str(&answer.text()).unwrap();
        let shown = format!("{}: {error}", String::from_utf8_lossy(&event));
        assert_eq!((answer.status(), &error["type"]), (400, &json!("error")), "{shown}");
        assert_eq!(error["error"]["type"], "invalid_request_error", "{shown}");
    }
    let mut openai = request("POST", "/v1/chat/completions").function_url();
    openai["version"] = "1.0".into();
    let answer = ask(&function, &openai);
    let error: Value = serde_json::from_str(&answer.text()).unwrap();
    assert_eq!((answer.status(), error.get("type"), &error["error"]["param"]), (400, None, &Value::Null), "{error}");
    for (method, path, status) in [("BREW", "/v1/messages", 405), ("GET", "/\u{0}?#ü", 404), ("GET", "", 200)] {
        let mut event = request(method, "/").function_url();
        event["rawPath"] = path.into();
        assert_eq!(ask(&function, &event).status(), status, "{method} {path:?}");
    }
}

#[test]
fn a_body_that_arrived_broken_or_not_at_all_is_refused_in_the_dialect_of_its_path() {
    let function = Environment::start(&configured()).unwrap();
    for (path, typed) in [("/v1/messages", true), ("/v1/chat/completions", false), ("/v1/responses", false)] {
        let mut missing = keyed(path).function_url();
        missing.as_object_mut().unwrap().remove("body");
        let mut broken = keyed(path).function_url();
        broken["body"] = "{no base64}".into();
        broken["isBase64Encoded"] = true.into();
        let mut packed = keyed(path).header("content-encoding", "br").function_url();
        packed["body"] = "x".into();
        for event in [missing, broken, packed] {
            let answer = ask(&function, &event);
            let error: Value = serde_json::from_str(&answer.text()).unwrap();
            assert_eq!((answer.status(), error["type"] == "error"), (400, typed), "{path}: {error}");
        }
    }
}

#[test]
fn a_client_that_leaves_in_mid_stream_ends_the_services_answer_and_not_the_function() {
    let upstream = Upstream::start(Config::default()).unwrap();
    let function = with_service(&upstream, 1);
    for how in [Leave::Close, Leave::Reset, Leave::Refuse] {
        let event = prompt("@sim text \"begin\"; stall", true).function_url();
        let mut answering = function.invoke(Invocation::new(&event)).unwrap();
        answering.until("begin").unwrap();
        let before = gone(&function);
        answering.leave(how);
        function.lines(before + 1, is_departure).unwrap();
        let answer = ask(&function, &prompt("@sim text \"whole\"", true).function_url());
        assert!(answer.status() == 200 && answer.text().contains("message_stop"), "{how:?}: {}", answer.text());
    }
}

/// How many exchanges have told in the log that their client left.
fn gone(function: &Environment) -> usize {
    function.log().iter().filter(|line| is_departure(line)).count()
}

fn is_departure(line: &str) -> bool {
    line.contains("client gone: cancelled")
}

#[test]
fn the_environment_may_stop_as_soon_as_an_answer_is_over() {
    let upstream = Upstream::start(Config::default()).unwrap();
    let function = with_service(&upstream, 1);
    for stream in [true, false] {
        let event = prompt("@sim text \"x\"", stream);
        let lines = function.log().len();
        assert_eq!(ask(&function, &event.function_url()).status(), 200);
        // Everything the exchange had to do was done before its answer ended, the log line last.
        function.freeze().unwrap();
        assert!(function.lines(lines + 1, |_| true).is_ok());
        function.thaw().unwrap();
    }
}

#[test]
fn one_environment_answers_several_requests_side_by_side_where_the_platform_asks_for_it() {
    let upstream = Upstream::start(Config::default()).unwrap();
    let function = with_service(&upstream, 2);
    let event = prompt("@sim text \"begin\"; stall", true).function_url();
    let mut first = function.invoke(Invocation::new(&event)).unwrap();
    first.until("begin").unwrap();
    let second = ask(&function, &prompt("@sim text \"whole\"", true).function_url());
    assert!(second.text().contains("message_stop"), "{}", second.text());
    assert!(first.end().is_none());
}

#[test]
fn away_from_the_platform_the_program_says_where_it_belongs() {
    let output = Command::new(PROGRAM).env_clear().output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("AWS_LAMBDA_RUNTIME_API is not set"), "{text}");
}

fn keyed(path: &str) -> Request {
    request("POST", path).header("X-Api-Key", KEY)
}

fn prompt(text: &str, stream: bool) -> Request {
    keyed("/v1/messages").json(&json!({
        "model": "claude-sonnet-4.5", "max_tokens": 1000, "stream": stream,
        "messages": [{ "role": "user", "content": text }],
    }))
}

fn configured() -> Plan {
    let token = credentials(&Config::default().accounts).to_string();
    Plan::new(Path::new(PROGRAM)).with("KIRO_CLIENT_TOKEN", KEY).with("KIRO_AUTH_TOKEN", &token)
}

fn with_service(upstream: &Upstream, concurrency: usize) -> Environment {
    let url = upstream.url();
    let names = ["KIRO_API_BASE", "KIRO_AUTH_BASE", "KIRO_OIDC_BASE"];
    let plan = names.iter().fold(configured(), |plan, name| plan.with(name, &url));
    Environment::start(&Plan { concurrency, ..plan }).unwrap()
}

const KEY: &str = "a-client-key-of-32-characters-00";
