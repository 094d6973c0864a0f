//! What each failure of the service comes to: what the client sees, what was sent, how the account stands.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use kiro2api_tests::world::{Answer, Ask, Kind, Operation, Patience, StoreKind, World};

fn state_of(world: &World, instance: &std::rc::Rc<kiro2api_tests::world::Instance>, label: &str) -> String {
    let health = world.ask(instance, &Ask::get("/health?deep=1"));
    let accounts = health.json()["accounts"].clone();
    let account = accounts.as_array().unwrap().iter().find(|account| account["label"] == label).cloned().unwrap();
    account["state"].as_str().unwrap().to_owned()
}

/// fault · status · error type · requests · the account's state afterwards
const ALONE: &[(&str, u16, &str, usize, &str)] = &[
    ("improper", 400, "invalid_request_error", 1, "ready"),
    ("invalid-json", 400, "invalid_request_error", 1, "ready"),
    ("too-long", 400, "invalid_request_error", 1, "ready"),
    ("prompt-too-long", 400, "invalid_request_error", 1, "ready"),
    ("front-end", 400, "invalid_request_error", 1, "ready"),
    ("model", 404, "not_found_error", 1, "ready"),
    ("tool-format", 400, "invalid_request_error", 1, "ready"),
    ("profile", 503, "api_error", 2, "denied"),
    ("conversation", 400, "invalid_request_error", 1, "ready"),
    ("bearer", 503, "api_error", 2, "denied"),
    ("bearer401", 503, "api_error", 2, "denied"),
    ("unauthorized", 503, "api_error", 1, "denied"),
    ("feature", 503, "api_error", 1, "denied"),
    ("conflict", 503, "api_error", 1, "denied"),
    ("suspended", 503, "api_error", 1, "suspended"),
    ("monthly", 429, "rate_limit_error", 1, "quota"),
    ("monthly400", 429, "rate_limit_error", 1, "quota"),
    ("monthly429", 429, "rate_limit_error", 1, "quota"),
    ("daily", 429, "rate_limit_error", 1, "quota"),
    ("overage", 429, "rate_limit_error", 1, "quota"),
    ("throttle", 429, "rate_limit_error", 1, "throttled"),
    ("credit-limit", 429, "rate_limit_error", 1, "throttled"),
    ("capacity", 529, "overloaded_error", 3, "ready"),
    ("high-load", 529, "overloaded_error", 3, "ready"),
    ("internal", 529, "overloaded_error", 3, "ready"),
    ("unavailable", 529, "overloaded_error", 3, "ready"),
    ("operation", 502, "api_error", 3, "ready"),
    ("not-found", 502, "api_error", 3, "ready"),
];

#[test]
fn every_refusal_reaches_a_lone_accounts_client_as_the_table_says() {
    for &(fault, status, kind, requests, state) in ALONE {
        for stream in [true, false] {
            let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
            world.service.always(Operation::Chat, Answer::refusal(fault));
            // A quota that is not used up after all would end a rest at once.
            world.service.always(Operation::Usage, Answer::refusal("unavailable"));
            let got = world.ask(&instance, &Ask::prompt("hi", stream));
            assert_eq!(got.kind, Kind::Answer, "{fault}: a refusal before any byte keeps its status");
            assert_eq!((got.status(), got.error_type().as_str()), (status, kind), "{fault}: {}", got.text());
            assert_eq!(got.json()["request_id"], got.header("request-id").unwrap());
            assert_eq!(world.service.count(Operation::Chat), requests, "{fault}: requests");
            assert_eq!(state_of(&world, &instance, "only"), state, "{fault}: the account afterwards");
            assert!(![401, 403].contains(&got.status()), "{fault}: looks like the client's own key");
            if status == 429 {
                assert!(got.header("retry-after").is_some(), "{fault}: no retry-after");
            }
        }
    }
}

/// What another account can mend is mended; what it cannot is not tried there.
#[test]
fn a_second_account_serves_where_that_can_help() {
    for &(fault, status, ..) in ALONE {
        let (world, instance) = World::of_accounts(StoreKind::Compare, &["first", "second"]);
        world.service.for_account("first", Operation::Chat, usize::MAX, Answer::refusal(fault));
        let got = world.ask(&instance, &Ask::prompt("hi", true));
        let accounts: Vec<String> =
            world.service.sent_of(Operation::Chat).into_iter().filter_map(|sent| sent.account).collect();
        let helps = matches!(
            fault,
            "bearer"
                | "bearer401"
                | "unauthorized"
                | "feature"
                | "conflict"
                | "suspended"
                | "monthly"
                | "monthly400"
                | "monthly429"
                | "daily"
                | "overage"
                | "throttle"
                | "credit-limit"
                // Tried three times on the first account.
                | "unavailable" | "profile"
                | "operation"
                | "not-found"
        );
        assert_eq!(accounts.contains(&"second".to_owned()), helps, "{fault}: {accounts:?}");
        let expected = if helps { 200 } else { status };
        assert_eq!(got.status(), expected, "{fault}: {}", got.text());
        if helps {
            assert_eq!((got.said().as_str(), got.stop_reason().as_deref()), ("ok", Some("end_turn")), "{fault}");
            let again = world.ask(&instance, &Ask::prompt("hi again", true));
            assert_eq!(again.said(), "ok");
            let last = world.service.sent_of(Operation::Chat).pop().unwrap();
            assert_eq!(last.account.as_deref(), Some("second"), "{fault}: the account at fault is asked again");
        }
    }
}

#[test]
fn a_wait_longer_than_a_pause_is_the_clients_to_decide() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    let mut refusal = kiro2api_tests::Refusal::preset("unavailable").unwrap();
    refusal.retry_after = Some("120".into());
    world.service.always(Operation::Chat, Answer::refused(&refusal));
    let got = world.ask(&instance, &Ask::prompt("hi", false));
    assert_eq!((got.status(), got.header("retry-after")), (529, Some("120")));
    assert_eq!(world.service.count(Operation::Chat), 1);
    assert_eq!(world.clock.since_start(), 0, "nobody waited");
}

#[test]
fn a_short_wait_is_kept_to_the_millisecond_and_then_it_serves() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    let mut refusal = kiro2api_tests::Refusal::preset("unavailable").unwrap();
    refusal.retry_after = Some("3".into());
    world.service.next(Operation::Chat, Answer::refused(&refusal));
    let got = world.ask(&instance, &Ask::prompt("hi", false));
    assert_eq!(got.status(), 200, "{}", got.text());
    let times: Vec<u64> = world.service.sent_of(Operation::Chat).iter().map(|sent| sent.at).collect();
    assert_eq!(times, [0, 3000]);
}

/// The account before it comes back in the pause between two tries.
#[test]
fn an_account_has_all_its_tries_though_another_one_is_back_meanwhile() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["first", "second"]);
    let mut throttle = kiro2api_tests::Refusal::preset("throttle").unwrap();
    throttle.retry_after = Some("1".into());
    world.service.for_account("first", Operation::Chat, 1, Answer::refused(&throttle));
    assert_eq!(world.ask(&instance, &Ask::prompt("hi", true)).said(), "ok");
    world.pass(500);
    world.service.for_account("second", Operation::Chat, 2, Answer::refusal("unavailable"));
    assert_eq!(world.ask(&instance, &Ask::prompt("hi", true)).said(), "ok");
    let sent = world.service.sent_of(Operation::Chat);
    let accounts: Vec<_> = sent.iter().filter_map(|sent| sent.account.as_deref()).collect();
    assert_eq!(accounts, ["first", "second", "second", "second", "second"]);
    assert!(sent.last().unwrap().at > 1000, "the first one is back");
}

#[test]
fn without_a_connection_the_next_host_serves_and_is_asked_first_from_then_on() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    world.service.for_url(Operation::Chat, "https://runtime.us-east-1.kiro.dev/", Answer::unreachable());
    assert_eq!(world.ask(&instance, &Ask::prompt("hi", true)).said(), "ok");
    assert_eq!(world.ask(&instance, &Ask::prompt("hi", true)).said(), "ok");
    let urls: Vec<String> = world.service.sent_of(Operation::Chat).into_iter().map(|sent| sent.url).collect();
    let host = |host: &str| format!("https://{host}/generateAssistantResponse");
    let (runtime, q) = (host("runtime.us-east-1.kiro.dev"), host("q.us-east-1.amazonaws.com"));
    assert_eq!(urls, [runtime, q.clone(), q]);
}

#[test]
fn every_host_out_of_reach_is_one_clear_error() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    world.service.always(Operation::Chat, Answer::unreachable());
    let got = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!((got.status(), got.error_type().as_str()), (502, "api_error"));
    let hosts: std::collections::BTreeSet<String> =
        world.service.sent_of(Operation::Chat).into_iter().map(|sent| sent.url).collect();
    assert_eq!(hosts.len(), 3, "{hosts:?}");
    assert!(world.service.count(Operation::Chat) <= 5);
}

#[test]
fn a_connection_that_breaks_before_the_head_is_tried_again() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    world.service.next(Operation::Chat, Answer::cut_before_head());
    assert_eq!(world.ask(&instance, &Ask::prompt("hi", true)).said(), "ok");
    assert_eq!(world.service.count(Operation::Chat), 2);
}

#[test]
fn strict_schemas_are_tried_once_after_a_refused_shape() {
    let body = |stream: bool| {
        format!(
            r#"{{"model":"claude-sonnet-4-5","max_tokens":100,"stream":{stream},"tools":[{{"name":"f","description":"F.","input_schema":{{"type":"object","properties":{{"a":{{"type":"string","minLength":1,"format":"uri"}}}},"additionalProperties":false}}}}],"messages":[{{"role":"user","content":"hi"}}]}}"#
        )
    };
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    world.service.next(Operation::Chat, Answer::refusal("improper"));
    assert_eq!(world.ask(&instance, &Ask::messages(body(true))).said(), "ok");
    let sent: Vec<String> = world
        .service
        .sent_of(Operation::Chat)
        .iter()
        .map(|sent| String::from_utf8_lossy(&sent.body).into_owned())
        .collect();
    assert_eq!(sent.len(), 2);
    assert!(
        sent[0].contains("minLength") && !sent[1].contains("minLength") && !sent[1].contains("additionalProperties")
    );
}

#[test]
fn fields_the_service_names_are_left_out_once() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    let text = "Invalid additionalModelRequestFields: property 'thinking' is not defined in the schema";
    let refusal = kiro2api_tests::Refusal::validation(text).because("REQUEST_BODY_INVALID");
    world.service.next(Operation::Chat, Answer::refused(&refusal));
    let body =
        r#"{"model":"claude-opus-5","max_tokens":2000,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(world.ask(&instance, &Ask::messages(body)).said(), "ok");
    let sent = world.service.sent_of(Operation::Chat);
    let has = |at: usize, name: &str| sent[at].json()["additionalModelRequestFields"].get(name).is_some();
    assert!(has(0, "thinking") && has(0, "max_tokens"));
    assert!(!has(1, "thinking") && has(1, "max_tokens"), "the others are not to blame");
    assert_eq!(sent.len(), 2);
}

#[test]
fn capacity_of_a_model_rests_that_model_only() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["first", "second"]);
    for _ in 0..3 {
        world.service.next(Operation::Chat, Answer::refusal("capacity"));
    }
    let got = world.ask(&instance, &Ask::prompt("hi", false));
    assert_eq!(got.status(), 529);
    let accounts: Vec<_> =
        world.service.sent_of(Operation::Chat).into_iter().map(|sent| sent.account.unwrap()).collect();
    assert_eq!(accounts, ["first", "first", "first"], "another account does not help");
    let other = r#"{"model":"claude-haiku-4-5","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(world.ask(&instance, &Ask::messages(other)).status(), 200);
}

#[test]
fn everything_exhausted_says_when_it_is_worth_another_try() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["first", "second"]);
    world.service.always(Operation::Chat, Answer::refusal("throttle"));
    let got = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!(got.status(), 429);
    let wait: u64 = got.header("retry-after").expect("retry-after").parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    let before = world.service.count(Operation::Chat);
    let again = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!(
        (again.status(), world.service.count(Operation::Chat)),
        (429, before),
        "resting accounts are left alone"
    );
    world.pass(31_000);
    world.service.forget_rules();
    assert_eq!(world.ask(&instance, &Ask::prompt("hi", true)).said(), "ok");
}

/// 429 of both accounts while many wait: never more than one request each.
#[test]
fn a_permanent_throttle_is_no_storm() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["first", "second"]);
    world.service.always(Operation::Chat, Answer::refusal("throttle"));
    let pending: Vec<_> =
        (0..20).map(|_| world.begin(&instance, &Ask::prompt("hi", true), Patience::default())).collect();
    world.run();
    assert!(pending.iter().all(|pending| pending.got().status() == 429));
    assert!(world.clock.since_start() < 25_000, "{} ms", world.clock.since_start());
    assert!(world.service.count(Operation::Chat) <= 40);
}
