//! Logins: refreshing ahead, after a loss, once for many, saved before use, dead ones, and other instances.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::rc::Rc;

use kiro2api_tests::world::{Answer, Ask, Instance, Operation, Patience, START, StoreKind, World, login};

const KINDS: [StoreKind; 3] = [StoreKind::Plain, StoreKind::Compare, StoreKind::Kv { lag: 60_000 }];

fn prompt() -> Ask {
    Ask::prompt("hi", true)
}

fn said(world: &World, instance: &Rc<Instance>) -> String {
    let got = world.ask(instance, &prompt());
    assert_eq!(got.status(), 200, "{}", got.text());
    got.said()
}

#[test]
fn the_first_request_refreshes_and_the_next_ones_use_the_token() {
    for kind in KINDS {
        let (world, instance) = World::of_accounts(kind, &["only"]);
        for _ in 0..5 {
            assert_eq!(said(&world, &instance), "ok");
            world.pass(60_000);
        }
        assert_eq!(world.service.count(Operation::Social), 1, "{kind:?}");
    }
}

#[test]
fn a_token_is_refreshed_ahead_of_its_end_and_never_used_after_it() {
    for kind in KINDS {
        let (world, instance) = World::of_accounts(kind, &["only"]);
        for _ in 0..80 {
            assert_eq!(said(&world, &instance), "ok");
            world.pass(60_000);
        }
        let refreshes: Vec<u64> =
            world.service.sent_of(Operation::Social).iter().map(|sent| sent.at / 60_000).collect();
        assert_eq!(refreshes.len(), 2, "{kind:?}: {refreshes:?}");
        assert!((53..=56).contains(&refreshes[1]), "{kind:?}: refreshed after {} minutes", refreshes[1]);
    }
}

#[test]
fn a_rotated_refresh_token_is_saved_before_the_new_access_token_is_used() {
    for kind in [StoreKind::Plain, StoreKind::Compare] {
        let (world, instance) = World::of_accounts(kind, &["only"]);
        // Every call of the store takes a while, so that an order shows in the times.
        world.store.set_latency(40);
        assert_eq!(said(&world, &instance), "ok");
        let refreshed = world.service.sent_of(Operation::Social)[0].at;
        let used = world.service.sent_of(Operation::Chat)[0].at;
        let journal = world.store.journal();
        let saves = journal.iter().filter(|entry| entry.what == "save" && entry.key == "pool");
        let saved = saves.map(|entry| (entry.at - START).0).find(|at| *at > refreshed);
        let saved = saved.expect("the ledger is saved");
        assert!(saved <= used, "{kind:?}: refreshed {refreshed}, saved {saved}, used {used}");
    }
}

#[test]
fn a_save_that_is_lost_does_not_lose_the_login_of_another_instance_that_reads_later() {
    let (world, first) = World::of_accounts(StoreKind::Compare, &["only"]);
    let second = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["only"]))]);
    assert_eq!(said(&world, &first), "ok");
    assert_eq!(said(&world, &second), "ok", "the second instance takes the token from the store");
    assert_eq!(world.service.count(Operation::Social), 1);
}

#[test]
fn a_refused_bearer_is_refreshed_once_and_the_request_replayed_once() {
    for stream in [true, false] {
        let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
        assert_eq!(said(&world, &instance), "ok");
        world.service.expire_tokens();
        let got = world.ask(&instance, &Ask::prompt("hi", stream));
        assert_eq!(got.status(), 200, "{}", got.text());
        assert_eq!((world.service.count(Operation::Social), world.service.count(Operation::Chat)), (2, 3));
        let sent = world.service.sent_of(Operation::Chat);
        assert_eq!(sent[1].body, sent[2].body, "the same request");
        assert_ne!(sent[1].header("authorization"), sent[2].header("authorization"));
    }
}

#[test]
fn a_hundred_parallel_requests_after_a_loss_make_one_refresh() {
    for kind in KINDS {
        let (world, instance) = World::of_accounts(kind, &["only"]);
        assert_eq!(said(&world, &instance), "ok");
        world.service.expire_tokens();
        world.service.cut(|answer| answer.after(200));
        let pending: Vec<_> = (0..100).map(|_| world.begin(&instance, &prompt(), Patience::default())).collect();
        world.run();
        for pending in &pending {
            let got = pending.got();
            assert_eq!((got.status(), got.said().as_str()), (200, "ok"), "{kind:?}: {}", got.text());
        }
        assert_eq!(world.service.count(Operation::Social), 2, "{kind:?}: one at the start, one for all hundred");
    }
}

#[test]
fn a_hundred_parallel_first_requests_make_one_refresh_however_slow_it_is() {
    for kind in KINDS {
        let (world, instance) = World::of_accounts(kind, &["only"]);
        world.store.set_latency(30);
        let slow = Answer::json(
            200,
            &serde_json::json!({"accessToken": "aoaSIM-slow", "expiresIn": 3600, "profileArn": "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK"}),
        );
        world.service.next(Operation::Social, slow.after(3_000));
        world.service.always(Operation::Chat, Answer::script("text \"ok\""));
        let pending: Vec<_> = (0..100).map(|_| world.begin(&instance, &prompt(), Patience::default())).collect();
        world.run();
        assert!(pending.iter().all(|pending| pending.got().said() == "ok"), "{kind:?}");
        assert_eq!(world.service.count(Operation::Social), 1, "{kind:?}");
    }
}

#[test]
fn two_instances_on_a_comparing_store_make_one_refresh() {
    let (world, first) = World::of_accounts(StoreKind::Compare, &["only"]);
    let second = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["only"]))]);
    world.store.set_latency(20);
    assert_eq!(said(&world, &first), "ok");
    world.service.expire_tokens();
    let pending: Vec<_> = (0..10)
        .flat_map(|_| [&first, &second])
        .map(|instance| world.begin(instance, &prompt(), Patience::default()))
        .collect();
    world.run();
    for pending in &pending {
        assert_eq!(pending.got().said(), "ok", "{}", pending.got().text());
    }
    assert_eq!(world.service.count(Operation::Social), 2, "one at the start, one for both instances");
    assert!(
        world.clock.since_start() < 3_000,
        "nobody waits for the claim to run out: {} ms",
        world.clock.since_start()
    );
}

#[test]
fn two_instances_on_an_empty_comparing_store_make_one_refresh() {
    let (world, first) = World::of_accounts(StoreKind::Compare, &["only"]);
    let second = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["only"]))]);
    world.store.set_latency(20);
    let pending: Vec<_> =
        [&first, &second].into_iter().map(|one| world.begin(one, &prompt(), Patience::default())).collect();
    world.run();
    assert!(pending.iter().all(|pending| pending.got().said() == "ok"));
    assert_eq!(world.service.count(Operation::Social), 1);
}

/// Those whose claim came too late must not keep each other, and the winner, from saving.
#[test]
fn a_claim_lasts_as_long_as_its_refresh_although_it_was_saved_slowly() {
    let (world, first) = World::of_accounts(StoreKind::Compare, &["only"]);
    let second = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["only"]))]);
    world.service.slow_down(Operation::Social, 9_000);
    world.store.set_latency(4_500);
    let slow = world.begin(&first, &prompt(), Patience::default());
    // The claim is made at 4.5 s, saved at 9 s, and the refresh is over at 18 s.
    world.run_until(9_100);
    assert_eq!(world.service.count(Operation::Social), 1);
    world.store.set_latency(0);
    world.run_until(15_000);
    let other = world.begin(&second, &prompt(), Patience::default());
    world.run();
    for pending in [slow, other] {
        assert_eq!(pending.got().said(), "ok", "{}", pending.got().text());
    }
    assert_eq!(world.service.count(Operation::Social), 1);
}

#[test]
fn a_crowd_of_instances_on_a_comparing_store_makes_one_refresh() {
    for latency in [5, 20, 400] {
        let (world, first) = World::of_accounts(StoreKind::Compare, &["only"]);
        assert_eq!(said(&world, &first), "ok");
        world.store.set_latency(latency);
        world.pass(2 * 3_600_000);
        let crowd: Vec<_> =
            (0..20).map(|_| world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["only"]))])).collect();
        let asking = crowd.iter().cycle().take(100);
        let pending: Vec<_> = asking.map(|one| world.begin(one, &prompt(), Patience::default())).collect();
        world.run();
        for pending in &pending {
            assert_eq!(pending.got().said(), "ok", "{latency} ms: {}", pending.got().text());
        }
        assert_eq!(world.service.count(Operation::Social), 2, "{latency} ms: one at the start, one for the crowd");
    }
}

#[test]
fn a_dead_refresh_token_parks_the_account_and_tells_the_operator() {
    for fault in ["invalid-grant", "stale-message", "invalid-client"] {
        let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
        world.service.always(Operation::Social, Answer::refusal(fault));
        let got = world.ask(&instance, &prompt());
        assert_eq!((got.status(), got.error_type().as_str()), (503, "api_error"), "{fault}");
        assert!(got.error_text().contains("log"), "{fault}: {}", got.error_text());
        assert_eq!(got.header("x-should-retry"), Some("false"), "{fault}");
        let health = world.ask(&instance, &Ask::get("/health?deep=1"));
        assert_eq!(health.status(), 503);
        let account = health.json()["accounts"][0].clone();
        assert_eq!(account["state"], "needs-login", "{fault}");
        assert!(account["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{fault}: {account}");
        let refreshes = world.service.count(Operation::Social);
        world.ask(&instance, &prompt());
        assert_eq!(world.service.count(Operation::Social), refreshes, "{fault}: a dead login is left alone");
    }
}

#[test]
fn a_dead_login_of_one_account_leaves_the_other_serving() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["first", "second"]);
    world.service.for_account("first", Operation::Social, usize::MAX, Answer::refusal("invalid-grant"));
    assert_eq!(said(&world, &instance), "ok");
    assert_eq!(said(&world, &instance), "ok");
    assert_eq!(
        world.service.sent_of(Operation::Social).iter().filter(|sent| sent.account.as_deref() == Some("first")).count(),
        1
    );
}

/// Another instance rotated the token while this one slept: its refresh fails, the store has the newer token.
#[test]
fn a_token_that_another_instance_rotated_is_taken_from_the_store() {
    for kind in [StoreKind::Plain, StoreKind::Compare] {
        let (world, first) = World::of_accounts(kind, &["only"]);
        let second = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["only"]))]);
        assert_eq!(said(&world, &first), "ok");
        assert_eq!(said(&world, &second), "ok");
        // The second one refreshes and rotates; the first one has not read the store since.
        world.service.expire_tokens();
        assert_eq!(said(&world, &second), "ok");
        assert_eq!(said(&world, &first), "ok", "{kind:?}");
        let dead = world.ask(&first, &Ask::get("/health?deep=1")).json()["accounts"][0]["state"].clone();
        assert_eq!(dead, "ready", "{kind:?}: a rotated token is not a dead login");
    }
}

#[test]
fn a_refresh_that_fails_for_a_while_is_not_repeated_by_every_request() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    world.service.always(Operation::Social, Answer::plain(500, "text/html", "<html>oops</html>"));
    let pending: Vec<_> = (0..20).map(|_| world.begin(&instance, &prompt(), Patience::default())).collect();
    world.run();
    for pending in &pending {
        let got = pending.got();
        assert!([502, 503, 529].contains(&got.status()) || got.names().contains(&"error".to_owned()), "{}", got.text());
    }
    assert!(world.service.count(Operation::Social) <= 6, "{} refreshes", world.service.count(Operation::Social));
    world.service.forget_rules();
    world.pass(700_000);
    assert_eq!(said(&world, &instance), "ok", "it recovers by itself");
}

#[test]
fn a_refresh_that_hangs_ends_at_its_deadline_and_the_valid_token_serves_on() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    assert_eq!(said(&world, &instance), "ok");
    world.pass(56 * 60_000);
    world.service.always(Operation::Social, Answer::silence());
    let begun = world.clock.since_start();
    assert_eq!(said(&world, &instance), "ok", "the token at hand is valid for some minutes more");
    assert!(world.clock.since_start() - begun <= 10_500, "{} ms", world.clock.since_start() - begun);
}

#[test]
fn an_idc_login_refreshes_in_its_region_and_its_profile_is_looked_up_once() {
    let world = World::new(StoreKind::Compare);
    let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::idc())]);
    for _ in 0..3 {
        assert_eq!(said(&world, &instance), "ok");
    }
    let refresh = &world.service.sent_of(Operation::Idc)[0];
    assert_eq!(refresh.url, "https://oidc.us-east-1.amazonaws.com/token");
    let regions = world.service.sent_of(Operation::Profiles).len();
    assert!((1..=2).contains(&regions), "each API region is asked at most once, not {regions} times");
}

#[test]
fn an_api_key_is_sent_as_one_and_never_refreshed() {
    let world = World::new(StoreKind::Compare);
    let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::key())]);
    assert_eq!(said(&world, &instance), "ok");
    assert_eq!(world.service.sent_of(Operation::Chat).len(), 1);
    for sent in world.service.sent() {
        assert!(!matches!(sent.operation, Operation::Social | Operation::Idc | Operation::Profiles));
        assert_eq!(sent.header("tokentype"), Some("API_KEY"));
        assert_eq!(sent.parameter("profileArn"), None);
    }
}
