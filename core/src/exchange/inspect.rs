//! Accounts checked for real, for the operator: a token is renewed where it must be, and the service is asked what is
//! left of the quota.
//!
//! ```text
//! /health?deep=1                 the account that would serve next          within 10 s
//! /stats/token-pool?refresh=1    every usable account, up to 20             3 s each, within 20 s in all
//! ```
//!
//! One exchange of an instance does so at a time; the others wait for what it finds.

use std::collections::VecDeque;

use crate::exchange::account::LOOK_AGAIN;
use crate::exchange::call::Lookup;
use crate::exchange::look::{Heard, QuotaLook, Seen};
use crate::exchange::{Exchange, Gateway, Next, Purpose, Say, State, Then};
use crate::host::Millis;
use crate::pool::{Account, BearerKind, Lease, Outcome, Readiness};
use crate::upstream::fault::FaultKind;

/// What is checked and told.
#[derive(Debug)]
pub(crate) struct Inspection {
    pub(crate) subject: Subject,
    /// When it is told, however far it has come.
    until: Millis,
    /// Whether this exchange is the one that checks.
    begun: bool,
    queue: VecDeque<Account>,
    under_way: Option<Check>,
    /// When the request under way was sent.
    sent: Millis,
    /// How long a refresh may take, and when the one under way is given up.
    refresh_timeout: Millis,
    refreshed_by: Millis,
    /// How the accounts were found, by label.
    pub(crate) findings: Vec<Finding>,
}

/// What is to be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Subject {
    /// Whether the gateway can serve.
    Health,
    /// What is known of every account; `refresh`: after the service was asked for it.
    Stats { refresh: bool },
}

/// One account on its way.
#[derive(Debug)]
struct Check {
    account: Account,
    lease: Option<Lease>,
    lookup: Lookup,
    /// Its profile is known, or not to be had.
    profiled: bool,
    /// Its token was refused once, and renewed.
    renewed: bool,
    look: Option<QuotaLook>,
    /// When the look is given up.
    due: Millis,
}

/// How an account was found.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Finding {
    pub(crate) label: String,
    /// What is left of its quota, or why that is not known.
    pub(crate) remaining: Result<f64, String>,
}

/// What the inspections of one instance share.
#[derive(Debug, Default)]
pub(crate) struct Inspections {
    /// One is under way until then at most.
    busy: Millis,
    /// The last check for `/health`, and when it was.
    health: Option<(Millis, Finding)>,
}

impl Inspections {
    /// The last check for `/health`, where it is young enough to be told again.
    fn recent(&self, now: Millis) -> Option<&Finding> {
        self.health.as_ref().filter(|(at, _)| now - *at < AGAIN_AFTER).map(|(_, finding)| finding)
    }
}

impl Exchange {
    /// Begins with what the store says, where that is due; `/health` always asks it.
    pub(crate) fn begin_inspection(&mut self, gateway: &mut Gateway, subject: Subject, now: Millis) {
        let within = if subject == Subject::Health { HEALTH_WITHIN } else { STATS_WITHIN };
        self.inspection = Some(Box::new(Inspection {
            subject,
            until: (now + within).min(self.term.answered()),
            begun: false,
            queue: VecDeque::new(),
            under_way: None,
            sent: now,
            refresh_timeout: gateway.config().refresh_timeout,
            refreshed_by: now,
            findings: Vec::new(),
        }));
        if subject == Subject::Health || gateway.pool().needs_load(now) {
            self.state = State::Load(Next::Then(Then::Pick));
        } else {
            self.inspect(gateway, now);
        }
    }

    /// Goes on with the account under way, or with the next one, or tells what was found.
    pub(crate) fn inspect(&mut self, gateway: &mut Gateway, now: Millis) {
        if self.left {
            return self.close(gateway, now);
        }
        let Some(inspection) = &mut self.inspection else { return };
        if now >= inspection.until || !inspection.wants_checks(gateway, now) {
            return self.tell_inspection(gateway, now);
        }
        if !inspection.begun {
            if now < gateway.inspections().busy {
                self.state = State::Sleep(now + LOOK_AGAIN);
                return;
            }
            gateway.inspections_mut().busy = inspection.until;
            inspection.begin(gateway, now);
        }
        loop {
            let Some(inspection) = &mut self.inspection else { return };
            if inspection.under_way.is_none() {
                let Some(account) = inspection.queue.pop_front() else { return self.tell_inspection(gateway, now) };
                inspection.under_way = Some(Check::of(account));
            }
            if self.check(gateway, now) {
                return;
            }
        }
    }

    /// Takes a step with the account under way; `false`: nothing is left to do with it.
    fn check(&mut self, gateway: &mut Gateway, now: Millis) -> bool {
        let Some(inspection) = &mut self.inspection else { return false };
        let Some(check) = &mut inspection.under_way else { return false };
        let account = check.account;
        match gateway.pool().readiness(account, now) {
            Readiness::Out(state) => {
                inspection.found(gateway, Err(format!("its state is {state}")));
                return false;
            }
            Readiness::Wait(until) => self.state = State::Sleep(until),
            Readiness::Refresh => self.claim(gateway, account, now),
            Readiness::Ready => {
                check.lease = gateway.pool().lease(account);
                let Some(lease) = &check.lease else {
                    inspection.found(gateway, Err("it has no token".to_owned()));
                    return false;
                };
                if lease.profile_arn.is_none() && lease.kind == BearerKind::AccessToken && !check.profiled {
                    self.find_profile(gateway, now);
                } else if let Some((look, state)) = QuotaLook::of(gateway, account).and_then(|look| {
                    let state = look.ask()?;
                    Some((look, state))
                }) {
                    check.look = Some(look);
                    check.due = now + CHECK_WITHIN;
                    self.state = state;
                } else {
                    inspection.found(gateway, Err("the service cannot be asked".to_owned()));
                    return false;
                }
            }
        }
        true
    }

    /// The service has answered, or not.
    pub(crate) fn inspected(&mut self, gateway: &mut Gateway, heard: Heard<'_>, now: Millis) {
        let Some(inspection) = &mut self.inspection else { return };
        let Some(check) = &mut inspection.under_way else { return };
        let Some(mut look) = check.look.take() else { return };
        match look.hear(gateway, heard, now) {
            Seen::Limits => {
                let remaining = gateway.pool().remaining(check.account).map(crate::pool::Credits::units);
                inspection.found(gateway, remaining.ok_or_else(|| "nothing was read".to_owned()));
            }
            Seen::Elsewhere => {
                if let Some(state) = look.ask() {
                    self.state = state;
                    check.look = Some(look);
                    return;
                }
                inspection.found(gateway, Err("the service cannot be asked".to_owned()));
            }
            Seen::Unknown(_, Some(FaultKind::BearerInvalid))
                if !check.renewed && gateway.pool_mut().bearer_doubted(look.lease()) =>
            {
                check.renewed = true;
            }
            Seen::Unknown(why, kind) => {
                if kind == Some(FaultKind::Suspended) {
                    gateway.pool_mut().settle(look.lease(), Outcome::Suspended, "", now);
                }
                inspection.found(gateway, Err(why));
            }
        }
        self.inspect(gateway, now);
    }

    /// When to wake from a wait.
    pub(crate) fn inspection_wake(&self, inspection: &Inspection) -> Millis {
        let until = if self.left { Millis::NEVER } else { inspection.until };
        let due = match &self.state {
            State::Await(Purpose::Refresh, _) => inspection.refreshed_by.min(self.term.refreshed()),
            State::Await(Purpose::Quota, _) => inspection.under_way.as_ref().map_or(Millis(0), |check| check.due),
            State::Await(..) => inspection.sent + CHECK_WITHIN,
            State::Sleep(until) => *until,
            _ => Millis::NEVER,
        };
        due.min(until)
    }

    /// The time asked for has come. A refresh goes on when its client has been told.
    pub(crate) fn inspection_woke(&mut self, gateway: &mut Gateway, now: Millis) {
        let Some(inspection) = &self.inspection else { return };
        let over = now >= inspection.until && !self.left;
        let refreshed = inspection.refreshed_by.min(self.term.refreshed());
        match &self.state {
            State::Await(Purpose::Refresh, _) if now >= refreshed => self.refresh_answered(gateway, None, now),
            State::Await(Purpose::Refresh, _) if over => self.tell_inspection(gateway, now),
            State::Await(Purpose::Quota, _) => self.inspected(gateway, Heard::Late, now),
            State::Await(Purpose::Profile, _) => self.profile_answered(gateway, None, now),
            State::Sleep(until) if over || now >= *until => self.look_again(gateway, now),
            _ => {}
        }
    }

    /// Tells what was found, and what was not asked any more.
    fn tell_inspection(&mut self, gateway: &mut Gateway, now: Millis) {
        let refreshing = self.is_refreshing();
        let Some(inspection) = &mut self.inspection else { return };
        inspection.end(gateway, now);
        let answer = self.inspection_told(gateway, now);
        if !refreshing {
            return self.answer(answer);
        }
        // What the login endpoint says may be all there is of a new refresh token.
        let (head, body) = answer;
        self.summary.status = head.status;
        self.outbox.push_back(Say::Answer(head, body));
        self.left = true;
    }

    /// The account whose profile is looked for, and how far that has come.
    pub(crate) fn seeks_profile(&mut self) -> Option<(&Lease, &mut Lookup, &mut bool)> {
        if let Some(inspection) = &mut self.inspection {
            let check = inspection.under_way.as_mut()?;
            return Some((check.lease.as_ref()?, &mut check.lookup, &mut check.profiled));
        }
        let call = self.call.as_mut()?;
        Some((call.lease.as_ref()?, &mut call.lookup, &mut call.facts.profiled))
    }
}

impl Inspection {
    /// A request of it begins.
    pub(crate) fn sent(&mut self, now: Millis) {
        self.sent = now;
        self.refreshed_by = now + self.refresh_timeout;
    }

    /// When it is told, however far it has come.
    pub(crate) fn until(&self) -> Millis {
        self.until
    }

    /// Whether it is too late for another step.
    pub(crate) fn is_over(&self, now: Millis) -> bool {
        now >= self.until
    }

    /// Gives way to others, should it be the one that checks.
    pub(crate) fn give_way(&self, gateway: &mut Gateway) {
        if self.begun {
            gateway.inspections_mut().busy = Millis(0);
        }
    }

    fn wants_checks(&mut self, gateway: &Gateway, now: Millis) -> bool {
        match self.subject {
            Subject::Stats { refresh } => refresh,
            Subject::Health if self.begun => true,
            Subject::Health => {
                self.findings.extend(gateway.inspections().recent(now).cloned());
                self.findings.is_empty()
            }
        }
    }

    fn begin(&mut self, gateway: &Gateway, now: Millis) {
        self.begun = true;
        let pool = gateway.pool();
        if self.subject == Subject::Health {
            self.queue.extend(pool.next_up(now));
            return;
        }
        for account in pool.usable(now) {
            // Another administrator has just asked.
            let fresh = pool.read_at(account).is_some_and(|at| now - at < AGAIN_AFTER);
            let label = pool.label(account).unwrap_or_default().to_owned();
            if fresh {
                let remaining = pool.remaining(account).map_or(0.0, crate::pool::Credits::units);
                self.findings.push(Finding { label, remaining: Ok(remaining) });
            } else if self.queue.len() < MOST {
                self.queue.push_back(account);
            } else {
                let why = format!("no more than {MOST} accounts are asked at once");
                self.findings.push(Finding { label, remaining: Err(why) });
            }
        }
    }

    fn found(&mut self, gateway: &Gateway, remaining: Result<f64, String>) {
        let Some(check) = self.under_way.take() else { return };
        let label = gateway.pool().label(check.account).unwrap_or_default().to_owned();
        self.findings.push(Finding { label, remaining });
    }

    fn end(&mut self, gateway: &mut Gateway, now: Millis) {
        if self.under_way.is_some() {
            self.found(gateway, Err(NO_TIME.to_owned()));
        }
        for account in core::mem::take(&mut self.queue) {
            let label = gateway.pool().label(account).unwrap_or_default().to_owned();
            self.findings.push(Finding { label, remaining: Err(NO_TIME.to_owned()) });
        }
        self.give_way(gateway);
        if let (Subject::Health, true, Some(finding)) = (self.subject, self.begun, self.findings.first()) {
            gateway.inspections_mut().health = Some((now, finding.clone()));
        }
        self.begun = false;
    }
}

impl Check {
    fn of(account: Account) -> Self {
        let lookup = Lookup::default();
        Self { account, lease: None, lookup, profiled: false, renewed: false, look: None, due: Millis::NEVER }
    }
}

const HEALTH_WITHIN: Millis = Millis::secs(10);
const STATS_WITHIN: Millis = Millis::secs(20);
const CHECK_WITHIN: Millis = Millis::secs(3);
/// How old a check or a reading may be to be told again.
const AGAIN_AFTER: Millis = Millis::secs(10);
/// Accounts that are asked at once.
const MOST: usize = 20;
const NO_TIME: &str = "no time was left to ask";
