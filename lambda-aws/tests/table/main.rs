//! The token store on a DynamoDB table: what it promises, when the table is slow, full, gone or shared by many.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod pool;
#[path = "../support/mod.rs"]
mod support;
mod trouble;

use std::collections::BTreeSet;
use std::sync::Arc;

use kiro2api_core::host::{MAX_KEPT, Millis, Saved, Stored, TokenStore};
use kiro2api_lambda::environment::Environment;
use kiro2api_lambda::machine::Machine;
use support::{Act, Gate, Held, aws, environment};
use tokio::task::JoinSet;

/// Bytes of a value that takes two parts.
const CHUNKED: usize = 400_000;

/// An environment on a table of its own.
async fn on_a_table() -> (Gate, String, Environment) {
    let (gate, table) = (Gate::open().await, aws::table().await);
    let store = over(Machine::SYSTEM, &gate, &table).await;
    (gate, table, store)
}

async fn over(machine: Machine, gate: &Gate, table: &str) -> Environment {
    environment(machine, gate, &[("TOKEN_TABLE", table)]).await
}

/// The system's clock, and an hour.
fn later() -> Machine {
    Machine { now: || (Machine::SYSTEM.now)() + Millis::mins(60), ..Machine::SYSTEM }
}

async fn saved(store: &Environment, key: &str, value: &[u8], expected: Option<&str>) -> String {
    match store.save(key, value, expected, None).await {
        Ok(Saved::Stored(Some(version))) => version,
        other => panic!("{key}: {other:?}"),
    }
}

async fn loaded(store: &Environment, key: &str) -> Stored {
    store.load(key).await.unwrap().expect("a value")
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn a_save_stores_only_over_the_version_it_expects() {
    let (gate, _, store) = on_a_table().await;
    assert_eq!(store.load("k").await, Ok(None));
    assert_eq!(store.save("k", b"0", Some("never-there"), None).await, Ok(Saved::Conflict));
    let first = saved(&store, "k", b"1", None).await;
    assert_eq!(store.save("k", b"x", None, None).await, Ok(Saved::Conflict));
    let second = saved(&store, "k", b"2", Some(&first)).await;
    assert_eq!(store.save("k", b"x", Some(&first), None).await, Ok(Saved::Conflict));
    assert_eq!(loaded(&store, "k").await, Stored { value: b"2".to_vec(), version: Some(second) });
    assert_eq!((gate.count("GetItem"), gate.count("PutItem")), (2, 5), "a small value takes one call");
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn every_byte_and_no_byte_comes_back_as_it_was() {
    let (_gate, _, store) = on_a_table().await;
    let bytes: Vec<u8> = (0..=255).collect();
    for (key, value) in [("all", bytes.as_slice()), ("none", b""), ("odd \"key\" ü/#", b"x")] {
        saved(&store, key, value, None).await;
        assert_eq!(loaded(&store, key).await.value, value, "{key}");
    }
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn of_many_savers_with_one_version_exactly_one_stores() {
    let (gate, table, store) = on_a_table().await;
    for (size, replaces, count) in [(10, false, SAVERS), (10, true, SAVERS), (CHUNKED, true, 5)] {
        let key = format!("{size} {replaces}");
        let version = if replaces { Some(saved(&store, &key, b"before", None).await) } else { None };
        let mut savers = JoinSet::new();
        for saver in 0..count {
            let (store, key, version) = (over(Machine::SYSTEM, &gate, &table).await, key.clone(), version.clone());
            savers.spawn(async move {
                let saved = store.save(&key, &vec![saver; size], version.as_deref(), None).await.unwrap();
                (saver, saved)
            });
        }
        let stored: Vec<u8> = savers
            .join_all()
            .await
            .into_iter()
            .filter(|(_, saved)| *saved != Saved::Conflict)
            .map(|(by, _)| by)
            .collect();
        assert_eq!(stored.len(), 1, "{key}: stored by {stored:?}");
        assert_eq!(loaded(&store, &key).await.value, vec![stored[0]; size], "{key}");
    }
    assert_eq!(aws::items(&table).await.len(), 3 + 2, "three heads, and the parts of the one large value");
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn a_removed_value_is_gone_and_its_versions_never_come_back() {
    let (_gate, table, store) = on_a_table().await;
    let mut versions = BTreeSet::new();
    for size in [1, 1, CHUNKED, 1] {
        let version = saved(&store, "k", &vec![7; size], None).await;
        store.remove("k").await.unwrap();
        assert_eq!(store.load("k").await, Ok(None));
        assert_eq!(store.save("k", b"x", Some(&version), None).await, Ok(Saved::Conflict));
        assert!(versions.insert(version), "a version came back");
        assert_eq!(aws::items(&table).await, Vec::<serde_json::Value>::new(), "{size}: something is left");
    }
    assert_eq!(store.remove("k").await, Ok(()), "that there is none is no error");
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn large_values_come_back_whole_and_leave_nothing_behind() {
    let (_gate, table, store) = on_a_table().await;
    let mut version = None;
    for (size, items) in [(390 * 1024, 1), (390 * 1024 + 1, 3), (MAX_KEPT + 64, 7), (CHUNKED, 3), (5, 1)] {
        let value: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
        version = Some(saved(&store, "k", &value, version.as_deref()).await);
        assert!(loaded(&store, "k").await.value == value, "{size}: another value");
        assert_eq!(aws::items(&table).await.len(), items, "{size}");
    }
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn a_value_that_no_item_can_hold_is_refused_with_its_size() {
    let (gate, _, store) = on_a_table().await;
    let error = store.save("k", &vec![0; 7_000_000], None, None).await.unwrap_err();
    assert!(error.0.contains("7000000 bytes is too large"), "{}", error.0);
    assert_eq!(gate.count("PutItem"), 0);
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn a_reader_between_two_values_gets_one_of_them() {
    let (gate, table, store) = on_a_table().await;
    let first = saved(&store, "k", &vec![1; CHUNKED], None).await;
    let held = Held::default();
    gate.spoil("GetItem", "#1\"", 1, Act::Hold(held.clone()));
    let reader = over(Machine::SYSTEM, &gate, &table).await;
    let reader = tokio::spawn(async move { reader.load("k").await });
    held.reached.notified().await;
    // The first part has been read; now the whole value is replaced and its parts are removed.
    saved(&store, "k", &vec![2; CHUNKED], Some(&first)).await;
    held.go.notify_one();
    assert!(reader.await.unwrap().unwrap().unwrap().value == vec![2; CHUNKED], "a torn value");
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn readers_among_writers_of_large_values_never_see_a_torn_one() {
    let (gate, table, store) = on_a_table().await;
    saved(&store, "k", &vec![0; CHUNKED], None).await;
    let (mut writers, mut readers) = (JoinSet::new(), JoinSet::new());
    for writer in 1..4u8 {
        let store = over(Machine::SYSTEM, &gate, &table).await;
        writers.spawn(async move {
            for _ in 0..4 {
                let version = loaded(&store, "k").await.version;
                store.save("k", &vec![writer; CHUNKED], version.as_deref(), None).await.unwrap();
            }
        });
    }
    for _ in 0..3 {
        let store = over(Machine::SYSTEM, &gate, &table).await;
        readers.spawn(async move {
            for _ in 0..8 {
                let value = loaded(&store, "k").await.value;
                assert_eq!(value.len(), CHUNKED);
                assert!(value.iter().all(|byte| *byte == value[0]), "a torn value");
            }
        });
    }
    writers.join_all().await;
    readers.join_all().await;
    assert_eq!(aws::items(&table).await.len(), 3, "the head and the parts of the last value");
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn a_value_whose_parts_were_taken_away_can_be_replaced() {
    let (_gate, table, store) = on_a_table().await;
    let version = saved(&store, "k", &vec![1; CHUNKED], None).await;
    aws::delete(&table, &format!("k#{version}#1")).await;
    let found = loaded(&store, "k").await;
    assert_eq!(found, Stored { value: Vec::new(), version: Some(version.clone()) });
    saved(&store, "k", b"whole", Some(&version)).await;
    assert_eq!(loaded(&store, "k").await.value, b"whole");
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn a_lifetime_is_the_tables_own_and_what_has_expired_is_no_conflict() {
    let (gate, table, store) = on_a_table().await;
    let before = (Machine::SYSTEM.now)();
    for (key, size) in [("small", 1), ("large", CHUNKED)] {
        assert!(matches!(store.save(key, &vec![1; size], None, Some(Millis(1_500))).await, Ok(Saved::Stored(_))));
    }
    saved(&store, "kept", b"1", None).await;
    for item in aws::items(&table).await {
        let expires = item["expires"]["N"].as_str().map(|digits| digits.parse::<u64>().unwrap() * 1000);
        match item["pk"]["S"].as_str().unwrap() {
            "kept" => assert_eq!(expires, None),
            key => assert!(
                expires.is_some_and(|at| at >= before.0 + 1_500 && at < before.0 + 60_000),
                "{key}: {expires:?}"
            ),
        }
    }
    let later = over(later(), &gate, &table).await;
    for key in ["small", "large"] {
        assert_eq!(later.load(key).await, Ok(None), "{key}: the table removes late");
        saved(&later, key, b"2", None).await;
        assert_eq!(loaded(&store, key).await.value, b"2");
    }
    assert_eq!(later.save("kept", b"2", None, None).await, Ok(Saved::Conflict));
}

#[tokio::test]
#[ignore = "needs a table: cargo xtask test --only lambda-table"]
async fn concurrent_readers_share_one_environment() {
    let (_gate, _, store) = on_a_table().await;
    saved(&store, "k", b"1", None).await;
    let store = Arc::new(store);
    let mut readers = JoinSet::new();
    for _ in 0..SAVERS {
        let store = Arc::clone(&store);
        readers.spawn(async move { loaded(&store, "k").await.value });
    }
    assert!(readers.join_all().await.iter().all(|value| value == b"1"));
}

const SAVERS: u8 = 20;
