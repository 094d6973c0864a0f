//! What an operator is told of the accounts: `/health?deep=1` and `/stats/token-pool`.

use serde::Serialize;

use crate::exchange::inspect::{Finding, Subject};
use crate::exchange::reply::Answered;
use crate::exchange::{Exchange, Gateway};
use crate::host::Millis;
use crate::pool::{AccountState, Credits, QuotaState, Strategy};

#[derive(Serialize)]
struct Health<'h> {
    status: &'static str,
    version: &'static str,
    store: &'h str,
    checked: Option<Checked<'h>>,
    accounts: Vec<Row>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<&'h str>,
}

/// The account that was asked for real.
#[derive(Serialize)]
struct Checked<'h> {
    label: &'h str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'h str>,
}

#[derive(Serialize)]
struct Row {
    label: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

#[derive(Serialize)]
struct Stats<'s> {
    strategy: &'static str,
    accounts: Vec<Numbers>,
    totals: Totals,
    store: Store<'s>,
    /// What became of asking the service, where that was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    refreshed: Option<Refreshed<'s>>,
}

#[derive(Serialize)]
struct Totals {
    accounts: usize,
    usable: usize,
    remaining: f64,
}

#[derive(Serialize)]
struct Store<'s> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'s str>,
}

#[derive(Serialize)]
struct Refreshed<'s> {
    asked: usize,
    not_asked: Vec<Unasked<'s>>,
}

#[derive(Serialize)]
struct Unasked<'s> {
    label: &'s str,
    error: &'s str,
}

#[derive(Serialize)]
struct Numbers {
    label: String,
    id: String,
    login: &'static str,
    state: &'static str,
    reason: Option<String>,
    until: Option<String>,
    priority: i32,
    quota: Option<Quota>,
    in_flight: usize,
    requests: Requests,
    last_used: Option<String>,
    cache: Cache,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<Option<String>>,
}

#[derive(Serialize)]
struct Quota {
    remaining: f64,
    used: f64,
    limit: f64,
    overage: bool,
    plan: Option<String>,
    resets_at: Option<String>,
    exhausted_at: Option<String>,
    read_at: String,
}

#[derive(Serialize)]
struct Requests {
    served: u64,
    failed: u64,
}

#[derive(Serialize)]
struct Cache {
    answers: u64,
    tokens: u64,
}

impl Exchange {
    /// The answer to what was inspected.
    pub(crate) fn inspection_told(&self, gateway: &Gateway, now: Millis) -> Answered {
        let findings = self.inspection.as_ref().map(|inspection| (inspection.subject, &*inspection.findings));
        let (status, body) = match findings {
            Some((Subject::Stats { refresh }, findings)) => {
                (200, stats(gateway, refresh.then_some(findings), self.sees_addresses, now))
            }
            Some((Subject::Health, findings)) => health(gateway, findings.first(), now),
            None => health(gateway, None, now),
        };
        self.common.json(status, body)
    }
}

/// The store, the accounts, and the one that was asked; 503 when none could serve.
fn health(gateway: &Gateway, finding: Option<&Finding>, now: Millis) -> (u16, Vec<u8>) {
    let states = gateway.pool().states(now);
    let usable = states.iter().any(is_usable);
    let rows = states.into_iter().map(|state| Row {
        label: state.label,
        state: state.state,
        reason: state.reason,
        until: state.until.map(Millis::rfc3339),
    });
    let accounts = rows.collect();
    let fault = gateway.store_fault();
    let checked = finding.map(|finding| Checked {
        label: &finding.label,
        ok: finding.remaining.is_ok(),
        remaining: finding.remaining.as_ref().ok().copied(),
        error: finding.remaining.as_ref().err().map(String::as_str),
    });
    let config = gateway.config();
    let well = usable && fault.is_none() && checked.as_ref().is_none_or(|checked| checked.ok);
    let told = Health {
        status: if well { "ok" } else { "degraded" },
        version: env!("CARGO_PKG_VERSION"),
        store: fault.unwrap_or("ok"),
        checked,
        accounts,
        problems: config.problems.iter().chain(&config.left_out).map(String::as_str).collect(),
    };
    (if usable { 200 } else { 503 }, serde_json::to_vec(&told).unwrap_or_default())
}

fn stats(gateway: &Gateway, findings: Option<&[Finding]>, with_addresses: bool, now: Millis) -> Vec<u8> {
    let states = gateway.pool().states(now);
    let usable: Vec<_> = states.iter().filter(|state| is_usable(state)).collect();
    let left = usable.iter().filter_map(|state| Some(state.quota.as_ref()?.remaining.units()));
    let totals = Totals { accounts: states.len(), usable: usable.len(), remaining: left.sum() };
    let fault = gateway.store_fault();
    let refreshed = findings.map(|findings| {
        let not_asked: Vec<_> = findings
            .iter()
            .filter_map(|finding| Some(Unasked { label: &finding.label, error: finding.remaining.as_ref().err()? }))
            .collect();
        Refreshed { asked: findings.len() - not_asked.len(), not_asked }
    });
    let told = Stats {
        strategy: strategy(gateway.pool().strategy()),
        accounts: states.into_iter().map(|state| numbers(state, with_addresses)).collect(),
        totals,
        store: Store { ok: fault.is_none(), error: fault },
        refreshed,
    };
    serde_json::to_vec(&told).unwrap_or_default()
}

fn numbers(state: AccountState, with_addresses: bool) -> Numbers {
    Numbers {
        label: state.label,
        id: state.id,
        login: state.login,
        state: state.state,
        reason: state.reason,
        until: state.until.map(Millis::rfc3339),
        priority: state.priority,
        quota: state.quota.map(quota),
        in_flight: state.seen.under_way,
        requests: Requests { served: state.seen.served, failed: state.seen.failed },
        last_used: state.seen.last_used.map(Millis::rfc3339),
        cache: Cache { answers: state.seen.cache_hits, tokens: state.seen.cached_tokens },
        email: with_addresses.then_some(state.seen.email),
    }
}

fn quota(quota: QuotaState) -> Quota {
    Quota {
        remaining: Credits::units(quota.remaining),
        used: Credits::units(quota.used),
        limit: Credits::units(quota.limit),
        overage: quota.overage,
        plan: quota.plan,
        resets_at: quota.resets.map(Millis::rfc3339),
        exhausted_at: quota.exhausted_at.map(Millis::rfc3339),
        read_at: quota.read_at.rfc3339(),
    }
}

fn strategy(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::Optimal => "optimal",
        Strategy::Balanced => "balanced",
        Strategy::Sequential => "sequential",
    }
}

fn is_usable(state: &AccountState) -> bool {
    USABLE.contains(&state.state)
}

/// States of an account that can serve now, or as soon as it is refreshed.
const USABLE: &[&str] = &["ready", "needs-refresh", "refreshing", "probing"];
