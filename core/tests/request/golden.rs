//! Whole bodies, byte for byte. A golden is written for reading; blanks outside its strings do not count.

use kiro2api_core::turn::{Effort, Thinking};

use crate::talk::{Bit, Talk, assistant, call, model, text, tool, user};

const ARN: &str = "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABCDEFGHIJKL";

fn compact(golden: &str) -> String {
    let (mut out, mut inside, mut escaped) = (String::new(), false, false);
    for c in golden.chars() {
        if inside || !c.is_whitespace() {
            out.push(c);
        }
        let quote = c == '"' && !escaped;
        inside ^= quote;
        escaped = inside && c == '\\' && !escaped;
    }
    out
}

#[track_caller]
fn assert_golden(talk: &Talk, profile: Option<&str>, golden: &str) {
    talk.body();
    let mut encoded = talk.encode();
    assert_eq!(std::str::from_utf8(encoded.body(profile)).unwrap(), compact(golden));
}

#[test]
fn plain_text_with_a_system_prompt() {
    let mut talk = Talk::of([user([text("What does CRC stand for?")])]);
    talk.system = vec!["You are a terse assistant.".to_owned()];
    assert_golden(&talk, Some(ARN), include_str!("golden/plain.json"));
}

#[test]
fn results_of_two_calls_come_back() {
    let schema = r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#;
    let mut talk = Talk::of([
        user([text("Weather in Oslo and Bergen?")]),
        assistant([
            text("Let me look that up."),
            call("tooluse_Vb0hYwKQRjS9pQb7m2c1Xg", "get_weather", r#"{"city":"Oslo"}"#),
            call("tooluse_8mJq2nQ3T1uYw0aZ4bXc5d", "get_weather", r#"{"city":"Bergen"}"#),
        ]),
        user([
            Bit::Result("tooluse_8mJq2nQ3T1uYw0aZ4bXc5d".to_owned(), true, vec![text("station offline")]),
            Bit::Result("tooluse_Vb0hYwKQRjS9pQb7m2c1Xg".to_owned(), false, vec![text(r#"{"temp":4}"#)]),
        ]),
    ]);
    talk.system = vec!["System rules go here.".to_owned()];
    talk.tools = vec![tool("get_weather", "Current weather for a city.", schema)];
    assert_golden(&talk, Some(ARN), include_str!("golden/tools.json"));
}

#[test]
fn an_image_and_native_effort() {
    let mut talk = Talk::of([user([text("Describe the picture."), Bit::Image])]);
    talk.model = model("claude-opus-5");
    talk.thinking = Thinking::On { effort: Effort::High, budget: None };
    talk.max_tokens = Some(200_000);
    assert_golden(&talk, None, include_str!("golden/image.json"));
}

#[test]
fn another_account_costs_no_second_encoding() {
    let mut encoded = Talk::of([user([text("hi")])]).encode();
    let bare = encoded.body(None).to_vec();
    let len = encoded.len();
    assert_eq!(bare.len(), len);
    assert!(encoded.body(Some("arn:b")).ends_with(br#","profileArn":"arn:b"}"#));
    assert!(encoded.body(Some("a")).ends_with(br#","profileArn":"a"}"#));
    assert_eq!(encoded.len(), len);
    assert_eq!(encoded.body(Some("")), bare);
}
