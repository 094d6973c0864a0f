//! Settings that change under a running instance: read again before a client is turned away for want of a login.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::rc::Rc;

use kiro2api_tests::accounts;
use kiro2api_tests::config::Config;
use kiro2api_tests::world::{Answer, Ask, Got, Instance, Operation, Patience, StoreKind, World, login};

const KINDS: [StoreKind; 3] = [StoreKind::Plain, StoreKind::Compare, StoreKind::Kv { lag: 60_000 }];

fn prompt() -> Ask {
    Ask::prompt("hi", true)
}

/// A service that knows both accounts, and an instance whose only login is the first one, which is dead.
fn dead_login(kind: StoreKind) -> (World, Rc<Instance>) {
    let config = Config { accounts: login::accounts(&["old", "new", "more"]), ..Config::default() };
    let world = World::with_service(kind, config);
    let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["old"]))]);
    bury(&world, "old");
    (world, instance)
}

fn bury(world: &World, label: &str) {
    world.service.for_account(label, Operation::Social, usize::MAX, Answer::refusal("invalid-grant"));
}

fn line_of(got: &Got) -> String {
    let mut lines = got.log.iter().filter(|line| line.contains("settings"));
    let line = lines.next().unwrap_or_else(|| panic!("no line of settings: {:#?}", got.log)).clone();
    assert_eq!(lines.next(), None, "one line");
    line
}

#[test]
fn the_request_that_meets_a_dead_login_is_served_by_the_renewed_one() {
    for kind in KINDS {
        for stream in [true, false] {
            let (world, instance) = dead_login(kind);
            instance.store_settings(&[("KIRO_AUTH_TOKEN", &login::socials(&["new"]))]);
            let got = world.ask(&instance, &Ask::prompt("hi", stream));
            assert_eq!(got.status(), 200, "{kind:?}: {}", got.text());
            assert_eq!(got.summary()["account"], "new");
            let line = line_of(&got);
            assert!(line.contains("accounts: 1 added, 0 changed, 1 removed, 0 as before"), "{line}");
            assert!(!line.contains("new\""), "{line}");
            world.pass(10_000);
            assert_eq!(world.ask(&instance, &prompt()).status(), 200);
            assert_eq!(instance.vault(|vault| vault.readings), 1, "nothing is wrong any more");
        }
    }
}

#[test]
fn settings_that_did_not_change_are_read_once_a_minute_and_the_client_is_told_each_time() {
    let (world, instance) = dead_login(StoreKind::Compare);
    instance.store_settings(&[("KIRO_AUTH_TOKEN", &login::socials(&["old"]))]);
    let refused = |readings: u32| {
        let got = world.ask(&instance, &prompt());
        assert_eq!(got.status(), 503, "{}", got.text());
        assert!(got.error_text().contains("need a new login"), "{}", got.text());
        assert_eq!(instance.vault(|vault| vault.readings), readings);
        got
    };
    assert!(line_of(&refused(1)).contains("0 added, 0 changed, 0 removed, 1 as before"));
    for _ in 0..5 {
        world.pass(10_000);
        refused(1);
    }
    world.pass(10_000);
    refused(2);
    instance.store_settings(&[("KIRO_AUTH_TOKEN", &login::socials(&["new"]))]);
    world.pass(59_000);
    refused(2);
    world.pass(1_000);
    assert_eq!(world.ask(&instance, &prompt()).status(), 200);
    assert_eq!(
        world.service.sent_of(Operation::Social).iter().filter(|sent| sent.account.as_deref() == Some("old")).count(),
        1
    );
}

#[test]
fn requests_that_come_while_the_settings_are_read_wait_for_them() {
    let (world, instance) = dead_login(StoreKind::Compare);
    instance.store_settings(&[("KIRO_AUTH_TOKEN", &login::socials(&["new"]))]);
    instance.vault(|vault| vault.slow = 3_000);
    let asked: Vec<_> = (0..10).map(|_| world.begin(&instance, &prompt(), Patience::default())).collect();
    let choices = r#"{"model":"claude-sonnet-4-5","n":3,"messages":[{"role":"user","content":"hi"}]}"#;
    let choices = world.begin(&instance, &Ask::post("/v1/chat/completions", choices), Patience::default());
    world.run();
    for pending in asked {
        assert_eq!(pending.got().status(), 200, "{}", pending.got().text());
    }
    assert_eq!(choices.got().status(), 200, "{}", choices.got().text());
    assert_eq!(instance.vault(|vault| vault.readings), 1);
    assert_eq!(instance.log().iter().filter(|line| line.contains("settings")).count(), 1);
}

#[test]
fn settings_that_do_not_come_in_time_leave_the_old_ones() {
    let (world, instance) = dead_login(StoreKind::Compare);
    instance.store_settings(&[("KIRO_AUTH_TOKEN", &login::socials(&["new"]))]);
    instance.vault(|vault| vault.slow = 60_000);
    let asked = [prompt(), prompt()].map(|ask| world.begin(&instance, &ask, Patience::default()));
    world.run();
    for pending in asked {
        let got = pending.got();
        assert_eq!(got.status(), 503, "{}", got.text());
        assert!((got.ended.unwrap() - got.headed.unwrap()).0 == 0 && world.clock.since_start() < 6_000);
    }
    let line = instance.log().into_iter().find(|line| line.contains("settings")).unwrap();
    assert!(line.contains("no answer in time") && line.contains("\"error\""), "{line}");
    world.pass(60_000);
    instance.vault(|vault| vault.slow = 0);
    assert_eq!(world.ask(&instance, &prompt()).status(), 200);
}

#[test]
fn settings_that_do_worse_than_the_old_ones_are_not_taken() {
    for (variables, locked, why) in [
        (vec![("KIRO_AUTH_TOKEN", "{torn")], None, "KIRO_AUTH_TOKEN"),
        (vec![], None, "no account is set"),
        (vec![("KIRO_AUTH_TOKEN", "[]"), ("KIRO_CLIENT_TOKEN", "")], None, "KIRO_CLIENT_TOKEN"),
        (vec![("AWS_REFRESHTOKEN", "aorSOMETHING-that-is-long-enough")], Some("KIRO_AUTH_TOKEN"), "does not answer"),
    ] {
        let (world, instance) = dead_login(StoreKind::Compare);
        instance.store_settings(&variables);
        instance.vault(|vault| vault.locked = locked.map(str::to_owned).into_iter().collect());
        let got = world.ask(&instance, &prompt());
        assert_eq!(got.status(), 503);
        assert!(got.error_text().contains("need a new login"), "the old settings tell: {}", got.text());
        let line = line_of(&got);
        assert!(line.contains("they stay as they are") && line.contains(why), "{line}");
        instance.store_settings(&[("KIRO_AUTH_TOKEN", &login::socials(&["new"]))]);
        instance.vault(|vault| vault.locked.clear());
        world.pass(60_000);
        assert_eq!(world.ask(&instance, &prompt()).status(), 200);
    }
}

#[test]
fn an_instance_that_could_not_read_a_secret_at_its_start_reads_it_for_its_first_requests() {
    for locked in ["KIRO_AUTH_TOKEN", "KIRO_CLIENT_TOKEN", "TOKEN_STORE_KEY"] {
        let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
        instance.store_settings(&[("KIRO_AUTH_TOKEN", &login::socials(&["only"]))]);
        instance.vault(|vault| {
            vault.locked = vec![locked.to_owned()];
            vault.slow = 700;
        });
        instance.restart_from_vault();
        let refused = world.ask(&instance, &prompt());
        assert_eq!(refused.status(), 503, "{locked}: {}", refused.text());
        assert!(refused.error_text().contains(&format!("{locked} cannot be read")), "{}", refused.text());
        instance.vault(|vault| vault.locked.clear());
        world.pass(60_000);
        let asked: Vec<_> = (0..4).map(|_| world.begin(&instance, &prompt(), Patience::default())).collect();
        let strange = Ask::prompt("hi", true).without_key().header("x-api-key", "another-key");
        let strange = world.begin(&instance, &strange, Patience::default());
        world.run();
        for pending in asked {
            assert_eq!(pending.got().status(), 200, "{locked}: {}", pending.got().text());
        }
        assert_eq!(strange.got().status(), 401, "{locked}: {}", strange.got().text());
        assert_eq!(instance.vault(|vault| vault.readings), 2, "{locked}");
    }
}

#[test]
fn what_is_under_way_with_an_account_that_is_taken_out_comes_to_its_end() {
    for kind in KINDS {
        let config = Config { accounts: login::accounts(&["dead", "streaming", "fresh"]), ..Config::default() };
        let world = World::with_service(kind, config);
        bury(&world, "dead");
        let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["dead", "streaming"]))]);
        let script = Answer::script(r#"text "one"; delay 20000; text " two""#);
        world.service.for_account("streaming", Operation::Chat, 1, script);
        let under_way = world.begin(&instance, &prompt(), Patience::default());
        world.run_until(2_000);
        assert_eq!(under_way.got().said(), "one");
        world.service.for_account("streaming", Operation::Chat, 1, Answer::refusal("suspended"));
        instance.store_settings(&[("KIRO_AUTH_TOKEN", &login::socials(&["fresh"]))]);
        let next = world.begin(&instance, &prompt(), Patience::default());
        world.run();
        assert_eq!(next.got().summary()["account"], "fresh", "{kind:?}: {}", next.got().text());
        assert_eq!(under_way.got().said(), "one two", "{kind:?}");
        assert_eq!(under_way.got().stop_reason().as_deref(), Some("end_turn"), "{kind:?}");
        let labels = world.ask(&instance, &Ask::get("/health?deep=1")).json()["accounts"].clone();
        assert_eq!(labels.as_array().map(Vec::len), Some(1), "{kind:?}: {labels}");
        assert_eq!(labels[0]["label"], "fresh");
    }
}

#[test]
fn another_registration_of_the_same_login_counts_at_once() {
    let world = World::new(StoreKind::Compare);
    let wrong = login::idc().replace(accounts::DEMO_IDC_CLIENT_SECRET, "not-the-secret");
    let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &wrong)]);
    instance.store_settings(&[("KIRO_AUTH_TOKEN", &login::idc())]);
    let got = world.ask(&instance, &prompt());
    assert_eq!(got.status(), 200, "{}", got.text());
    assert!(line_of(&got).contains("0 added, 1 changed, 0 removed"), "{:?}", got.log);
}

#[test]
fn what_another_instance_stored_of_the_renewed_login_is_used() {
    for kind in [StoreKind::Plain, StoreKind::Compare] {
        let (world, instance) = dead_login(kind);
        let other = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["new"]))]);
        assert_eq!(world.ask(&other, &prompt()).status(), 200);
        let refreshes = world.service.count(Operation::Social);
        instance.store_settings(&[("KIRO_AUTH_TOKEN", &login::socials(&["new"]))]);
        let got = world.ask(&instance, &prompt());
        assert_eq!(got.summary()["account"], "new", "{kind:?}: {}", got.text());
        assert_eq!(world.service.count(Operation::Social), refreshes + 1, "{kind:?}: only the dead one was tried");
    }
}

#[test]
fn a_suspended_account_and_one_beside_a_throttled_one_are_looked_after_too() {
    let config = || Config { accounts: login::accounts(&["old", "busy", "new"]), ..Config::default() };
    let world = World::with_service(StoreKind::Compare, config());
    let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["old"]))]);
    world.service.for_account("old", Operation::Chat, usize::MAX, Answer::refusal("suspended"));
    instance.store_settings(&[("KIRO_AUTH_TOKEN", &login::socials(&["new"]))]);
    assert_eq!(world.ask(&instance, &prompt()).summary()["account"], "new");

    let world = World::with_service(StoreKind::Compare, config());
    let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["old", "busy"]))]);
    bury(&world, "old");
    world.service.for_account("busy", Operation::Chat, usize::MAX, Answer::refusal("throttle"));
    instance.store_settings(&[("KIRO_AUTH_TOKEN", &login::socials(&["new", "busy"]))]);
    assert_eq!(world.ask(&instance, &prompt()).summary()["account"], "new");
}

#[test]
fn a_key_that_the_service_has_revoked_is_replaced_at_once() {
    let world = World::default();
    let revoked = login::key().replace(accounts::DEMO_API_KEY, "ksk_revoked_a_moment_ago");
    let instance = world.instance_with(&[("KIRO_AUTH_TOKEN", &revoked)]);
    instance.store_settings(&[("KIRO_AUTH_TOKEN", &login::key())]);
    let got = world.ask(&instance, &prompt());
    assert_eq!(got.status(), 200, "{}", got.text());
    assert!(line_of(&got).contains("1 added, 0 changed, 1 removed"), "{:?}", got.log);
}

#[test]
fn a_platform_whose_settings_are_fixed_is_asked_once_and_says_nothing() {
    let (world, instance) = dead_login(StoreKind::Compare);
    for _ in 0..3 {
        let got = world.ask(&instance, &prompt());
        assert_eq!(got.status(), 503);
        assert!(got.log.iter().all(|line| !line.contains("settings")), "{:?}", got.log);
        world.pass(120_000);
    }
    assert_eq!(instance.vault(|vault| vault.readings), 1);
}

#[test]
fn a_client_that_errs_costs_no_reading() {
    let (world, instance) = dead_login(StoreKind::Compare);
    instance.store_settings(&[("KIRO_AUTH_TOKEN", &login::socials(&["new"]))]);
    assert_eq!(world.ask(&instance, &prompt().without_key()).status(), 401);
    assert_eq!(world.ask(&instance, &Ask::messages("{}")).status(), 400);
    assert_eq!(world.ask(&instance, &Ask::get("/health?deep=1")).status(), 503, "the login is over");
    assert_eq!(instance.vault(|vault| vault.readings), 0);
}
