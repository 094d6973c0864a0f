//! What an account's state becomes after a request, and how it comes back.
#![allow(clippy::unwrap_used, reason = "a pool that cannot be made fails the test")]

mod pool_world;

use kiro2api_core::host::Millis;
use kiro2api_core::pool::{Ask, Outcome, Pick, Refusal};
use pool_world::{HOUR, MODEL, NOW, after, ask, cold, from_json, lease, nth, pick, renew, settle, warm, word};

const fn throttled(retry_after: Option<Millis>) -> Outcome {
    Outcome::Throttled { retry_after }
}

/// 2026-12-01T00:00:00Z.
const DECEMBER: Millis = Millis(1_796_083_200_000);

#[test]
fn each_outcome_parks_the_account_for_its_own_time() {
    let cases = [
        (Outcome::Served, "ready", None),
        (throttled(None), "throttled", Some(after(Millis::secs(30)))),
        (throttled(Some(Millis::secs(90))), "throttled", Some(after(Millis::secs(90)))),
        (throttled(Some(Millis(0))), "throttled", Some(after(Millis::secs(1)))),
        (throttled(Some(Millis::NEVER)), "throttled", Some(after(HOUR))),
        (Outcome::NoCapacity { retry_after: None }, "ready", None),
        (Outcome::QuotaUsedUp { resets: None }, "quota", Some(DECEMBER)),
        (Outcome::QuotaUsedUp { resets: Some(after(HOUR)) }, "quota", Some(after(HOUR))),
        (Outcome::QuotaUsedUp { resets: Some(NOW) }, "quota", Some(DECEMBER)),
        (Outcome::QuotaUsedUp { resets: Some(Millis::NEVER) }, "quota", Some(DECEMBER)),
        (Outcome::DayUsedUp, "quota", Some(after(Millis::mins(6 * 60)))),
        (Outcome::Suspended, "suspended", None),
        (Outcome::BearerRefused, "needs-refresh", None),
        (Outcome::NotAuthorized, "denied", Some(after(Millis::mins(1)))),
        (Outcome::Failed, "ready", None),
    ];
    for (outcome, state, until) in cases {
        let mut pool = warm(2);
        let account = nth(&pool, 0);
        settle(&mut pool, account, outcome, NOW);
        let states = pool.states(NOW);
        assert_eq!(states[0].state, state, "{outcome:?}");
        if state != "ready" {
            assert_eq!(states[0].until, until, "{outcome:?}");
        }
        assert_eq!(states[1].state, "ready", "{outcome:?} is one account's matter");
    }
}

#[test]
fn throttles_double_to_ten_minutes_and_a_served_request_ends_the_series() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    let mut now = NOW;
    for seconds in [30, 60, 120, 240, 480, 600, 600] {
        settle(&mut pool, account, throttled(None), now);
        let until = now + Millis::secs(seconds);
        assert_eq!(pick(&mut pool, now), Pick::None(Refusal::Throttled { until }), "{seconds}");
        assert_eq!(pick(&mut pool, until - Millis(1)), Pick::None(Refusal::Throttled { until }), "{seconds}");
        now = until;
        if seconds == 240 {
            renew(&mut pool, account, "next", now);
        }
        assert_eq!(pick(&mut pool, now), Pick::Use(account), "{seconds}");
    }
    settle(&mut pool, account, Outcome::Served, now);
    settle(&mut pool, account, throttled(None), now);
    let until = now + Millis::secs(30);
    assert_eq!(pick(&mut pool, now), Pick::None(Refusal::Throttled { until }));
}

#[test]
fn requests_that_were_under_way_together_count_as_one_throttle() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    for _ in 0..20 {
        settle(&mut pool, account, throttled(None), NOW);
    }
    assert_eq!(pool.states(NOW)[0].until, Some(after(Millis::secs(30))));
    settle(&mut pool, account, throttled(Some(Millis::secs(5))), NOW);
    assert_eq!(pool.states(NOW)[0].until, Some(after(Millis::secs(30))), "the larger one wins");
    settle(&mut pool, account, throttled(Some(Millis::secs(50))), NOW);
    assert_eq!(pool.states(NOW)[0].until, Some(after(Millis::secs(50))));
    settle(&mut pool, account, Outcome::Served, after(Millis::secs(1)));
    assert_eq!(word(&pool, 0, after(Millis::secs(2))), "throttled", "a request from before ends no cool-down");
}

#[test]
fn after_a_cool_down_one_request_at_a_time_probes() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    settle(&mut pool, account, throttled(None), NOW);
    let back = after(Millis::secs(30));
    assert_eq!(pick(&mut pool, back), Pick::Use(account), "the probe");
    assert_eq!(word(&pool, 0, back), "probing");
    for _ in 0..5 {
        assert!(matches!(pick(&mut pool, back), Pick::Wait(_)));
    }
    settle(&mut pool, account, Outcome::Served, back);
    for _ in 0..5 {
        assert_eq!(pick(&mut pool, back), Pick::Use(account), "it is back");
    }
}

#[test]
fn a_probe_without_an_outcome_does_not_block_for_ever() {
    let mut pool = warm(2);
    let (a0, a1) = (nth(&pool, 0), nth(&pool, 1));
    settle(&mut pool, a0, throttled(None), NOW);
    let back = after(Millis::secs(30));
    assert_eq!(pick(&mut pool, back), Pick::Use(a0), "the probe, whose client hangs up");
    assert_eq!(pick(&mut pool, back), Pick::Use(a1), "others do not wait for it when another account is ready");
    assert_eq!(pick(&mut pool, back + Millis::secs(15)), Pick::Use(a0), "the next probe");
}

#[test]
fn an_old_cool_down_is_forgotten() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    settle(&mut pool, account, throttled(None), NOW);
    let long_after = after(Millis::mins(31));
    assert_eq!(pick(&mut pool, long_after), Pick::Use(account));
    assert_eq!(pick(&mut pool, long_after), Pick::Use(account), "no probing any more");
    settle(&mut pool, account, throttled(None), long_after);
    assert_eq!(pool.states(long_after)[0].until, Some(long_after + Millis::secs(30)));
}

#[test]
fn capacity_is_the_models_matter_and_no_accounts() {
    let mut pool = warm(2);
    let account = nth(&pool, 0);
    settle(&mut pool, account, Outcome::NoCapacity { retry_after: None }, NOW);
    let until = after(Millis::secs(2));
    assert_eq!(pick(&mut pool, NOW), Pick::None(Refusal::NoCapacity { until }));
    let other = Ask { model: "claude-haiku-4.5", ..ask(&[]) };
    assert_eq!(pool.pick(&other, NOW), Pick::Use(account), "the account is not punished");
    assert!(pool.states(NOW).iter().all(|state| state.state == "ready"));
    assert_eq!(pick(&mut pool, until), Pick::Use(account), "the probe");
    assert!(matches!(pick(&mut pool, until), Pick::Wait(_)));
    settle(&mut pool, account, Outcome::NoCapacity { retry_after: None }, until);
    let until = until + Millis::secs(4);
    assert_eq!(pick(&mut pool, until - Millis(1)), Pick::None(Refusal::NoCapacity { until }));
    assert_eq!(pick(&mut pool, until), Pick::Use(account));
    settle(&mut pool, account, Outcome::Served, until);
    assert_eq!(pick(&mut pool, until), Pick::Use(account));
    assert_eq!(pick(&mut pool, until), Pick::Use(account));
}

#[test]
fn a_model_probe_that_fails_for_another_reason_lets_the_next_one_try() {
    let mut pool = warm(2);
    let (a0, a1) = (nth(&pool, 0), nth(&pool, 1));
    settle(&mut pool, a0, Outcome::NoCapacity { retry_after: None }, NOW);
    let until = after(Millis::secs(2));
    assert_eq!(pick(&mut pool, until), Pick::Use(a0));
    settle(&mut pool, a0, throttled(None), until);
    assert_eq!(pick(&mut pool, until), Pick::Use(a1));
}

#[test]
fn clients_cannot_fill_the_memory_with_model_names() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    let lease = lease(&pool, account);
    for n in 0..10_000 {
        let outcome = Outcome::NoCapacity { retry_after: Some(Millis::mins(2)) };
        pool.settle(&lease, outcome, &format!("model-{n}"), NOW);
    }
    let refused = (0..10_000)
        .filter(|n| {
            let model = format!("model-{n}");
            matches!(pool.pick(&Ask { session: None, model: &model, tried: &[], at: None }, NOW), Pick::None(_))
        })
        .count();
    assert_eq!(refused, 64);
}

#[test]
fn a_used_up_quota_comes_back_at_its_reset() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    settle(&mut pool, account, Outcome::QuotaUsedUp { resets: None }, NOW);
    settle(&mut pool, account, Outcome::Served, after(Millis::secs(1)));
    let refused = Pick::None(Refusal::Quota { until: DECEMBER });
    assert_eq!(pick(&mut pool, after(Millis::mins(24 * 60 - 1))), refused);
    let last = DECEMBER - Millis(1);
    renew(&mut pool, account, "access", last);
    settle(&mut pool, account, Outcome::QuotaUsedUp { resets: None }, last);
    assert_eq!(pick(&mut pool, last), refused);
    assert_eq!(pick(&mut pool, DECEMBER), Pick::Use(account));
}

#[test]
fn a_suspended_account_stays_out_whatever_comes() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    settle(&mut pool, account, Outcome::Suspended, NOW);
    settle(&mut pool, account, Outcome::Served, NOW);
    let renewed = after(Millis::mins(1));
    renew(&mut pool, account, "access-of-a-suspended-user", renewed);
    assert_eq!(pick(&mut pool, after(Millis::mins(1_000_000))), Pick::None(Refusal::Suspended));
    assert_eq!(pool.states(NOW)[0].reason.as_deref(), Some("suspended by the service"));
}

#[test]
fn failures_rest_an_account_only_from_the_fifth_in_a_row() {
    let mut pool = warm(2);
    let (account, other) = (nth(&pool, 0), nth(&pool, 1));
    for _ in 0..4 {
        settle(&mut pool, account, Outcome::Failed, NOW);
        assert_eq!(pick(&mut pool, NOW), Pick::Use(account));
    }
    settle(&mut pool, account, Outcome::Served, NOW);
    for _ in 0..5 {
        settle(&mut pool, account, Outcome::Failed, NOW);
    }
    let until = after(Millis::secs(10));
    assert_eq!(pick(&mut pool, NOW), Pick::Use(other));
    assert_eq!(pick(&mut pool, until), Pick::Use(account));
    settle(&mut pool, account, Outcome::Failed, until);
    let until = until + Millis::secs(20);
    assert_eq!(pick(&mut pool, until - Millis(1)), Pick::Use(other));
}

#[test]
fn an_account_that_fails_is_better_than_none() {
    let mut pool = warm(2);
    let (account, other) = (nth(&pool, 0), nth(&pool, 1));
    for _ in 0..5 {
        settle(&mut pool, account, Outcome::Failed, NOW);
    }
    settle(&mut pool, other, Outcome::Throttled { retry_after: None }, NOW);
    assert_eq!(pick(&mut pool, NOW), Pick::Use(account));
}

#[test]
fn a_refused_bearer_is_refreshed_once_and_then_more_slowly() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    let old = lease(&pool, account);
    pool.settle(&old, Outcome::BearerRefused, MODEL, NOW);
    assert_eq!(pick(&mut pool, NOW), Pick::Refresh(account));
    renew(&mut pool, account, "new", NOW);
    assert_eq!(pick(&mut pool, NOW), Pick::Use(account), "a later-issued token clears it");
    pool.settle(&old, Outcome::BearerRefused, MODEL, NOW);
    assert_eq!(pick(&mut pool, NOW), Pick::Use(account), "a refusal of the old token says nothing about the new one");
    settle(&mut pool, account, Outcome::BearerRefused, NOW);
    let until = after(Millis::secs(30));
    assert_eq!(pick(&mut pool, NOW), Pick::None(Refusal::Denied { until }), "no refresh loop");
    assert_eq!(pick(&mut pool, until), Pick::Refresh(account));
    renew(&mut pool, account, "newer", until);
    settle(&mut pool, account, Outcome::Served, until);
    settle(&mut pool, account, Outcome::BearerRefused, until);
    assert_eq!(pick(&mut pool, until), Pick::Refresh(account), "a served request begins anew");
}

#[test]
fn a_late_refusal_of_an_old_token_is_not_held_against_the_new_one() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    let old = lease(&pool, account);
    renew(&mut pool, account, "new", after(HOUR));
    pool.settle(&old, Outcome::BearerRefused, MODEL, after(HOUR));
    settle(&mut pool, account, Outcome::BearerRefused, after(HOUR));
    assert_eq!(pick(&mut pool, after(HOUR)), Pick::Refresh(account), "its first refusal");
}

#[test]
fn a_probe_that_finds_its_token_refused_makes_nobody_wait() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    settle(&mut pool, account, throttled(None), NOW);
    let back = after(Millis::secs(30));
    assert_eq!(pick(&mut pool, back), Pick::Use(account), "the probe");
    settle(&mut pool, account, Outcome::BearerRefused, back);
    assert_eq!(pick(&mut pool, back), Pick::Refresh(account));
    renew(&mut pool, account, "new", back);
    assert_eq!(pick(&mut pool, back), Pick::Use(account));
}

#[test]
fn an_api_key_that_is_refused_three_times_needs_a_new_one() {
    let mut pool = cold(from_json(r#"{"auth":"ApiKey","apiKey":"ksk_0123456789"}"#));
    let account = nth(&pool, 0);
    let mut now = NOW;
    for seconds in [30, 60] {
        settle(&mut pool, account, Outcome::BearerRefused, now);
        let until = now + Millis::secs(seconds);
        assert_eq!(pick(&mut pool, now), Pick::None(Refusal::Denied { until }));
        now = until;
        assert_eq!(pick(&mut pool, now), Pick::Use(account));
    }
    settle(&mut pool, account, Outcome::BearerRefused, now);
    assert_eq!(pick(&mut pool, after(HOUR)), Pick::None(Refusal::NeedsLogin));
    assert_eq!(pool.states(after(HOUR))[0].reason.as_deref(), Some("the service refuses the API key"));
}

#[test]
fn a_found_profile_frees_an_account_that_was_denied_for_the_lack_of_it() {
    const ARN: &str = "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK";
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    settle(&mut pool, account, Outcome::NotAuthorized, NOW);
    pool.profile_found(account, "no arn at all", NOW);
    assert_eq!((word(&pool, 0, NOW), lease(&pool, account).profile_arn), ("denied", None));
    pool.profile_found(account, ARN, NOW);
    assert_eq!(pick(&mut pool, NOW), Pick::Use(account));
    assert_eq!(lease(&pool, account).profile_arn.as_deref(), Some(ARN));
}
