//! The account side of an exchange: the store, picking, refreshing, profiles.

use crate::exchange::plan::{LONGEST_PAUSE, TRIES_PER_ACCOUNT};
use crate::exchange::{Exchange, Gateway, Next, Purpose, Reading, Saving, State, Then, WITHIN};
use crate::host::{Millis, Saved, StoreError, Stored};
use crate::pool::{self, Account, AfterRefreshFault, Ask, BearerKind, Grant, Login, Pick, Refusal};
use crate::summary::event_line;
use crate::upstream::refresh::{self, RefreshFault, RefreshLogin};
use crate::upstream::{endpoint, profile};

impl Exchange {
    /// The request begins, or a pause is over. What another instance did meanwhile is in the store alone.
    pub(crate) fn look_again(&mut self, gateway: &mut Gateway, now: Millis) {
        if gateway.pool().needs_load(now) {
            self.state = State::Load(Next::Then(Then::Pick));
        } else {
            self.pick(gateway, now);
        }
    }

    /// Picks an account and takes the first step with it.
    pub(crate) fn pick(&mut self, gateway: &mut Gateway, now: Millis) {
        if self.inspection.is_some() {
            return self.inspect(gateway, now);
        }
        if self.left {
            return self.close(gateway, now);
        }
        let Some(call) = &mut self.call else { return };
        // Who picks has nothing under way.
        call.ticket = None;
        if call.is_over(now) {
            return self.time_out(gateway, now);
        }
        let (session, model) = (call.session.as_deref(), &call.model.upstream_id);
        let ask = Ask { session, model, tried: &call.tried, at: call.account() };
        match gateway.pool_mut().pick(&ask, now) {
            Pick::Use(account) => self.use_account(gateway, account, now),
            Pick::Refresh(account) => self.claim(gateway, account, now),
            Pick::Wait(until) if now < call.patience => self.state = State::Sleep(until.max(now + LOOK_AGAIN)),
            // A status while there can still be one: clients keep to a `retry-after`, and to no word in a stream.
            Pick::Full(until) if now < call.patience && (self.opened || until < call.ping_at()) => {
                self.state = State::Sleep(until.max(now + LOOK_AGAIN))
            }
            Pick::Full(_) => self.turn_away(gateway, &Refusal::Busy { until: now + BUSY_FOR }, now),
            Pick::Wait(until) => self.turn_away(gateway, &Refusal::RefreshFailing { until }, now),
            Pick::None(refusal) => self.turn_away(gateway, &refusal, now),
        }
    }

    /// No account can serve: a short rest is waited for, anything else is told.
    fn turn_away(&mut self, gateway: &mut Gateway, refusal: &Refusal, now: Millis) {
        let Some(call) = &mut self.call else { return };
        // Who is busy has been waited for already.
        if let Some(until) = refusal.until()
            && !matches!(refusal, Refusal::Busy { .. })
            && until <= now + LONGEST_PAUSE
            && until < call.patience.min(call.total().at)
            && call.facts.tries_here < TRIES_PER_ACCOUNT
        {
            self.state = State::Sleep(until.max(now + LOOK_AGAIN));
            return;
        }
        if self.hopes(gateway, now) {
            return;
        }
        let Some(call) = &mut self.call else { return };
        let error = match call.failure.take() {
            Some(failure) if *refusal == Refusal::Exhausted => failure,
            _ => refusal.error(now),
        };
        self.fail(gateway, &error, now);
    }

    fn use_account(&mut self, gateway: &mut Gateway, account: Account, now: Millis) {
        let Some(call) = &mut self.call else { return };
        let Some(lease) = gateway.pool().lease(account) else { return self.sleep(now) };
        self.summary.account = Some(lease.label.clone());
        call.ticket = gateway.pool_mut().begin(account, call.total().at, now);
        let profile_wanted = lease.profile_arn.is_none() && lease.kind == BearerKind::AccessToken;
        call.use_account(lease, gateway.host());
        if profile_wanted && !call.facts.profiled {
            self.find_profile(gateway, now);
        } else {
            self.generate(gateway, now);
        }
    }

    /// Claims the refresh of an account. Where the store compares versions, the claim is saved first, so that
    /// no other instance refreshes at the same time.
    pub(crate) fn claim(&mut self, gateway: &mut Gateway, account: Account, now: Millis) {
        let compares = gateway.pool().compares(now);
        // The refresh begins when the claim is saved, and the claim must outlive it.
        let begins = if compares { now + WITHIN } else { now };
        let until = begins + gateway.config().refresh_timeout;
        self.renewal = gateway.pool_mut().claim_refresh(account, now, until);
        if self.renewal.is_none() {
            return self.sleep(now);
        }
        if compares {
            self.state = State::Save(self.snapshot(gateway, Then::Renew));
        } else {
            self.renew(gateway, now);
        }
    }

    /// Sends the refresh whose claim is held.
    fn renew(&mut self, gateway: &mut Gateway, now: Millis) {
        let over = self.is_over(now);
        let Some(renewal) = &self.renewal else { return };
        if over || !renewal.lasts(now + gateway.config().refresh_timeout) {
            // Others need not wait for what is not sent any more, nor may they refresh beside it.
            gateway.pool_mut().release(renewal);
            self.renewal = None;
            return if over { self.pick(gateway, now) } else { self.sleep(now) };
        }
        if !gateway.pool().holds_claim(renewal) {
            return self.sleep(now);
        }
        let refresh_token = &renewal.refresh;
        let login = match &renewal.login {
            Login::Social => RefreshLogin::Social { refresh_token },
            Login::Idc { client_id, client_secret } => RefreshLogin::Idc { client_id, client_secret, refresh_token },
            Login::ApiKey => return self.sleep(now),
        };
        let request = refresh::request(login, renewal.region.as_deref(), &gateway.config().bases);
        self.state = State::Send(Box::new(request), Purpose::Refresh);
    }

    /// The login endpoint has answered, or could not be reached.
    pub(crate) fn refresh_answered(&mut self, gateway: &mut Gateway, reading: Option<&Reading>, now: Millis) {
        let [jitter, ..] = self.draw();
        let answer = match reading.and_then(|reading| reading.head.as_ref().map(|head| (head, &reading.body))) {
            Some((head, body)) => refresh::read(head, body, now),
            None => Err(RefreshFault::Later(None)),
        };
        match answer {
            Ok(grant) => {
                let Some(renewal) = self.renewal.take() else { return };
                let refresh::Grant { access, expires_in, refresh, profile_arn } = grant;
                gateway.pool_mut().refreshed(&renewal, Grant { access, expires_in, refresh, profile_arn }, now, jitter);
                if let Some(call) = &mut self.call {
                    call.facts.refreshed |= call.facts.bearer_refused;
                }
                // Even in the pause after an outage: a rotated token exists nowhere else.
                match gateway.pool().dirty() {
                    true => self.state = self.save(gateway, Then::Pick),
                    false => self.pick(gateway, now),
                }
            }
            Err(fault) => {
                self.summary.verdicts.push(format!("refresh: {}", words(&fault)));
                self.refused = Some(match fault {
                    RefreshFault::Dead(reason) => pool::RefreshFault::Dead(reason.to_owned()),
                    RefreshFault::Rejected(_) => pool::RefreshFault::Rejected,
                    RefreshFault::Later(span) => pool::RefreshFault::Later(span),
                });
                self.refresh_refused(gateway, now);
            }
        }
    }

    /// Tells the pool; it may want the store read first, because somebody else may have renewed the login.
    fn refresh_refused(&mut self, gateway: &mut Gateway, now: Millis) {
        let (Some(renewal), Some(fault)) = (&self.renewal, &self.refused) else { return };
        if gateway.pool_mut().refresh_failed(renewal, fault, now) == AfterRefreshFault::ReloadFirst {
            self.state = State::Load(Next::Reconsider);
            return;
        }
        self.renewal = None;
        self.refused = None;
        self.save_then_pick(gateway, now);
    }

    /// There is no time left to find out whether somebody else has renewed the login: a later request does.
    fn put_off(&mut self, gateway: &mut Gateway, now: Millis) {
        self.refused = None;
        if let Some(renewal) = self.renewal.take() {
            gateway.pool_mut().release(&renewal);
        }
        self.pick(gateway, now);
    }

    /// Asks for the account's profiles: every region, the first host of each that answers.
    pub(crate) fn find_profile(&mut self, gateway: &mut Gateway, now: Millis) {
        let regions = endpoint::control_hosts(&gateway.config().bases);
        let Some((lease, lookup, profiled)) = self.seeks_profile() else { return };
        if let Some(host) = regions.get(lookup.region).and_then(|hosts| hosts.get(lookup.host)) {
            let request = profile::request(host, &lease.bearer, lookup.page.as_deref());
            self.state = State::Send(Box::new(request), Purpose::Profile);
            return;
        }
        *profiled = true;
        match profile::pick(&core::mem::take(lookup).found) {
            Some(found) => {
                gateway.pool_mut().profile_found(lease.account, &found.arn, now);
                self.save_then_pick(gateway, now);
            }
            None if self.inspection.is_some() => self.inspect(gateway, now),
            None => self.generate(gateway, now),
        }
    }

    /// A page of profiles has come, or not. An account without one is tried without.
    pub(crate) fn profile_answered(&mut self, gateway: &mut Gateway, reading: Option<&Reading>, now: Millis) {
        let page = reading.and_then(|reading| Some(profile::read(reading.head.as_ref()?, &reading.body, now)));
        let Some((_, lookup, _)) = self.seeks_profile() else { return };
        let verdict = page.as_ref().and_then(|page| Some(format!("profiles: {}", page.as_ref().err()?)));
        let answered = match page {
            Some(Ok(page)) => {
                lookup.found.extend(page.profiles);
                lookup.pages += 1;
                lookup.page = page.next.filter(|_| lookup.found.len() < MAX_PROFILES && lookup.pages < MAX_PAGES);
                lookup.page.is_none()
            }
            Some(Err(_)) | None => lookup.give_up_host(),
        };
        let hosts = endpoint::control_hosts(&gateway.config().bases);
        if answered || hosts.get(lookup.region).is_some_and(|hosts| lookup.host >= hosts.len()) {
            lookup.next_region();
        }
        self.summary.verdicts.extend(verdict);
        self.find_profile(gateway, now);
    }

    /// A save step when the pool has something to save and the store can be reached.
    pub(crate) fn saving(&mut self, gateway: &Gateway, then: Then, now: Millis) -> Option<State> {
        gateway.pool().needs_save(now).then(|| self.save(gateway, then))
    }

    fn save(&mut self, gateway: &Gateway, then: Then) -> State {
        if gateway.pool().reads_first() {
            return State::Load(Next::SaveAgain(0, then));
        }
        State::Save(self.snapshot(gateway, then))
    }

    fn snapshot(&mut self, gateway: &Gateway, then: Then) -> Saving {
        let snapshot = gateway.pool().snapshot(&self.draw());
        Saving { snapshot, expected: gateway.pool().version().map(str::to_owned), tries: 1, then }
    }

    fn save_then_pick(&mut self, gateway: &mut Gateway, now: Millis) {
        match self.saving(gateway, Then::Pick, now) {
            Some(state) => self.state = state,
            None => self.pick(gateway, now),
        }
    }

    pub(crate) fn loaded(&mut self, gateway: &mut Gateway, result: Result<Option<Stored>, StoreError>, now: Millis) {
        let State::Load(next) = self.state else { return };
        let outcome = match result {
            Ok(stored) => {
                self.absorb(gateway, stored, now);
                Ok(())
            }
            // It had no time left, which says nothing about the store.
            Err(error) if self.is_out(now) => Err(error.0),
            Err(error) => {
                self.store_failed(gateway, &error, now);
                Err(error.0)
            }
        };
        match next {
            Next::Then(then) => self.go_on(gateway, then, now),
            Next::Reconsider if outcome.is_err() && self.is_out(now) => self.put_off(gateway, now),
            Next::Reconsider => self.refresh_refused(gateway, now),
            Next::SaveAgain(tries, then) if outcome.is_ok() && self.has_something_to_save(gateway, then, now) => {
                let saving = self.snapshot(gateway, then);
                self.state = State::Save(Saving { tries: tries + 1, ..saving });
            }
            Next::SaveAgain(_, then) => self.go_on(gateway, then, now),
        }
    }

    /// Whether a save that met another one is worth another try. A claim that came too late is not: many instances that
    /// go on saving when one of them has won keep each other, and the winner, from storing anything.
    fn has_something_to_save(&self, gateway: &Gateway, then: Then, now: Millis) -> bool {
        let pool = gateway.pool();
        let renewal = self.renewal.as_ref().filter(|_| then == Then::Renew);
        pool.dirty() || (pool.compares(now) && renewal.is_some_and(|renewal| pool.holds_claim(renewal)))
    }

    pub(crate) fn saved(&mut self, gateway: &mut Gateway, result: Result<Saved, StoreError>, now: Millis) {
        let State::Save(saving) = &self.state else { return };
        let (then, tries) = (saving.then, saving.tries);
        match result {
            Ok(Saved::Stored(version)) => gateway.pool_mut().saved(&saving.snapshot, version),
            Ok(Saved::Conflict) if tries < SAVE_TRIES => {
                self.state = State::Load(Next::SaveAgain(tries, then));
                return;
            }
            Ok(Saved::Conflict) => self.store_failed(gateway, &StoreError("every save met another one".into()), now),
            // It had no time left. The client is told, and it is saved once more for as long as the platform lets it.
            Err(_) if self.is_out(now) && !self.left && then == Then::Pick => {
                return if self.inspection.is_some() { self.inspect(gateway, now) } else { self.dismiss() };
            }
            Err(_) if self.is_out(now) && !self.left => {}
            Err(error) => self.store_failed(gateway, &error, now),
        }
        self.go_on(gateway, then, now);
    }

    fn go_on(&mut self, gateway: &mut Gateway, then: Then, now: Millis) {
        match then {
            Then::Pick => self.pick(gateway, now),
            Then::Renew => self.renew(gateway, now),
            Then::End => self.state = State::Done,
        }
    }

    fn absorb(&mut self, gateway: &mut Gateway, stored: Option<Stored>, now: Millis) {
        let (value, version) = stored.map_or((None, None), |stored| (Some(stored.value), stored.version));
        gateway.set_store_fault(None);
        let absorbed = gateway.pool_mut().absorb(value.as_deref(), version, now);
        if absorbed.recovered {
            self.lines.push(event_line("info", "the token store answers again", now));
        }
        for trouble in absorbed.troubles {
            self.lines.push(event_line("warn", &trouble.to_string(), now));
        }
    }

    /// The gateway goes on from memory; one line per outage.
    pub(crate) fn store_failed(&mut self, gateway: &mut Gateway, error: &StoreError, now: Millis) {
        gateway.set_store_fault(Some(error.0.clone()));
        if gateway.pool_mut().store_failed(now) {
            let text = format!("the token store cannot be reached ({}): going on from memory, saving later", error.0);
            self.lines.push(event_line("error", &text, now));
        }
    }

    /// Whether there is no time for another step.
    fn is_over(&self, now: Millis) -> bool {
        let inspection = self.inspection.as_ref().is_some_and(|inspection| inspection.is_over(now));
        inspection || self.call.as_ref().is_some_and(|call| call.is_over(now))
    }

    /// Waits a moment for somebody else, then picks again.
    fn sleep(&mut self, now: Millis) {
        self.state = State::Sleep(now + LOOK_AGAIN);
    }
}

/// A refresh's failure for the log.
fn words(fault: &RefreshFault) -> String {
    match fault {
        RefreshFault::Dead(reason) => (*reason).to_owned(),
        RefreshFault::Rejected(text) => text.clone(),
        RefreshFault::Later(_) => "the login endpoint fails or cannot be reached".to_owned(),
    }
}

/// Pause before looking whether somebody else's refresh is done.
pub(crate) const LOOK_AGAIN: Millis = Millis(100);
/// What a client is told to wait when every account has as many requests under way as may be: answers take seconds.
const BUSY_FOR: Millis = Millis::secs(5);
/// Profiles that are looked at.
const MAX_PROFILES: usize = 100;
/// Pages of them, in all regions: a page may hold none and name another one for ever.
const MAX_PAGES: usize = 20;
/// Saves of one ledger that may meet somebody else's: each time another instance has stored something.
const SAVE_TRIES: u8 = 10;
