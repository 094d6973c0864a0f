//! Every failure the service is known for, and what the client is told of it.

use kiro2api_core::host::{TransportError, TransportFault};
use kiro2api_core::upstream::fault::{Asked, is_stream};
use kiro2api_core::upstream::{Fault, FaultKind};
use kiro2api_core::{Kind, Millis};

use crate::catalogue::{ROWS, SHAPE, TOO_LONG};
use crate::head;

const NOW: Millis = Millis(1_790_000_000_000);
const ASKED: Asked<'static> = Asked { model: "claude-opus-5-5", tokens: 150_000, maximum: 200_000 };

fn aws_body(reason: Option<&str>, message: &str) -> String {
    serde_json::json!({ "message": message, "reason": reason }).to_string()
}

#[test]
fn every_known_failure_is_understood_before_the_stream() {
    for &(status, code, reason, message, kind, client) in ROWS {
        let body = aws_body(reason, message);
        let reply = head(status, &[("x-amzn-errortype", code)]);
        let fault = Fault::read(&reply, body.as_bytes(), NOW);
        let expected = Fault {
            kind,
            status,
            code: code.to_owned(),
            reason: reason.map(str::to_owned),
            message: message.to_owned(),
            retry_after: None,
        };
        assert_eq!(fault, expected);
        assert_eq!(fault.to_error(ASKED).kind(), client, "{fault}");
    }
}

#[test]
fn every_known_failure_is_understood_inside_the_stream() {
    for &(status, code, reason, message, kind, _) in ROWS.iter().filter(|row| !row.1.is_empty() && row.0 != 401) {
        let fault = Fault::from_exception(Some(code), aws_body(reason, message).as_bytes());
        assert_eq!((fault.kind, fault.status), (kind, 0), "{status} {code} {reason:?} {message}");
    }
}

#[test]
fn the_exception_is_found_wherever_it_is_named() {
    let name =
        |headers: &[(&'static str, &str)], body: &str| Fault::read(&head(400, headers), body.as_bytes(), NOW).code;
    let url = "ThrottlingException:http://internal.amazon.com/coral/com.amazon.coral.availability/#x";
    assert_eq!(name(&[("x-amzn-errortype", url)], "{}"), "ThrottlingException");
    assert_eq!(name(&[("x-amzn-errortype", "a.b#ThrottlingException:http://x/")], ""), "ThrottlingException");
    assert_eq!(name(&[], r#"{"__type":"com.amazon.aws#ThrottlingException"}"#), "ThrottlingException");
    assert_eq!(name(&[("x-amzn-errortype", "")], r#"{"__type":"ThrottlingException"}"#), "ThrottlingException");
    assert_eq!(name(&[], r#"{"error":{"code":"validation_error"}}"#), "validation_error");
    assert_eq!(name(&[], "{}"), "");
}

#[test]
fn a_body_the_front_end_could_not_buffer_is_a_prompt_too_long() {
    let body = br#"{"error":{"code":"validation_error","message":"Failed to buffer the request body: length limit exceeded","param":null,"type":"invalid_request_error"}}"#;
    for status in [400, 413] {
        let fault = Fault::read(&head(status, &[]), body, NOW);
        assert_eq!((fault.kind, fault.code.as_str()), (FaultKind::BodyTooLarge, "validation_error"));
        assert_eq!(fault.to_error(ASKED).kind(), TOO_LONG);
    }
}

#[test]
fn a_bare_status_is_understood() {
    for (status, kind) in [
        (200, FaultKind::NotEventStream),
        (204, FaultKind::NotEventStream),
        (302, FaultKind::Other),
        (400, SHAPE),
        (401, FaultKind::BearerInvalid),
        (402, FaultKind::QuotaUsedUp),
        (403, FaultKind::NotAuthorized),
        (404, FaultKind::NotFound),
        (405, FaultKind::UnknownOperation),
        (408, FaultKind::Unavailable),
        (413, FaultKind::BodyTooLarge),
        (418, FaultKind::Other),
        (429, FaultKind::Throttled),
        (500, FaultKind::Internal),
        (502, FaultKind::Unavailable),
        (503, FaultKind::Unavailable),
        (504, FaultKind::Unavailable),
        (599, FaultKind::Internal),
    ] {
        assert_eq!(Fault::read(&head(status, &[]), b"", NOW).kind, kind, "{status}");
    }
}

#[test]
fn a_page_is_told_by_its_title() {
    let page = b"<!DOCTYPE html><HTML><head><TITLE>\n 502 Bad Gateway </TITLE></head><body>long</body></HTML>";
    assert_eq!(Fault::read(&head(502, &[]), page, NOW).message, "a web page titled \"502 Bad Gateway\"");
    assert_eq!(Fault::read(&head(502, &[]), b"<html><title>cut", NOW).message, "a web page without a title");
    assert_eq!(Fault::read(&head(502, &[]), b" upstream connect error\n", NOW).message, "upstream connect error");
    let fault = Fault::read(&head(200, &[("content-type", "text/html")]), b"", NOW);
    assert_eq!(fault.message, "status 200 with a body of text/html");
}

#[test]
fn only_an_event_stream_is_one() {
    for (status, kind, stream) in [
        (200, Some("application/vnd.amazon.eventstream"), true),
        (200, Some("Application/vnd.amazon.eventstream; charset=utf-8"), true),
        (200, Some("application/octet-stream"), true),
        (200, None, true),
        (200, Some("text/html; charset=utf-8"), false),
        (200, Some("application/json"), false),
        (202, Some("application/vnd.amazon.eventstream"), false),
        (400, Some("application/vnd.amazon.eventstream"), false),
    ] {
        let headers: Vec<_> = kind.map(|kind| ("content-type", kind)).into_iter().collect();
        assert_eq!(is_stream(&head(status, &headers)), stream, "{status} {kind:?}");
    }
}

#[test]
fn the_wait_is_read_as_seconds_and_as_a_date() {
    let wait = |value: &str| Fault::read(&head(429, &[("retry-after", value)]), b"{}", NOW).retry_after;
    assert_eq!(wait("30"), Some(Millis::secs(30)));
    assert_eq!(wait(" 0 "), Some(Millis(0)));
    assert_eq!(wait("18446744073709551615"), Some(Millis::NEVER));
    assert_eq!(wait("Mon, 21 Sep 2026 14:13:50 GMT"), Some(Millis::secs(30)));
    assert_eq!(wait("Monday, 21-Sep-26 14:13:50 GMT"), Some(Millis::secs(30)));
    assert_eq!(wait("Mon, 21 Sep 2015 14:13:20 GMT"), Some(Millis(0)));
    for nonsense in ["", "-1", "1.5", "soon", "99999999999999999999999"] {
        assert_eq!(wait(nonsense), None, "{nonsense}");
    }
    let error = Fault::read(&head(429, &[("retry-after", "30")]), b"{}", NOW).to_error(ASKED);
    assert_eq!((error.kind(), error.wait()), (Kind::RateLimited, Some(Millis::secs(30))));
}

#[test]
fn transport_faults_keep_how_far_the_request_came() {
    let fault = |kind| Fault::transport(&TransportError { kind, text: "no route".to_owned() });
    assert_eq!(fault(TransportFault::Connect).kind, FaultKind::Connect);
    assert_eq!(fault(TransportFault::Broke).kind, FaultKind::Broke);
    assert_eq!(fault(TransportFault::Connect).to_error(ASKED).kind(), Kind::UpstreamFailed);
    assert_eq!(fault(TransportFault::Broke).to_error(ASKED).kind(), Kind::UpstreamBroke);
    assert_eq!(fault(TransportFault::Broke).to_string(), "Broke: no route");
}

#[test]
fn a_failure_in_mid_stream_is_a_broken_answer() {
    for name in ["InternalServerException", "BrandNewException", "ContentLengthExceededException"] {
        let error = Fault::from_exception(Some(name), b"{}").to_error(ASKED);
        assert_eq!(error.kind(), Kind::UpstreamBroke, "{name}");
    }
    assert_eq!(Fault::malformed("x").to_error(ASKED).kind(), Kind::UpstreamBroke);
}

#[test]
fn too_long_always_names_more_tokens_than_the_maximum() {
    let fault = Fault::from_exception(Some("ValidationException"), br#"{"message":"Input is too long."}"#);
    for (tokens, maximum, told) in
        [(10, 100, 101), (100, 100, 101), (101, 100, 101), (500, 100, 500), (0, 0, 1), (0, u64::MAX - 1, u64::MAX)]
    {
        let error = fault.to_error(Asked { model: "m", tokens, maximum });
        assert_eq!(error.kind(), Kind::TooLong { tokens: told, maximum });
        assert_eq!(error.text(), format!("prompt is too long: {told} tokens > {maximum} maximum"));
    }
}

#[test]
fn what_the_service_says_of_the_request_is_passed_on_and_of_the_account_is_not() {
    let error = |body: &str, status| Fault::read(&head(status, &[]), body.as_bytes(), NOW).to_error(ASKED);
    let shape = error(r#"{"message":"Invalid tool use format.","reason":"TOOL_DUPLICATE"}"#, 400);
    assert!(shape.text().ends_with("The service says: Invalid tool use format. (TOOL_DUPLICATE)"), "{shape}");
    assert!(error(r#"{"reason":"TOOL_DUPLICATE"}"#, 400).text().ends_with("reason: TOOL_DUPLICATE"));
    let suspended = error(r#"{"message":"Your User ID (d-906.x) temporarily is suspended."}"#, 403);
    assert!(!suspended.text().contains("d-906"), "{suspended}");
    let model = error(r#"{"message":"Invalid model","reason":"INVALID_MODEL_ID"}"#, 400);
    assert!(model.text().contains("claude-opus-5-5"), "{model}");
}

#[test]
fn no_fault_of_the_account_looks_like_the_clients_own() {
    for &(status, code, reason, message, ..) in ROWS.iter().filter(|row| matches!(row.0, 401..=403)) {
        let kind = Fault::read(&head(status, &[("x-amzn-errortype", code)]), aws_body(reason, message).as_bytes(), NOW)
            .to_error(ASKED)
            .kind();
        assert!(!matches!(kind, Kind::Unauthenticated | Kind::Forbidden), "{status} {code} {message}");
    }
}

#[test]
fn secrets_in_the_services_words_are_redacted() {
    let secrets = [
        "aoaAAAAAGfTq9Zsecret:MGUCMQsecret",
        "aorAAAAAGfTq9Zsecret",
        "ksk_0123456789secret",
        "eyJhbGciOiJIUzI1NiJ9.e30.secret",
        "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdsecret",
    ];
    for secret in secrets {
        for message in [
            format!("bad token {secret}"),
            format!("bad token \"{secret}\", sorry"),
            format!("Authorization: Bearer {secret}"),
            format!("token={secret}&x=1"),
            format!("at https://host/path?token={secret}"),
        ] {
            let body = aws_body(Some(secret), &message);
            for fault in [
                Fault::read(&head(400, &[("x-amzn-errortype", secret)]), body.as_bytes(), NOW),
                Fault::read(&head(400, &[]), message.as_bytes(), NOW),
                Fault::from_exception(Some("ValidationException"), body.as_bytes()),
                Fault::from_error_frame(Some("x"), Some(&message)),
                Fault::transport(&TransportError { kind: TransportFault::Broke, text: message.clone() }),
            ] {
                let shown = format!("{fault} {fault:?} {}", fault.to_error(ASKED));
                assert!(!shown.contains("secret"), "{shown}");
                assert!(shown.contains("[redacted]"), "{shown}");
            }
        }
    }
    let bearer = Fault::from_error_frame(None, Some("Bearer: short-but-secret-0001 is bad"));
    assert_eq!(bearer.message, "Bearer: [redacted] is bad");
}

#[test]
fn ordinary_words_stay_and_are_bounded() {
    let kept =
        "Bearer token (x) is \"invalid\" for 12345678-1234-1234-1234-123456789012 at tooluse_Vb0hYwKQRjS9pQb7m2c1Xg";
    assert_eq!(Fault::malformed(kept).message, kept);
    assert_eq!(Fault::malformed("two\nlines\tand\u{0}more").message, "two lines and more");
    for long in ["word ".repeat(1000), "é".repeat(3000), "é ".repeat(3000)] {
        let message = Fault::malformed(&long).message;
        assert!((1000..=1024).contains(&message.len()) && message.ends_with('…'), "{} {message}", message.len());
    }
    assert!(Fault::from_exception(Some(&"x-".repeat(300)), b"").code.len() <= 128);
}
