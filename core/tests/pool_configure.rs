//! Accounts that come and go while a pool is in use.
#![allow(clippy::unwrap_used, reason = "a test")]

mod pool_world;

use kiro2api_core::host::Millis;
use kiro2api_core::pool::{AfterRefreshFault, Changes, Outcome, Pick, Pool, RefreshFault, Strategy};
use kiro2api_core::seal::Sealing;
use pool_world::*;

fn configure(pool: &mut Pool, json: &str) -> Changes {
    pool.configure(from_json(json), Strategy::Sequential, Sealing::default())
}

fn account(name: &str, more: &str) -> String {
    format!(r#"{{"refreshToken":"configured-refresh-token-{name}","label":"{name}"{more}}}"#)
}

fn list(accounts: &[&str]) -> String {
    format!("[{}]", accounts.iter().map(|name| account(name, "")).collect::<Vec<_>>().join(","))
}

fn labels(pool: &Pool) -> Vec<String> {
    pool.states(NOW).into_iter().map(|state| state.label).collect()
}

#[test]
fn an_account_keeps_its_number_and_what_is_known_about_it() {
    let mut pool = cold(from_json(&list(&["a", "b"])));
    let (a, b) = (nth(&pool, 0), nth(&pool, 1));
    renew(&mut pool, a, "access-a", NOW);
    renew(&mut pool, b, "access-b", NOW);
    let changes = configure(&mut pool, &list(&["c", "b"]));
    assert_eq!(changes, Changes { added: 1, changed: 0, removed: 1, kept: 1 });
    assert_eq!((labels(&pool), pool.len()), (vec!["c".to_owned(), "b".to_owned()], 2));
    assert_eq!(nth(&pool, 1), b);
    assert_eq!(lease(&pool, b).label, "b");
    let c = nth(&pool, 0);
    assert!(c != a && c != b);
    assert_eq!(pick(&mut pool, NOW), Pick::Refresh(c));
    // And back: a is known still, and no number was taken twice.
    assert_eq!(configure(&mut pool, &list(&["a"])), Changes { added: 1, changed: 0, removed: 2, kept: 0 });
    assert_eq!(pick(&mut pool, NOW), Pick::Use(a));
    assert_eq!(lease(&pool, a).label, "a");
}

#[test]
fn a_retired_account_is_never_picked_and_what_is_under_way_with_it_still_lands() {
    let mut pool = cold(from_json(&list(&["a", "b"])));
    let (a, b) = (nth(&pool, 0), nth(&pool, 1));
    renew(&mut pool, b, "access-b", NOW);
    let seated = kiro2api_core::pool::Ask { session: Some("session"), ..ask(&[]) };
    assert_eq!(pool.pick(&seated, NOW), Pick::Refresh(a));
    let renewal = claim(&mut pool, a, NOW);
    let lease_b = lease(&pool, b);
    configure(&mut pool, &list(&["c"]));
    let c = nth(&pool, 0);
    pool.refreshed(&renewal, grant("access-a", Some("rotated-refresh-token-a")), after(Millis(100)), 0);
    pool.settle(&lease_b, Outcome::Suspended, MODEL, after(Millis(100)));
    assert!(pool.dirty());
    assert_eq!(pool.pick(&seated, after(Millis(200))), Pick::Refresh(c), "not the session's old account");
    let mut table = Table::default();
    assert!(table.save(&mut pool, 1));
    // Another instance, on which the account is configured, finds the rotated token.
    let mut other = cold(from_json(&list(&["a", "b"])));
    table.load(&mut other, after(Millis(300)));
    assert_eq!(lease(&other, nth(&other, 0)).bearer.reveal(), "access-a");
    assert_eq!(word(&other, 1, after(Millis(300))), "suspended");
}

#[test]
fn the_store_is_read_before_the_next_pick_and_its_entry_of_a_new_account_survives_a_save_that_comes_first() {
    let mut table = Table::default();
    let mut writer = cold(from_json(&list(&["b"])));
    let writers = nth(&writer, 0);
    renew(&mut writer, writers, "access-b", NOW);
    assert!(table.save(&mut writer, 1));
    let mut pool = cold(from_json(&list(&["a"])));
    table.load(&mut pool, NOW);
    assert!(!pool.needs_load(NOW));
    configure(&mut pool, &list(&["a", "b"]));
    assert!(pool.needs_load(NOW));
    let a = nth(&pool, 0);
    renew(&mut pool, a, "access-a", NOW);
    assert!(table.save(&mut pool, 2));
    table.load(&mut pool, NOW);
    assert_eq!(lease(&pool, nth(&pool, 1)).bearer.reveal(), "access-b");
}

#[test]
fn a_refresh_that_fails_with_the_old_registration_says_nothing_about_the_new_one() {
    let idc = |secret: &str| {
        format!("[{}]", account("a", &format!(r#","auth":"IdC","clientId":"id","clientSecret":"{secret}""#)))
    };
    let mut pool = cold(from_json(&idc("old")));
    let a = nth(&pool, 0);
    let renewal = claim(&mut pool, a, NOW);
    assert_eq!(configure(&mut pool, &idc("new")), Changes { added: 0, changed: 1, removed: 0, kept: 0 });
    let fault = RefreshFault::Dead("invalid_client".to_owned());
    pool.absorb(None, None, NOW);
    assert_eq!(pool.refresh_failed(&renewal, &fault, NOW), AfterRefreshFault::Superseded);
    assert_eq!(pick(&mut pool, NOW), Pick::Refresh(a));
    assert!(!pool.wants_login(NOW));
}

#[test]
fn priorities_and_the_strategy_are_those_of_the_last_configuration() {
    let mut pool = cold(from_json(&list(&["a", "b"])));
    for at in pool.accounts() {
        renew(&mut pool, at, &format!("access-{at}"), NOW);
    }
    let b = nth(&pool, 1);
    let text = format!("[{},{}]", account("a", r#","priority":2"#), account("b", r#","priority":1"#));
    pool.configure(from_json(&text), Strategy::Balanced, Sealing::default());
    assert_eq!(pick(&mut pool, NOW), Pick::Use(b));
    assert_eq!(pool.strategy(), Strategy::Balanced);
}
