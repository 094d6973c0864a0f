//! Random histories of several instances on one store, and random bytes in it.
#![allow(clippy::unwrap_used, reason = "a pool that cannot be made fails the test")]

mod pool_world;

use kiro2api_core::host::Millis;
use kiro2api_core::pool::{AccountState, Outcome, Pick, Pool, Seen};
use pool_world::{HOUR, Kv, NOW, cold, credentials, grant, nth, pick, settle, warm};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Move {
    Rotate(usize),
    Throttle(usize),
    Quota(usize),
    Serve(usize),
    Refuse(usize),
    Load { pool: usize, behind: usize },
    Save(usize),
    Pass(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let pool = 0..3_usize;
    let one = prop_oneof![
        pool.clone().prop_map(Move::Rotate),
        pool.clone().prop_map(Move::Throttle),
        pool.clone().prop_map(Move::Quota),
        pool.clone().prop_map(Move::Serve),
        pool.clone().prop_map(Move::Refuse),
        (pool.clone(), 0..4_usize).prop_map(|(pool, behind)| Move::Load { pool, behind }),
        pool.prop_map(Move::Save),
        (0..90_000_u64).prop_map(Move::Pass),
    ];
    proptest::collection::vec(one, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Three instances on a store that compares nothing and answers late: once each has written and read, all know
    /// the token that was issued last, and the same cool-downs.
    #[test]
    fn instances_converge_on_the_newest_token(moves in moves()) {
        let mut kv = Kv::default();
        let mut pools: Vec<Pool> = (0..3).map(|_| cold(credentials(1))).collect();
        let account = nth(&pools[0], 0);
        let mut now = NOW;
        let mut newest: Option<String> = None;
        for (n, step) in moves.iter().enumerate() {
            now = now + Millis(1);
            match *step {
                Move::Rotate(at) => {
                    let pool = &mut pools[at];
                    let Some(renewal) = pool.claim_refresh(account, now, now + Millis(1)) else { continue };
                    pool.refreshed(&renewal, grant(&format!("access-{n}"), Some(&format!("refresh-{n}"))), now, 0);
                    newest = Some(format!("access-{n}"));
                }
                Move::Throttle(at) => report(&mut pools[at], Outcome::Throttled { retry_after: None }, now),
                Move::Quota(at) => report(&mut pools[at], Outcome::QuotaUsedUp { resets: Some(now + HOUR) }, now),
                Move::Serve(at) => report(&mut pools[at], Outcome::Served, now),
                Move::Refuse(at) => report(&mut pools[at], Outcome::BearerRefused, now),
                Move::Load { pool, behind } => {
                    let absorbed = pools[pool].absorb(kv.read(behind), None, now);
                    prop_assert_eq!(absorbed.troubles, vec![]);
                }
                Move::Save(at) => kv.save(&mut pools[at], u8::try_from(n).unwrap()),
                Move::Pass(span) => now = now + Millis(span),
            }
        }
        for round in 0..2 {
            for pool in &mut pools {
                pool.absorb(kv.read(0), None, now);
                if pool.dirty() {
                    kv.save(pool, 200 + round);
                }
            }
        }
        let states: Vec<_> = pools.iter().map(|pool| shared(pool, now)).collect();
        prop_assert_eq!(&states[0], &states[1]);
        prop_assert_eq!(&states[1], &states[2]);
        for pool in &mut pools {
            prop_assert!(!pool.absorb(kv.read(0), None, now).changed);
            prop_assert!(!pool.dirty());
            let known = pool.lease(account).map(|lease| lease.bearer.reveal().to_owned());
            prop_assert_eq!(&known, &newest);
        }
    }

    /// Whatever the store holds, reading it neither panics nor makes an account unusable.
    #[test]
    fn no_stored_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,80}") {
        let id = cold(credentials(1)).states(NOW)[0].id.clone();
        let entry = serde_json::to_string(&text).unwrap();
        for stored in [bytes, format!(r#"{{"v":1,"accounts":{{"{id}":{entry}}}}}"#).into_bytes()] {
            let mut pool = warm(1);
            let account = nth(&pool, 0);
            prop_assert!(!pool.absorb(Some(&stored), None, NOW).troubles.is_empty());
            prop_assert_eq!(pick(&mut pool, NOW), Pick::Use(account));
        }
    }
}

/// What instances can know of each other.
fn shared(pool: &Pool, now: Millis) -> Vec<AccountState> {
    pool.states(now).into_iter().map(|state| AccountState { seen: Seen::default(), ..state }).collect()
}

fn report(pool: &mut Pool, outcome: Outcome, now: Millis) {
    let account = nth(pool, 0);
    if pool.lease(account).is_some() {
        settle(pool, account, outcome, now);
    }
}
