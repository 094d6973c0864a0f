//! The service's own lists of its models: asked for once the client has its answer, shared through the store, laid over
//! the models this version knows.
//!
//! | when | what |
//! |---|---|
//! | the client has its answer | the stored lists are read, once an hour; the account's own is asked for when it is older; what is worth it is stored |
//! | the list of models is asked for | the stored lists are read first, if that is due |
//! | a model is asked for that nobody knows | the same, once a minute at most |
//!
//! A request for a model that is known takes no step for this before its answer is told.

use std::collections::BTreeMap;

use crate::dialect::{Given, anthropic};
use crate::error::Error;
use crate::exchange::asking::Asking;
use crate::exchange::scale::Scale;
use crate::exchange::upkeep::{Task, Upkeep, WITHIN};
use crate::exchange::{Exchange, Gateway, Purpose, Reading, State};
use crate::host::{Incoming, Millis, Saved, StoreError, Stored};
use crate::models::live::{FRESH_FOR, Live, MAX_MODELS, Misread, Snapshot};
use crate::models::{Catalogue, FieldSet, Listed};
use crate::pool::{Account, BearerKind};
use crate::route;
use crate::summary::event_line;
use crate::upstream::{catalogue, endpoint};

/// What an instance knows of the service's lists, and when to look again.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    live: Live,
    version: Option<String>,
    /// When the stored lists were read last.
    loaded: Option<Millis>,
    /// Another exchange reads them until then at most.
    due: Millis,
    /// The store is left alone until then.
    resting: Millis,
    /// When an account's list may be asked for again.
    next_ask: BTreeMap<String, Millis>,
    /// Something may be worth storing.
    unsaved: bool,
    /// When the models were last made of it.
    laid: Millis,
}

/// A step with the stored lists.
#[derive(Debug)]
pub(crate) enum Shelf {
    /// They are read.
    Load(After),
    /// They are stored.
    Save(Box<Storing>),
}

/// A save of the lists.
#[derive(Debug)]
pub(crate) struct Storing {
    pub(crate) snapshot: Snapshot,
    pub(crate) expected: Option<String>,
    tries: u8,
}

/// What to do once the stored lists are read.
#[derive(Debug)]
pub(crate) enum After {
    /// The client has its answer: go on looking after things.
    Tend,
    /// A save met another one: merge and save again. How often that was.
    SaveAgain(u8),
    /// Answer a question about the models.
    Tell(Box<Incoming>),
    /// Look once more for the model that a request names.
    Ask(Box<Asking>, Want),
}

/// What a request wants of its model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Want {
    /// An answer.
    Answer,
    /// A count of the Messages API.
    CountTokens,
    /// A count of the Responses API.
    CountInput,
}

/// An account's list on its way: one host after another, page after page.
#[derive(Debug)]
pub(crate) struct Fetch {
    account: Account,
    host: usize,
    page: Option<String>,
    pages: usize,
    models: Vec<Listed>,
}

impl Shelf {
    /// Whether the client has its answer already.
    pub(crate) fn is_told(&self) -> bool {
        !matches!(self, Self::Load(After::Tell(_) | After::Ask(..)))
    }
}

impl Lists {
    /// Whether the stored lists are to be read: never done, or not for an hour, or not for this shorter while.
    pub(crate) fn wants_load(&self, age: Millis, now: Millis) -> bool {
        now >= self.resting && self.loaded.is_none_or(|at| now - at >= age.min(FRESH_FOR))
    }

    /// Whether to read them now, for later requests. Who may is taken to do so.
    fn begins_load(&mut self, now: Millis) -> bool {
        let begins = now >= self.due && self.wants_load(FRESH_FOR, now);
        if begins {
            self.due = now + LOAD_WITHIN;
        }
        begins
    }

    /// Whether to ask for this account's list. Who may is taken to do so.
    fn begins_ask(&mut self, id: &str, now: Millis) -> bool {
        let rests = self.next_ask.get(id).is_some_and(|next| now < *next);
        if rests || self.live.is_fresh(id, now) {
            return false;
        }
        self.next_ask.retain(|_, next| now < *next);
        self.next_ask.insert(id.to_owned(), now + ASK_AGAIN_AFTER);
        true
    }

    /// What to store now. Never before the stored lists were read: they would be lost.
    fn begins_save(&mut self, now: Millis) -> Option<Storing> {
        if !self.unsaved || self.loaded.is_none() || now < self.resting {
            return None;
        }
        let snapshot = self.live.snapshot(now);
        self.unsaved = snapshot.is_some();
        Some(Storing { snapshot: snapshot?, expected: self.version.clone(), tries: 1 })
    }
}

impl Gateway {
    /// Lays what is known of the service's lists over the models of the configuration.
    pub(crate) fn lay_lists(&mut self, now: Option<Millis>) {
        let now = now.unwrap_or_else(|| self.lists().laid);
        let ids = self.pool().ids();
        let listed = self.lists().live.union(&ids);
        let refused = self.lists().live.refused(&listed, now);
        let live = Catalogue::built_in().live(&listed);
        let catalogue = self.config().model_map.over(&live).without(&refused);
        self.set_catalogue(catalogue);
        self.lists_mut().laid = now;
    }

    /// Whether another account is known to be offered this model, by the service's id.
    pub(crate) fn offers_elsewhere(&self, account: Account, model: &str) -> bool {
        let own = self.pool().id(account);
        let mut others = self.pool().ids().into_iter().filter(|id| Some(*id) != own);
        others.any(|id| self.lists().live.offers(id, model))
    }

    /// The service served a model without these fields, and had refused it with them.
    pub(crate) fn fields_refused(&mut self, model: &str, fields: FieldSet, now: Millis) {
        let ids: Vec<String> = self.pool().ids().into_iter().map(str::to_owned).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let lists = self.lists_mut();
        lists.live.refuse(model, fields, &ids, now);
        lists.unsaved = true;
        self.lay_lists(Some(now));
    }
}

impl Exchange {
    /// The client has its answer: a step for the lists, if one is due.
    pub(crate) fn tend_lists(&mut self, gateway: &mut Gateway, now: Millis) -> bool {
        let until = self.upkeep.as_ref().map_or(now + WITHIN, |upkeep| upkeep.until);
        if now >= until {
            return false;
        }
        let reachable = gateway.store_fault().is_none();
        if reachable && gateway.lists_mut().begins_load(now) {
            self.state = State::Lists(Shelf::Load(After::Tend));
            return true;
        }
        if self.ask_models(gateway, until, now) {
            return true;
        }
        if !reachable {
            return false;
        }
        match gateway.lists_mut().begins_save(now) {
            Some(storing) => self.state = State::Lists(Shelf::Save(Box::new(storing))),
            None => return false,
        }
        true
    }

    /// Asks for the list of the account that has served, if that is due.
    fn ask_models(&mut self, gateway: &mut Gateway, until: Millis, now: Millis) -> bool {
        let Some(account) = self.call.as_ref().and_then(|call| call.account()) else { return false };
        let Some(id) = gateway.pool().id(account).map(str::to_owned) else { return false };
        if !gateway.lists_mut().begins_ask(&id, now) {
            return false;
        }
        let fetch = Fetch { account, host: 0, page: None, pages: 0, models: Vec::new() };
        self.send_ask(gateway, fetch, until)
    }

    /// Whether there is a host left to ask.
    fn send_ask(&mut self, gateway: &Gateway, fetch: Fetch, until: Millis) -> bool {
        let Some(lease) = gateway.pool().lease(fetch.account) else { return false };
        let arn = lease.profile_arn.as_deref();
        let hosts = endpoint::quota_hosts(&gateway.config().bases, lease.region.as_deref(), arn);
        let Some(host) = hosts.get(fetch.host) else { return false };
        let key = lease.kind == BearerKind::ApiKey;
        let request = catalogue::request(host, &lease.bearer, key, arn, fetch.page.as_deref());
        self.upkeep = Some(Upkeep { task: Task::Models(fetch), until });
        self.state = State::Send(Box::new(request), Purpose::Models);
        true
    }

    /// A page of models has come, or not. A list that is not whole is none: it would hide models.
    pub(crate) fn models_answered(
        &mut self,
        gateway: &mut Gateway,
        mut fetch: Fetch,
        until: Millis,
        reading: Option<&Reading>,
        now: Millis,
    ) {
        let answer = reading.and_then(|reading| Some(catalogue::read(reading.head.as_ref()?, &reading.body, now)));
        let goes_on = match answer {
            Some(Ok(page)) => {
                fetch.models.extend(page.models);
                fetch.pages += 1;
                fetch.page = page.next.filter(|_| fetch.models.len() < MAX_MODELS && fetch.pages < MAX_PAGES);
                if fetch.page.is_none() {
                    self.list_whole(gateway, fetch, now);
                    return self.look_after(gateway, now);
                }
                true
            }
            Some(Err(fault)) => {
                self.note_models(&fault.to_string(), now);
                endpoint::moves_on(fault.kind)
            }
            None => true,
        };
        if fetch.page.is_none() {
            fetch.host += 1;
        }
        if !goes_on || now >= until || !self.send_ask(gateway, fetch, until) {
            self.look_after(gateway, now);
        }
    }

    fn list_whole(&mut self, gateway: &mut Gateway, fetch: Fetch, now: Millis) {
        let Some(id) = gateway.pool().id(fetch.account).map(str::to_owned) else { return };
        if fetch.models.is_empty() {
            self.note_models("the service lists none", now);
            return;
        }
        let lists = gateway.lists_mut();
        lists.live.list(&id, fetch.models, now);
        lists.unsaved = true;
        gateway.lay_lists(Some(now));
    }

    /// The request itself was answered well, so that this is a line of its own.
    fn note_models(&mut self, why: &str, now: Millis) {
        let text = format!("the service's list of models is not known for sure: {why}");
        self.lines.push(event_line("warn", &text, now));
    }

    /// The store has answered with the lists, or not.
    pub(crate) fn lists_loaded(
        &mut self,
        gateway: &mut Gateway,
        result: Result<Option<Stored>, StoreError>,
        now: Millis,
    ) {
        let State::Lists(Shelf::Load(after)) = core::mem::replace(&mut self.state, State::Done) else { return };
        let lists = gateway.lists_mut();
        lists.due = now;
        match result {
            Ok(stored) => {
                let (value, version) = stored.map_or((None, None), |stored| (Some(stored.value), stored.version));
                lists.version = version;
                lists.loaded = Some(now);
                lists.unsaved = true;
                if let Err(misread) = lists.live.absorb(value.as_deref(), now) {
                    self.lines.push(event_line("warn", &words(misread), now));
                }
                gateway.lay_lists(Some(now));
            }
            Err(error) => {
                lists.resting = now + RETRY_AFTER;
                self.store_failed(gateway, &error, now);
            }
        }
        self.after_load(gateway, after, now);
    }

    fn after_load(&mut self, gateway: &mut Gateway, after: After, now: Millis) {
        let answered = match after {
            After::Tend => return self.look_after(gateway, now),
            After::SaveAgain(tries) => return self.save_again(gateway, tries, now),
            After::Tell(incoming) => {
                let route = route::find(&incoming.method, &incoming.path);
                self.serve(gateway, &route, *incoming, now)
            }
            After::Ask(asking, Want::Answer) => self.open_call(gateway, *asking, now).map(|()| None),
            After::Ask(asking, Want::CountInput) => self.count_input(gateway, *asking, now).map(|()| None),
            After::Ask(asking, Want::CountTokens) => self.count_tokens(gateway, *asking, now).map(|()| None),
        };
        self.served_with(gateway, answered, now);
    }

    fn save_again(&mut self, gateway: &mut Gateway, tries: u8, now: Millis) {
        match gateway.lists_mut().begins_save(now) {
            Some(storing) if tries < SAVE_TRIES => {
                self.state = State::Lists(Shelf::Save(Box::new(Storing { tries: tries + 1, ..storing })));
            }
            // What is not stored now is stored by a later request.
            _ => self.look_after_rest(gateway, now),
        }
    }

    /// The store has taken the lists, or not.
    pub(crate) fn lists_saved(&mut self, gateway: &mut Gateway, result: Result<Saved, StoreError>, now: Millis) {
        let State::Lists(Shelf::Save(storing)) = core::mem::replace(&mut self.state, State::Done) else { return };
        let Storing { snapshot, tries, .. } = *storing;
        let lists = gateway.lists_mut();
        match result {
            Ok(Saved::Stored(version)) => {
                lists.version = version;
                lists.live.saved(snapshot);
            }
            Ok(Saved::Conflict) => {
                self.state = State::Lists(Shelf::Load(After::SaveAgain(tries)));
                return;
            }
            Err(error) => {
                lists.resting = now + RETRY_AFTER;
                self.store_failed(gateway, &error, now);
            }
        }
        self.look_after_rest(gateway, now);
    }

    /// No model is known by the name that a request gives: whether the stored lists are read before it is turned away.
    pub(crate) fn looks_for_model(
        &mut self,
        gateway: &Gateway,
        asking: Asking,
        want: Want,
        error: Error,
        now: Millis,
    ) -> Result<(), Error> {
        if !gateway.lists().wants_load(UNKNOWN_AGAIN_AFTER, now) {
            return Err(error);
        }
        self.state = State::Lists(Shelf::Load(After::Ask(Box::new(asking), want)));
        Ok(())
    }

    /// Answers `POST /v1/messages/count_tokens`: in the same scale as usage, or the two would contradict each other.
    pub(crate) fn count_tokens(&mut self, gateway: &Gateway, asking: Asking, now: Millis) -> Result<(), Error> {
        let given = Given { catalogue: &gateway.config().catalogue, ..Given::of(asking.headers()) };
        let scaled = |model: &_, tokens| Scale::of(model, asking.headers()).apply(tokens);
        match anthropic::count_tokens(asking.body(), &given, scaled) {
            Ok(body) => {
                let answer = self.common.json(200, body);
                self.answer(answer);
                Ok(())
            }
            Err(error) if error.kind() == crate::Kind::UnknownModel => {
                self.looks_for_model(gateway, asking, Want::CountTokens, error, now)
            }
            Err(error) => Err(error),
        }
    }
}

fn words(misread: Misread) -> String {
    match misread {
        Misread::Newer(v) => {
            format!("the stored lists of models were written by a later version (v{v}); they are left alone")
        }
        Misread::Broken => "the stored lists of models cannot be read; the next save replaces them".to_owned(),
    }
}

/// The key of the lists in the store.
pub const LISTS_KEY: &str = "models";
/// How long a load for later requests keeps others from doing the same.
const LOAD_WITHIN: Millis = Millis::secs(10);
/// How long a store that failed is left alone.
const RETRY_AFTER: Millis = Millis::mins(1);
/// How long an account's list is left alone after it was asked for in vain.
const ASK_AGAIN_AFTER: Millis = Millis::mins(10);
/// How old the stored lists must be to be read again for a model that is in none.
const UNKNOWN_AGAIN_AFTER: Millis = Millis::mins(1);
/// Saves that may meet somebody else's.
const SAVE_TRIES: u8 = 3;
/// Pages of one list: a page may hold none and name another one for ever.
const MAX_PAGES: usize = 10;
