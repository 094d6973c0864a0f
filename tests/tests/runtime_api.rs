//! The emulated Runtime API itself: events as the front ends write them, and each of its detectors must be able to fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kiro2api_tests::runtime_api::{Answering, End, Invocation, Leave, Request, RuntimeApi};
use serde_json::{Value, json};

/// A program's connection to the API, by hand.
struct Program(TcpStream);

impl Program {
    fn of(api: &RuntimeApi) -> Self {
        let stream = TcpStream::connect(api.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(stream)
    }

    fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// Status, head and body of the next answer.
    fn read(&mut self) -> (u16, String, String) {
        let mut raw = Vec::new();
        let mut byte = [0];
        while !raw.ends_with(b"\r\n\r\n") {
            assert_eq!(self.0.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&raw));
            raw.push(byte[0]);
        }
        let head = String::from_utf8(raw).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        (head[9..12].parse().unwrap(), head, String::from_utf8(body).unwrap())
    }

    fn next(&mut self) -> (String, String, String) {
        self.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: x\r\n\r\n");
        let (status, head, body) = self.read();
        assert_eq!(status, 200);
        (header(&head, "lambda-runtime-aws-request-id").unwrap(), head, body)
    }

    fn post(&mut self, path: &str, headers: &str, body: &str) -> u16 {
        let length = body.len();
        self.send(&format!(
            "POST /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        ));
        self.read().0
    }

    /// Begins a streamed answer; chunks are for the test to send.
    fn stream(&mut self, id: &str) {
        self.send(&format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nhost: x\r\n{STREAMED}\
             transfer-encoding: chunked\r\ntrailer: Lambda-Runtime-Function-Error-Type\r\n\r\n"
        ));
    }

    fn chunk(&mut self, text: &str) {
        self.send(&format!("{:x}\r\n{text}\r\n", text.len()));
    }
}

const STREAMED: &str = "lambda-runtime-function-response-mode: streaming\r\n\
                        content-type: application/vnd.awslambda.http-integration-response\r\n";
const HEAD: &str = "{\"statusCode\":200,\"headers\":{\"Content-Type\":\"text/plain\"},\"cookies\":[]}";
const GAP: &str = "\0\0\0\0\0\0\0\0";

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).map(str::to_owned)
}

fn begin(event: &Value) -> (RuntimeApi, Answering, Program, String) {
    let api = RuntimeApi::start(1).unwrap();
    let answering = api.invoke(Invocation::new(event)).unwrap();
    let mut program = Program::of(&api);
    let (id, _, _) = program.next();
    (api, answering, program, id)
}

#[test]
fn next_hands_out_the_event_with_the_headers_of_the_platform() {
    let api = RuntimeApi::start(1).unwrap();
    let budget = Duration::from_secs(30);
    let _answering = api.invoke(Invocation::new(&json!({ "a": 1 })).within(budget)).unwrap();
    let before = SystemTime::now();
    let (id, head, body) = Program::of(&api).next();
    let after = SystemTime::now();
    assert_eq!(body, r#"{"a":1}"#);
    assert_eq!(id.len(), 36);
    assert!(header(&head, "lambda-runtime-invoked-function-arn").unwrap().starts_with("arn:aws:lambda:"));
    assert!(header(&head, "lambda-runtime-trace-id").unwrap().starts_with("Root=1-"));
    let deadline: u128 = header(&head, "lambda-runtime-deadline-ms").unwrap().parse().unwrap();
    let bounds = [before, after].map(|at| (at.duration_since(UNIX_EPOCH).unwrap() + budget).as_millis());
    assert!((bounds[0]..=bounds[1]).contains(&deadline), "{deadline} {bounds:?}");
    assert_eq!(api.offences(), Vec::<String>::new());
}

#[test]
fn a_streamed_answer_is_split_into_head_and_body_however_it_is_cut() {
    let (api, answering, mut program, id) = begin(&json!({}));
    program.stream(&id);
    let whole = format!("{HEAD}{GAP}one two");
    let cut = whole.len() - 9;
    program.chunk(&whole[..7]);
    program.chunk(&whole[7..cut]);
    program.chunk(&whole[cut..]);
    program.send("0\r\n\r\n");
    let answer = answering.whole().unwrap();
    assert_eq!((answer.status(), answer.text().as_str(), &answer.end), (200, "one two", &End::Complete));
    assert_eq!(answer.head.unwrap().header("content-type"), Some("text/plain"));
    assert_eq!(program.read().0, 202);
    assert_eq!(api.offences(), Vec::<String>::new());
}

#[test]
fn what_a_caller_does_not_read_is_not_taken_from_the_program() {
    let (_api, mut answering, mut program, id) = begin(&json!({}));
    program.stream(&id);
    program.chunk(&format!("{HEAD}{GAP}begin"));
    answering.until("begin").unwrap();
    program.0.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let piece = "x".repeat(1 << 20);
    let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
    let full = (0..64).any(|_| program.0.write_all(chunk.as_bytes()).is_err());
    assert!(full, "64 MB were taken that nobody reads");
}

#[test]
fn a_failure_in_mid_stream_is_told_by_trailers_and_is_an_offence() {
    let (api, answering, mut program, id) = begin(&json!({}));
    program.stream(&id);
    program.chunk(&format!("{HEAD}{GAP}so far"));
    program.send(
        "0\r\nLambda-Runtime-Function-Error-Type: Runtime.StreamError\r\nLambda-Runtime-Function-Error-Body: bm8=\r\n\r\n",
    );
    let answer = answering.whole().unwrap();
    assert_eq!(answer.end, End::Trailer("Runtime.StreamError".to_owned(), "no".to_owned()));
    assert_eq!(api.offences().len(), 1);
}

#[test]
fn a_trailer_that_comes_as_body_is_an_offence_even_cut_in_two() {
    let (api, answering, mut program, id) = begin(&json!({}));
    program.stream(&id);
    program.chunk(&format!("{HEAD}{GAP}so far Lambda-Runtime-Func"));
    program.chunk("tion-Error-Type: Runtime.StreamError\r\n");
    assert!(matches!(answering.whole().unwrap().end, End::Broken(_)));
    assert_eq!(api.offences().len(), 1);
}

#[test]
fn heads_that_the_front_end_cannot_send_are_offences() {
    for head in [
        "",
        "[]",
        "{}",
        "{\"statusCode\":\"200\"}",
        "{\"statusCode\":99}",
        "{\"statusCode\":200,\"headers\":{\"a b\":\"c\"}}",
        "{\"statusCode\":200,\"headers\":{\"a\":[\"b\",\"c\"]}}",
        "{\"statusCode\":200,\"headers\":{\"a\":\"b\\r\\nc: d\"}}",
        "{\"statusCode\":200,\"cookies\":[1]}",
        "{\"statusCode\":200,\"multiValueHeaders\":{}}",
    ] {
        let (api, answering, mut program, id) = begin(&json!({}));
        program.stream(&id);
        program.chunk(&format!("{head}{GAP}body"));
        let answer = answering.whole().unwrap();
        assert!(matches!(answer.end, End::Broken(_)), "{head}: {answer:?}");
        assert_eq!(api.offences().len(), 1, "{head}");
    }
}

#[test]
fn what_the_platform_refuses_is_refused_and_remembered() {
    let (api, answering, mut program, id) = begin(&json!({}));
    let mut other = Program::of(&api);
    assert_eq!(other.post("invocation/unknown/response", STREAMED, "x"), 400);
    assert_eq!(other.post("nothing/here", "", ""), 404);
    assert_eq!(
        other.post(&format!("invocation/{id}/response"), "lambda-runtime-function-response-mode: x\r\n", ""),
        400
    );
    assert!(matches!(answering.whole().unwrap().end, End::Broken(_)));
    // The invocation is over: a late answer has no invocation.
    assert_eq!(program.post(&format!("invocation/{id}/response"), "", "{}"), 400);
    assert_eq!(api.offences().len(), 4, "{:?}", api.offences());
}

#[test]
fn a_second_answer_and_a_next_before_the_answer_are_offences() {
    let (api, mut answering, mut program, id) = begin(&json!({}));
    program.stream(&id);
    program.chunk(&format!("{HEAD}{GAP}begin"));
    answering.until("begin").unwrap();
    let mut other = Program::of(&api);
    assert_eq!(other.post(&format!("invocation/{id}/response"), STREAMED, "x"), 403);
    other.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: x\r\n\r\n");
    api.polled(2).unwrap();
    let offences = api.offences();
    assert!(offences[0].contains("second answer") && offences[1].contains("next was called"), "{offences:?}");
}

#[test]
fn whole_answers_and_failures_are_told_as_such() {
    let (api, answering, mut program, id) = begin(&json!({}));
    assert_eq!(program.post(&format!("invocation/{id}/response"), "", "{\"statusCode\":203,\"body\":\"b\"}"), 202);
    let answer = answering.whole().unwrap();
    assert_eq!((answer.status(), answer.text().as_str()), (203, "b"));
    assert_eq!(answer.end, End::Buffered(json!({ "statusCode": 203, "body": "b" })));
    let answering = api.invoke(Invocation::new(&json!({}))).unwrap();
    let (id, ..) = program.next();
    let body = "{\"errorMessage\":\"m\",\"errorType\":\"t\"}";
    let kind = "lambda-runtime-function-error-type: Unhandled\r\n";
    assert_eq!(program.post(&format!("invocation/{id}/error"), kind, body), 202);
    let told = json!({ "errorMessage": "m", "errorType": "t" });
    assert_eq!(answering.whole().unwrap().end, End::Error("Unhandled".to_owned(), told.clone()));
    assert_eq!(program.post("init/error", kind, body), 202);
    assert_eq!(api.init_errors(), [json!({ "kind": "Unhandled", "body": told })]);
    assert_eq!(api.offences(), Vec::<String>::new());
    program.post("init/error", "", "no JSON");
    assert_eq!(api.offences().len(), 1);
}

#[test]
fn a_stream_past_its_deadline_is_cut() {
    let api = RuntimeApi::start(1).unwrap();
    let answering = api.invoke(Invocation::new(&json!({})).within(Duration::from_millis(50))).unwrap();
    let mut program = Program::of(&api);
    let (id, ..) = program.next();
    program.stream(&id);
    program.chunk(&format!("{HEAD}{GAP}begin"));
    assert_eq!(answering.whole().unwrap().end, End::TimedOut);
    assert_eq!(api.offences().len(), 1);
    assert_eq!(program.0.read(&mut [0; 1]).unwrap_or(0), 0);
}

#[test]
fn an_invocation_past_its_deadline_without_an_answer_is_over() {
    let api = RuntimeApi::start(1).unwrap();
    let answering = api.invoke(Invocation::new(&json!({})).within(Duration::from_millis(50))).unwrap();
    let mut program = Program::of(&api);
    let (id, ..) = program.next();
    assert_eq!(answering.whole().unwrap().end, End::TimedOut);
    assert_eq!(program.post(&format!("invocation/{id}/response"), STREAMED, "late"), 400);
    assert_eq!(api.offences().len(), 2, "{:?}", api.offences());
}

#[test]
fn a_caller_leaves_by_a_closed_connection_a_reset_a_refusal_or_unseen() {
    for how in [Leave::Drain, Leave::Close, Leave::Reset, Leave::Refuse] {
        let (api, mut answering, mut program, id) = begin(&json!({}));
        program.stream(&id);
        program.chunk(&format!("{HEAD}{GAP}begin"));
        answering.until("begin").unwrap();
        answering.leave(how);
        match how {
            Leave::Drain => {
                program.chunk("and more");
                program.send("0\r\n\r\n");
                assert_eq!(program.read().0, 202);
            }
            Leave::Close => assert_eq!(program.0.read(&mut [0; 1]).unwrap(), 0),
            Leave::Reset => {
                let kind = program.0.read(&mut [0; 1]).unwrap_err().kind();
                assert_eq!(kind, std::io::ErrorKind::ConnectionReset);
            }
            Leave::Refuse => assert_eq!(program.read().0, 410),
        }
        assert_eq!(api.offences(), Vec::<String>::new(), "{how:?}");
    }
}

#[test]
fn an_event_larger_than_the_platform_allows_is_not_handed_out() {
    let api = RuntimeApi::start(1).unwrap();
    assert!(api.invoke(Invocation::raw(vec![b' '; 6 << 20])).is_ok());
    assert!(api.invoke(Invocation::raw(vec![b' '; (6 << 20) + 1])).is_err());
}

#[test]
fn a_function_url_writes_a_request_as_the_service_does() {
    let event = Request::new("POST", "/v1/messages?beta=true&a=1&a=b%20c")
        .header("Cookie", "a=b; c=d")
        .header("X-Twice", "1")
        .header("x-twice", "2")
        .header("User-Agent", "claude-cli/1")
        .json(&json!({ "model": "ä" }))
        .function_url();
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["rawPath"], "/v1/messages");
    assert_eq!(event["rawQueryString"], "beta=true&a=1&a=b%20c");
    assert_eq!(event["queryStringParameters"], json!({ "a": "1,b c", "beta": "true" }));
    assert_eq!(event["cookies"], json!(["a=b", "c=d"]));
    assert_eq!(event["headers"]["x-twice"], "1,2");
    assert_eq!(event["headers"]["content-type"], "application/json");
    assert!(event["headers"].get("cookie").is_none() && event["headers"].get("X-Twice").is_none());
    assert_eq!(event["requestContext"]["stage"], "$default");
    assert_eq!(event["requestContext"]["http"]["userAgent"], "claude-cli/1");
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("{\"model\":\"ä\"}"), &json!(false)));
}

#[test]
fn bodies_that_are_no_text_travel_as_base64_and_a_stage_stands_before_the_path() {
    for (kind, bytes, encoded) in [
        (Some("application/octet-stream"), &b"{}"[..], true),
        (Some("application/json; charset=utf-8"), b"{}", false),
        (Some("application/json"), b"\xFF", true),
        (Some("image/svg+xml"), b"<a/>", false),
        (None, b"{}", true),
    ] {
        let request = Request::new("POST", "/v1/messages").body(bytes);
        let request = kind.iter().fold(request, |request, kind| request.header("Content-Type", kind));
        let event = request.http_api("prod");
        assert_eq!(event["isBase64Encoded"], encoded, "{kind:?}");
        assert_eq!(event["rawPath"], "/prod/v1/messages");
        assert_eq!(event["requestContext"]["stage"], "prod");
        assert_eq!(event["pathParameters"]["proxy"], "v1/messages");
    }
    let bare = Request::new("GET", "/health").function_url();
    assert!(bare.get("body").is_none() && bare.get("queryStringParameters").is_none());
}
