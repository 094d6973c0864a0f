//! The world's own detectors: each of them must be able to fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use kiro2api_core::Millis;
use kiro2api_tests::world::{Answer, Ask, Operation, Patience, Piece, START, StoreKind, World, login};

fn panics(act: impl FnOnce()) -> String {
    let caught = catch_unwind(AssertUnwindSafe(act)).expect_err("a panic was expected");
    caught
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| caught.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap()
}

#[test]
fn a_future_that_nobody_wakes_is_a_hang() {
    let world = World::default();
    world.spawn("stuck", std::future::pending(), None);
    assert!(panics(|| world.run()).contains("hung"));
}

#[test]
fn a_future_that_never_rests_is_no_progress() {
    let world = World::default();
    let spin = std::future::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        std::task::Poll::<()>::Pending
    });
    world.spawn("spinning", spin, None);
    assert!(panics(|| world.run()).contains("no progress"));
}

#[test]
fn a_secret_that_comes_out_is_found_wherever_it_does() {
    for leak in ["store", "body"] {
        let (world, instance) = World::of_accounts(StoreKind::Plain, &["only"]);
        let text = format!("prefix {} suffix", login::token("only"));
        if leak == "store" {
            world.store.put("pool", text.as_bytes());
            world.ask(&instance, &Ask::get("/health?deep=1"));
        } else {
            world.service.always(Operation::Chat, Answer::script(&format!("text \"{text}\"")));
            world.ask(&instance, &Ask::prompt("hi", true));
        }
        assert!(!world.leaks().is_empty(), "{leak}");
        assert!(panics(move || drop(world)).contains("secrets came out"));
    }
}

#[test]
fn a_body_that_breaks_a_rule_fails_its_world() {
    let (world, instance) = World::of_accounts(StoreKind::Plain, &["only"]);
    world.service.configure(|config| config.limits.content_chars = 3);
    world.ask(&instance, &Ask::prompt("longer than that", true));
    assert!(panics(move || drop(world)).contains("size"));
}

#[test]
fn time_moves_only_when_nobody_can_go_on_and_in_the_order_of_the_timers() {
    let (world, instance) = World::of_accounts(StoreKind::Plain, &["only"]);
    assert_eq!(world.ask(&instance, &Ask::prompt("hi", true)).said(), "ok");
    assert_eq!(world.clock.now(), START);
    let paced = |pause| Answer::stream(text(pause));
    world.service.next(Operation::Chat, paced(300));
    world.service.next(Operation::Chat, paced(200));
    let both = [0, 1].map(|_| world.begin(&instance, &Ask::prompt("hi", true), Patience::default()));
    world.run();
    let ends = both.map(|pending| pending.got().ended.unwrap());
    assert_eq!(ends, [START + Millis(300), START + Millis(200)]);
}

fn text(pause: u64) -> Vec<Piece> {
    let bytes = kiro2api_tests::script::render("text \"x\"").unwrap();
    vec![Piece::Wait(pause), Piece::Bytes(bytes)]
}

#[test]
fn a_stale_store_shows_a_write_only_after_its_lag() {
    let (world, instance) = World::of_accounts(StoreKind::Kv { lag: 60_000 }, &["only"]);
    // What it learns at first is stored.
    world.ask(&instance, &Ask::get("/health?deep=1"));
    world.pass(60_000);
    world.store.put("pool", b"garbage");
    world.ask(&instance, &Ask::get("/health?deep=1"));
    assert!(!instance.log().join("").contains("no ledger"));
    world.pass(60_000);
    world.ask(&instance, &Ask::get("/health?deep=1"));
    assert!(instance.log().join("").contains("no ledger"));
}
