//! A platform that ends each request after a fixed time: the answer is over before, whatever is under way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::rc::Rc;

use kiro2api_core::Millis;
use kiro2api_tests::config::Config;
use kiro2api_tests::refusal::Refusal;
use kiro2api_tests::world::{
    Answer, Ask, Got, Instance, Kind, Operation, Outage, Patience, START, StoreKind, World, login,
};
use serde_json::{Value, json};

const SECOND: u64 = 1_000;

fn world() -> (World, Rc<Instance>) {
    let (world, instance) = cold();
    // The login is fresh before each test begins.
    assert_eq!(world.ask(&instance, &Ask::prompt("warm up", true)).said(), "ok");
    (world, instance)
}

fn cold() -> (World, Rc<Instance>) {
    World::of_accounts(StoreKind::Compare, &["only"])
}

/// One request in each dialect.
fn asks(stream: bool) -> [Ask; 3] {
    let body = |more: Value| {
        let mut body = json!({"model": "claude-sonnet-4-5", "max_tokens": 1000, "stream": stream});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body.to_string()
    };
    let messages = json!({"messages": [{"role": "user", "content": "hi"}]});
    let input = json!({"input": "hi", "max_output_tokens": 1000, "max_tokens": null});
    [
        Ask::messages(body(messages.clone())),
        Ask::post("/v1/chat/completions", body(messages)),
        Ask::post("/v1/responses", body(input)),
    ]
}

/// Milliseconds from `begun` to the client's last byte, and to the end of the exchange.
fn took(got: &Got, begun: Millis) -> (u64, u64) {
    let last = got.writes.last().expect("something was written").at;
    ((last - begun).0, (got.ended.expect("it is over") - begun).0)
}

/// The text of the error that ends an answer, in any dialect, and its type or code.
fn error(got: &Got) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |value: &Value| (text(&value["message"]), text(&value["type"]) + &text(&value["code"]));
    if got.kind == Kind::Answer {
        return of(&got.json()["error"]);
    }
    let all = got.text();
    let mut data = all.lines().filter_map(|line| line.strip_prefix("data: "));
    let last: Value = serde_json::from_str(data.next_back().unwrap()).unwrap_or_else(|_| panic!("{all}"));
    if last["type"] == "response.failed" { of(&last["response"]["error"]) } else { of(&last["error"]) }
}

fn says_limit(got: &Got, seconds: u64) {
    let (text, kind) = error(got);
    assert!(text.contains(&format!("ends each request after {seconds} s")), "{}", got.text());
    assert!(text.contains("raise the timeout of the function"), "{text}");
    assert!(kind.contains("timeout") || kind.contains("server_error"), "{kind}");
    assert!(!got.text().contains("message_stop") && !got.text().contains("response.completed"), "{}", got.text());
    assert!(!got.text().contains("[DONE]") && !got.text().contains("finish_reason\":\"stop"), "{}", got.text());
}

#[test]
fn a_stream_is_cut_five_seconds_before_in_its_own_dialect() {
    for ask in asks(true) {
        let (world, instance) = world();
        world.service.next(Operation::Chat, Answer::script("pace 10000; text \"a\" times=400"));
        let begun = world.clock.now();
        let got = world.ask(&instance, &ask.ends_after(60 * SECOND));
        assert_eq!((got.kind, got.status()), (Kind::Stream, 200));
        says_limit(&got, 60);
        assert_eq!(took(&got, begun).0, 55 * SECOND, "{}", got.text());
        assert!(world.service.sent_of(Operation::Chat).pop().unwrap().dropped.is_some(), "the service is left");
        assert!(got.summary()["error"].as_str().unwrap().contains("ends each request"), "{}", got.summary());
    }
}

#[test]
fn pings_come_as_ever_before_the_end() {
    let (world, instance) = world();
    world.service.next(Operation::Chat, Answer::script("text \"Half\"; stall"));
    let begun = world.clock.now();
    let got = world.ask(&instance, &Ask::prompt("hi", true).ends_after(60 * SECOND));
    assert_eq!(got.times("ping", begun), [15, 30, 45]);
    assert_eq!(got.times("error", begun), [55]);
    assert_eq!(got.said(), "Half");
}

#[test]
fn before_anything_has_come_a_stream_and_a_whole_answer_get_the_status_of_a_deadline() {
    for (stream, ends) in [(true, 12), (false, 12), (false, 60)] {
        for ask in asks(stream) {
            let (world, instance) = world();
            world.service.always(Operation::Chat, Answer::silence());
            let begun = world.clock.now();
            let got = world.ask(&instance, &ask.ends_after(ends * SECOND));
            assert_eq!((got.kind, got.status()), (Kind::Answer, 504), "{}", got.text());
            says_limit(&got, ends);
            assert_eq!(took(&got, begun).0, (ends - 5) * SECOND);
        }
    }
    // After a ping the head is committed: the error is in the stream.
    for ask in asks(true) {
        let (world, instance) = world();
        world.service.always(Operation::Chat, Answer::silence());
        let begun = world.clock.now();
        let got = world.ask(&instance, &ask.ends_after(30 * SECOND));
        assert_eq!((got.kind, got.status()), (Kind::Stream, 200));
        says_limit(&got, 30);
        assert_eq!(took(&got, begun).0, 25 * SECOND);
    }
}

#[test]
fn our_own_deadline_is_told_as_ours_where_it_is_nearer() {
    let (world, instance) = world();
    world.service.always(Operation::Chat, Answer::silence());
    let got = world.ask(&instance, &Ask::prompt("hi", false).ends_after(900 * SECOND));
    assert_eq!(got.status(), 504);
    assert!(error(&got).0.contains("REQUEST_TIMEOUT_MINUTES"), "{}", got.text());
}

#[test]
fn a_refresh_under_way_is_saved_after_its_client_has_been_told() {
    for stream in [true, false] {
        for ask in asks(stream) {
            let (world, instance) = cold();
            // A login endpoint that takes nine seconds.
            world.service.slow_down(Operation::Social, 9 * SECOND);
            let got = world.ask(&instance, &ask.ends_after(12 * SECOND));
            assert_eq!((got.kind, got.status()), (Kind::Answer, 504), "{}", got.text());
            says_limit(&got, 12);
            assert_eq!(took(&got, START), (7 * SECOND, 9 * SECOND), "told in time, saved afterwards");
            let saves = world.store.journal().iter().filter(|entry| entry.what == "save").count();
            assert_eq!(saves, 2, "the claim and the login");
            let other = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["only"]))]);
            assert_eq!(world.ask(&other, &Ask::prompt("hi", true)).said(), "ok");
            assert_eq!(world.service.count(Operation::Social), 1, "nobody refreshes again");
        }
    }
}

#[test]
fn a_refresh_that_does_not_come_is_given_up_two_seconds_before() {
    let (world, instance) = cold();
    world.service.always(Operation::Social, Answer::silence());
    let got = world.ask(&instance, &Ask::prompt("hi", true).ends_after(10 * SECOND));
    assert_eq!(got.status(), 504, "{}", got.text());
    assert_eq!(took(&got, START), (5 * SECOND, 8 * SECOND));
}

#[test]
fn a_save_of_a_login_goes_on_after_its_client_has_been_told() {
    let (world, instance) = cold();
    world.service.slow_down(Operation::Social, 6 * SECOND);
    let slow = |from: u64, until: u64| Outage { from: START + Millis(from), until: START + Millis(until), hangs: true };
    // The store does not answer while the login is to be saved, until the client has been told.
    world.store.add_outage(slow(5_900, 8_000));
    let got = world.ask(&instance, &Ask::prompt("hi", false).ends_after(12 * SECOND));
    assert_eq!(got.status(), 504, "{}", got.text());
    let (told, over) = took(&got, START);
    assert!(told == 7 * SECOND && over < 12 * SECOND - 500, "{told} {over}");
    let other = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["only"]))]);
    assert_eq!(world.ask(&other, &Ask::prompt("hi", true)).said(), "ok");
    assert_eq!(world.service.count(Operation::Social), 1, "the login was saved");
}

#[test]
fn a_claim_that_is_saved_too_late_is_given_back() {
    let (world, instance) = cold();
    // The load takes its time; the claim is under way when the time is over.
    world.store.set_latency(2_600);
    let got = world.ask(&instance, &Ask::prompt("hi", false).ends_after(10 * SECOND));
    assert_eq!(got.status(), 504, "{}", got.text());
    assert_eq!((took(&got, START).0, world.service.count(Operation::Social)), (5 * SECOND, 0));
    assert!(took(&got, START).1 <= 9_500);
    world.store.set_latency(0);
    let other = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["only"]))]);
    let begun = world.clock.now();
    assert_eq!(world.ask(&other, &Ask::prompt("hi", true)).said(), "ok");
    assert_eq!(world.clock.now(), begun, "nobody waits for a refresh that is not sent");
}

#[test]
fn no_pause_is_begun_that_would_end_too_late_and_the_failure_itself_is_told() {
    for (name, status) in [("unavailable", 529), ("throttle", 429)] {
        let (world, instance) = world();
        let mut refusal = Refusal::preset(name).expect("a preset");
        refusal.retry_after = Some("4".to_owned());
        world.service.always(Operation::Chat, Answer::refused(&refusal).after(8 * SECOND));
        let begun = world.clock.now();
        let got = world.ask(&instance, &Ask::prompt("hi", false).ends_after(15 * SECOND));
        assert_eq!(got.status(), status, "{}", got.text());
        assert_eq!(took(&got, begun).0, 8 * SECOND, "{name}: at once, not at the deadline");
    }
}

#[test]
fn a_request_that_waits_for_anothers_refresh_is_told_in_time() {
    let (world, instance) = cold();
    world.service.slow_down(Operation::Social, 9 * SECOND);
    let first = world.begin(&instance, &Ask::prompt("hi", true), Patience::default());
    let second = world.begin(&instance, &Ask::prompt("hi", false).ends_after(10 * SECOND), Patience::default());
    world.run();
    assert_eq!(first.got().said(), "ok");
    assert_eq!(second.got().status(), 504, "{}", second.got().text());
    assert_eq!(took(&second.got(), START).0, 5 * SECOND);
    says_limit(&second.got(), 10);
}

#[test]
fn choices_end_together_in_time() {
    for stream in [true, false] {
        let (world, instance) = world();
        world.service.next(Operation::Chat, Answer::script("text \"one\""));
        world.service.next(Operation::Chat, Answer::script("text \"two\"; stall"));
        let begun = world.clock.now();
        let body = json!({"model": "claude-sonnet-4-5", "n": 2, "stream": stream,
            "messages": [{"role": "user", "content": "hi"}]});
        let ask = Ask::post("/v1/chat/completions", body.to_string()).ends_after(20 * SECOND);
        let got = world.ask(&instance, &ask);
        assert_eq!(got.status(), if stream { 200 } else { 504 }, "{}", got.text());
        let (text, _) = error(&got);
        assert!(text.contains("ends each request after 20 s"), "{}", got.text());
        assert_eq!(took(&got, begun).0, 15 * SECOND);
    }
}

#[test]
fn pictures_are_waited_for_no_longer_than_the_platform_lets_them() {
    let (world, instance) = world();
    world.service.always(Operation::Media, Answer::silence());
    let body = json!({"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "url", "url": "https://pictures.example/a.png"}}]}]});
    let begun = world.clock.now();
    let got = world.ask(&instance, &Ask::messages(body.to_string()).ends_after(12 * SECOND));
    assert_eq!(got.status(), 504, "{}", got.text());
    says_limit(&got, 12);
    assert_eq!(took(&got, begun).0, 7 * SECOND);
}

#[test]
fn an_answer_is_kept_before_the_end_and_says_so_when_it_could_not_be() {
    for (stream, hangs) in [(true, false), (false, false), (true, true), (false, true)] {
        let (world, instance) = world();
        world.service.next(Operation::Chat, Answer::script("text \"a\"; delay 6000; text \"b\""));
        let begun = world.clock.now();
        if hangs {
            let (from, until) = (begun + Millis(3 * SECOND), begun + Millis(60 * SECOND));
            world.store.add_outage(Outage { from, until, hangs: true });
        }
        let [.., ask] = asks(stream);
        let got = world.ask(&instance, &ask.ends_after(12 * SECOND));
        assert_eq!(got.status(), 200, "{}", got.text());
        let response = if stream { got.events().pop().unwrap().data["response"].clone() } else { got.json() };
        assert_eq!((&response["status"], &response["store"]), (&json!("completed"), &json!(!hangs)), "{}", got.text());
        assert_eq!(took(&got, begun).0, if hangs { 7 } else { 6 } * SECOND);
    }
}

#[test]
fn a_store_that_hangs_leaves_time_for_the_answer() {
    let (world, instance) = cold();
    world.store.add_outage(Outage { from: START, until: START + Millis(60 * SECOND), hangs: true });
    let got = world.ask(&instance, &Ask::prompt("hi", true).ends_after(10 * SECOND));
    assert_eq!(got.status(), 504, "{}", got.text());
    assert_eq!(took(&got, START).0, 5 * SECOND);

    let got = world.ask(&instance, &Ask::get("/v1/responses/resp_1").ends_after(10 * SECOND));
    assert_eq!(got.status(), 504, "{}", got.text());
}

#[test]
fn a_platform_that_grants_too_little_is_told_to_the_operator_at_once() {
    let (world, instance) = world();
    let sent = world.service.sent().len();
    for ask in asks(true).into_iter().chain(asks(false)).chain([Ask::get("/v1/responses/resp_1")]) {
        let begun = world.clock.now();
        let got = world.ask(&instance, &ask.ends_after(3 * SECOND));
        assert_eq!(got.status(), 503, "{}", got.text());
        let (text, _) = error(&got);
        assert!(text.contains("after 3 s") && text.contains("set the timeout of the function to 900 s"), "{text}");
        assert_eq!(world.clock.now(), begun);
    }
    assert_eq!(world.service.sent().len(), sent, "nothing is begun that cannot be ended");
    for path in ["/health", "/v1/models", "/health?deep=1"] {
        assert_eq!(world.ask(&instance, &Ask::get(path).ends_after(3 * SECOND)).status(), 200, "{path}");
    }
}

#[test]
fn a_client_that_takes_nothing_is_left_in_time_for_what_must_be_saved() {
    let (world, instance) = world();
    world.service.next(Operation::Chat, Answer::script("text \"a\" times=20"));
    let begun = world.clock.now();
    let stuck = Patience { slow: 100 * SECOND, ..Patience::default() };
    let got = world.ask_patiently(&instance, &Ask::prompt("hi", true).ends_after(20 * SECOND), stuck);
    assert_eq!((got.ended.unwrap() - begun).0, 19_500);
    assert_eq!(got.summary()["verdicts"][0], "client gone: cancelled", "{}", got.summary());
}

#[test]
fn a_client_that_takes_slowly_what_lies_ready_is_told_of_the_end_too() {
    for ask in asks(true) {
        let (world, instance) = world();
        // The service is ahead of its client all the time, so that nobody ever waits for it.
        world.service.next(Operation::Chat, Answer::script("text \"a\" times=400"));
        let begun = world.clock.now();
        let slow = Patience { slow: SECOND, ..Patience::default() };
        let got = world.ask_patiently(&instance, &ask.ends_after(60 * SECOND), slow);
        assert_eq!((got.kind, got.status()), (Kind::Stream, 200));
        says_limit(&got, 60);
        let told = took(&got, begun).0;
        assert!((55 * SECOND..=57 * SECOND).contains(&told), "{told}");
    }
}

#[test]
fn choices_are_told_in_time_although_a_refresh_goes_on() {
    for stream in [true, false] {
        let (world, instance) = cold();
        world.service.always(Operation::Social, Answer::silence());
        let body = json!({"model": "claude-sonnet-4-5", "n": 2, "stream": stream,
            "messages": [{"role": "user", "content": "hi"}]});
        let ask = Ask::post("/v1/chat/completions", body.to_string()).ends_after(12 * SECOND);
        let got = world.ask(&instance, &ask);
        says_limit(&got, 12);
        assert_eq!(took(&got, START), (7 * SECOND, 10 * SECOND), "told in time, over afterwards");
        assert_eq!(got.status(), 504, "{}", got.text());
        assert!(got.summary()["error"].as_str().unwrap().contains("ends each request"), "{}", got.summary());
    }
}

#[test]
fn a_stream_of_choices_is_told_in_it_although_one_of_them_refreshes() {
    let (world, instance) = world();
    world.service.next(Operation::Chat, Answer::script("text \"one\"; stall"));
    world.service.next(Operation::Chat, Answer::refusal("bearer"));
    world.service.always(Operation::Social, Answer::silence());
    let begun = world.clock.now();
    let body = json!({"model": "claude-sonnet-4-5", "n": 2, "stream": true,
        "messages": [{"role": "user", "content": "hi"}]});
    let ask = Ask::post("/v1/chat/completions", body.to_string()).ends_after(14 * SECOND);
    let got = world.ask(&instance, &ask);
    assert_eq!((got.kind, got.status()), (Kind::Stream, 200), "{}", got.text());
    says_limit(&got, 14);
    assert_eq!(took(&got, begun), (9 * SECOND, 10 * SECOND));
    assert_eq!(got.text().matches("ends each request").count(), 1, "{}", got.text());
}

#[test]
fn a_refused_refresh_that_cannot_be_judged_in_time_is_put_off() {
    for stream in [true, false] {
        for (refused, ends) in [(3, 12), (8, 12)] {
            let (world, instance) = cold();
            world.service.next(Operation::Social, Answer::refusal("invalid-grant").after(refused * SECOND));
            // The store does not say whether somebody else has renewed the login.
            let from = START + Millis(refused * SECOND - 100);
            world.store.add_outage(Outage { from, until: START + Millis(60 * SECOND), hangs: true });
            let got = world.ask(&instance, &Ask::prompt("hi", stream).ends_after(ends * SECOND));
            assert_eq!(got.status(), 504, "{}", got.text());
            let (told, over) = took(&got, START);
            assert!(told == (ends - 5) * SECOND && over <= ends * SECOND - 500, "{told} {over}");
            world.pass(120 * SECOND);
            assert_eq!(world.ask(&instance, &Ask::prompt("hi", stream)).status(), 200, "nothing was decided");
        }
    }
}

#[test]
fn a_login_is_saved_at_the_end_although_another_instance_saves_in_between() {
    let world = World::with_service(
        StoreKind::Compare,
        Config { accounts: login::accounts(&["only", "other"]), ..Config::default() },
    );
    let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["only"]))]);
    let other = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["other"]))]);
    world.store.set_latency(100);
    world.service.slow_down(Operation::Social, 6_650);
    let pending = world.begin(&instance, &Ask::prompt("hi", false).ends_after(12 * SECOND), Patience::default());
    world.run_until(5_000);
    world.service.slow_down(Operation::Social, 0);
    // What it stores meets the first one's save at 6.95 s, which has 50 ms left for another.
    let beside = world.begin(&other, &Ask::prompt("hi", false), Patience::default());
    world.run();
    assert_eq!(beside.got().status(), 200);
    assert_eq!(pending.got().status(), 504, "{}", pending.got().text());
    assert_eq!(took(&pending.got(), START).0, 7 * SECOND);
    let third = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["only"]))]);
    assert_eq!(world.ask(&third, &Ask::prompt("hi", false)).status(), 200);
    assert_eq!(world.service.count(Operation::Social), 2, "one for each account");
}
