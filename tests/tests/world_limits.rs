//! How many requests an account has under way, and what a used-up quota leaves behind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::rc::Rc;

use kiro2api_core::Millis;
use kiro2api_tests::world::{Answer, Ask, Instance, Operation, Patience, StoreKind, World, login};
use serde_json::json;

const SECOND: u64 = 1_000;

/// Accounts that take so many requests at once, each with its token already.
fn limited(labels: &[&str], most: &str) -> (World, Rc<Instance>) {
    let (world, _) = World::of_accounts(StoreKind::Compare, labels);
    let accounts = login::socials(labels);
    let set = [("KIRO_AUTH_TOKEN", accounts.as_str()), ("ACCOUNT_MAX_CONCURRENT", most)];
    let instance = world.instance_with(&[&set[..], &[("TOKEN_SELECTION_STRATEGY", "balanced")]].concat());
    for _ in labels {
        assert_eq!(world.ask(&instance, &Ask::prompt("hi", false)).status(), 200);
    }
    (world, instance)
}

fn times(world: &World, since: u64) -> Vec<u64> {
    world.service.sent_of(Operation::Chat).iter().map(|sent| sent.at).filter(|at| *at >= since).collect()
}

#[test]
fn requests_beyond_the_limit_wait_for_a_place() {
    for stream in [true, false] {
        let (world, instance) = limited(&["one", "two"], "1");
        world.service.slow_down(Operation::Chat, 4 * SECOND);
        let begun = world.clock.since_start();
        let ask = Ask::prompt("hi", stream);
        let pending: Vec<_> = (0..4).map(|_| world.begin(&instance, &ask, Patience::default())).collect();
        world.run();
        assert!(pending.iter().all(|pending| pending.got().said() == "ok"));
        let times = times(&world, begun);
        let together = |at: u64| times.iter().filter(|other| **other <= at && at < **other + 4 * SECOND).count();
        assert_eq!(times.len(), 4, "{times:?}");
        assert!(times.iter().all(|at| together(*at) <= 2), "{times:?}");
        let last = times.last().unwrap() - begun;
        assert!(last < 5 * SECOND, "a place is taken soon after it is free: {last} ms");
    }
}

#[test]
fn a_request_that_finds_no_place_in_time_is_told_when_to_come_again() {
    let (world, instance) = limited(&["only"], "1");
    world.service.slow_down(Operation::Chat, 60 * SECOND);
    let first = world.begin(&instance, &Ask::prompt("hi", false), Patience::default());
    let second = world.begin(&instance, &Ask::prompt("hi", false), Patience::default());
    world.run();
    assert_eq!(first.got().said(), "ok");
    let refused = second.got();
    assert_eq!((refused.status(), refused.error_type().as_str()), (429, "rate_limit_error"), "{}", refused.text());
    assert!(refused.error_text().contains("ACCOUNT_MAX_CONCURRENT"), "{}", refused.error_text());
    assert_eq!(refused.header("retry-after"), Some("5"));
}

#[test]
fn a_place_is_free_again_when_an_answer_fails_or_its_client_leaves() {
    let (world, instance) = limited(&["only"], "1");
    world.service.next(Operation::Chat, Answer::refusal("unavailable"));
    let begun = world.clock.since_start();
    assert_eq!(world.ask(&instance, &Ask::prompt("hi", false)).said(), "ok");
    let retried = times(&world, begun);
    assert!(retried.len() == 2 && retried[1] - retried[0] < SECOND, "its own place is no obstacle: {retried:?}");
    world.service.slow_down(Operation::Chat, 15 * SECOND);
    let leaves = Patience { until: Some(world.clock.now() + Millis(2 * SECOND)), tells: true, ..Patience::default() };
    world.begin(&instance, &Ask::prompt("hi", true), leaves);
    let next = world.begin(&instance, &Ask::prompt("hi", true), Patience::default());
    let begun = world.clock.since_start();
    world.run();
    assert_eq!(next.got().said(), "ok");
    assert!(times(&world, begun)[1] - begun < 3 * SECOND, "{:?}", times(&world, begun));
}

#[test]
fn a_quota_that_is_used_up_is_asked_for_though_nothing_is_served_and_a_wrong_guess_lasts_for_one_request() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    world.service.next(Operation::Chat, Answer::refusal("monthly"));
    let refused = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!(refused.status(), 429, "{}", refused.text());
    assert_eq!(world.service.count(Operation::Usage), 1);
    world.pass(SECOND);
    // The simulated service has said that something is left.
    let got = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!((got.status(), got.said().as_str()), (200, "ok"), "{}", got.text());
}

#[test]
fn a_quota_that_is_used_up_rests_until_the_reset_date_the_service_names() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    let resets = (world.clock.now().0 + 7_200 * SECOND) / SECOND;
    let empty = json!({ "nextDateReset": resets, "usageBreakdownList": [
        { "resourceType": "CREDIT", "currentUsage": 50, "usageLimit": 50, "nextDateReset": resets },
    ]});
    world.service.always(Operation::Usage, Answer::json(200, &empty));
    world.service.next(Operation::Chat, Answer::refusal("monthly"));
    assert_eq!(world.ask(&instance, &Ask::prompt("hi", true)).status(), 429);
    world.pass(SECOND);
    let refused = world.ask(&instance, &Ask::prompt("hi", true));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((7_100..=7_200).contains(&wait), "{wait} s");
    assert_eq!(world.service.count(Operation::Chat), 1, "nothing is sent while it rests");
    world.pass(7_201 * SECOND);
    assert_eq!(world.ask(&instance, &Ask::prompt("hi", true)).said(), "ok");
}
