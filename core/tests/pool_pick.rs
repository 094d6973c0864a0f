//! Which account serves: order, stickiness, waiting, and the reason when none does.
#![allow(clippy::unwrap_used, reason = "a pool that cannot be made fails the test")]

mod pool_world;

use kiro2api_core::error::Kind;
use kiro2api_core::host::Millis;
use kiro2api_core::pool::{Ask, BearerKind, Outcome, Pick, Pool, Refusal, Strategy};
use kiro2api_core::seal::Sealing;
use pool_world::{
    HOUR, MODEL, NOW, after, ask, claim, cold, credentials, from_json, lease, nth, pick, renew, settle, warm,
};

const THROTTLED: Outcome = Outcome::Throttled { retry_after: None };

#[test]
fn the_first_by_priority_then_by_order_serves() {
    let json = r#"[{"refreshToken":"refresh-token-number-0","priority":1},
                   {"refreshToken":"refresh-token-number-1"},
                   {"refreshToken":"refresh-token-number-2"},
                   {"refreshToken":"refresh-token-number-3","priority":-1,"disabled":true}]"#;
    for strategy in [Strategy::Optimal, Strategy::Balanced, Strategy::Sequential] {
        let mut pool = Pool::new(from_json(json), strategy, Sealing::default());
        pool.absorb(None, None, NOW);
        for account in pool.accounts() {
            renew(&mut pool, account, "access", NOW);
        }
        let (a0, a1, a2) = (nth(&pool, 0), nth(&pool, 1), nth(&pool, 2));
        assert_eq!(pick(&mut pool, NOW), Pick::Use(a1));
        assert_eq!(pool.pick(&ask(&[a1]), NOW), Pick::Use(a2));
        assert_eq!(pool.pick(&ask(&[a1, a2]), NOW), Pick::Use(a0));
        assert_eq!(pool.pick(&ask(&[a0, a1, a2]), NOW), Pick::None(Refusal::Exhausted));
    }
}

#[test]
fn a_session_stays_with_its_account_and_leaves_it_when_unusable() {
    let mut pool = warm(3);
    let (a0, a1) = (nth(&pool, 0), nth(&pool, 1));
    let session = Ask { session: Some("conversation"), ..ask(&[]) };
    settle(&mut pool, a0, THROTTLED, NOW);
    assert_eq!(pool.pick(&session, NOW), Pick::Use(a1));
    let later = after(Millis::mins(2));
    assert_eq!(pick(&mut pool, later), Pick::Use(a0), "others go back to the first");
    settle(&mut pool, a0, Outcome::Served, later);
    assert_eq!(pool.pick(&session, later), Pick::Use(a1), "the session does not");
    settle(&mut pool, a1, Outcome::Suspended, later);
    assert_eq!(pool.pick(&session, later), Pick::Use(a0));
    assert_eq!(pool.pick(&session, later), Pick::Use(a0));
    let tried = Ask { tried: &[a0], ..session };
    assert_ne!(pool.pick(&tried, later), Pick::Use(a0), "an account given up on is no seat");
}

#[test]
fn a_session_waits_for_its_account_while_others_take_the_next() {
    let mut pool = warm(2);
    let (a0, a1) = (nth(&pool, 0), nth(&pool, 1));
    let session = Ask { session: Some("conversation"), ..ask(&[]) };
    assert_eq!(pool.pick(&session, NOW), Pick::Use(a0));
    settle(&mut pool, a0, Outcome::BearerRefused, NOW);
    assert_eq!(pool.pick(&session, NOW), Pick::Refresh(a0));
    let renewal = claim(&mut pool, a0, NOW);
    assert!(matches!(pool.pick(&session, NOW), Pick::Wait(at) if at > NOW && at < after(Millis::secs(1))));
    assert_eq!(pick(&mut pool, NOW), Pick::Use(a1));
    pool.release(&renewal);
    assert_eq!(pool.pick(&session, NOW), Pick::Refresh(a0));
}

#[test]
fn twenty_requests_after_the_token_is_lost_make_one_refresh() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    let leases: Vec<_> = (0..20).map(|_| lease(&pool, account)).collect();
    let (mut refreshes, mut waits) = (0, 0);
    for lease in &leases {
        pool.settle(lease, Outcome::BearerRefused, MODEL, NOW);
        match pick(&mut pool, NOW) {
            Pick::Refresh(account) => {
                claim(&mut pool, account, NOW);
                refreshes += 1;
            }
            Pick::Wait(_) => waits += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((refreshes, waits), (1, 19));
    assert!(pool.claim_refresh(account, NOW, after(HOUR)).is_none(), "nobody claims it twice");
}

#[test]
fn a_claim_that_is_never_resolved_expires() {
    let mut pool = cold(credentials(1));
    let account = nth(&pool, 0);
    claim(&mut pool, account, NOW);
    assert!(matches!(pick(&mut pool, after(Millis(9_999))), Pick::Wait(_)));
    assert_eq!(pick(&mut pool, after(Millis::secs(10))), Pick::Refresh(account));
    assert!(pool.claim_refresh(account, after(Millis::secs(10)), after(HOUR)).is_some());
}

#[test]
fn a_token_near_its_end_is_refreshed_by_one_and_used_by_the_others() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    let due = after(Millis::mins(55));
    assert_eq!(pick(&mut pool, due - Millis(1)), Pick::Use(account));
    assert_eq!(pick(&mut pool, due), Pick::Refresh(account));
    claim(&mut pool, account, due);
    for _ in 0..19 {
        assert_eq!(pick(&mut pool, due), Pick::Use(account), "no waiting while it is valid");
    }
    let over = after(HOUR);
    assert_eq!(pick(&mut pool, over), Pick::Refresh(account), "the first claim has expired, and the token too");
}

#[test]
fn jitter_moves_the_refresh_ahead_by_a_minute_at_most() {
    for (jitter, minutes) in [(0, 55), (255, 54)] {
        let mut pool = cold(credentials(1));
        let account = nth(&pool, 0);
        let renewal = claim(&mut pool, account, NOW);
        pool.refreshed(&renewal, pool_world::grant("access", None), NOW, jitter);
        let due = after(Millis::mins(minutes));
        assert_eq!(pick(&mut pool, due - Millis(1)), Pick::Use(account), "{jitter}");
        assert_eq!(pick(&mut pool, due), Pick::Refresh(account), "{jitter}");
    }
}

#[test]
fn short_lives_make_no_refresh_loop() {
    for life in [Millis(0), Millis::secs(1), Millis::mins(3), Millis::mins(10)] {
        let mut pool = cold(credentials(1));
        let account = nth(&pool, 0);
        let renewal = claim(&mut pool, account, NOW);
        let grant = kiro2api_core::pool::Grant { expires_in: life, ..pool_world::grant("access", None) };
        pool.refreshed(&renewal, grant, NOW, 255);
        assert_eq!(pick(&mut pool, after(Millis::secs(20))), Pick::Use(account), "{life:?}");
    }
}

#[test]
fn an_api_key_is_its_own_bearer_and_never_refreshed() {
    let mut pool = cold(from_json(r#"{"auth":"ApiKey","apiKey":"ksk_0123456789","region":"eu-central-1"}"#));
    let account = nth(&pool, 0);
    assert_eq!(pick(&mut pool, NOW), Pick::Use(account));
    let lease = lease(&pool, account);
    assert_eq!((lease.bearer.reveal(), lease.kind), ("ksk_0123456789", BearerKind::ApiKey));
    assert_eq!(lease.region.as_deref(), Some("eu-central-1"));
    assert!(pool.claim_refresh(account, NOW, after(HOUR)).is_none());
    assert_eq!(pick(&mut pool, after(Millis::mins(1_000_000))), Pick::Use(account));
}

#[test]
fn the_refusal_tells_who_is_back_first_else_what_the_operator_must_do() {
    let quota = Outcome::QuotaUsedUp { resets: Some(after(HOUR)) };
    let slow = Outcome::Throttled { retry_after: Some(Millis::secs(90)) };
    let cases: [(&[Outcome], Refusal); 8] = [
        (&[THROTTLED, slow], Refusal::Throttled { until: after(Millis::secs(30)) }),
        (&[quota, slow], Refusal::Throttled { until: after(Millis::secs(90)) }),
        (&[quota, quota], Refusal::Quota { until: after(HOUR) }),
        (&[quota, Outcome::Suspended], Refusal::Quota { until: after(HOUR) }),
        (&[Outcome::NotAuthorized, quota], Refusal::Denied { until: after(Millis::mins(1)) }),
        (&[Outcome::Suspended, Outcome::Suspended], Refusal::Suspended),
        (&[Outcome::Suspended], Refusal::Suspended),
        (&[], Refusal::Empty),
    ];
    for (outcomes, expected) in cases {
        let mut pool = warm(outcomes.len());
        for (account, outcome) in pool.accounts().zip(outcomes) {
            settle(&mut pool, account, *outcome, NOW);
        }
        assert_eq!(pick(&mut pool, NOW), Pick::None(expected), "{outcomes:?}");
    }
    let mut off = cold(from_json(r#"{"refreshToken":"refresh-token-number-0","disabled":true}"#));
    assert_eq!(pick(&mut off, NOW), Pick::None(Refusal::Disabled));
}

#[test]
fn every_refusal_has_an_answer_that_blames_the_right_side() {
    let until = after(Millis::secs(7));
    for (refusal, kind) in [
        (Refusal::Throttled { until }, Kind::RateLimited),
        (Refusal::NoCapacity { until }, Kind::Overloaded),
        (Refusal::Quota { until }, Kind::QuotaExhausted),
        (Refusal::Denied { until }, Kind::UpstreamRefused),
        (Refusal::Failing { until }, Kind::UpstreamFailed),
        (Refusal::Busy { until }, Kind::RateLimited),
        (Refusal::RefreshFailing { until }, Kind::UpstreamFailed),
        (Refusal::Exhausted, Kind::UpstreamFailed),
        (Refusal::NeedsLogin, Kind::NoUsableAccount),
        (Refusal::Suspended, Kind::NoUsableAccount),
        (Refusal::Disabled, Kind::NoUsableAccount),
        (Refusal::Empty, Kind::NotConfigured),
    ] {
        let error = refusal.error(NOW);
        assert_eq!(error.kind(), kind);
        assert_eq!(error.wait(), refusal.until().map(|_| Millis::secs(7)));
        assert!(error.text().ends_with('.'), "{error}");
    }
}

#[test]
fn a_request_stays_with_the_account_it_is_at_though_a_better_one_comes_back() {
    let mut pool = warm(3);
    let (a0, a1, a2) = (nth(&pool, 0), nth(&pool, 1), nth(&pool, 2));
    settle(&mut pool, a0, THROTTLED, NOW);
    assert_eq!(pick(&mut pool, NOW), Pick::Use(a1));
    let later = after(Millis::mins(2));
    let session = Some("conversation");
    assert_eq!(pool.pick(&Ask { session, at: Some(a1), ..ask(&[]) }, later), Pick::Use(a1));
    assert_eq!(pool.pick(&Ask { session, at: Some(a2), ..ask(&[]) }, later), Pick::Use(a2), "wherever its session is");
    assert_eq!(pool.pick(&Ask { at: Some(a1), ..ask(&[a1]) }, later), Pick::Use(a0), "an account given up on is left");
    settle(&mut pool, a1, Outcome::Suspended, later);
    assert_eq!(pool.pick(&Ask { at: Some(a1), ..ask(&[a0]) }, later), Pick::Use(a2), "so is one that cannot serve");
}
