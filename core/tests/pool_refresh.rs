//! Refreshing: what a failure means, and that nobody's renewed login is thrown away.
#![allow(clippy::unwrap_used, reason = "a pool that cannot be made fails the test")]

mod pool_world;

use kiro2api_core::host::Millis;
use kiro2api_core::pool::{AfterRefreshFault, Grant, Outcome, Pick, Pool, RefreshFault, Refusal, Strategy};
use kiro2api_core::seal::Sealing;
use pool_world::{
    HOUR, Kv, NOW, Table, after, claim, cold, credentials, from_json, grant, lease, nth, pick, renew, settle, warm,
    word,
};

const CONFIGURED: &str = "configured-refresh-token-0";
const ARN: &str = "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK";

fn dead() -> RefreshFault {
    RefreshFault::Dead("invalid_grant".to_owned())
}

/// Refreshes with a rotated token.
fn rotate(pool: &mut Pool, access: &str, refresh: &str, now: Millis) {
    let account = nth(pool, 0);
    let renewal = claim(pool, account, now);
    pool.refreshed(&renewal, grant(access, Some(refresh)), now, 0);
}

/// Which refresh token the next refresh sends.
fn next_refresh(pool: &mut Pool, now: Millis) -> String {
    let account = nth(pool, 0);
    let renewal = claim(pool, account, now);
    pool.release(&renewal);
    renewal.refresh.reveal().to_owned()
}

#[test]
fn a_grant_brings_token_rotation_and_profile() {
    let mut pool = cold(from_json(
        r#"{"auth":"IdC","refreshToken":"configured-refresh-token-0","clientId":"cid","clientSecret":"csecret",
            "region":"eu-west-1","label":"team"}"#,
    ));
    let account = nth(&pool, 0);
    assert_eq!(pick(&mut pool, NOW), Pick::Refresh(account));
    assert!(pool.lease(account).is_none());
    let renewal = claim(&mut pool, account, NOW);
    assert_eq!((renewal.refresh.reveal(), renewal.login.word()), (CONFIGURED, "idc"));
    assert_eq!((renewal.region.as_deref(), renewal.label.as_str()), (Some("eu-west-1"), "team"));
    let full = Grant { profile_arn: Some(ARN.to_owned()), ..grant("access", Some("rotated-refresh-token")) };
    pool.refreshed(&renewal, full, NOW, 0);
    assert!(pool.dirty(), "a rotated token must be saved before use");
    assert_eq!(pick(&mut pool, NOW), Pick::Use(account));
    let lease = lease(&pool, account);
    assert_eq!((lease.bearer.reveal(), lease.profile_arn.as_deref()), ("access", Some(ARN)));
    assert_eq!(next_refresh(&mut pool, after(HOUR)), "rotated-refresh-token");
    // Without a new refresh token in the next grant, the rotated one stays.
    renew(&mut pool, account, "second", after(HOUR));
    assert_eq!(next_refresh(&mut pool, after(HOUR + HOUR)), "rotated-refresh-token");
}

#[test]
fn a_configured_profile_outranks_the_granted_one() {
    let json = format!(r#"{{"refreshToken":"{CONFIGURED}","profileArn":"{ARN}"}}"#);
    let mut pool = cold(from_json(&json));
    let account = nth(&pool, 0);
    let renewal = claim(&mut pool, account, NOW);
    let other = "arn:aws:codewhisperer:us-east-1:699475941385:profile/OTHER".to_owned();
    pool.refreshed(&renewal, Grant { profile_arn: Some(other), ..grant("access", None) }, NOW, 0);
    assert_eq!(lease(&pool, account).profile_arn.as_deref(), Some(ARN));
}

#[test]
fn trouble_at_the_login_endpoint_is_tried_again_more_and_more_slowly() {
    let mut pool = cold(credentials(1));
    let account = nth(&pool, 0);
    let mut now = NOW;
    for seconds in [5, 10, 20, 40, 80, 160, 320, 600, 600] {
        let renewal = claim(&mut pool, account, now);
        let until = now + Millis::secs(seconds);
        let answer = pool.refresh_failed(&renewal, &RefreshFault::Later(None), now);
        assert_eq!(answer, AfterRefreshFault::Later(until));
        assert_eq!(pick(&mut pool, now), Pick::None(Refusal::RefreshFailing { until }));
        now = until;
        assert_eq!(pick(&mut pool, now), Pick::Refresh(account));
    }
    let renewal = claim(&mut pool, account, now);
    let named = RefreshFault::Later(Some(Millis::secs(33)));
    assert_eq!(pool.refresh_failed(&renewal, &named, now), AfterRefreshFault::Later(now + Millis::secs(33)));
}

#[test]
fn a_valid_token_serves_on_while_refreshes_fail() {
    let mut pool = warm(1);
    let account = nth(&pool, 0);
    let due = after(Millis::mins(56));
    assert_eq!(pick(&mut pool, due), Pick::Refresh(account));
    let renewal = claim(&mut pool, account, due);
    pool.refresh_failed(&renewal, &RefreshFault::Later(None), due);
    assert_eq!(pick(&mut pool, due), Pick::Use(account));
    let retry = due + Millis::secs(5);
    assert_eq!(pick(&mut pool, retry), Pick::Refresh(account));
    let renewal = claim(&mut pool, account, retry);
    assert_eq!(pool.refresh_failed(&renewal, &dead(), retry), AfterRefreshFault::ReloadFirst);
    pool.absorb(None, None, retry);
    assert_eq!(pool.refresh_failed(&renewal, &dead(), retry), AfterRefreshFault::NeedsLogin);
    assert_eq!(pick(&mut pool, retry), Pick::Use(account), "a dead login still has a token to use up");
    assert_eq!(pool.states(retry)[0].reason.as_deref(), Some("invalid_grant"));
    assert_eq!(pick(&mut pool, after(HOUR)), Pick::None(Refusal::NeedsLogin));
}

#[test]
fn nothing_is_dead_before_the_store_was_read_again() {
    let mut pool = cold(credentials(1));
    let account = nth(&pool, 0);
    for fault in [dead(), RefreshFault::Rejected] {
        let renewal = claim(&mut pool, account, NOW);
        for _ in 0..3 {
            assert_eq!(pool.refresh_failed(&renewal, &fault, NOW), AfterRefreshFault::ReloadFirst);
        }
        pool.release(&renewal);
    }
    let renewal = claim(&mut pool, account, NOW);
    assert!(pool.store_failed(NOW), "a store that cannot be read counts as read");
    assert_eq!(pool.refresh_failed(&renewal, &dead(), NOW), AfterRefreshFault::NeedsLogin);
    assert_eq!(pick(&mut pool, NOW), Pick::None(Refusal::NeedsLogin));
}

#[test]
fn a_login_somebody_else_renewed_is_used_instead_of_parked() {
    let mut kv = Kv::default();
    let (mut mine, mut theirs) = (cold(credentials(1)), cold(credentials(1)));
    let account = nth(&mine, 0);
    let renewal = claim(&mut mine, account, NOW);
    rotate(&mut theirs, "their-access", "their-rotated-refresh-token", after(Millis::secs(1)));
    kv.save(&mut theirs, 1);
    let now = after(Millis::secs(2));
    assert_eq!(mine.refresh_failed(&renewal, &dead(), now), AfterRefreshFault::ReloadFirst);
    mine.absorb(kv.read(0), None, now);
    assert_eq!(mine.refresh_failed(&renewal, &dead(), now), AfterRefreshFault::Superseded);
    assert_eq!(pick(&mut mine, now), Pick::Use(account));
    assert_eq!(lease(&mine, account).bearer.reveal(), "their-access");
    assert_eq!(next_refresh(&mut mine, after(HOUR)), "their-rotated-refresh-token");
}

#[test]
fn a_rotation_from_before_the_claim_supersedes_it_too() {
    let mut kv = Kv::default();
    let (mut mine, mut theirs) = (cold(credentials(1)), cold(credentials(1)));
    rotate(&mut theirs, "their-access", "their-rotated-refresh-token", NOW);
    kv.save(&mut theirs, 1);
    // An hour later their token has expired as well, and only the rotation tells.
    let now = after(HOUR);
    let renewal = claim(&mut mine, nth(&theirs, 0), now);
    assert_eq!(renewal.refresh.reveal(), CONFIGURED);
    mine.absorb(kv.read(0), None, now);
    assert_eq!(mine.refresh_failed(&renewal, &dead(), now), AfterRefreshFault::Superseded);
    assert_eq!(next_refresh(&mut mine, now), "their-rotated-refresh-token");
}

#[test]
fn a_refresh_elsewhere_that_rotated_nothing_supersedes_and_revives() {
    let mut kv = Kv::default();
    let (mut mine, mut theirs) = (cold(credentials(1)), cold(credentials(1)));
    let account = nth(&mine, 0);
    let renewal = claim(&mut mine, account, NOW);
    renew(&mut theirs, account, "their-access", after(Millis(1)));
    kv.save(&mut theirs, 1);
    let now = after(Millis(2));
    mine.absorb(kv.read(0), None, now);
    assert_eq!(mine.refresh_failed(&renewal, &dead(), now), AfterRefreshFault::Superseded);
    assert_eq!(pick(&mut mine, now), Pick::Use(account));

    let mut late = cold(credentials(1));
    let renewal = claim(&mut late, account, NOW);
    late.absorb(None, None, NOW);
    assert_eq!(late.refresh_failed(&renewal, &dead(), NOW), AfterRefreshFault::NeedsLogin);
    late.absorb(kv.read(0), None, now);
    assert_eq!(pick(&mut late, after(HOUR)), Pick::Refresh(account), "a later success proves the login alive");
}

#[test]
fn a_new_token_wins_over_one_from_a_clock_that_runs_ahead() {
    let mut kv = Kv::default();
    let (mut mine, mut ahead) = (cold(credentials(1)), cold(credentials(1)));
    let account = nth(&mine, 0);
    rotate(&mut ahead, "from-the-future", "rotated-in-the-future", after(Millis::mins(5)));
    kv.save(&mut ahead, 1);
    mine.absorb(kv.read(0), None, NOW);
    settle(&mut mine, account, Outcome::BearerRefused, NOW);
    rotate(&mut mine, "mine", "my-rotated-refresh-token", NOW);
    mine.absorb(kv.read(0), None, NOW);
    assert_eq!(pick(&mut mine, NOW), Pick::Use(account));
    assert_eq!(lease(&mine, account).bearer.reveal(), "mine");
}

#[test]
fn a_parked_login_comes_back_when_a_late_read_brings_another_token() {
    let mut kv = Kv::default();
    let (mut mine, mut theirs) = (cold(credentials(1)), cold(credentials(1)));
    let account = nth(&mine, 0);
    rotate(&mut theirs, "their-access", "their-rotated-refresh-token", NOW);
    kv.save(&mut theirs, 1);
    let now = after(Millis::secs(2));
    let renewal = claim(&mut mine, account, now);
    mine.absorb(kv.read(1), None, now);
    assert_eq!(mine.refresh_failed(&renewal, &dead(), now), AfterRefreshFault::NeedsLogin);
    kv.save(&mut mine, 2);
    let late = after(Millis::mins(1));
    theirs.absorb(kv.read(0), None, late);
    assert_eq!(pick(&mut theirs, late), Pick::Use(account), "the death of the old token does not touch the new one");
    mine.absorb(kv.read(1), None, late);
    assert_eq!(pick(&mut mine, late), Pick::Use(account));
    assert_eq!(next_refresh(&mut mine, after(HOUR)), "their-rotated-refresh-token");
}

#[test]
fn when_the_rotated_token_is_dead_the_configured_one_is_tried() {
    let mut pool = cold(credentials(1));
    let account = nth(&pool, 0);
    rotate(&mut pool, "access", "rotated-refresh-token", NOW);
    let now = after(HOUR);
    let renewal = claim(&mut pool, account, now);
    assert_eq!(renewal.refresh.reveal(), "rotated-refresh-token");
    pool.absorb(None, None, now);
    assert_eq!(pool.refresh_failed(&renewal, &dead(), now), AfterRefreshFault::OriginalLeft);
    assert_eq!(pick(&mut pool, now), Pick::Refresh(account));
    let renewal = claim(&mut pool, account, now);
    assert_eq!(renewal.refresh.reveal(), CONFIGURED);
    pool.absorb(None, None, now);
    let mut parked = pool;
    assert_eq!(parked.refresh_failed(&renewal, &dead(), now), AfterRefreshFault::NeedsLogin);
    assert_eq!(pick(&mut parked, after(Millis::mins(1_000_000))), Pick::None(Refusal::NeedsLogin));
}

#[test]
fn three_rejections_in_a_row_need_a_login_and_a_success_begins_anew() {
    let reject = |pool: &mut Pool, now: Millis| {
        let renewal = claim(pool, nth(pool, 0), now);
        pool.absorb(None, None, now);
        pool.refresh_failed(&renewal, &RefreshFault::Rejected, now)
    };
    let mut pool = cold(credentials(1));
    let account = nth(&pool, 0);
    let mut now = NOW;
    for _ in 0..2 {
        let AfterRefreshFault::Later(until) = reject(&mut pool, now) else { panic!("parked too early") };
        now = until;
    }
    renew(&mut pool, account, "access", now);
    now = now + HOUR;
    for _ in 0..2 {
        let AfterRefreshFault::Later(until) = reject(&mut pool, now) else { panic!("parked too early") };
        let renewal = claim(&mut pool, account, until);
        let AfterRefreshFault::Later(until) = pool.refresh_failed(&renewal, &RefreshFault::Later(None), until) else {
            panic!("an outage is no verdict")
        };
        now = until;
    }
    assert_eq!(reject(&mut pool, now), AfterRefreshFault::NeedsLogin);
    assert_eq!(pick(&mut pool, now + HOUR), Pick::None(Refusal::NeedsLogin));

    // Each refresh token has its own three.
    let mut pool = cold(credentials(1));
    rotate(&mut pool, "access", "rotated-refresh-token", NOW);
    let mut now = after(HOUR);
    let mut answers = Vec::new();
    for _ in 0..6 {
        let answer = reject(&mut pool, now);
        now = if let AfterRefreshFault::Later(until) = answer { until } else { now + HOUR };
        answers.push(!matches!(answer, AfterRefreshFault::Later(_)));
    }
    assert_eq!(answers, [false, false, true, false, false, true]);
    assert_eq!(pick(&mut pool, now), Pick::None(Refusal::NeedsLogin));
}

#[test]
fn a_changed_credential_brings_a_parked_account_back() {
    let json = |region: &str| {
        format!(
            r#"{{"auth":"IdC","refreshToken":"{CONFIGURED}","clientId":"cid","clientSecret":"cs","region":"{region}"}}"#
        )
    };
    let mut kv = Kv::default();
    let mut pool = cold(from_json(&json("us-east-1")));
    let account = nth(&pool, 0);
    let renewal = claim(&mut pool, account, NOW);
    pool.absorb(None, None, NOW);
    assert_eq!(pool.refresh_failed(&renewal, &dead(), NOW), AfterRefreshFault::NeedsLogin);
    kv.save(&mut pool, 1);
    for (region, expected) in [
        ("us-east-1", Pick::None(Refusal::NeedsLogin)),
        // The wrong region was why: the same token logs in where it was issued.
        ("eu-west-1", Pick::Refresh(account)),
    ] {
        let mut next = Pool::new(from_json(&json(region)), Strategy::Sequential, Sealing::default());
        next.absorb(kv.read(0), None, NOW);
        assert_eq!(pick(&mut next, NOW), expected, "{region}");
    }
    let mut pool = cold(from_json(&json("us-east-1")));
    renew(&mut pool, account, "access", NOW + HOUR);
    settle(&mut pool, account, Outcome::Suspended, NOW + HOUR);
    kv.save(&mut pool, 2);
    for (region, expected) in [("us-east-1", "suspended"), ("eu-west-1", "ready")] {
        let mut next = Pool::new(from_json(&json(region)), Strategy::Sequential, Sealing::default());
        next.absorb(kv.read(0), None, NOW + HOUR);
        assert_eq!(word(&next, 0, NOW + HOUR), expected, "{region}");
    }
}

#[test]
fn a_reason_never_holds_a_secret() {
    let mut pool = cold(credentials(1));
    let account = nth(&pool, 0);
    let renewal = claim(&mut pool, account, NOW);
    pool.absorb(None, None, NOW);
    let words = format!("invalid_grant for {CONFIGURED}");
    pool.refresh_failed(&renewal, &RefreshFault::Dead(words), NOW);
    let reason = pool.states(NOW)[0].reason.clone().unwrap();
    assert!(!reason.contains(CONFIGURED), "{reason}");
}

#[test]
fn with_a_comparing_store_one_instance_refreshes() {
    let mut table = Table::default();
    let mut instances: Vec<Pool> = (0..5).map(|_| cold(credentials(1))).collect();
    assert!(table.save(&mut instances[0], 0), "the first save makes the version to compare with");
    let mut sent = 0;
    for (n, pool) in instances.iter_mut().enumerate() {
        pool.store_compares(true);
        table.load(pool, NOW);
        assert!(pool.compares(NOW));
        let _ = n;
    }
    // All of them claim in the same millisecond; every claim looks the same.
    let renewals: Vec<_> = instances.iter_mut().map(|pool| claim(pool, nth(pool, 0), NOW)).collect();
    for (n, (pool, renewal)) in instances.iter_mut().zip(&renewals).enumerate() {
        if !table.save(pool, u8::try_from(n).unwrap()) {
            table.load(pool, NOW);
        }
        sent += usize::from(pool.holds_claim(renewal));
    }
    assert_eq!(sent, 1);
    let account = nth(&instances[0], 0);
    for pool in &mut instances[1..] {
        assert!(matches!(pick(pool, NOW), Pick::Wait(_)));
        assert!(pool.claim_refresh(account, NOW, after(HOUR)).is_none());
        assert!(!pool.needs_load(NOW));
        assert!(pool.needs_load(after(Millis::secs(1))), "it follows the store closely meanwhile");
    }
    let done = after(Millis::secs(1));
    instances[0].refreshed(&renewals[0], grant("shared-access", None), done, 0);
    assert!(table.save(&mut instances[0], 9));
    for pool in &mut instances[1..] {
        table.load(pool, done);
        assert_eq!(pick(pool, done), Pick::Use(account));
        assert_eq!(lease(pool, account).bearer.reveal(), "shared-access");
    }
}

#[test]
fn a_claim_of_an_instance_that_died_expires() {
    let mut table = Table::default();
    let (mut first, mut second) = (cold(credentials(1)), cold(credentials(1)));
    let account = nth(&first, 0);
    claim(&mut first, account, NOW);
    assert!(table.save(&mut first, 1));
    drop(first);
    table.load(&mut second, NOW);
    assert!(matches!(pick(&mut second, after(Millis::secs(9))), Pick::Wait(_)));
    assert_eq!(pick(&mut second, after(Millis::secs(10))), Pick::Refresh(account));
}

#[test]
fn a_claim_ends_with_its_outcome_and_a_released_one_returns_to_nobody() {
    let mut table = Table::default();
    let (mut first, mut second) = (cold(credentials(1)), cold(credentials(1)));
    let account = nth(&first, 0);
    let renewal = claim(&mut first, account, NOW);
    assert!(table.save(&mut first, 1));
    table.load(&mut second, NOW);
    let failed = after(Millis(500));
    assert!(matches!(pick(&mut second, failed), Pick::Wait(_)));
    first.refresh_failed(&renewal, &RefreshFault::Later(None), failed);
    assert!(table.save(&mut first, 2));
    table.load(&mut second, failed);
    let retry = failed + Millis::secs(5);
    assert_eq!(pick(&mut second, failed), Pick::None(Refusal::RefreshFailing { until: retry }));
    assert_eq!(pick(&mut second, retry), Pick::Refresh(account), "though the claim ran for ten seconds");

    let renewal = claim(&mut first, account, retry);
    assert!(table.save(&mut first, 3));
    first.release(&renewal);
    table.load(&mut first, retry);
    assert_eq!(pick(&mut first, retry), Pick::Refresh(account), "nobody waits for himself");
    let later = retry + Millis(10);
    table.load(&mut second, later);
    assert!(matches!(pick(&mut second, later), Pick::Wait(_)));
    assert!(first.dirty() && table.save(&mut first, 4));
    table.load(&mut second, later);
    assert_eq!(pick(&mut second, later), Pick::Refresh(account), "nor anybody else, once it is saved");
}

#[test]
fn a_claim_that_came_too_late_takes_nothing_with_it_when_it_is_given_back() {
    let mut table = Table::default();
    let (mut first, mut second, mut third) = (cold(credentials(1)), cold(credentials(1)), cold(credentials(1)));
    let account = nth(&first, 0);
    claim(&mut first, account, NOW);
    assert!(table.save(&mut first, 1));
    // The second one has not seen it, cannot store its own, and gives up before it knows why.
    let late = after(Millis::secs(2));
    let renewal = claim(&mut second, account, late);
    second.release(&renewal);
    assert!(!table.save(&mut second, 2), "the first one's claim is there");
    table.load(&mut second, late);
    assert!(matches!(pick(&mut second, late), Pick::Wait(_)), "the first one is at it");
    if second.dirty() {
        assert!(table.save(&mut second, 3));
    }
    table.load(&mut third, late);
    assert!(matches!(pick(&mut third, late), Pick::Wait(_)), "still");
}

#[test]
fn an_instance_leaves_a_due_refresh_to_the_one_that_obtained_the_token() {
    let mut kv = Kv::default();
    let (mut owner, mut other) = (warm(1), cold(credentials(1)));
    let account = nth(&owner, 0);
    kv.save(&mut owner, 1);
    other.absorb(kv.read(0), None, NOW);
    let due = after(Millis::mins(55));
    assert_eq!(pick(&mut owner, due), Pick::Refresh(account));
    assert_eq!(pick(&mut other, due), Pick::Use(account));
    assert_eq!(pick(&mut other, due + Millis::mins(2)), Pick::Refresh(account), "unless that one is gone");
}

#[test]
fn a_refused_token_is_refused_for_all_and_the_next_one_is_not() {
    let mut kv = Kv::default();
    let (mut mine, mut theirs) = (warm(1), cold(credentials(1)));
    let account = nth(&mine, 0);
    settle(&mut mine, account, Outcome::BearerRefused, NOW);
    kv.save(&mut mine, 1);
    theirs.absorb(kv.read(0), None, NOW);
    assert_eq!(pick(&mut theirs, NOW), Pick::Refresh(account));
    renew(&mut theirs, account, "newer", NOW);
    kv.save(&mut theirs, 2);
    mine.absorb(kv.read(0), None, NOW);
    assert_eq!(pick(&mut mine, NOW), Pick::Use(account));
    assert_eq!(lease(&mine, account).bearer.reveal(), "newer");
}
