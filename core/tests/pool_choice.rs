//! In which order accounts serve under each strategy, and how many requests one serves at once.
#![allow(clippy::unwrap_used, reason = "a pool that cannot be made fails the test")]

mod pool_world;

use kiro2api_core::host::Millis;
use kiro2api_core::pool::{Account, Ask, Credits, Outcome, Pick, Pool, Quota, Refusal, Strategy, Ticket};
use kiro2api_core::seal::Sealing;
use pool_world::{HOUR, NOW, after, ask, credentials, from_json, nth, pick, renew, settle};

const LATER: Millis = Millis(NOW.0 + 3_600_000);

/// A pool of fresh tokens.
fn pool_of(strategy: Strategy, count: usize) -> Pool {
    ready(Pool::new(credentials(count), strategy, Sealing::default()))
}

fn ready(mut pool: Pool) -> Pool {
    pool.absorb(None, None, NOW);
    for account in pool.accounts() {
        renew(&mut pool, account, &format!("access-token-{account}"), NOW);
    }
    pool
}

/// The accounts in the order in which requests that give up on each come to them.
fn order(pool: &mut Pool, now: Millis) -> Vec<Account> {
    let mut tried = Vec::new();
    while let Pick::Use(account) = pool.pick(&ask(&tried), now) {
        tried.push(account);
    }
    tried
}

fn places(pool: &mut Pool, now: Millis) -> Vec<usize> {
    let accounts: Vec<_> = pool.accounts().collect();
    order(pool, now).iter().map(|account| accounts.iter().position(|known| known == account).unwrap()).collect()
}

fn begin(pool: &mut Pool, at: usize, now: Millis) -> Ticket {
    let account = nth(pool, at);
    pool.begin(account, LATER, now).unwrap()
}

fn read(pool: &mut Pool, at: usize, remaining: f64, now: Millis) {
    let account = nth(pool, at);
    pool.quota_found(account, quota(remaining), now);
}

fn quota(remaining: f64) -> Quota {
    let (limit, remaining) = (Credits::of(100.0), Credits::of(remaining));
    Quota { limit, used: Credits(limit.0 - remaining.0), remaining, resets: Some(after(HOUR)), ..Quota::default() }
}

#[test]
fn sequential_serves_in_the_order_of_the_configuration_whatever_is_under_way() {
    let mut pool = pool_of(Strategy::Sequential, 3);
    read(&mut pool, 0, 1.0, NOW);
    read(&mut pool, 1, 99.0, NOW);
    let _busy: Vec<_> = (0..5).map(|_| begin(&mut pool, 0, NOW)).collect();
    assert_eq!(places(&mut pool, NOW), [0, 1, 2]);
}

#[test]
fn balanced_serves_the_account_with_the_fewest_requests_under_way_then_the_least_recently_used() {
    let mut pool = pool_of(Strategy::Balanced, 3);
    assert_eq!(places(&mut pool, NOW), [0, 1, 2], "as configured while none was used");
    let first = begin(&mut pool, 0, NOW);
    let second = begin(&mut pool, 1, NOW);
    assert_eq!(places(&mut pool, NOW), [2, 0, 1]);
    drop(second);
    assert_eq!(places(&mut pool, NOW), [2, 1, 0], "one that was used before one that never was, both idle");
    let third = begin(&mut pool, 2, NOW);
    drop((first, third));
    assert_eq!(places(&mut pool, NOW), [0, 1, 2], "in the order of their last use");
}

#[test]
fn balanced_spreads_requests_evenly() {
    let mut pool = pool_of(Strategy::Balanced, 7);
    let mut under_way = Vec::new();
    for n in 0..70 {
        let Pick::Use(account) = pick(&mut pool, NOW) else { panic!("every account is ready") };
        under_way.push(pool.begin(account, LATER, NOW).unwrap());
        let counts: Vec<_> = pool.states(NOW).iter().map(|state| state.seen.under_way).collect();
        assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "after {n}: {counts:?}");
    }
}

#[test]
fn optimal_serves_the_account_with_the_most_quota_left_and_metering_counts() {
    let mut pool = pool_of(Strategy::Optimal, 3);
    for (at, remaining) in [(0, 10.0), (1, 50.0), (2, 30.0)] {
        read(&mut pool, at, remaining, NOW);
    }
    assert_eq!(places(&mut pool, NOW), [1, 2, 0]);
    let account = nth(&pool, 1);
    pool.metered(account, Some(Credits::of(25.0)), 0);
    assert_eq!(places(&mut pool, NOW), [2, 1, 0], "30, 25 and 10 are left");
    pool.metered(account, None, 700);
    assert_eq!(places(&mut pool, NOW), [2, 1, 0], "an answer whose price is not known costs nothing");
}

#[test]
fn optimal_breaks_ties_by_the_requests_under_way_then_by_the_configuration() {
    let mut pool = pool_of(Strategy::Optimal, 3);
    for at in 0..3 {
        read(&mut pool, at, 50.0, NOW);
    }
    assert_eq!(places(&mut pool, NOW), [0, 1, 2]);
    let _busy = (begin(&mut pool, 0, NOW), begin(&mut pool, 0, NOW), begin(&mut pool, 1, NOW));
    assert_eq!(places(&mut pool, NOW), [2, 1, 0]);
}

#[test]
fn optimal_asks_unknown_accounts_first_then_known_unreadable_overage_and_empty_ones() {
    let mut pool = pool_of(Strategy::Optimal, 6);
    let (overage, unreadable) = (nth(&pool, 1), nth(&pool, 2));
    read(&mut pool, 0, 0.0, NOW);
    pool.quota_found(overage, Quota { overage: true, ..quota(0.0) }, NOW);
    pool.quota_unknown(unreadable, NOW);
    read(&mut pool, 3, 1.0, NOW);
    read(&mut pool, 4, 2.0, NOW);
    assert_eq!(places(&mut pool, NOW), [5, 4, 3, 2, 1, 0]);
}

#[test]
fn optimal_takes_a_quota_whose_reset_date_has_passed_for_full() {
    let mut pool = pool_of(Strategy::Optimal, 2);
    read(&mut pool, 0, 90.0, NOW);
    let (account, reset) = (nth(&pool, 1), after(Millis::mins(30)));
    pool.quota_found(account, Quota { resets: Some(reset), ..quota(0.0) }, NOW);
    assert_eq!(places(&mut pool, reset - Millis(1)), [0, 1]);
    assert_eq!(places(&mut pool, reset), [1, 0]);
}

#[test]
fn an_empty_account_serves_when_it_is_the_only_one() {
    let mut pool = pool_of(Strategy::Optimal, 1);
    read(&mut pool, 0, 0.0, NOW);
    assert_eq!(places(&mut pool, NOW), [0], "only the service's refusal is the truth");
}

#[test]
fn priority_comes_before_every_strategy_and_a_seat_before_priority() {
    let json = r#"[{"refreshToken":"refresh-token-number-0","priority":1},
                   {"refreshToken":"refresh-token-number-1","priority":1},
                   {"refreshToken":"refresh-token-number-2"}]"#;
    for strategy in [Strategy::Optimal, Strategy::Balanced, Strategy::Sequential] {
        let mut pool = ready(Pool::new(from_json(json), strategy, Sealing::default()));
        for (at, remaining) in [(0, 90.0), (1, 80.0), (2, 1.0)] {
            read(&mut pool, at, remaining, NOW);
        }
        let _busy = begin(&mut pool, 2, NOW);
        assert_eq!(places(&mut pool, NOW), [2, 0, 1], "{strategy:?}");
        let preferred = [nth(&pool, 2)];
        let session = Ask { session: Some("conversation"), ..ask(&preferred) };
        let seat = pool.pick(&session, NOW);
        assert_eq!(seat, Pick::Use(nth(&pool, 0)));
        let _more: Vec<_> = (0..3).map(|_| begin(&mut pool, 0, NOW)).collect();
        assert_eq!(pool.pick(&Ask { tried: &[], ..session }, NOW), seat, "{strategy:?}: the session keeps its seat");
    }
}

#[test]
fn an_account_with_as_many_requests_as_may_be_is_passed_over_and_the_rest_waits() {
    for strategy in [Strategy::Optimal, Strategy::Balanced, Strategy::Sequential] {
        let mut pool = pool_of(strategy, 2);
        pool.limit_concurrency(Some(2));
        let mut under_way: Vec<_> = (0..4)
            .map(|_| {
                let Pick::Use(account) = pick(&mut pool, NOW) else { panic!("there is room") };
                pool.begin(account, LATER, NOW).unwrap()
            })
            .collect();
        let counts: Vec<_> = pool.states(NOW).iter().map(|state| state.seen.under_way).collect();
        assert_eq!(counts, [2, 2], "{strategy:?}");
        assert!(matches!(pick(&mut pool, NOW), Pick::Full(at) if at > NOW && at < after(Millis::secs(1))));
        let free = under_way.remove(2).account();
        assert_eq!(pick(&mut pool, NOW), Pick::Use(free), "{strategy:?}");
    }
}

#[test]
fn a_request_that_is_never_given_back_counts_until_its_time() {
    let mut pool = pool_of(Strategy::Sequential, 1);
    pool.limit_concurrency(Some(1));
    let account = nth(&pool, 0);
    let until = after(Millis::mins(15));
    core::mem::forget(pool.begin(account, until, NOW));
    assert!(matches!(pick(&mut pool, until - Millis(1)), Pick::Full(_)));
    assert_eq!(pick(&mut pool, until), Pick::Use(account));
    let _one = pool.begin(account, after(HOUR), until).unwrap();
    assert_eq!(pool.states(until)[0].seen.under_way, 1);
}

#[test]
fn a_session_is_a_guest_elsewhere_while_its_account_is_full_and_comes_back() {
    let mut pool = pool_of(Strategy::Sequential, 2);
    pool.limit_concurrency(Some(1));
    let (own, other) = (nth(&pool, 0), nth(&pool, 1));
    let session = Ask { session: Some("conversation"), ..ask(&[]) };
    assert_eq!(pool.pick(&session, NOW), Pick::Use(own));
    let busy = begin(&mut pool, 0, NOW);
    assert_eq!(pool.pick(&session, NOW), Pick::Use(other));
    drop(busy);
    assert_eq!(pool.pick(&session, NOW), Pick::Use(own));
}

#[test]
fn full_accounts_are_waited_for_before_failing_ones_and_resting_ones_do_not_count() {
    let mut pool = pool_of(Strategy::Sequential, 2);
    pool.limit_concurrency(Some(1));
    let (a0, a1) = (nth(&pool, 0), nth(&pool, 1));
    let busy = begin(&mut pool, 0, NOW);
    for _ in 0..5 {
        settle(&mut pool, a1, Outcome::Failed, NOW);
    }
    assert!(matches!(pick(&mut pool, NOW), Pick::Full(_)));
    assert_eq!(pool.pick(&ask(&[a0]), NOW), Pick::Use(a1), "nothing else is left for this request");
    settle(&mut pool, a0, Outcome::Throttled { retry_after: None }, NOW);
    assert_eq!(pick(&mut pool, NOW), Pick::Use(a1), "there is nothing to wait for");
    settle(&mut pool, a1, Outcome::Suspended, NOW);
    assert!(matches!(pick(&mut pool, NOW), Pick::None(Refusal::Throttled { .. })));
    drop(busy);
}

#[test]
fn a_limit_that_is_taken_away_no_longer_holds() {
    let mut pool = pool_of(Strategy::Sequential, 1);
    pool.limit_concurrency(Some(1));
    let _busy = begin(&mut pool, 0, NOW);
    assert!(matches!(pick(&mut pool, NOW), Pick::Full(_)));
    pool.limit_concurrency(None);
    assert!(matches!(pick(&mut pool, NOW), Pick::Use(_)));
}
