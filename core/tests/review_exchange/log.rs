//! The log line of requests that did not end well.

use crate::world::{Play, STREAM, Wants, body, exception, frame, gateway};
use kiro2api_core::exchange::Input;

const KEY: (&str, &str) = ("KIRO_AUTH_TOKEN", r#"{"auth":"ApiKey","apiKey":"ksk_0123456789abcdef"}"#);

fn line(play: Play) -> serde_json::Value {
    let now = play.now;
    serde_json::from_str(play.exchange.log(now).last().unwrap()).unwrap()
}

fn begun() -> Play {
    let mut play = Play::begin(gateway(&[KEY]), &body(true, ""));
    play.send();
    let head = crate::world::head(200, STREAM);
    play.tell(Input::Head(&head));
    play.tell(Input::Chunk(&frame("assistantResponseEvent", r#"{"content":"a few words of an answer"}"#)));
    assert!(matches!(play.wants(), Wants::Relay));
    play
}

#[test]
fn what_an_abandoned_answer_used_so_far_is_logged() {
    let mut play = begun();
    let relay = play.exchange.take_relay().unwrap();
    play.exchange.give_back(relay);
    play.tell(Input::Gone);
    assert!(matches!(play.wants(), Wants::Done));
    let line = line(play);
    assert!(line["input_tokens"].as_u64() > Some(0), "{line}");
    assert!(line["output_tokens"].as_u64() > Some(0), "{line}");
}

#[test]
fn a_fault_in_mid_answer_is_logged_by_what_the_client_was_told() {
    let mut play = begun();
    let mut relay = play.exchange.take_relay().unwrap();
    let mut out = Vec::new();
    let fault = exception("InternalServerException", r#"{"message":"words of the conversation"}"#);
    let _ = relay.push(&fault, play.now, &mut out);
    play.exchange.give_back(relay);
    play.tell(Input::Relayed);
    assert!(matches!(play.wants(), Wants::Done));
    let line = line(play);
    let text = line["error"].as_str().unwrap().to_owned();
    assert!(String::from_utf8(out).unwrap().contains(&text), "{text}");
    assert!(!line.to_string().contains("words of the conversation"), "{line}");
    assert!(line["output_tokens"].as_u64() > Some(0), "{line}");
}
