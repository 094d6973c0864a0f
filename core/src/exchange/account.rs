//! The account side of an exchange: the store, picking, refreshing, profiles.

use crate::error::{Error, Kind};
use crate::exchange::reply::deep_health;
use crate::exchange::{Exchange, Finish, Gateway, Purpose, Reading, State, Then};
use crate::host::{Millis, Saved, StoreError, Stored};
use crate::pool::{Account, Ask, Login, Pick, Refusal};
use crate::summary::event_line;
use crate::upstream::refresh::{self, RefreshFault, RefreshLogin};
use crate::upstream::{endpoint, profile};

impl Exchange {
    /// Picks an account and takes the first step with it.
    pub(crate) fn pick(&mut self, gateway: &mut Gateway, now: Millis) {
        let Some(call) = &mut self.call else { return };
        if call.is_over(now) {
            return self.time_out(gateway, now);
        }
        let ask = Ask { session: call.session.as_deref(), model: call.model.upstream_id, tried: &call.tried };
        match gateway.pool_mut().pick(&ask, now) {
            Pick::Use(account) => self.use_account(gateway, account, now),
            Pick::Refresh(account) => self.refresh(gateway, account, now),
            Pick::Wait(until) => self.state = State::Sleep(until),
            Pick::None(refusal) => {
                let error = self.call.as_mut().and_then(|call| call.failure.take()).unwrap_or_else(|| refused(&refusal, now));
                self.fail(gateway, &error, now);
            }
        }
    }

    fn use_account(&mut self, gateway: &mut Gateway, account: Account, now: Millis) {
        let Some(call) = &mut self.call else { return };
        call.use_account(account, gateway.host());
        let lease = gateway.pool().lease(account);
        self.summary.account = Some(lease.label.clone());
        if lease.profile_arn.is_none() && !lease.api_key && !call.facts.profiled {
            return self.find_profile(gateway, account, now);
        }
        self.generate(gateway, account, now);
    }

    fn refresh(&mut self, gateway: &mut Gateway, account: Account, now: Millis) {
        let Some(call) = &mut self.call else { return };
        if call.account == Some(account) {
            call.facts.refreshed = true;
        }
        let until = now + gateway.config().refresh_timeout;
        if !gateway.pool_mut().claim_refresh(account, now, until) {
            self.state = State::Sleep(now + LOOK_AGAIN);
            return;
        }
        let credential = gateway.pool().lease(account);
        let login = match &credential.login {
            Login::Social => RefreshLogin::Social { refresh_token: &credential.refresh_token },
            Login::Idc { client_id, client_secret } => {
                RefreshLogin::Idc { client_id, client_secret, refresh_token: &credential.refresh_token }
            }
            Login::ApiKey => return self.pick(gateway, now),
        };
        let request = refresh::request(&login, credential.region.as_deref(), &gateway.config().bases);
        self.state = State::Send(Box::new(request), Purpose::Refresh(account));
    }

    /// The refresh endpoint has answered, or could not be reached.
    pub(crate) fn refresh_answered(&mut self, gateway: &mut Gateway, account: Account, reading: Option<&Reading>, now: Millis) {
        let answer = match reading.and_then(|reading| reading.head.as_ref().map(|head| (head, &reading.body))) {
            Some((head, body)) => refresh::read(head, body, now),
            None => Err(RefreshFault::Later(None)),
        };
        match answer {
            Ok(grant) => {
                let [jitter, ..] = self.draw();
                gateway.pool_mut().refreshed(account, grant.into(), now, jitter);
                self.save_then_pick(gateway, now);
            }
            Err(fault @ RefreshFault::Dead(_)) if gateway.store_usable(now) => {
                if let Some(call) = &mut self.call {
                    call.dead = Some(fault);
                }
                self.state = State::Load(Then::Reconsider(account));
            }
            Err(fault) => self.refresh_gave_up(gateway, account, fault, now),
        }
    }

    fn refresh_gave_up(&mut self, gateway: &mut Gateway, account: Account, fault: RefreshFault, now: Millis) {
        self.summary.verdicts.push(format!("refresh failed: {fault}"));
        gateway.pool_mut().refresh_failed(account, fault.into(), now);
        self.pick(gateway, now);
    }

    /// Asks for the account's profiles: every region, the first host of each that answers.
    fn find_profile(&mut self, gateway: &mut Gateway, account: Account, now: Millis) {
        let Some(call) = &mut self.call else { return };
        let lease = gateway.pool().lease(account);
        let regions = endpoint::control_hosts(&gateway.config().bases);
        let lookup = &mut call.lookup;
        if let Some(host) = regions.get(lookup.region).and_then(|hosts| hosts.get(lookup.host)) {
            let request = profile::request(host, &lease.bearer, lookup.page.as_deref());
            self.state = State::Send(Box::new(request), Purpose::Profile(account));
            return;
        }
        call.facts.profiled = true;
        match profile::pick(&core::mem::take(lookup).found) {
            Some(found) => {
                gateway.pool_mut().profile_found(account, &found.arn, now);
                self.save_then_pick(gateway, now);
            }
            None => self.generate(gateway, account, now),
        }
    }

    /// A page of profiles has come, or not.
    pub(crate) fn profile_answered(&mut self, gateway: &mut Gateway, account: Account, reading: Option<&Reading>, now: Millis) {
        let Some(call) = &mut self.call else { return };
        let lookup = &mut call.lookup;
        let page = reading.and_then(|reading| Some(profile::read(reading.head.as_ref()?, &reading.body, now)));
        match page {
            Some(Ok(page)) => {
                lookup.found.extend(page.profiles);
                lookup.page = page.next.filter(|_| lookup.found.len() < MAX_PROFILES);
                if lookup.page.is_none() {
                    (lookup.region, lookup.host) = (lookup.region + 1, 0);
                }
            }
            Some(Err(fault)) => {
                lookup.host += 1;
                lookup.page = None;
                self.summary.verdicts.push(format!("profiles: {fault}"));
            }
            None => lookup.host += 1,
        }
        let regions = endpoint::control_hosts(&gateway.config().bases);
        if let Some(call) = &mut self.call
            && regions.get(call.lookup.region).is_some_and(|hosts| call.lookup.host >= hosts.len())
        {
            (call.lookup.region, call.lookup.host) = (call.lookup.region + 1, 0);
        }
        self.find_profile(gateway, account, now);
    }

    /// A save step when the pool has something to save and the store can be reached.
    pub(crate) fn saving(&mut self, gateway: &mut Gateway, then: Finish, now: Millis) -> Option<State> {
        if !gateway.pool().dirty() || !gateway.store_usable(now) {
            return None;
        }
        let value = gateway.pool().snapshot(&self.draw());
        let expected = gateway.pool().version().map(str::to_owned);
        Some(State::Save { value, expected, tries: 1, then: then.into() })
    }

    fn save_then_pick(&mut self, gateway: &mut Gateway, now: Millis) {
        match self.saving(gateway, Finish::Pick, now) {
            Some(state) => self.state = state,
            None => self.pick(gateway, now),
        }
    }

    pub(crate) fn loaded(&mut self, gateway: &mut Gateway, result: Result<Option<Stored>, StoreError>, now: Millis) {
        let State::Load(then) = self.state else { return };
        let outcome = match result {
            Ok(stored) => {
                self.store_works(gateway, now);
                let (value, version) = stored.map_or((None, None), |stored| (Some(stored.value), stored.version));
                let absorbed = gateway.pool_mut().absorb(value.as_deref(), version, now);
                for problem in absorbed.problems {
                    self.lines.push(event_line("warn", &problem, now));
                }
                Ok(())
            }
            Err(error) => {
                self.store_failed(gateway, &error, now);
                Err(error.0)
            }
        };
        match then {
            Then::Pick => self.pick(gateway, now),
            Then::Health => {
                let (status, body) = deep_health(gateway, outcome.as_ref().map(|()| ()).map_err(String::as_str), now);
                let answer = self.common.json(status, body);
                self.answer(answer);
            }
            Then::Reconsider(account) => self.reconsider(gateway, account, now),
            Then::SaveAgain(tries, finish) => match self.saving(gateway, finish, now) {
                Some(State::Save { value, expected, then, .. }) => {
                    self.state = State::Save { value, expected, tries: tries + 1, then };
                }
                _ => self.after_save(gateway, finish.into(), now),
            },
            Then::End => self.state = State::Done,
        }
    }

    pub(crate) fn saved(&mut self, gateway: &mut Gateway, result: Result<Saved, StoreError>, now: Millis) {
        let State::Save { tries, then, .. } = self.state else { return };
        match result {
            Ok(Saved::Stored(version)) => {
                self.store_works(gateway, now);
                gateway.pool_mut().saved(version);
            }
            Ok(Saved::Conflict) if tries < SAVE_TRIES => {
                let finish = if then == Then::End { Finish::End } else { Finish::Pick };
                self.state = State::Load(Then::SaveAgain(tries, finish));
                return;
            }
            Ok(Saved::Conflict) => self.store_failed(gateway, &StoreError("every save met another one".into()), now),
            Err(error) => self.store_failed(gateway, &error, now),
        }
        self.after_save(gateway, then, now);
    }

    fn after_save(&mut self, gateway: &mut Gateway, then: Then, now: Millis) {
        match then {
            Then::Pick => self.pick(gateway, now),
            _ => self.state = State::Done,
        }
    }

    /// A refresh token was refused and the store has been read again.
    fn reconsider(&mut self, gateway: &mut Gateway, account: Account, now: Millis) {
        let Some(call) = &mut self.call else { return };
        let Some(fault) = call.dead.take() else { return self.pick(gateway, now) };
        self.refresh_gave_up(gateway, account, fault, now);
    }

    fn store_works(&mut self, gateway: &mut Gateway, now: Millis) {
        if gateway.store_works() {
            self.lines.push(event_line("info", "the token store answers again", now));
        }
    }

    /// The gateway goes on from memory; one line per outage.
    fn store_failed(&mut self, gateway: &mut Gateway, error: &StoreError, now: Millis) {
        if gateway.store_failed(now) {
            let text = format!("the token store cannot be reached ({}): going on from memory, saving later", error.0);
            self.lines.push(event_line("error", &text, now));
        }
    }
}

impl From<Finish> for Then {
    fn from(finish: Finish) -> Self {
        match finish {
            Finish::Pick => Self::Pick,
            Finish::End => Self::End,
        }
    }
}

/// What a client reads when no account can serve.
fn refused(refusal: &Refusal, now: Millis) -> Error {
    todo_refusal(refusal, now)
}

/// Pause before looking whether somebody else's refresh is done.
const LOOK_AGAIN: Millis = Millis(100);
/// Profiles that are looked at.
const MAX_PROFILES: usize = 100;
/// Saves of one ledger that may meet somebody else's.
const SAVE_TRIES: u8 = 3;
