//! Accounts whose profile the service refuses, and look-ups that never come to an end.

use crate::world::{ARN, Play, REFRESH_TOKEN, Wants, body, gateway};
use kiro2api_core::exchange::Input;

const INVALID: &str = r#"{"message":"Invalid profileArn.","reason":null}"#;
const REQUIRED: &str = r#"{"message":"profileArn is required for this request.","reason":null}"#;

/// Plays until the exchange is over; returns how many requests went to the streaming service.
fn refused_always(play: &mut Play, refusal: &str) -> usize {
    let mut asked = 0;
    for _ in 0..100 {
        match play.wants() {
            Wants::Send(request) => {
                play.tell(Input::Sent);
                if request.url.ends_with("/generateAssistantResponse") {
                    asked += 1;
                    play.answer(400, &[], refusal.as_bytes());
                } else if request.url.ends_with("/refreshToken") {
                    play.answer(200, &[], format!(r#"{{"accessToken":"aoa-fresh","profileArn":"{ARN}"}}"#).as_bytes());
                } else {
                    play.answer(200, &[], br#"{"profiles":[]}"#);
                }
            }
            Wants::Done => return asked,
            _ => play.wake(),
        }
    }
    panic!("it never ends: {asked} requests");
}

#[test]
fn a_configured_profile_that_is_refused_is_looked_up_once_and_not_asked_with_again_and_again() {
    let account = format!(r#"{{"refreshToken":"{REFRESH_TOKEN}","profileArn":"{ARN}"}}"#);
    let mut play = Play::begin(gateway(&[("KIRO_AUTH_TOKEN", &account)]), &body(false, ""));
    assert_eq!(refused_always(&mut play, INVALID), 2);
    assert_eq!(play.heads, [503]);
}

#[test]
fn a_learnt_profile_that_is_refused_is_looked_up_once() {
    let mut play = Play::begin(gateway(&[("AWS_REFRESHTOKEN", REFRESH_TOKEN)]), &body(false, ""));
    assert_eq!(refused_always(&mut play, INVALID), 2);
    assert_eq!(play.heads, [503]);
}

#[test]
fn an_api_key_has_no_profile_to_look_up() {
    let values = [("KIRO_AUTH_TOKEN", r#"{"auth":"ApiKey","apiKey":"ksk_0123456789abcdef"}"#)];
    let mut play = Play::begin(gateway(&values), &body(false, ""));
    assert_eq!(refused_always(&mut play, REQUIRED), 1);
    assert_eq!(play.heads, [503]);
}

#[test]
fn pages_of_profiles_that_hold_none_come_to_an_end() {
    let mut play = Play::begin(gateway(&[("AWS_REFRESHTOKEN", REFRESH_TOKEN)]), &body(false, ""));
    play.send();
    play.answer(200, &[], br#"{"accessToken":"aoa-fresh"}"#);
    for _ in 0..200 {
        if play.send().url.ends_with("/generateAssistantResponse") {
            return;
        }
        play.answer(200, &[], br#"{"profiles":[],"nextToken":"more"}"#);
    }
    panic!("the look-up never ends");
}
