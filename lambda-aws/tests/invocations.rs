//! The function's program under a Runtime API: events in, answers out, and it lives on.
#![allow(clippy::expect_used, clippy::panic, reason = "a test")]

mod platform;

use serde_json::{Value, json};

use platform::{Function, program};

fn event(method: &str, path: &str) -> Value {
    json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "host": "localhost", "Origin": "https://app.example" },
        "requestContext": { "http": { "method": method }, "stage": "$default", "domainName": "localhost" },
        "isBase64Encoded": false
    })
}

/// Invokes with an event of a function URL: the status, the headers and the body.
fn ask(function: &Function, event: &str) -> (u64, Value, String) {
    let posted = function.invoke(event);
    assert_eq!((posted.kind.as_str(), posted.streamed), ("response", true), "{event}");
    assert_eq!(posted.invocation, "8476a536 try-1");
    let (mut head, body) = posted.parts();
    (head["statusCode"].as_u64().expect("a status"), head["headers"].take(), body.to_owned())
}

#[test]
fn requests_of_a_function_url_are_answered_as_streams() {
    let function = Function::start(0);
    let (status, headers, body) = ask(&function, &event("GET", "/health").to_string());
    assert_eq!((status, &headers["content-type"]), (200, &json!("application/json")), "{body}");
    serde_json::from_str::<Value>(&body).expect("JSON");
    let (status, head_of, body) = ask(&function, &event("HEAD", "/health").to_string());
    assert_eq!((status, body.as_str()), (200, ""));
    assert_eq!(head_of["content-type"], headers["content-type"]);
    let (status, headers, body) = ask(&function, &event("OPTIONS", "/v1/messages").to_string());
    assert_eq!((status, body.as_str()), (204, ""));
    assert_ne!(headers["access-control-allow-origin"], Value::Null);
}

#[test]
fn requests_of_an_api_gateway_are_answered_whole_and_without_its_stage() {
    let function = Function::start(0);
    let mut event = event("GET", "/prod/health");
    event["requestContext"]["stage"] = "prod".into();
    event["requestContext"]["domainName"] = "abc.execute-api.eu-west-1.amazonaws.com".into();
    let posted = function.invoke(&event.to_string());
    assert_eq!((posted.kind.as_str(), posted.streamed), ("response", false));
    let answer: Value = serde_json::from_slice(&posted.body).expect("JSON");
    assert_eq!((&answer["statusCode"], &answer["headers"]["content-type"]), (&json!(200), &json!("application/json")));
    serde_json::from_str::<Value>(answer["body"].as_str().expect("text")).expect("JSON");
}

#[test]
fn bad_events_are_refused_in_a_clients_dialect_and_never_end_the_function() {
    let function = Function::start(0);
    let mut events: Vec<String> = [
        "{}",
        "[]",
        "null",
        "{",
        r#"{"Records":[{"eventSource":"aws:s3"}]}"#,
        r#"{"version":"0","source":"aws.events","detail":{}}"#,
    ]
    .map(str::to_owned)
    .into();
    for (name, value) in [
        ("version", json!("3.0")),
        ("version", json!(2)),
        ("requestContext", Value::Null),
        ("headers", json!({ "a": ["b"] })),
        ("headers", json!({ "a": "b\r\nc: d" })),
        ("isBase64Encoded", json!("yes")),
    ] {
        let mut event = event("POST", "/v1/messages");
        event[name] = value;
        events.push(event.to_string());
    }
    for event in events {
        let (status, _, body) = ask(&function, &event);
        let error: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!((status, &error["type"]), (400, &json!("error")), "{event}: {body}");
        assert_eq!(error["error"]["type"], "invalid_request_error", "{event}: {body}");
    }
    let mut openai = event("POST", "/v1/chat/completions");
    openai["version"] = "1.0".into();
    let (status, _, body) = ask(&function, &openai.to_string());
    let error: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, error.get("type"), &error["error"]["param"]), (400, None, &Value::Null), "{body}");
    for (method, path, expected) in [("BREW", "/v1/messages", 405), ("GET", "/\u{0}?#ü", 404), ("GET", "", 200)] {
        assert_eq!(ask(&function, &event(method, path).to_string()).0, expected, "{method} {path:?}");
    }
}

#[test]
fn an_answer_that_the_platform_cuts_off_is_not_the_end_of_the_function() {
    let function = Function::start(2);
    function.send(&event("GET", "/health").to_string());
    function.send(&event("GET", "/health").to_string());
    assert_eq!(ask(&function, &event("GET", "/health").to_string()).0, 200);
}

#[test]
fn the_function_ends_with_its_runtime_api() {
    let function = Function::start(0);
    ask(&function, &event("GET", "/health").to_string());
    assert!(!function.end());
}

#[test]
fn away_from_the_platform_the_program_says_where_it_belongs() {
    let output = program().output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("AWS_LAMBDA_RUNTIME_API is not set"), "{text}");
}
