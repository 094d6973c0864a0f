//! What becomes of an event. The service's and the client's side of it is in `tests/invocations.rs`.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use kiro2api_core::host::{MAX_BODY, header};
use serde_json::{Value, json};

use super::*;

const NOW: Millis = Millis(3);

fn event() -> Value {
    json!({
        "version": "2.0",
        "rawPath": "/v1/messages",
        "rawQueryString": "",
        "headers": { "content-type": "application/json" },
        "requestContext": {
            "http": { "method": "POST" }, "stage": "$default", "domainName": "abc.lambda-url.eu-west-1.on.aws"
        },
        "body": "{}",
        "isBase64Encoded": false
    })
}

fn of(event: &Value) -> Incoming {
    super::read(event.to_string().as_bytes(), NOW, Millis(7)).0
}

fn with(pointer: &str, name: &str, value: Value) -> Incoming {
    let mut event = event();
    event.pointer_mut(pointer).unwrap()[name] = value;
    of(&event)
}

fn refused(incoming: &Incoming) -> &'static str {
    match incoming.body {
        Payload::Broken(text) | Payload::NoRequest(text) => text,
        ref body => panic!("{body:?}"),
    }
}

fn bytes(incoming: &Incoming) -> &[u8] {
    match &incoming.body {
        Payload::Bytes(bytes) => bytes,
        body => panic!("{body:?}"),
    }
}

#[test]
fn a_request_is_read_as_the_client_sent_it() {
    let mut event = event();
    event["rawPath"] = "/v1/models/a%2Fb%20c".into();
    event["rawQueryString"] = "a=%20&a=b+c&&=".into();
    event["headers"] = json!({ "X-Api-KEY": "key, with, commas", "ACCEPT": "a/b, c/d", "x-empty": "", "x-latin": "é" });
    event["requestContext"]["http"]["method"] = "get".into();
    let incoming = of(&event);
    assert_eq!((incoming.method.as_str(), incoming.path.as_str()), ("GET", "/v1/models/a%2Fb%20c"));
    assert_eq!((incoming.query.as_str(), incoming.ends), ("a=%20&a=b+c&&=", Millis(7)));
    let of = |name| header(&incoming.headers, name);
    assert_eq!((of("x-api-key"), of("accept")), (Some("key, with, commas"), Some("a/b, c/d")));
    assert_eq!((of("x-empty"), of("x-latin")), (Some(""), Some("é")));
    assert_eq!(bytes(&incoming), b"{}");
}

#[test]
fn a_stage_with_a_name_is_taken_off_the_path() {
    for (stage, path, read) in [
        ("prod", "/prod/v1/messages", "/v1/messages"),
        ("prod", "/prod", "/"),
        ("prod", "/prod/", "/"),
        ("prod", "/production/v1", "/production/v1"),
        ("prod", "/v1/messages", "/v1/messages"),
        ("v1", "/v1/v1/messages", "/v1/messages"),
        ("$default", "/$default/x", "/$default/x"),
        ("", "/x", "/x"),
    ] {
        let mut event = event();
        event["rawPath"] = path.into();
        event["requestContext"]["stage"] = stage.into();
        assert_eq!(of(&event).path, read, "{stage} {path}");
    }
}

#[test]
fn bodies_come_as_text_as_base64_or_not_at_all() {
    assert_eq!(bytes(&with("", "body", "{\"é\":\"\\\"\"}".into())), "{\"é\":\"\\\"\"}".as_bytes());
    assert_eq!(bytes(&with("", "body", Value::Null)), b"");
    assert_eq!(bytes(&with("", "body", "".into())), b"");
    let mut base64 = event();
    base64["isBase64Encoded"] = true.into();
    base64["body"] = "AP/+e30=".into();
    assert_eq!(bytes(&of(&base64)), b"\x00\xff\xfe{}");
    for wrong in ["{}", "AP/+e30", "AP_-e30=", "AP/+ e30=", "=", "é"] {
        base64["body"] = wrong.into();
        assert!(refused(&of(&base64)).contains("base64"), "{wrong}");
    }
    base64["body"] = Value::Null;
    assert_eq!(bytes(&of(&base64)), b"");
}

fn packed(encoding: &str, bytes: &[u8]) -> Incoming {
    let mut event = event();
    event["isBase64Encoded"] = true.into();
    event["headers"]["Content-Encoding"] = encoding.into();
    event["body"] = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes).into();
    of(&event)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn packed_bodies_are_unpacked() {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(b"hello").unwrap();
    let (gzip, zlib) = (gzip(b"hello"), zlib.finish().unwrap());
    for (encoding, body) in [("gzip", &gzip), ("GZIP", &gzip), ("x-gzip", &gzip), ("deflate", &zlib)] {
        assert_eq!(bytes(&packed(encoding, body)), b"hello", "{encoding}");
    }
    assert_eq!(bytes(&packed("identity", b"hello")), b"hello");
    for (encoding, body) in
        [("gzip", &zlib[..]), ("deflate", &gzip[..]), ("gzip", &gzip[..gzip.len() - 1]), ("gzip", b"hello")]
    {
        assert!(refused(&packed(encoding, body)).contains("not what content-encoding says"), "{encoding}");
    }
    let tail = [&gzip[..], b"x"].concat();
    assert!(refused(&packed("gzip", &tail)).contains("not what content-encoding says"));
    for encoding in ["br", "zstd", "gzip, gzip"] {
        assert!(refused(&packed(encoding, b"hello")).contains("send gzip, deflate or none"), "{encoding}");
    }
}

#[test]
fn bodies_beyond_a_limit_are_told_which() {
    let limit = |incoming: Incoming| match incoming.body {
        Payload::TooLarge { limit } => Some(limit),
        Payload::Bytes(_) => None,
        body => panic!("{body:?}"),
    };
    let six = 6 * 1024 * 1024;
    assert_eq!(limit(with("", "body", "x".repeat(six).into())), None);
    assert_eq!(limit(with("", "body", "x".repeat(six + 1).into())), Some(six));
    assert_eq!(limit(packed("gzip", &gzip(&vec![0; MAX_BODY]))), None);
    assert_eq!(limit(packed("gzip", &gzip(&vec![0; MAX_BODY + 1]))), Some(MAX_BODY));
}

#[test]
fn what_is_no_http_request_is_refused_and_never_an_error() {
    for event in [
        "",
        "{",
        "{}",
        "[]",
        "[1, 2]",
        "null",
        "\"text\"",
        "\u{0}",
        r#"{"Records":[{"eventSource":"aws:s3","s3":{"object":{"key":"k"}}}]}"#,
        r#"{"version":"0","detail-type":"Scheduled Event","source":"aws.events","detail":{}}"#,
        r#"{"version":"1.0","path":"/v1/messages","httpMethod":"POST","requestContext":{"stage":"prod"},"body":"{}"}"#,
        r#"{"version":"2.0","rawPath":"/","requestContext":null}"#,
        r#"{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":7}}}"#,
        r#"{"version":"2.0","rawPath":7,"requestContext":{"http":{"method":"GET"}}}"#,
        r#"{"version":"2.0","requestContext":{"http":{"method":"GET"}},"headers":{"a b":"c"}}"#,
        r#"{"version":"2.0","requestContext":{"http":{"method":"GET"}},"headers":{"a":"b\nc: d"}}"#,
        r#"{"version":"2.0","requestContext":{"http":{"method":"GET"}},"headers":{"a":["b"]}}"#,
    ] {
        let (incoming, _) = super::read(event.as_bytes(), NOW, Millis::NEVER);
        assert!(refused(&incoming).contains("no HTTP request"), "{event}");
    }
    let (incoming, _) = super::read(b"\xff\xfe{}", NOW, Millis::NEVER);
    refused(&incoming);
    for version in ["1.0", "3.0", ""] {
        let incoming = with("", "version", version.into());
        assert!(refused(&incoming).contains("payload format 2.0"), "{version}");
        assert_eq!(incoming.path, "/v1/messages");
    }
}

#[test]
fn odd_requests_reach_the_core_as_they_are() {
    assert_eq!(with("/requestContext/http", "method", "BREW".into()).method, "BREW");
    for path in ["", "//", "/ü b", "/?x#y", "/%zz", "no-slash"] {
        assert_eq!(with("", "rawPath", path.into()).path, path);
    }
    let long = "x".repeat(100_000);
    assert_eq!(header(&with("/headers", "x-long", long.clone().into()).headers, "x-long"), Some(long.as_str()));
}

#[test]
fn an_api_gateway_gets_whole_answers_and_a_function_url_streams() {
    for (domain, delivery) in [
        ("abc.lambda-url.eu-west-1.on.aws", Delivery::Streamed),
        ("localhost", Delivery::Streamed),
        ("localhost:9001", Delivery::Streamed),
        ("127.0.0.1:9001", Delivery::Streamed),
        ("abc.execute-api.eu-west-1.amazonaws.com", Delivery::Whole),
        ("gateway.example.com", Delivery::Whole),
    ] {
        let mut event = event();
        event["requestContext"]["domainName"] = domain.into();
        assert_eq!(super::read(event.to_string().as_bytes(), NOW, Millis::NEVER).1, delivery, "{domain}");
    }
}

#[test]
fn an_api_gateway_ends_a_request_after_thirty_seconds_whatever_the_function_has_left() {
    for (domain, left, ends) in [
        ("gateway.example.com", Millis::mins(15), NOW + Millis::secs(30)),
        ("gateway.example.com", Millis::secs(20), Millis::secs(20)),
        ("abc.lambda-url.eu-west-1.on.aws", Millis::mins(15), Millis::mins(15)),
    ] {
        let mut event = event();
        event["requestContext"]["domainName"] = domain.into();
        assert_eq!(super::read(event.to_string().as_bytes(), NOW, left).0.ends, ends, "{domain}");
    }
}
