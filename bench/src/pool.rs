//! What the accounts cost: picking one, and the ledger that is loaded and saved.

use std::hint::black_box;

use kiro2api_core::host::Millis;
use kiro2api_core::pool::{Account, Ask, Credits, Grant, Pick, Pool, Quota, Strategy, parse};
use kiro2api_core::seal::Sealing;
use kiro2api_core::secret::Secret;
use serde::de::IgnoredAny;

use crate::corpus::Input;
use crate::suite::{Fault, Run, Work};

const NOW: Millis = Millis(1_795_284_000_000);
const DONE: Work = Work { units: 1, bytes: 0 };

/// The limit: one pass over the ledger that keeps nothing.
pub(crate) fn pass(input: &Input) -> Result<Run<'_>, Fault> {
    Ok(Box::new(|| {
        black_box(serde_json::from_slice::<IgnoredAny>(&input.request)?);
        Ok(DONE)
    }))
}

/// A request without a session, by what is left of each quota.
pub(crate) fn pick(input: &Input) -> Result<Run<'_>, Fault> {
    picking(input, None)
}

/// One whose session has its seat.
pub(crate) fn pick_seat(input: &Input) -> Result<Run<'_>, Fault> {
    picking(input, Some("conversation"))
}

fn picking<'i>(input: &'i Input, session: Option<&'static str>) -> Result<Run<'i>, Fault> {
    let mut pool = pool(input.accounts, NOW)?;
    Ok(Box::new(move || match pool.pick(&Ask { session, model: "claude-sonnet-4.5", tried: &[], at: None }, NOW) {
        Pick::Use(account) => {
            black_box(account);
            Ok(DONE)
        }
        other => Err(format!("every account is ready, and yet: {other:?}").into()),
    }))
}

/// The ledger is read again, as every 30 seconds, and nobody has stored anything.
pub(crate) fn load_same(input: &Input) -> Result<Run<'_>, Fault> {
    let mut pool = pool(input.accounts, NOW)?;
    Ok(Box::new(move || {
        black_box(pool.absorb(Some(&input.request), None, NOW));
        Ok(DONE)
    }))
}

/// Every entry has been sealed anew since.
pub(crate) fn load_other(input: &Input) -> Result<Run<'_>, Fault> {
    let mut pool = pool(input.accounts, NOW)?;
    let ledgers = [ledger(input.accounts, 2)?, ledger(input.accounts, 3)?];
    let mut turns = ledgers.into_iter().cycle();
    let mut next = turns.next().ok_or("no ledger")?;
    let mut other = turns.next().ok_or("no ledger")?;
    Ok(Box::new(move || {
        black_box(pool.absorb(Some(&next), None, NOW));
        core::mem::swap(&mut next, &mut other);
        Ok(DONE)
    }))
}

/// One account has a new token.
pub(crate) fn save_one(input: &Input) -> Result<Run<'_>, Fault> {
    let mut pool = pool(input.accounts, NOW)?;
    pool.absorb(Some(&input.request), None, NOW);
    let account = pool.accounts().next().ok_or("a pool without accounts")?;
    renew(&mut pool, account, NOW + Millis::mins(60))?;
    saving(pool)
}

/// As the first save is, and the one after another key was set.
pub(crate) fn save_all(input: &Input) -> Result<Run<'_>, Fault> {
    saving(pool(input.accounts, NOW)?)
}

fn saving<'i>(pool: Pool) -> Result<Run<'i>, Fault> {
    Ok(Box::new(move || {
        black_box(pool.snapshot(&[9; 32]));
        Ok(DONE)
    }))
}

/// What is stored of so many accounts.
pub(crate) fn ledger(accounts: usize, seed: u8) -> Result<Vec<u8>, Fault> {
    Ok(pool(accounts, NOW)?.snapshot(&[seed; 32]).bytes)
}

/// Accounts with fresh tokens and known quotas.
fn pool(accounts: usize, now: Millis) -> Result<Pool, Fault> {
    let tokens: Vec<String> = (0..accounts).map(|at| format!("a-refresh-token-of-the-benchmark-{at}")).collect();
    let mut pool = Pool::new(parse(None, Some(&tokens.join(","))).credentials, Strategy::Optimal, Sealing::default());
    pool.absorb(None, None, now);
    for account in pool.accounts() {
        renew(&mut pool, account, now)?;
        let (limit, remaining) = (Credits::of(1000.0), Credits::of(400.0));
        pool.quota_found(account, Quota { limit, remaining, ..Quota::default() }, now);
    }
    Ok(pool)
}

/// With tokens as long as real ones.
fn renew(pool: &mut Pool, account: Account, now: Millis) -> Result<(), Fault> {
    let renewal = pool.claim_refresh(account, now, now + Millis::secs(10)).ok_or("somebody refreshes it")?;
    let (access, refresh) = (Secret::new("a".repeat(900)), Some(Secret::new(format!("r{account}").repeat(100))));
    let grant = Grant { access, expires_in: Millis::mins(60), refresh, profile_arn: None };
    pool.refreshed(&renewal, grant, now, 0);
    Ok(())
}
