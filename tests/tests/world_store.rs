//! The token store out of reach, slow, stale, or full of something else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use kiro2api_core::Millis;
use kiro2api_tests::world::{Ask, Operation, Outage, START, StoreKind, World, login};

const KINDS: [StoreKind; 3] = [StoreKind::Plain, StoreKind::Compare, StoreKind::Kv { lag: 60_000 }];

#[test]
fn an_outage_is_survived_from_memory_logged_once_and_saved_afterwards() {
    for kind in KINDS {
        for hangs in [false, true] {
            let (world, instance) = World::of_accounts(kind, &["only"]);
            world.store.add_outage(Outage { from: START, until: START + Millis::secs(120), hangs });
            for _ in 0..12 {
                let got = world.ask(&instance, &Ask::prompt("hi", true));
                assert_eq!(got.said(), "ok", "{kind:?} hangs {hangs}: {}", got.text());
                world.pass(5_000);
            }
            assert_eq!(world.store.count("save"), 0);
            let lines = instance.log();
            let told = lines.iter().filter(|line| line.contains("cannot be reached")).count();
            assert_eq!(told, 1, "{kind:?} hangs {hangs}: one line for one outage\n{}", lines.join("\n"));
            world.pass(120_000);
            assert_eq!(world.ask(&instance, &Ask::prompt("hi", true)).said(), "ok");
            assert!(world.store.count("save") >= 1, "{kind:?} hangs {hangs}: the ledger is saved after all");
            assert!(instance.log().iter().any(|line| line.contains("answers again")), "{kind:?} hangs {hangs}");
            assert_eq!(world.service.count(Operation::Social), 1, "{kind:?} hangs {hangs}");
        }
    }
}

#[test]
fn a_hanging_store_holds_no_request_longer_than_its_deadline() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    world.store.add_outage(Outage { from: START, until: START + Millis::mins(60), hangs: true });
    let got = world.ask(&instance, &Ask::prompt("hi", true));
    assert_eq!(got.said(), "ok");
    assert!((got.headed.unwrap() - START).0 <= 10_000, "{:?}", got.headed.unwrap() - START);
}

#[test]
fn what_lies_in_the_store_and_is_no_ledger_is_told_and_replaced() {
    for garbage in [&b"hello"[..], b"{}", b"[1,2]", b"\xff\xfe", b"{\"v\":1,\"accounts\":7}", b""] {
        let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
        world.store.put("pool", garbage);
        assert_eq!(world.ask(&instance, &Ask::prompt("hi", true)).said(), "ok", "{garbage:?}");
        assert!(
            instance.log().iter().any(|line| line.contains("holds no ledger")),
            "{garbage:?}: {:?}",
            instance.log()
        );
        assert_ne!(world.store.newest("pool").as_deref(), Some(garbage));
    }
}

#[test]
fn a_ledger_of_a_later_version_is_left_alone() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    world.store.put("pool", br#"{"v":99,"anything":true}"#);
    assert_eq!(world.ask(&instance, &Ask::prompt("hi", true)).said(), "ok");
    assert_eq!(world.store.newest("pool").as_deref(), Some(&br#"{"v":99,"anything":true}"#[..]));
}

/// Stale reads of an eventually consistent store may cost a refresh, never a login.
#[test]
fn instances_on_an_eventually_consistent_store_never_lose_a_login() {
    let (world, first) = World::of_accounts(StoreKind::Kv { lag: 60_000 }, &["only"]);
    let second = world.instance_with(&[("KIRO_AUTH_TOKEN", &login::socials(&["only"]))]);
    assert_eq!(world.ask(&first, &Ask::prompt("hi", true)).said(), "ok");
    world.pass(61_000);
    for minute in 0..180 {
        for instance in [&first, &second] {
            let got = world.ask(instance, &Ask::prompt("hi", true));
            assert_eq!(got.status(), 200, "minute {minute}: {}", got.text());
        }
        world.pass(60_000);
    }
    let refreshes = world.service.count(Operation::Social);
    assert!(refreshes <= 10, "{refreshes} refreshes in three hours");
}

#[test]
fn a_request_that_changes_nothing_writes_nothing() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    assert_eq!(world.ask(&instance, &Ask::prompt("hi", true)).said(), "ok");
    let saves = world.store.count("save");
    for _ in 0..10 {
        assert_eq!(world.ask(&instance, &Ask::prompt("hi", true)).said(), "ok");
    }
    assert_eq!(world.store.count("save"), saves);
}

#[test]
fn deep_health_tells_of_the_store_without_its_words_being_secret() {
    let (world, instance) = World::of_accounts(StoreKind::Compare, &["only"]);
    assert_eq!(world.ask(&instance, &Ask::get("/health?deep=1")).json()["store"], "ok");
    world.store.add_outage(Outage { from: START, until: START + Millis::mins(5), hangs: false });
    let health = world.ask(&instance, &Ask::get("/health?deep=1")).json();
    assert_ne!(health["store"], "ok");
    assert_eq!(health["status"], "degraded");
}
