//! The stored ledger: sealed, merged, kept from harm, and missed without harm.
#![allow(clippy::unwrap_used, reason = "a pool that cannot be made fails the test")]

mod pool_world;

use kiro2api_core::host::Millis;
use kiro2api_core::pool::{MAX_FOREIGN, Outcome, Pick, Pool, RELOAD_AFTER, Renewal, Strategy, Trouble, parse};
use kiro2api_core::seal::Sealing;
use pool_world::{HOUR, Kv, NOW, after, claim, cold, credentials, from_json, grant, lease, nth, pick, settle, warm};

const OLD_KEY: &str = "the-key-of-last-year-0123";
const NEW_KEY: &str = "the-key-of-this-year-4567";

fn with_key(count: usize, key: Option<&str>) -> Pool {
    Pool::new(credentials(count), Strategy::Sequential, Sealing::parse(key).unwrap())
}

fn rotate(pool: &mut Pool, at: usize, word: &str, now: Millis) {
    let renewal = claim_nth(pool, at, now);
    pool.refreshed(&renewal, grant(&format!("access-{word}"), Some(&format!("refresh-{word}"))), now, 0);
}

fn claim_nth(pool: &mut Pool, at: usize, now: Millis) -> Renewal {
    let account = nth(pool, at);
    claim(pool, account, now)
}

fn bearer(pool: &Pool) -> String {
    lease(pool, nth(pool, 0)).bearer.reveal().to_owned()
}

#[test]
fn what_is_stored_shows_no_secret_and_neither_does_debug() {
    let json = r#"[{"auth":"IdC","refreshToken":"hush-configured-0123","clientId":"cid","clientSecret":"hush-client"},
                   {"auth":"ApiKey","apiKey":"hush-key-0123"}]"#;
    let sealing = Sealing::parse(Some("hush-store-key-0123456789")).unwrap();
    let mut pool = Pool::new(from_json(json), Strategy::Optimal, sealing);
    pool.absorb(None, None, NOW);
    rotate(&mut pool, 0, "hush", NOW);
    let key = nth(&pool, 1);
    settle(&mut pool, key, Outcome::Throttled { retry_after: None }, NOW);
    let renewal = claim_nth(&mut pool, 0, NOW);
    let lease = lease(&pool, nth(&pool, 0));
    let snapshot = pool.snapshot(&[7; 32]);
    let again = Kv { history: vec![snapshot.bytes.clone()] };
    pool.absorb(again.read(0), None, NOW);
    for shown in [
        format!("{pool:?}"),
        format!("{renewal:?}"),
        format!("{lease:?}"),
        format!("{:?}", grant("hush", Some("hush"))),
        format!("{:?}", pool.states(NOW)),
        String::from_utf8(snapshot.bytes.clone()).unwrap(),
    ] {
        assert!(!shown.contains("hush"), "{shown}");
    }
    let stored = String::from_utf8(snapshot.bytes).unwrap();
    assert!(stored.starts_with(r#"{"v":1,"accounts":{""#), "{stored}");
}

#[test]
fn the_same_entropy_makes_the_same_bytes_and_other_entropy_others() {
    let mut pool = warm(2);
    let bytes = |pool: &Pool, seed: u8| pool.snapshot(&[seed; 32]).bytes;
    assert_eq!(bytes(&pool, 1), bytes(&pool, 1));
    assert_ne!(bytes(&pool, 1), bytes(&pool, 2));
    // Under a repeated entropy another text has another nonce: the first 16 characters of every entry.
    let before = nonces(&bytes(&pool, 1));
    rotate(&mut pool, 0, "next", after(HOUR));
    rotate(&mut pool, 1, "next", after(HOUR));
    let nonces = [before, nonces(&bytes(&pool, 1))].concat();
    for (at, nonce) in nonces.iter().enumerate() {
        assert!(!nonces[..at].contains(nonce), "{nonces:?}");
    }
    assert_eq!(nonces.len(), 4);
}

fn nonces(bytes: &[u8]) -> Vec<String> {
    let text = core::str::from_utf8(bytes).unwrap();
    text.split(r#"":""#).skip(1).map(|entry| entry[..16].to_owned()).collect()
}

#[test]
fn a_stored_rotated_token_wins_over_the_configured_one() {
    let mut kv = Kv::default();
    let mut first = cold(credentials(2));
    rotate(&mut first, 0, "rotated", NOW);
    kv.save(&mut first, 1);
    let mut second = with_key(2, None);
    assert!(second.needs_load(NOW));
    assert!(second.absorb(kv.read(0), None, NOW).changed);
    let account = nth(&second, 0);
    assert_eq!(pick(&mut second, NOW), Pick::Use(account));
    assert_eq!(claim(&mut second, account, after(HOUR)).refresh.reveal(), "refresh-rotated");
    assert!(!second.dirty(), "nothing is known that the store does not hold");
}

#[test]
fn another_order_and_other_accounts_lose_nothing() {
    let mut kv = Kv::default();
    let mut first = cold(credentials(2));
    rotate(&mut first, 1, "rotated", NOW);
    kv.save(&mut first, 1);
    let tokens = "brand-new-refresh-token,configured-refresh-token-1";
    let mut next = Pool::new(parse(None, Some(tokens)).credentials, Strategy::Sequential, Sealing::default());
    assert_eq!(next.absorb(kv.read(0), None, NOW).troubles, []);
    assert_eq!(lease(&next, nth(&next, 1)).bearer.reveal(), "access-rotated");
}

#[test]
fn a_wrong_key_is_told_once_and_stops_nothing() {
    let mut kv = Kv::default();
    let mut first = with_key(1, Some(OLD_KEY));
    first.absorb(None, None, NOW);
    rotate(&mut first, 0, "rotated", NOW);
    kv.save(&mut first, 1);
    for key in [Some(NEW_KEY), None] {
        let mut second = with_key(1, key);
        let absorbed = second.absorb(kv.read(0), None, NOW);
        let label = second.states(NOW)[0].label.clone();
        assert_eq!(absorbed.troubles, [Trouble::Sealed(label)], "{key:?}");
        assert!(!absorbed.changed);
        assert_eq!(second.absorb(kv.read(0), None, after(RELOAD_AFTER)).troubles, [], "told once");
        let account = nth(&second, 0);
        assert_eq!(pick(&mut second, NOW), Pick::Refresh(account), "it starts from its configuration");
        // Until it has something better, it leaves the entry to whoever can open it.
        claim(&mut second, account, NOW);
        assert_eq!(Some(second.snapshot(&[2; 32]).bytes.as_slice()), kv.read(0));
        assert!(!second.dirty());
    }
}

#[test]
fn entries_under_an_old_key_are_sealed_anew_under_the_first() {
    let mut kv = Kv::default();
    let both = format!("{NEW_KEY},{OLD_KEY}");
    // From no key to a key, from an old key to a new one.
    for (before, after_change, alone) in
        [(None, OLD_KEY, OLD_KEY), (Some(OLD_KEY), both.as_str(), NEW_KEY), (Some(both.as_str()), NEW_KEY, NEW_KEY)]
    {
        let mut first = with_key(1, before);
        first.absorb(None, None, NOW);
        rotate(&mut first, 0, "rotated", NOW);
        kv.save(&mut first, 1);
        let mut second = with_key(1, Some(after_change));
        assert_eq!(second.absorb(kv.read(0), None, NOW).troubles, []);
        assert_eq!(bearer(&second), "access-rotated");
        assert_eq!(second.dirty(), before != Some(both.as_str()), "{before:?}");
        kv.save(&mut second, 2);
        let mut third = with_key(1, Some(alone));
        assert_eq!(third.absorb(kv.read(0), None, NOW).troubles, [], "{before:?}");
        assert_eq!(bearer(&third), "access-rotated");
        assert!(!third.dirty());
    }
}

#[test]
fn a_store_written_without_a_key_is_upgraded_when_one_is_set() {
    let mut kv = Kv::default();
    let mut plain = cold(credentials(2));
    rotate(&mut plain, 0, "rotated", NOW);
    rotate(&mut plain, 1, "other", NOW);
    kv.save(&mut plain, 1);
    // Under the running instance, and under one that starts.
    plain.absorb(kv.read(0), None, NOW);
    assert!(!plain.dirty());
    plain.configure(credentials(2), Strategy::Sequential, Sealing::parse(Some(NEW_KEY)).unwrap());
    for mut keyed in [plain, with_key(2, Some(NEW_KEY))] {
        assert_eq!(keyed.absorb(kv.read(0), None, NOW).troubles, []);
        assert!(keyed.dirty(), "the entries are still sealed without the key");
        let mut upgraded = Kv::default();
        upgraded.save(&mut keyed, 2);
        keyed.absorb(upgraded.read(0), None, NOW);
        assert!(!keyed.dirty());
        assert_eq!(with_key(2, None).absorb(upgraded.read(0), None, NOW).troubles.len(), 2, "only the key opens them");
        let mut next = with_key(2, Some(NEW_KEY));
        assert_eq!(next.absorb(upgraded.read(0), None, NOW).troubles, []);
        assert_eq!(bearer(&next), "access-rotated");
        assert!(!next.dirty());
    }
}

#[test]
fn entries_that_did_not_change_are_stored_as_they_were() {
    let mut kv = Kv::default();
    let mut pool = warm(3);
    kv.save(&mut pool, 1);
    pool.absorb(kv.read(0), None, NOW);
    rotate(&mut pool, 1, "rotated", after(HOUR));
    kv.save(&mut pool, 2);
    let (before, after_it) = (entries(kv.read(1).unwrap()), entries(kv.read(0).unwrap()));
    let changed: Vec<_> = before.iter().zip(&after_it).map(|(before, after)| before != after).collect();
    assert_eq!(changed.iter().filter(|changed| **changed).count(), 1, "{changed:?}");
    assert_eq!(before.len(), 3);
}

/// The sealed entries, in the order of their ids.
fn entries(bytes: &[u8]) -> Vec<String> {
    let ledger: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    ledger["accounts"].as_object().unwrap().values().map(|entry| entry.to_string()).collect()
}

#[test]
fn an_entry_serves_no_other_account_and_no_altered_byte_is_taken() {
    // One key for both accounts, so that nothing but the binding to the id tells them apart.
    let keyed = || with_key(2, Some(OLD_KEY));
    let mut pool = keyed();
    pool.absorb(None, None, NOW);
    rotate(&mut pool, 0, "first", NOW);
    rotate(&mut pool, 1, "second", NOW);
    let bytes = pool.snapshot(&[1; 32]).bytes;
    let text = String::from_utf8(bytes).unwrap();
    let ids: Vec<String> = pool.states(NOW).into_iter().map(|state| state.id).collect();
    let swapped = text.replace(&ids[0], "?").replace(&ids[1], &ids[0]).replace('?', &ids[1]);
    let troubles = keyed().absorb(Some(swapped.as_bytes()), None, NOW).troubles;
    assert_eq!(troubles.len(), 2, "{troubles:?}");
    assert_eq!(pool.absorb(Some(text.as_bytes()), None, NOW).troubles, []);

    let at = text.find(&ids[0]).unwrap() + ids[0].len() + 3;
    for offset in [0, 15, 16, 40, 100] {
        let mut altered = text.clone().into_bytes();
        altered[at + offset] = if altered[at + offset] == b'A' { b'B' } else { b'A' };
        let troubles = keyed().absorb(Some(&altered), None, NOW).troubles;
        assert_eq!(troubles.len(), 1, "{offset}: {troubles:?}");
    }
}

#[test]
fn unknown_accounts_are_kept_byte_for_byte() {
    let foreign = r#""00000000deadbeef":"not even base64 \u00e9","ffff":{"a":  1.50e3}"#;
    let stored = format!(r#"{{"v":1,"accounts":{{{foreign}}}}}"#);
    let mut pool = warm(1);
    assert_eq!(pool.absorb(Some(stored.as_bytes()), None, NOW).troubles, []);
    let saved = String::from_utf8(pool.snapshot(&[1; 32]).bytes).unwrap();
    for entry in [r#""00000000deadbeef":"not even base64 \u00e9""#, r#""ffff":{"a":  1.50e3}"#] {
        assert!(saved.contains(entry), "{saved}");
    }
    assert!(saved.contains(&pool.states(NOW)[0].id));
}

#[test]
fn too_many_unknown_accounts_are_dropped_and_told() {
    let entries: Vec<String> = (0..MAX_FOREIGN + 5).map(|n| format!(r#""{n:04}":"x""#)).collect();
    let stored = format!(r#"{{"v":1,"accounts":{{{}}}}}"#, entries.join(","));
    let mut pool = warm(1);
    assert_eq!(pool.absorb(Some(stored.as_bytes()), None, NOW).troubles, [Trouble::Crowded(5)]);
    let saved = String::from_utf8(pool.snapshot(&[1; 32]).bytes).unwrap();
    assert_eq!(saved.matches(r#":"x""#).count(), MAX_FOREIGN);
}

#[test]
fn a_later_version_is_left_alone() {
    let mut pool = warm(1);
    assert!(pool.dirty());
    let later = br#"{"v":2,"accounts":["a shape of its own"]}"#;
    assert_eq!(pool.absorb(Some(later), Some("7".into()), NOW).troubles, [Trouble::Newer(2)]);
    assert!(!pool.dirty() && !pool.needs_save(NOW) && !pool.compares(NOW));
    let account = nth(&pool, 0);
    assert_eq!(pick(&mut pool, NOW), Pick::Use(account), "memory serves on");
    rotate(&mut pool, 0, "rotated", NOW);
    assert!(!pool.dirty());
    pool.absorb(None, None, after(RELOAD_AFTER));
    assert!(pool.dirty(), "the later version is gone");
}

#[test]
fn bytes_that_are_no_ledger_are_told_and_replaced() {
    for stored in
        ["", "null", "{}", "[]", r#"{"v":0}"#, r#"{"v":"1"}"#, r#"{"v":1,"accounts":[]}"#, "\u{0}", r#"{"v":1"#]
    {
        let mut pool = warm(1);
        assert_eq!(pool.absorb(Some(stored.as_bytes()), None, NOW).troubles, [Trouble::Unreadable], "{stored}");
        assert!(pool.dirty(), "{stored}");
        assert!(pool.snapshot(&[1; 32]).bytes.starts_with(br#"{"v":1,"#));
    }
    let mut pool = cold(credentials(1));
    assert_eq!(pool.absorb(Some(br#"{"v":1}"#), None, NOW).troubles, [], "no accounts yet");
}

#[test]
fn an_outage_is_told_once_and_memory_serves_on() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    assert!(pool.dirty() && pool.needs_save(NOW));
    assert!(pool.store_failed(NOW), "logged");
    assert!(!pool.store_failed(NOW), "once");
    assert_eq!(pick(&mut pool, NOW), Pick::Use(account));
    assert!(!pool.needs_load(after(Millis::secs(9))) && !pool.needs_save(after(Millis::secs(9))));
    let retry = after(Millis::secs(10));
    assert!(pool.needs_load(retry) && pool.needs_save(retry));
    assert!(pool.absorb(None, None, retry).recovered);
    assert!(!pool.absorb(None, None, retry).recovered);
    assert!(pool.dirty(), "what could not be saved is still to be saved");
    assert!(pool.store_failed(retry), "the next outage is told again");
}

#[test]
fn loads_have_an_age() {
    let mut pool = with_key(1, None);
    assert!(pool.needs_load(NOW));
    pool.absorb(None, None, NOW);
    assert!(!pool.needs_load(NOW) && !pool.needs_load(after(RELOAD_AFTER - Millis(1))));
    assert!(pool.needs_load(after(RELOAD_AFTER)));
    assert!(!pool.needs_load(NOW - Millis::secs(5)), "a clock that was set back asks for nothing");
}

#[test]
fn changes_made_while_a_save_is_under_way_are_saved_next() {
    let mut pool = warm(1);
    let snapshot = pool.snapshot(&[1; 32]);
    rotate(&mut pool, 0, "meanwhile", after(HOUR));
    pool.saved(&snapshot, Some("3".into()));
    assert!(pool.dirty());
    assert_eq!(pool.version(), Some("3"));
    let snapshot = pool.snapshot(&[2; 32]);
    pool.saved(&snapshot, Some("4".into()));
    assert!(!pool.dirty());
    let account = nth(&pool, 0);
    settle(&mut pool, account, Outcome::Served, after(HOUR));
    assert!(!pool.dirty(), "an ordinary request is no state to save");
    let claimed = pool.claim_refresh(account, after(HOUR), after(HOUR + HOUR));
    assert!(claimed.is_some() && !pool.dirty(), "a claim alone is none either");
}

#[test]
fn the_newest_token_survives_a_store_where_the_last_write_wins() {
    let mut kv = Kv::default();
    let (mut a, mut b) = (cold(credentials(1)), cold(credentials(1)));
    rotate(&mut a, 0, "of-a", NOW);
    rotate(&mut b, 0, "of-b", after(Millis::secs(1)));
    kv.save(&mut b, 1);
    kv.save(&mut a, 2); // without having seen b's: the store now holds the older token
    b.absorb(kv.read(0), None, after(RELOAD_AFTER));
    assert!(b.dirty(), "b sees that the store lags behind");
    kv.save(&mut b, 3);
    a.absorb(kv.read(1), None, after(RELOAD_AFTER)); // a stale read of its own write
    assert!(!a.dirty());
    a.absorb(kv.read(0), None, after(RELOAD_AFTER + RELOAD_AFTER));
    assert_eq!((bearer(&a), bearer(&b)), ("access-of-b".to_owned(), "access-of-b".to_owned()));
    assert!(!a.dirty());
}
