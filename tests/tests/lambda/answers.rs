//! Answers in every dialect, streamed and whole, and how they reach the platform.

use kiro2api_tests::runtime_api::{End, Invocation, Request};
use serde_json::Value;

use crate::stage::{Dialect, KEY, Stage};

#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
fn every_dialect_is_streamed_while_the_service_speaks() {
    let stage = Stage::new();
    for dialect in Dialect::ALL {
        let prompt = "@sim text \"first words\"; delay 300; text \" and the rest\"";
        let mut answering = stage.begin(&dialect.ask(prompt, true));
        let head = answering.head().unwrap().unwrap().clone();
        assert_eq!(head.status, 200, "{dialect:?}");
        assert!(head.header("content-type").unwrap().starts_with("text/event-stream"), "{dialect:?}: {head:?}");
        assert!(head.header("request-id").is_some() || head.header("x-request-id").is_some(), "{dialect:?}: {head:?}");
        let begin = answering.until("first words").unwrap();
        assert!(!begin.contains("and the rest"), "{dialect:?} was held back: {begin}");
        let rest = answering.whole().unwrap();
        assert_eq!(rest.end, End::Complete);
        assert!(rest.text().contains("and the rest") && rest.text().contains(dialect.complete()), "{}", rest.text());
    }
    stage.well();
}

#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
fn every_dialect_is_answered_whole() {
    let stage = Stage::new();
    for dialect in Dialect::ALL {
        let answer = stage.ask(&dialect.ask("@sim text \"all of it\"", false));
        assert_eq!((answer.status(), &answer.end), (200, &End::Complete), "{dialect:?}");
        let body: Value = serde_json::from_slice(&answer.body()).unwrap();
        assert!(body.to_string().contains("all of it"), "{dialect:?}: {body}");
        let head = answer.head.unwrap();
        assert!(head.header("content-type").unwrap().starts_with("application/json"), "{dialect:?}: {head:?}");
    }
    stage.well();
}

#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
fn a_stage_before_the_path_and_a_base64_body_change_nothing() {
    let stage = Stage::new();
    let request = Dialect::Messages.ask("@sim text \"the same\"", false);
    let mut plain = request.clone();
    plain.headers.retain(|(name, _)| name != "Content-Type");
    for event in [request.function_url(), request.http_api("$default"), request.http_api("prod"), plain.function_url()]
    {
        let answer = stage.environment.invoke(Invocation::new(&event)).unwrap().whole().unwrap();
        assert_eq!(answer.status(), 200, "{event}: {}", answer.text());
        assert!(answer.text().contains("the same"), "{}", answer.text());
    }
    stage.well();
}

#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
fn a_head_request_has_no_body_and_other_routes_are_found() {
    let stage = Stage::new();
    let answer = stage.ask(&Request::new("HEAD", "/health"));
    assert_eq!((answer.status(), answer.text().as_str()), (200, ""));
    let answer =
        stage.ask(&Request::new("GET", "/v1/models?limit=1").header("Authorization", &format!("Bearer {KEY}")));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let answer = stage.ask(&Request::new("OPTIONS", "/v1/messages").header("Origin", "https://a.example"));
    assert!(answer.head.unwrap().header("access-control-allow-origin").is_some());
    assert_eq!(stage.ask(&Request::new("GET", "/nowhere")).status(), 404);
    assert_eq!(stage.ask(&Request::new("POST", "/v1/messages").body("{}")).status(), 401);
    stage.well();
}

#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
fn an_environment_with_room_serves_its_invocations_side_by_side() {
    let stage = Stage::with(|mut plan| {
        plan.concurrency = 4;
        plan
    });
    let prompt = "@sim text \"first words\"; delay 300; text \" and the rest\"";
    let mut all: Vec<_> = (0..4).map(|_| stage.begin(&Dialect::Messages.ask(prompt, true))).collect();
    for answering in &mut all {
        answering.until("first words").unwrap();
    }
    for answering in all {
        assert!(answering.whole().unwrap().text().contains("message_stop"));
    }
    assert_eq!(stage.upstream.peak_streams(), 4);
    stage.well();
}
