//! Answers that wait until they are known to be as the client demands: pings, deadlines and hang-ups meanwhile, and
//! what the log says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::rc::Rc;

use kiro2api_core::Millis;
use kiro2api_tests::world::{Answer, Ask, Instance, Kind, Operation, Patience, StoreKind, World};

fn world() -> (World, Rc<Instance>) {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    // The login is fresh before each test begins.
    assert_eq!(world.ask(&instance, &Ask::prompt("warm up", true)).said(), "ok");
    (world, instance)
}

fn json(stream: bool) -> Ask {
    ask(stream, r#""output_config":{"format":{"type":"json_schema","schema":{"type":"object","required":["a"]}}}"#)
}

fn call(stream: bool) -> Ask {
    ask(stream, r#""tool_choice":{"type":"any"},"tools":[{"name":"get_x","input_schema":{"type":"object"}}]"#)
}

fn ask(stream: bool, members: &str) -> Ask {
    Ask::messages(format!(
        r#"{{"model":"claude-sonnet-4-5","max_tokens":900,"stream":{stream},{members},"messages":[{{"role":"user","content":"hi"}}]}}"#
    ))
}

#[test]
fn while_an_answer_waits_the_client_gets_pings_and_then_all_of_it() {
    let (world, instance) = world();
    let now = world.clock.now();
    world.service.always(Operation::Chat, Answer::script(r#"pace 10000; text "{\"a\":1}" chunk=1"#));
    let got = world.ask(&instance, &json(true));
    assert_eq!((got.said().as_str(), got.stop_reason().as_deref()), (r#"{"a":1}"#, Some("end_turn")));
    let ends = got.times("message_stop", now);
    assert_eq!(got.times("message_start", now), ends, "nothing is told before all of it is known");
    let pings = got.times("ping", now);
    assert!(pings.starts_with(&[15, 30]) && pings.windows(2).all(|pair| pair[1] - pair[0] == 15), "{pings:?}");
}

#[test]
fn a_second_try_goes_to_the_same_account_at_once_and_after_pings_too() {
    for (first, stream) in [(0, true), (0, false), (40_000, true)] {
        let (world, instance) = world();
        world.service.next(Operation::Chat, Answer::script("text \"no JSON\"").after(first));
        world.service.next(Operation::Chat, Answer::script(r#"text "{\"a\":2}""#));
        let begun = world.clock.now();
        let got = world.ask(&instance, &json(stream));
        assert_eq!(got.status(), 200);
        let said = if stream { got.said() } else { got.json()["content"][0]["text"].as_str().unwrap().to_owned() };
        assert_eq!(said, r#"{"a":2}"#, "{}", got.text());
        assert_eq!((world.clock.now() - begun).0, first, "no pause");
        assert_eq!(world.service.count(Operation::Chat), 3);
        if stream {
            assert_eq!(got.names().iter().filter(|name| *name == "message_start").count(), 1);
        }
    }
}

#[test]
fn a_call_streams_from_the_moment_it_begins() {
    let (world, instance) = world();
    let now = world.clock.now();
    let script = r#"text "Let me see."; delay 20000; tool get_x {"aaaaaaaa":1}; delay 20000; stop TOOL_USE"#;
    world.service.always(Operation::Chat, Answer::script(script));
    let got = world.ask(&instance, &call(true));
    assert_eq!(got.stop_reason().as_deref(), Some("tool_use"));
    assert_eq!(got.times("message_start", now), [20], "{}", got.text());
    assert_eq!(got.times("content_block_stop", now), [20, 20]);
    assert_eq!(got.times("message_stop", now), [40]);
    assert_eq!(got.times("ping", now), [15, 35]);
}

#[test]
fn a_stream_that_breaks_while_it_waits_is_tried_again() {
    for broken in [r#"text "{\"a\""; exception InternalServerException"#, r#"text "{\"a\""; reset"#] {
        let (world, instance) = world();
        world.service.next(Operation::Chat, Answer::script(broken));
        world.service.next(Operation::Chat, Answer::script(r#"text "{\"a\":3}""#));
        let got = world.ask(&instance, &json(true));
        assert_eq!((got.kind, got.said().as_str()), (Kind::Stream, r#"{"a":3}"#), "{broken}: {}", got.text());
    }
}

#[test]
fn a_stall_while_it_waits_ends_at_the_deadline_and_is_told() {
    let (world, instance) = world();
    let begun = world.clock.now();
    world.service.always(Operation::Chat, Answer::script(r#"text "{\"a\""; stall"#));
    let got = world.ask(&instance, &json(true));
    assert_eq!(got.events().pop().unwrap().data["error"]["type"], "timeout_error");
    assert!(got.said().is_empty() && !got.names().contains(&"message_start".to_owned()), "{}", got.text());
    assert_eq!((world.clock.now() - begun).0 / 1000, 300);
}

#[test]
fn a_client_that_leaves_while_its_answer_waits_leaves_nothing_behind() {
    for at in (0..9_000).step_by(500) {
        let (world, instance) = world();
        world.service.next(Operation::Chat, Answer::script(r#"head-delay 700; text "no"; delay 3000; text " JSON""#));
        world.service.next(Operation::Chat, Answer::script(r#"head-delay 700; text "{"; delay 3000; text "\"a\":1}""#));
        let until = Some(world.clock.now() + Millis(at));
        let patience = Patience { until, tells: true, ..Patience::default() };
        let got = world.ask_patiently(&instance, &json(true), patience);
        assert!(got.said().is_empty() || got.said() == r#"{"a":1}"#, "at {at}: {}", got.text());
        let sent = world.service.sent();
        assert!(sent.iter().all(|sent| sent.dropped.is_some() || sent.read_out), "at {at}: a reply is still open");
    }
}
