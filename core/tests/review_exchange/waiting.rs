//! Requests that wait for a refresh another instance is at.

use crate::world::{Play, REFRESH_TOKEN, Wants, body, gateway};
use kiro2api_core::exchange::Input;
use kiro2api_core::host::{Head, Millis, Stored};

#[test]
fn a_request_that_waits_for_another_instances_refresh_reads_the_store_again() {
    let values = [("AWS_REFRESHTOKEN", REFRESH_TOKEN)];
    // The other instance claims the refresh in a store that compares versions.
    let mut other = Play::begin(gateway(&values), &body(false, ""));
    other.store = Some(Stored { value: br#"{"v":1,"accounts":{}}"#.to_vec(), version: Some("1".into()) });
    let request = other.send();
    assert!(request.url.ends_with("/refreshToken"));
    let mut play = Play::begin(gateway(&values), &body(false, ""));
    play.store.clone_from(&other.store);
    let Wants::Sleep(_) = play.wants() else { panic!("the claim of the other instance holds") };

    // It is done and has saved the new token.
    let head = Head { status: 200, headers: vec![] };
    other.tell(Input::Head(&head));
    other.tell(Input::Chunk(br#"{"accessToken":"aoa-fresh","refreshToken":"aor-rotated-0123456789"}"#));
    other.tell(Input::End);
    let _ = other.wants();
    play.store.clone_from(&other.store);

    let request = play.send();
    assert!(!request.url.ends_with("/refreshToken"), "the refresh token would be used a second time");
    assert!((play.now - crate::world::NOW) < Millis::secs(3), "{:?}", play.now - crate::world::NOW);
}
