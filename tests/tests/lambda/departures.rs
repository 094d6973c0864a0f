//! Streams that end before their time: the client leaves, or the function's own time is over.

use std::time::Duration;

use kiro2api_tests::Outcome;
use kiro2api_tests::runtime_api::{Answering, End, Invocation, Leave};
use serde_json::Value;

use crate::stage::{Dialect, Stage};

#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
fn a_client_that_leaves_ends_the_call_to_the_service_at_once_and_the_environment_goes_on() {
    let stage = Stage::new();
    let mut departures = 0;
    for dialect in Dialect::ALL {
        for how in [Leave::Close, Leave::Reset, Leave::Refuse] {
            let mut answering = stage.begin(&dialect.ask("@sim text \"first words\"; stall", true));
            answering.until("first words").unwrap();
            answering.leave(how);
            // The service says nothing more: only the departure can end its answer.
            assert_eq!(stage.settled(), Outcome::ClientGone, "{dialect:?} {how:?}");
            stage.serves();
            departures += 1;
            let told = |line: &str| line.contains("\"message\":\"request\"") && line.contains("client gone");
            stage.environment.lines(departures, told).unwrap();
        }
    }
    stage.well();
}

#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
fn a_client_that_leaves_amid_a_fast_stream_ends_it_too() {
    let stage = Stage::new();
    let mut answering =
        stage.begin(&Dialect::Messages.ask("@sim pace 1; text \"0123456789\" times=50000 chunk=10", true));
    answering.until("0123456789").unwrap();
    answering.leave(Leave::Reset);
    assert_eq!(stage.settled(), Outcome::ClientGone);
    stage.serves();
    stage.well();
}

/// What Lambda documents: it does not tell the function that the client left.
#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
fn a_departure_that_the_platform_hides_lets_the_stream_end_by_itself() {
    let stage = Stage::new();
    let mut answering =
        stage.begin(&Dialect::Messages.ask("@sim text \"first words\"; delay 200; text \"rest\"", true));
    answering.until("first words").unwrap();
    answering.leave(Leave::Drain);
    assert_eq!(stage.settled(), Outcome::Complete);
    stage.serves();
    stage.well();
}

#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
fn streams_end_in_their_dialect_before_the_functions_deadline() {
    let stage = roomy();
    let all = Dialect::ALL.map(|dialect| almost_over(&stage, dialect, true));
    for (dialect, answering) in Dialect::ALL.into_iter().zip(all) {
        let answer = answering.whole().unwrap();
        // The platform cuts at the deadline; this came before it.
        assert_eq!(answer.end, End::Complete, "{dialect:?}");
        let text = answer.text();
        assert!(text.contains("first words") && text.contains(dialect.failure()), "{dialect:?}: {text}");
        assert!(!text.contains("event: message_stop") && !text.contains("event: response.completed"), "{text}");
    }
    cancelled(&stage);
    stage.serves();
    stage.well();
}

#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
fn whole_answers_that_cannot_be_ready_in_time_are_errors_of_their_dialect() {
    let stage = roomy();
    let all = Dialect::ALL.map(|dialect| almost_over(&stage, dialect, false));
    for (dialect, answering) in Dialect::ALL.into_iter().zip(all) {
        let answer = answering.whole().unwrap();
        assert_eq!(answer.end, End::Complete, "{dialect:?}");
        assert!((500..600).contains(&answer.status()), "{dialect:?}: {} {}", answer.status(), answer.text());
        let body: Value = serde_json::from_slice(&answer.body()).unwrap();
        assert!(body["error"]["message"].is_string(), "{dialect:?}: {body}");
    }
    cancelled(&stage);
    stage.serves();
    stage.well();
}

#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
fn a_function_with_no_time_for_an_answer_begins_none() {
    let stage = Stage::new();
    let request = Dialect::Messages.ask("@sim text \"first words\"; stall", true);
    let invocation = Invocation::new(&request.function_url()).within(Duration::from_secs(3));
    let answer = stage.environment.invoke(invocation).unwrap().whole().unwrap();
    assert_eq!(answer.end, End::Complete);
    assert!(answer.status() >= 500, "{} {}", answer.status(), answer.text());
    assert_eq!(stage.upstream.requests_of("chat").len(), 0);
    stage.well();
}

/// One environment for three invocations at a time, so that their waits are one.
fn roomy() -> Stage {
    Stage::with(|mut plan| {
        plan.concurrency = 3;
        plan
    })
}

/// Answers end five seconds before the function does, and none begins in less than ten.
fn almost_over(stage: &Stage, dialect: Dialect, stream: bool) -> Answering {
    let request = dialect.ask("@sim text \"first words\"; stall", stream);
    let invocation = Invocation::new(&request.function_url()).within(Duration::from_millis(10_500));
    stage.environment.invoke(invocation).unwrap()
}

fn cancelled(stage: &Stage) {
    stage.settled();
    let outcomes: Vec<_> = stage.upstream.requests_of("chat").iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [Outcome::ClientGone; 3]);
}
