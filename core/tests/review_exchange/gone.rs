//! A client that hangs up while its request refreshes an account: the new login must not be lost with it.
use crate::world::{Play, REFRESH_TOKEN, ROTATED, Wants, body, gateway};
use kiro2api_core::exchange::Input;

#[test]
fn a_refresh_under_way_is_finished_and_saved_although_the_client_has_gone() {
    let mut play = Play::begin(gateway(&[("AWS_REFRESHTOKEN", REFRESH_TOKEN)]), &body(true, ""));
    assert!(play.send().url.ends_with("/refreshToken"));
    assert!(matches!(play.wants(), Wants::Await(_)));
    play.tell(Input::Gone);
    assert!(matches!(play.wants(), Wants::Await(_)), "the service may have rotated the token already");
    let head = crate::world::head(200, &[]);
    play.tell(Input::Head(&head));
    play.tell(Input::Chunk(
        format!(r#"{{"accessToken":"aoa-fresh-access-token","refreshToken":"{ROTATED}","expiresIn":3600}}"#).as_bytes(),
    ));
    play.tell(Input::End);
    assert!(matches!(play.wants(), Wants::Done), "nothing is asked of the service for nobody");
    assert_eq!(play.saves.len(), 1);
    assert_eq!(play.heads, Vec::<u16>::new());

    // The next request uses the token at once.
    let mut next = play.again(&body(true, ""));
    let request = next.send();
    assert!(!request.url.ends_with("/refreshToken"), "{}", request.url);
}

#[test]
fn a_refresh_that_never_answers_ends_with_its_own_deadline_after_the_client_has_gone() {
    let mut play = Play::begin(gateway(&[("AWS_REFRESHTOKEN", REFRESH_TOKEN)]), &body(true, ""));
    play.send();
    play.tell(Input::Gone);
    let begun = play.now;
    play.wake();
    assert!(matches!(play.wants(), Wants::Done));
    assert_eq!((play.now - begun).0, 10_000);
    assert_eq!(play.heads, Vec::<u16>::new());
}

#[test]
fn a_refresh_outlives_the_deadline_of_its_request_and_is_saved() {
    let values = [("AWS_REFRESHTOKEN", REFRESH_TOKEN), ("SIMPLE_REQUEST_TIMEOUT_MINUTES", "0.05")];
    let mut play = Play::begin(gateway(&values), &body(false, ""));
    play.send();
    play.now = play.now + kiro2api_core::Millis::secs(4);
    play.tell(Input::Woke);
    assert!(matches!(play.wants(), Wants::Await(_)));
    play.answer(200, &[], format!(r#"{{"accessToken":"aoa-late","refreshToken":"{ROTATED}"}}"#).as_bytes());
    assert!(matches!(play.wants(), Wants::Done));
    assert_eq!((play.saves.len(), play.heads), (1, vec![504]));
}
