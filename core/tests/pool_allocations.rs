//! What the pool takes from the heap: nothing for a pick, and for a reload what has changed. A binary of its own:
//! `allocation-counter` installs its global allocator wherever it is linked.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod pool_world;

use allocation_counter::measure;
use kiro2api_core::host::Millis;
use kiro2api_core::pool::{Ask, Credits, Outcome, Pick, Pool, Quota, RefreshFault, Strategy};
use kiro2api_core::seal::Sealing;
use pool_world::{HOUR, Kv, NOW, after, ask, claim, credentials, nth, pick, renew, settle};

const SIZES: [usize; 3] = [1, 10, 200];

fn pool_of(strategy: Strategy, count: usize) -> Pool {
    let mut pool = Pool::new(credentials(count), strategy, Sealing::default());
    pool.absorb(None, None, NOW);
    for (at, account) in pool.accounts().enumerate() {
        renew(&mut pool, account, "access", NOW);
        let remaining = Credits::of(if at % 2 == 0 { 5.0 } else { 7.0 });
        pool.quota_found(account, Quota { limit: Credits::of(9.0), remaining, ..Quota::default() }, NOW);
    }
    pool
}

#[test]
fn a_pick_takes_nothing_from_the_heap() {
    for strategy in [Strategy::Optimal, Strategy::Balanced, Strategy::Sequential] {
        for count in SIZES {
            let mut pool = pool_of(strategy, count);
            pool.limit_concurrency(Some(2));
            let under_way: Vec<_> =
                pool.accounts().filter_map(|account| pool.begin(account, after(HOUR), NOW)).collect();
            let cost = measure(|| assert!(matches!(pick(&mut pool, NOW), Pick::Use(_))));
            assert_eq!(cost.count_total, 0, "{strategy:?} of {count}");
            let session = Ask { session: Some("conversation"), ..ask(&[]) };
            pool.pick(&session, NOW);
            let cost = measure(|| assert!(matches!(pool.pick(&session, NOW), Pick::Use(_))));
            assert!(cost.count_total <= 1, "{strategy:?} of {count} with a seat: {}", cost.count_total);
            assert_eq!(under_way.len(), count);
        }
    }
}

#[test]
fn a_pick_among_resting_and_dead_accounts_takes_nothing_either() {
    for count in SIZES {
        let mut pool = pool_of(Strategy::Optimal, count);
        for (at, account) in pool.accounts().enumerate() {
            match at % 4 {
                0 => settle(&mut pool, account, Outcome::QuotaUsedUp { resets: None }, after(Millis(1))),
                1 => settle(&mut pool, account, Outcome::Suspended, NOW),
                2 => settle(&mut pool, account, Outcome::Throttled { retry_after: None }, NOW),
                _ => {
                    settle(&mut pool, account, Outcome::BearerRefused, NOW);
                    let renewal = claim(&mut pool, account, NOW);
                    pool.absorb(None, None, NOW);
                    pool.refresh_failed(&renewal, &RefreshFault::Dead("over".into()), NOW);
                }
            }
        }
        let cost = measure(|| assert!(matches!(pick(&mut pool, after(Millis(2))), Pick::None(_))));
        assert_eq!(cost.count_total, 0, "of {count}");
    }
}

#[test]
fn a_reload_costs_what_has_changed() {
    let mut kv = Kv::default();
    let mut pool = pool_of(Strategy::Optimal, 200);
    kv.save(&mut pool, 1);
    let first = measure(|| drop(pool.absorb(kv.read(0), None, NOW)));
    let again = measure(|| drop(pool.absorb(kv.read(0), None, NOW)));
    // An id and the sealed text of each, and the nodes of the map.
    assert!(again.count_total <= 200 * 3, "{} for the same bytes, {} at first", again.count_total, first.count_total);
    assert!(first.count_total > again.count_total + 200 * 2, "{} to open them all", first.count_total);
    let account = nth(&pool, 100);
    renew(&mut pool, account, "other", after(HOUR));
    kv.save(&mut pool, 2);
    let one = measure(|| drop(pool.absorb(kv.read(0), None, after(HOUR))));
    assert!(one.count_total <= again.count_total + 60, "{} for one that has changed", one.count_total);
}
