use proptest::option::of;
use proptest::prelude::*;

use super::super::forecast::Rate;
use super::super::quota::Credits;
use super::*;

/// Values are few, so that ties and near ties are common.
fn token() -> impl Strategy<Value = Token> {
    (0..3_u64, 0..2_u64, "[ab]", of("[ab]")).prop_map(|(issued, life, access, refresh)| Token {
        issued: Millis(issued),
        due: Millis(issued),
        expires: Millis(issued + life),
        access: Secret::new(access),
        refresh: refresh.map(Secret::new),
    })
}

fn cooling() -> impl Strategy<Value = Cooling> {
    (0..3_u64, 0..3_u64, 0..3_u32, 0..3_u64).prop_map(|(epoch, until, strikes, at)| Cooling {
        epoch,
        until,
        strikes,
        at,
    })
}

fn parked() -> impl Strategy<Value = Option<Parked>> {
    of((0..3_u64, "[ab]", "[ab]").prop_map(|(at, print, reason)| Parked::new(Millis(at), print, reason)))
}

fn reading() -> impl Strategy<Value = Reading> {
    (0..3_u64, 0..3_u64, of(0..2_u64)).prop_map(|(at, remaining, resets)| Reading {
        at,
        limit: Credits(2),
        used: Credits(1),
        remaining: Credits(remaining),
        overage: false,
        resets,
        plan: None,
        rate: Rate::default(),
    })
}

prop_compose! {
    fn entry()(
        token in of(token()),
        profile in of((0..3_u64, "[ab]")),
        refused in 0..3_u64,
        coolings in [cooling(), cooling(), cooling(), cooling(), cooling()],
        parked in [parked(), parked(), parked()],
        claim in (0..3_u64, 0..3_u64),
        reading in of(reading()),
    ) -> Entry {
        let [throttle, quota, denied, renewal, rejected] = coolings;
        let [suspended, original_dead, rotated_dead] = parked;
        let profile = profile.map(|(at, arn)| Profile::new(Millis(at), arn));
        let claim = Claim { at: claim.0, until: claim.1 };
        let refused = Millis(refused);
        Entry {
            token, profile, refused, throttle, quota, denied, renewal, rejected, suspended, original_dead,
            rotated_dead, claim, reading,
        }
    }
}

fn merged(mut left: Entry, right: &Entry) -> Entry {
    left.merge(right);
    left
}

proptest! {
    #[test]
    fn merging_is_commutative_associative_and_idempotent(a in entry(), b in entry(), c in entry()) {
        prop_assert_eq!(merged(a.clone(), &b), merged(b.clone(), &a));
        prop_assert_eq!(merged(merged(a.clone(), &b), &c), merged(a.clone(), &merged(b.clone(), &c)));
        prop_assert_eq!(merged(a.clone(), &a), a.clone());
        prop_assert_eq!(merged(a.clone(), &Entry::default()), a);
    }

    #[test]
    fn the_later_token_the_later_refusal_and_the_larger_cool_down_win(a in entry(), b in entry()) {
        let both = merged(a.clone(), &b);
        prop_assert_eq!(both.issued(), a.issued().max(b.issued()));
        prop_assert_eq!(both.refused, a.refused.max(b.refused));
        if a.throttle.epoch == b.throttle.epoch {
            prop_assert_eq!(both.throttle.until(), a.throttle.until().max(b.throttle.until()));
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written(entry in entry()) {
        prop_assert_eq!(Entry::read(&entry.encode()), Some(entry));
    }

    /// Whatever an instance does to a register, those that know the result and those that do not agree after
    /// merging: no move goes down.
    #[test]
    fn every_move_goes_up(start in cooling(), kind in 0..4_u8, now in 0..5_u64, span in 0..5_u64) {
        let mut next = start;
        let now = Millis(now);
        match kind {
            0 => next.strike(now, (Millis(span), Millis(span * 2)), None),
            1 => next.strike(now, (Millis(1), Millis(1)), Some(Millis(span))),
            2 => next.hold(now, now + Millis(span)),
            _ => { next.clear(now); }
        }
        prop_assert!(next >= start, "{:?} -> {:?}", start, next);
    }
}

#[test]
fn a_success_outranks_every_cool_down_before_it_and_none_after_it() {
    let mut here = Cooling::default();
    here.hold(Millis(10), Millis(1_000_000));
    let there = here;
    here.clear(Millis(20));
    assert!(!here.max(there).holds(Millis(21)));
    let mut later = here;
    later.strike(Millis(30), (Millis(5), Millis(50)), None);
    assert!(later.max(here).max(there).holds(Millis(31)));
    assert_eq!(later.max(there).until(), Millis(35));
}
