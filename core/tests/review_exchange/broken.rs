//! Answers that say nothing, break, or stall.

use crate::world::{Play, STREAM, Wants, body, exception, frame, gateway};
use kiro2api_core::exchange::Input;
use kiro2api_core::host::Millis;

const KEY: (&str, &str) = ("KIRO_AUTH_TOKEN", r#"{"auth":"ApiKey","apiKey":"ksk_0123456789abcdef"}"#);
const TEXT: &str = r#"{"content":"STOP and more"}"#;

fn play(stream: bool, more: &str) -> Play {
    Play::begin(gateway(&[KEY]), &body(stream, more))
}

#[test]
fn an_answer_that_begins_with_a_stop_sequence_is_an_answer() {
    for stream in [false, true] {
        let mut play = play(stream, r#","stop_sequences":["STOP"]"#);
        play.send();
        play.answer(200, STREAM, &frame("assistantResponseEvent", TEXT));
        assert!(matches!(play.wants(), Wants::Done), "nothing is asked for again");
        assert_eq!(play.heads, [200]);
        assert!(play.text().contains(r#""stop_reason":"stop_sequence","stop_sequence":"STOP""#), "{}", play.text());
    }
}

#[test]
fn an_unknown_stop_reason_explains_no_empty_answer() {
    let mut play = play(false, "");
    let mut asked = 0;
    while !matches!(play.wants(), Wants::Done) {
        play.send();
        asked += 1;
        play.answer(200, STREAM, &frame("metadataEvent", r#"{"stopReason":"SOMETHING_NEW"}"#));
    }
    assert_eq!((asked, play.heads), (3, vec![529]));
}

#[test]
fn an_answer_that_breaks_after_it_has_begun_is_paid_for_twice_at_most() {
    let mut play = play(false, "");
    let mut asked = 0;
    while !matches!(play.wants(), Wants::Done) {
        play.send();
        asked += 1;
        let text = frame("assistantResponseEvent", r#"{"content":"a long answer"}"#);
        play.answer(200, STREAM, &[text, exception("InternalServerException", r#"{"message":"failed"}"#)].concat());
    }
    assert_eq!((asked, play.heads), (2, vec![502]));
}

#[test]
fn a_refusal_whose_body_stalls_is_still_that_refusal() {
    let mut play = play(false, "");
    play.send();
    let head = crate::world::head(429, &[("retry-after", "600")]);
    play.tell(Input::Head(&head));
    play.wake();
    assert!(matches!(play.wants(), Wants::Done));
    assert_eq!(play.heads, [429]);
}

#[test]
fn a_deadline_that_passes_with_a_ping_is_a_status_and_no_open_stream() {
    let mut play = Play::begin(gateway(&[KEY, ("SERVER_READ_TIMEOUT_MINUTES", "0.25")]), &body(true, ""));
    play.send();
    let head = crate::world::head(200, STREAM);
    play.tell(Input::Head(&head));
    assert!(matches!(play.wants(), Wants::Await(until) if until == play.now + Millis::secs(15)));
    play.wake();
    assert!(matches!(play.wants(), Wants::Done));
    assert_eq!(play.heads, [504], "{}", play.text());
}
