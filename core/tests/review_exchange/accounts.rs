//! What is remembered of an account, and where.

use crate::world::{Play, REFRESH_TOKEN, ROTATED, STREAM, Wants, body, exception, frame, gateway};
use kiro2api_core::exchange::Input;
use kiro2api_core::host::Millis;

const KEY: (&str, &str) = ("KIRO_AUTH_TOKEN", r#"{"auth":"ApiKey","apiKey":"ksk_0123456789abcdef"}"#);

#[test]
fn a_quota_of_the_day_is_back_the_next_day() {
    let mut play = Play::begin(gateway(&[KEY]), &body(false, ""));
    play.send();
    play.answer(429, &[], br#"{"message":"You have reached the limit.","reason":"DAILY_REQUEST_COUNT"}"#);
    assert!(matches!(play.wants(), Wants::Done));
    assert_eq!(play.heads, [429]);
    play.now = play.now + Millis::mins(7 * 60);
    let mut next = play.again(&body(false, ""));
    assert!(next.send().url.ends_with("/generateAssistantResponse"));
}

#[test]
fn a_rotated_refresh_token_is_saved_at_once_even_in_the_pause_after_an_outage() {
    let mut play = Play::begin(gateway(&[("AWS_REFRESHTOKEN", REFRESH_TOKEN)]), &body(false, ""));
    play.store_down = true;
    assert!(play.send().url.ends_with("/refreshToken"));
    play.store_down = false;
    play.answer(200, &[], format!(r#"{{"accessToken":"aoa-fresh","refreshToken":"{ROTATED}"}}"#).as_bytes());
    let _ = play.wants();
    assert_eq!(play.saves.len(), 1, "it exists nowhere else");
}

#[test]
fn answers_that_fail_inside_the_stream_count_against_the_account() {
    let two = (
        "KIRO_AUTH_TOKEN",
        r#"[{"auth":"ApiKey","refreshToken":"ksk_one-0123456789-0123456789"},{"auth":"ApiKey","refreshToken":"ksk_two-0123456789-0123456789"}]"#,
    );
    let mut play = Play::begin(gateway(&[two, ("TOKEN_SELECTION_STRATEGY", "sequential")]), &body(false, ""));
    let served = [
        frame("assistantResponseEvent", r#"{"content":"ok"}"#),
        frame("metadataEvent", r#"{"stopReason":"END_TURN"}"#),
    ]
    .concat();
    for request in 0..6 {
        let mut firsts = 0;
        loop {
            match play.wants() {
                Wants::Done => break,
                Wants::Send(sent) => {
                    play.tell(Input::Sent);
                    if format!("{:?}", sent.headers).contains("ksk_one") {
                        firsts += 1;
                        play.answer(200, STREAM, &exception("InternalServerException", r#"{"message":"failed"}"#));
                    } else {
                        play.answer(200, STREAM, &served);
                    }
                }
                _ => play.wake(),
            }
        }
        assert_eq!(play.heads, [200]);
        // Its three tries count once; from the fifth failed request in a row it rests while another can serve.
        assert_eq!(firsts, if request < 5 { 3 } else { 0 }, "request {request}");
        play = play.again(&body(false, ""));
    }
}
