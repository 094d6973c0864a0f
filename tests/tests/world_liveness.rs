//! Time and silence: the commit point, pings, deadlines, slow and impatient clients.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::rc::Rc;

use kiro2api_core::Millis;
use kiro2api_tests::world::{Answer, Ask, Instance, Kind, Operation, Patience, START, StoreKind, World};

fn world() -> (World, Rc<Instance>) {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    // The login is fresh before each test begins.
    assert_eq!(world.ask(&instance, &Ask::prompt("warm up", true)).said(), "ok");
    (world, instance)
}

fn script(world: &World, directive: &str) {
    world.service.always(Operation::Chat, Answer::script(directive));
}

#[test]
fn silence_before_the_head_is_filled_with_pings_every_15_seconds() {
    let (world, instance) = world();
    let now = world.clock.now();
    world.service.always(Operation::Chat, Answer::script("text \"late\"").after(50_000));
    let got = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!((got.status(), got.said().as_str()), (200, "late"));
    assert_eq!(got.times("ping", now), [15, 30, 45]);
    assert_eq!(got.times("message_start", now), [50]);
}

#[test]
fn silence_between_head_and_first_text_and_between_texts_is_filled_too() {
    let (world, instance) = world();
    let now = world.clock.now();
    script(&world, "delay 40000; text \"one\"; delay 40000; text \"two\"");
    let got = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!((got.said().as_str(), got.stop_reason().as_deref()), ("onetwo", Some("end_turn")));
    assert_eq!(got.times("ping", now), [15, 30, 55, 70]);
}

#[test]
fn a_body_that_is_not_streamed_gets_no_ping() {
    let (world, instance) = world();
    world.service.always(Operation::Chat, Answer::script("text \"late\"").after(50_000));
    let got = world.ask(&instance, &Ask::prompt("hi", false));
    assert_eq!(got.kind, Kind::Answer);
    assert_eq!(got.json()["content"][0]["text"], "late");
    assert_eq!(got.writes.len(), 1);
}

#[test]
fn an_answer_that_comes_steadily_is_never_pinged() {
    let (world, instance) = world();
    script(&world, "pace 14000; text \"abcdefgh\" chunk=1");
    let got = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!(got.said(), "abcdefgh");
    assert!(!got.names().contains(&"ping".to_owned()));
}

/// After a ping the status is sent; another attempt may still bring the answer, and an error is told in the stream.
#[test]
fn after_a_ping_a_failure_is_retried_or_told_in_band() {
    let (world, instance) = world();
    world.service.next(Operation::Chat, Answer::refusal("unavailable").after(20_000));
    let got = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!((got.status(), got.kind, got.said().as_str()), (200, Kind::Stream, "ok"));
    assert_eq!(got.names().iter().filter(|name| *name == "message_start").count(), 1);

    world.service.always(Operation::Chat, Answer::refusal("too-long").after(20_000));
    let got = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!((got.status(), got.names()), (200, vec!["ping".to_owned(), "error".to_owned()]));
    let message = got.events().pop().unwrap().data["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("prompt is too long: "), "{message}");
}

#[test]
fn an_exception_first_is_a_status_and_after_text_an_event() {
    let (world, instance) = world();
    script(&world, "exception InternalServerException");
    let got = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!((got.kind, got.status()), (Kind::Answer, 529));
    let (world, instance) = self::world();
    script(&world, "text \"Half\"; exception InternalServerException");
    let got = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!((got.kind, got.status(), got.said().as_str()), (Kind::Stream, 200, "Half"));
    assert_eq!(got.names().last().map(String::as_str), Some("error"));
    assert!(!got.names().contains(&"message_stop".to_owned()) && got.stop_reason().is_none());
}

#[test]
fn a_service_that_never_answers_ends_at_the_first_byte_deadline() {
    let (world, instance) = world();
    world.service.always(Operation::Chat, Answer::silence());
    for stream in [false, true] {
        let begun = world.clock.now();
        let got = world.ask(&instance, &Ask::prompt("hi", stream));
        let took = (world.clock.now() - begun).0 / 1000;
        if stream {
            assert_eq!(got.names().last().map(String::as_str), Some("error"), "{}", got.text());
            assert_eq!(got.events().pop().unwrap().data["error"]["type"], "timeout_error");
            assert_eq!(took, 300);
        } else {
            assert_eq!((got.status(), got.error_type().as_str()), (504, "timeout_error"));
            assert_eq!(took, 120, "a simple request has two minutes");
        }
    }
}

#[test]
fn a_stall_in_mid_answer_ends_at_the_idle_deadline_and_is_told() {
    let (world, instance) = world();
    let begun = world.clock.now();
    script(&world, "text \"Half\"; stall");
    let got = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!(got.said(), "Half");
    assert_eq!(got.events().pop().unwrap().data["error"]["type"], "timeout_error");
    assert_eq!((world.clock.now() - begun).0 / 1000, 300);
    let sent = world.service.sent_of(Operation::Chat).pop().unwrap();
    assert!(sent.dropped.is_some() && !sent.read_out, "the service's stream is dropped");
}

#[test]
fn a_stream_without_end_ends_at_the_total_deadline() {
    let (world, instance) = world();
    let begun = world.clock.now();
    script(&world, "pace 10000; text \"a\" times=400");
    let got = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!(got.events().pop().unwrap().data["error"]["type"], "timeout_error");
    assert_eq!((world.clock.now() - begun).0 / 1000, 1800);
    assert!(got.said().len() >= 178, "{} letters", got.said().len());
}

#[test]
fn deadlines_follow_the_configuration_and_the_requests_complexity() {
    let world = World::new(StoreKind::Compare);
    let social = kiro2api_tests::world::login::social();
    let instance = world.instance_with(&[
        ("KIRO_AUTH_TOKEN", &social),
        ("SIMPLE_REQUEST_TIMEOUT_MINUTES", "1"),
        ("REQUEST_TIMEOUT_MINUTES", "3"),
        ("STREAM_REQUEST_TIMEOUT_MINUTES", "4"),
        ("SERVER_READ_TIMEOUT_MINUTES", "30"),
    ]);
    assert_eq!(world.ask(&instance, &Ask::prompt("warm up", true)).said(), "ok");
    world.service.always(Operation::Chat, Answer::silence());
    let complex = r#"{"model":"claude-sonnet-4-5","max_tokens":9000,"messages":[{"role":"user","content":"hi"}]}"#;
    for (ask, minutes) in [
        (Ask::prompt("hi", false), 1),
        (Ask::messages(complex), 3),
        (Ask::prompt("please refactor and analyze this", false), 1),
        (Ask::prompt("hi", true), 4),
    ] {
        let begun = world.clock.now();
        world.ask(&instance, &ask);
        assert_eq!((world.clock.now() - begun).0, minutes * 60_000, "{ask:?}");
    }
}

#[test]
fn a_client_may_hang_up_at_any_byte_and_the_service_is_left_at_once() {
    let text = "text \"The quick brown fox.\" chunk=5; tool get_x {\"a\":1}; stall";
    let whole = {
        let (world, instance) = world();
        script(&world, text);
        world
            .ask_patiently(
                &instance,
                &Ask::prompt("hi", true),
                Patience { until: Some(START + Millis::secs(5)), tells: true, ..Patience::default() },
            )
            .body
    };
    for bytes in (0..whole.len()).step_by(7) {
        let (world, instance) = world();
        script(&world, text);
        let patience = Patience { bytes: Some(bytes), ..Patience::default() };
        let got = world.ask_patiently(&instance, &Ask::prompt("hi", true), patience);
        assert!(got.gone && got.body == whole[..bytes], "at byte {bytes}");
        let sent = world.service.sent_of(Operation::Chat).pop().unwrap();
        assert_eq!(sent.dropped, Some(world.clock.now()), "at byte {bytes}: the service's reply is dropped");
        assert_eq!(world.clock.now(), START, "at byte {bytes}: at once");
        assert_eq!(world.ask(&instance, &Ask::get("/health?deep=1")).json()["accounts"][0]["state"], "ready");
    }
}

/// Every moment of an exchange with a refresh, a retry and a stream in it.
#[test]
fn a_client_may_hang_up_at_any_time_and_nothing_is_left_behind() {
    for told in [false, true] {
        for at in (0..9_000).step_by(90) {
            let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
            world.store.set_latency(100);
            world.service.next(Operation::Chat, Answer::refusal("unavailable").after(500));
            world.service.next(
                Operation::Chat,
                Answer::script("head-delay 700; text \"one\"; delay 2000; text \"two\"; delay 3000; text \"three\""),
            );
            let until = START + Millis(at);
            let patience = if told {
                Patience { until: Some(until), tells: true, ..Patience::default() }
            } else {
                Patience { dropped_at: Some(until), ..Patience::default() }
            };
            let pending = world.begin(&instance, &Ask::prompt("hi", true), patience);
            world.run();
            let got = pending.got();
            assert!("onetwothree".starts_with(&got.said()), "at {at}");
            let sent = world.service.sent();
            assert!(sent.iter().all(|sent| sent.dropped.is_some()), "at {at}: a reply is still open: {sent:?}");
            // The next request finds a sound gateway: a refresh that was cut off is made anew or its claim runs out.
            world.pass(11_000);
            let next = world.ask(&instance, &Ask::prompt("again", true));
            assert!(matches!(next.said().as_str(), "ok" | "onetwothree"), "at {at}, told {told}: {}", next.text());
        }
    }
}

#[test]
fn a_slow_client_gets_everything_and_the_service_waits_for_it() {
    let (world, instance) = world();
    script(&world, "text \"abcdefghij\" chunk=1");
    let patience = Patience { slow: 4_000, ..Patience::default() };
    let got = world.ask_patiently(&instance, &Ask::prompt("hi", true), patience);
    assert_eq!((got.said().as_str(), got.stop_reason().as_deref()), ("abcdefghij", Some("end_turn")));
}

#[test]
fn empty_streams_are_tried_twice_more_and_never_an_empty_success() {
    for directive in [
        "empty",
        "stop END_TURN",
        "event futureEvent {}; notail",
        "kinds; notail",
        "initial; notail",
        "text \"\"; notail",
    ] {
        for stream in [true, false] {
            let (world, instance) = world();
            script(&world, directive);
            let got = world.ask(&instance, &Ask::prompt("hi", stream));
            assert_eq!(
                (got.status(), got.error_type().as_str()),
                (529, "overloaded_error"),
                "{directive}: {}",
                got.text()
            );
            assert_eq!(world.service.count(Operation::Chat) - 1, 3, "{directive}");
        }
    }
}

#[test]
fn an_empty_stream_between_others_is_not_noticed_by_the_client() {
    let (world, instance) = world();
    world.service.next(Operation::Chat, Answer::script("empty"));
    world.service.next(Operation::Chat, Answer::script("stop END_TURN"));
    let got = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!(got.said(), "ok");
    assert_eq!(got.names().iter().filter(|name| *name == "message_start").count(), 1);
}
