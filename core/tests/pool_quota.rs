//! What is known of quotas: readings, metering, forecasts, and how a used-up quota rests and comes back.
#![allow(clippy::unwrap_used, reason = "a pool that cannot be made fails the test")]

mod pool_world;

use kiro2api_core::host::Millis;
use kiro2api_core::pool::{Account, Credits, Outcome, Pick, Pool, Quota, Refusal};
use pool_world::{HOUR, Kv, NOW, after, cold, credentials, nth, pick, renew, settle, warm, word};

const USED_UP: Outcome = Outcome::QuotaUsedUp { resets: None };
const DAY: Millis = Millis::mins(24 * 60);
/// 2026-12-01T00:00:00Z.
const DECEMBER: Millis = Millis(1_796_083_200_000);
/// 2026-11-27T00:00:00Z.
const RESET: Millis = Millis(1_795_737_600_000);

fn quota(used: f64, limit: f64) -> Quota {
    let (limit, used) = (Credits::of(limit), Credits::of(used));
    let remaining = Credits(limit.0.saturating_sub(used.0));
    Quota { limit, used, remaining, resets: Some(RESET), ..Quota::default() }
}

fn empty() -> Quota {
    quota(100.0, 100.0)
}

fn rests_until(pool: &mut Pool, until: Millis, now: Millis) {
    assert_eq!(pick(pool, now), Pick::None(Refusal::Quota { until }));
}

/// One account, just refused for its quota.
fn used_up() -> (Pool, Account) {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    settle(&mut pool, account, USED_UP, NOW);
    (pool, account)
}

#[test]
fn a_rest_lasts_until_the_reset_date_of_the_last_reading() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    pool.quota_found(account, quota(40.0, 100.0), NOW);
    settle(&mut pool, account, USED_UP, after(HOUR - Millis::mins(1)));
    rests_until(&mut pool, RESET, after(HOUR));
}

#[test]
fn without_a_reset_date_ahead_a_rest_lasts_until_the_month_ends() {
    for resets in [None, Some(NOW), Some(Millis::NEVER)] {
        let mut pool = warm(1);
        let account = nth(&pool, 0);
        pool.quota_found(account, Quota { resets, ..quota(40.0, 100.0) }, NOW);
        settle(&mut pool, account, USED_UP, after(Millis(1)));
        rests_until(&mut pool, DECEMBER, after(Millis(1)));
    }
}

#[test]
fn a_used_up_quota_is_asked_for_at_once_and_before_others() {
    let mut pool = warm(3);
    let (a0, a2) = (nth(&pool, 0), nth(&pool, 2));
    pool.quota_found(a2, quota(1.0, 100.0), NOW);
    settle(&mut pool, a2, USED_UP, after(Millis(1)));
    assert_eq!(pool.look_up(after(Millis(1))), Some(a2), "its reading is fresh, and older than the refusal");
    assert_eq!(pool.look_up(after(Millis(1))), Some(a0));
    pool.quota_found(a2, empty(), after(Millis(2)));
    assert_eq!(pool.look_up(after(Millis(2))), Some(nth(&pool, 1)));
    assert_eq!(pool.look_up(after(Millis(2))), None, "everything is known, or being asked for");
}

#[test]
fn a_reading_that_something_is_left_ends_the_rest() {
    for better in [quota(100.0, 1000.0), Quota { overage: true, ..empty() }] {
        let (mut pool, account) = used_up();
        pool.quota_found(account, better, after(Millis::secs(1)));
        assert_eq!(pick(&mut pool, after(Millis::secs(1))), Pick::Use(account));
        assert!(matches!(pick(&mut pool, after(Millis::secs(1))), Pick::Wait(_)), "one request at a time tries it");
        settle(&mut pool, account, Outcome::Served, after(Millis::secs(2)));
        for _ in 0..2 {
            assert_eq!(pick(&mut pool, after(Millis::secs(2))), Pick::Use(account));
        }
    }
}

#[test]
fn a_reading_from_before_the_refusal_does_not_end_the_rest() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    pool.quota_found(account, quota(1.0, 100.0), NOW);
    settle(&mut pool, account, USED_UP, NOW);
    rests_until(&mut pool, RESET, after(Millis::mins(10)));
}

#[test]
fn a_reading_that_nothing_is_left_moves_the_end_to_its_reset_date() {
    let (mut pool, account) = used_up();
    rests_until(&mut pool, DECEMBER, NOW);
    pool.quota_found(account, empty(), after(Millis(1)));
    rests_until(&mut pool, RESET, after(Millis(1)));
    let later = DECEMBER + DAY;
    pool.quota_found(account, Quota { resets: Some(later), ..empty() }, after(Millis(2)));
    rests_until(&mut pool, later, after(Millis(2)));
}

#[test]
fn a_reading_that_the_service_contradicts_is_believed_ever_later() {
    let (mut pool, account) = used_up();
    let mut now = NOW;
    for minutes in [0, 5, 10, 20, 40] {
        let left = now + Millis::secs(1);
        pool.quota_found(account, quota(1.0, 100.0), left);
        let back = (now + Millis::mins(minutes)).max(left + Millis(1));
        if minutes > 0 {
            rests_until(&mut pool, back, back - Millis(1));
        }
        renew(&mut pool, account, "access", back);
        assert_eq!(pick(&mut pool, back), Pick::Use(account));
        settle(&mut pool, account, USED_UP, back);
        now = back;
    }
}

#[test]
fn requests_under_way_together_say_it_once() {
    let (mut pool, account) = used_up();
    for _ in 0..20 {
        settle(&mut pool, account, USED_UP, after(Millis(1)));
    }
    pool.quota_found(account, quota(1.0, 100.0), after(Millis::secs(1)));
    assert_eq!(pick(&mut pool, after(Millis::secs(1))), Pick::Use(account));
}

#[test]
fn a_rest_nothing_is_heard_about_is_tried_once_a_day_by_one_request() {
    let (mut pool, account) = used_up();
    let mut now = NOW;
    for _ in 0..3 {
        rests_until(&mut pool, DECEMBER, now + DAY - Millis(1));
        now = now + DAY;
        assert_eq!(pick(&mut pool, now), Pick::Refresh(account), "its token has expired");
        renew(&mut pool, account, "access", now);
        assert_eq!(pick(&mut pool, now), Pick::Use(account));
        assert!(matches!(pick(&mut pool, now), Pick::Wait(_)), "one at a time");
        settle(&mut pool, account, USED_UP, now);
        rests_until(&mut pool, DECEMBER, now);
        assert_eq!(pool.look_up(now), Some(account), "there is a token to ask with");
        pool.quota_unknown(account, now);
    }
    pick(&mut pool, now + DAY);
    renew(&mut pool, account, "access", now + DAY);
    settle(&mut pool, account, Outcome::Served, now + DAY);
    assert_eq!(word(&pool, 0, now + DAY), "ready", "it was true no longer");
    assert_eq!((0..2).map(|_| pick(&mut pool, now + DAY)).collect::<Vec<_>>(), [Pick::Use(account); 2]);
}

#[test]
fn a_rest_that_a_reading_confirms_is_not_tried_for_a_day() {
    let (mut pool, account) = used_up();
    pool.quota_found(account, empty(), after(HOUR));
    rests_until(&mut pool, RESET, after(HOUR + DAY - Millis(1)));
    assert_eq!(pick(&mut pool, after(HOUR + DAY)), Pick::Refresh(account));
}

#[test]
fn the_quota_of_a_day_stays_used_up_whatever_a_reading_says() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    settle(&mut pool, account, Outcome::DayUsedUp, NOW);
    pool.quota_found(account, quota(1.0, 100.0), after(Millis(1)));
    let midnight = after(Millis::mins(6 * 60));
    rests_until(&mut pool, midnight, midnight - Millis(1));
    renew(&mut pool, account, "access", midnight);
    assert_eq!(pick(&mut pool, midnight), Pick::Use(account));
}

#[test]
fn another_instance_learns_that_a_rest_is_over() {
    let mut kv = Kv::default();
    let (mut here, account) = used_up();
    here.quota_found(account, quota(90.0, 100.0), after(Millis(1)));
    settle(&mut here, account, Outcome::Served, after(Millis(2)));
    settle(&mut here, account, USED_UP, after(Millis(3)));
    kv.save(&mut here, 1);
    let mut there = cold(credentials(1));
    there.absorb(kv.read(0), None, after(Millis(4)));
    rests_until(&mut there, RESET, after(Millis(4)));
    here.quota_found(account, quota(91.0, 100.0), after(Millis(5)));
    assert!(here.dirty(), "as little news as it looks, others rest without it");
    kv.save(&mut here, 2);
    there.absorb(kv.read(0), None, after(Millis(6)));
    assert_eq!(pick(&mut there, after(Millis(6))), Pick::Use(nth(&there, 0)));
    assert!(!there.dirty());
}

#[test]
fn readings_alone_are_rarely_worth_a_write() {
    let mut kv = Kv::default();
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    pool.quota_found(account, quota(1.0, 100.0), NOW);
    kv.save(&mut pool, 1);
    pool.absorb(kv.read(0), None, NOW);
    for minutes in [15, 30, 359] {
        pool.quota_found(account, quota(2.0, 100.0), after(Millis::mins(minutes)));
        assert!(!pool.dirty(), "after {minutes} minutes");
    }
    pool.quota_found(account, empty(), after(Millis::mins(359)));
    pool.absorb(kv.read(0), None, after(Millis::mins(359)));
    assert!(pool.dirty(), "nothing is left");
}

#[test]
fn the_forecast_follows_the_use_and_the_metering() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    let foretold = |pool: &Pool, now| pool.states(now)[0].quota.clone().unwrap();
    pool.quota_found(account, quota(10.0, 100.0), NOW);
    assert_eq!(foretold(&pool, NOW).exhausted_at, None, "one reading says nothing of the rate");
    let now = after(HOUR);
    pool.quota_found(account, quota(20.0, 100.0), now);
    let state = foretold(&pool, now);
    assert_eq!((state.used, state.remaining, state.read_at), (Credits::of(20.0), Credits::of(80.0), now));
    let expected = after(Millis(9 * HOUR.0));
    let at = state.exhausted_at.unwrap();
    assert!(at.0.abs_diff(expected.0) < 10_000, "10 an hour: {at:?}, not {expected:?}");
    pool.metered(account, Some(Credits::of(30.0)), 0);
    let metered = foretold(&pool, now + HOUR);
    assert_eq!((metered.used, metered.remaining), (Credits::of(50.0), Credits::of(50.0)));
    assert!(metered.exhausted_at.unwrap() < at, "it is used faster than it was");
    let idle = foretold(&pool, now + Millis(72 * HOUR.0));
    assert!(idle.exhausted_at.is_none_or(|idle| idle > at + DAY), "nobody uses it any more");
}

#[test]
fn nothing_is_foretold_past_the_reset_date_nor_when_nothing_is_left() {
    let mut pool = warm(2);
    for (at, used, limit) in [(0, 0.5, 1000.0), (1, 100.0, 100.0)] {
        let account = nth(&pool, at);
        pool.quota_found(account, quota(0.0, limit), NOW);
        pool.quota_found(account, quota(used, limit), after(HOUR));
        assert_eq!(pool.states(after(HOUR))[at].quota.as_ref().unwrap().exhausted_at, None);
    }
}

#[test]
fn the_rate_outlives_the_instance_and_the_end_of_a_period() {
    let mut kv = Kv::default();
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    pool.quota_found(account, quota(10.0, 100.0), NOW);
    pool.quota_found(account, quota(20.0, 100.0), after(HOUR));
    kv.save(&mut pool, 1);
    let mut next = cold(credentials(1));
    next.absorb(kv.read(0), None, after(HOUR));
    let quota_of = |pool: &Pool, now| pool.states(now)[0].quota.clone().unwrap();
    assert_eq!(quota_of(&next, after(HOUR)), quota_of(&pool, after(HOUR)));
    let renewed = Quota { resets: Some(after(Millis(60 * DAY.0))), ..quota(1.0, 100.0) };
    next.quota_found(nth(&next, 0), renewed, after(Millis(2 * HOUR.0)));
    let at = quota_of(&next, after(Millis(2 * HOUR.0))).exhausted_at.unwrap();
    let expected = after(Millis(2 * HOUR.0 + 99 * HOUR.0 / 10));
    assert!(at.0.abs_diff(expected.0) < 10_000, "still 10 an hour: {at:?}, not {expected:?}");
}

#[test]
fn what_an_instance_has_seen_is_counted() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    let ticket = pool.begin(account, after(HOUR), after(Millis(7)));
    settle(&mut pool, account, Outcome::Failed, NOW);
    settle(&mut pool, account, Outcome::Served, NOW);
    settle(&mut pool, account, Outcome::NoCapacity { retry_after: None }, NOW);
    settle(&mut pool, account, Outcome::Undecided, NOW);
    settle(&mut pool, account, Outcome::NotAuthorized, NOW);
    pool.metered(account, None, 0);
    pool.metered(account, None, 1200);
    pool.metered(account, Some(Credits(1)), 300);
    let seen = pool.states(NOW)[0].seen.clone();
    assert_eq!((seen.served, seen.failed, seen.failed_in_a_row, seen.under_way), (1, 3, 2, 1));
    assert_eq!((seen.cache_hits, seen.cached_tokens, seen.last_used), (2, 1500, Some(after(Millis(7)))));
    drop(ticket);
    assert_eq!(pool.states(NOW)[0].seen.under_way, 0);
}
