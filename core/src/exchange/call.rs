//! One conversation turn on its way through the accounts: the encoded request, and what was tried.

use std::sync::Arc;

use crate::config::Config;
use crate::dialect::{Decoded, Encoder, Ids, Need, Voice};
use crate::error::{Error, Kind};
use crate::exchange::asking::Asking;
use crate::exchange::deadlines::{self, PING_AFTER, Term, Total, Watch};
use crate::exchange::hold::Sink;
use crate::exchange::pipe::Pipe;
use crate::exchange::plan::{Facts, Failure, Repair, TRIES};
use crate::exchange::relay::Relay;
use crate::exchange::scale::Scale;
use crate::exchange::{Gateway, Purpose};
use crate::host::Millis;
use crate::json;
use crate::models::{FieldSet, Model};
use crate::pool::{Account, BearerKind, Lease, Outcome, Ticket};
use crate::turn::demand::{Correction, Demand};
use crate::turn::flow::Options;
use crate::turn::{Answer, Message, Thinking, ToolChoice, estimate, fit};
use crate::upstream::fault::Asked;
use crate::upstream::profile::Profile;
use crate::upstream::{Encoded, Wishes, encode};

/// A request that is to be answered by the service.
#[derive(Debug)]
pub(crate) struct Call {
    asking: Asking,
    /// How the answer is told, and the names in it.
    pub(crate) voice: Voice,
    ids: Ids,
    pub(crate) encoded: Encoded,
    wishes: Wishes,
    pub(crate) model: Arc<Model>,
    pub(crate) session: Option<String>,
    pub(crate) stream: bool,
    pub(crate) ignored: Vec<&'static str>,
    show_thinking: bool,
    stop_sequences: Vec<String>,
    single_call: bool,
    no_calls: bool,
    /// What an answer must be.
    demand: Demand,
    /// What was said when the first answer was not that; empty before.
    correction: Vec<Message<'static>>,
    /// How many of the oldest messages were left out to fit the window.
    pub(crate) truncated: usize,
    max_tokens: Option<u32>,
    estimate: u64,
    scale: Scale,
    deadlines: crate::config::Deadlines,
    term: Term,
    total: Total,
    refresh_timeout: Millis,
    /// When the current request to the service began.
    sent: Millis,
    /// When the client last heard anything.
    said: Millis,
    /// The account in use, and what it was called with.
    pub(crate) lease: Option<Lease>,
    /// From the choice of the account until its answer has ended or failed.
    pub(crate) ticket: Option<Ticket>,
    /// Until when it waits for accounts that rest or are being refreshed.
    pub(crate) patience: Millis,
    /// Accounts that are not to be tried again.
    pub(crate) tried: Vec<Account>,
    pub(crate) host: usize,
    /// How many hosts this account has, and how many have been tried.
    pub(crate) hosts: usize,
    hosts_tried: usize,
    /// A look-up of the account's profile under way.
    pub(crate) lookup: Lookup,
    pub(crate) facts: Facts,
    pub(crate) relay: Option<Relay>,
    /// Whether the pool knows that this attempt is being answered.
    served: bool,
    /// What the relay has written and the client has not got yet.
    pub(crate) pending: Vec<u8>,
    /// The last failure, for when nobody is left to ask.
    pub(crate) failure: Option<Error>,
}

/// Where a look-up of profiles stands: one host after another in each region, page after page.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    pub(crate) region: usize,
    pub(crate) host: usize,
    pub(crate) page: Option<String>,
    /// Pages that have come.
    pub(crate) pages: usize,
    pub(crate) found: Vec<Profile>,
}

impl Lookup {
    /// This host does not answer. `false`: the region is not done by that.
    pub(crate) fn give_up_host(&mut self) -> bool {
        self.host += 1;
        self.page = None;
        false
    }

    pub(crate) fn next_region(&mut self) {
        (self.region, self.host, self.page) = (self.region + 1, 0, None);
    }
}

/// A request that was read.
#[derive(Debug)]
pub(crate) enum Opening {
    /// It can be answered.
    Ready(Box<Call>),
    /// It names no model that is known.
    Unknown { asking: Asking, error: Error },
    /// Something it names must be found first, for this model as the client names it, and until the end of the request.
    Needs { asking: Asking, needs: Vec<Need>, model: String, total: Total },
}

impl Call {
    /// The request's deadline counts from the beginning of its `term`.
    pub(crate) fn open(asking: Asking, ids: Ids, config: &Config, term: Term, now: Millis) -> Result<Opening, Error> {
        let decoded = asking.decode(config);
        if let Err(error) = &decoded
            && error.kind() == Kind::UnknownModel
        {
            let error = error.clone();
            drop(decoded);
            return Ok(Opening::Unknown { asking, error });
        }
        let Decoded { mut turn, voice, needs } = decoded?;
        let total = term.total(term.begun() + deadlines::total(&turn, &config.deadlines));
        if !needs.is_empty() {
            drop(turn);
            let model = voice.model().to_owned();
            return Ok(Opening::Needs { asking, needs, model, total });
        }
        let truncated = fit::fit(&mut turn);
        let wishes = Wishes::default();
        let encoded = encode(&turn, &wishes)?;
        let scale = Scale::of(turn.model, asking.headers());
        let call = Self {
            wishes,
            encoded,
            asking: Asking::default(),
            voice,
            ids,
            model: Arc::clone(turn.model),
            session: turn.session.as_deref().map(str::to_owned),
            stream: turn.stream,
            ignored: turn.ignored.clone(),
            show_thinking: turn.thinking != Thinking::Off,
            stop_sequences: turn.stop_sequences.iter().map(|text| text.clone().into_owned()).collect(),
            single_call: !turn.parallel_tools,
            no_calls: turn.tool_choice == ToolChoice::None,
            demand: Demand::of(&turn),
            correction: Vec::new(),
            truncated,
            max_tokens: turn.max_tokens,
            estimate: estimate::turn(&turn),
            scale,
            deadlines: config.deadlines,
            term,
            total,
            refresh_timeout: config.refresh_timeout,
            sent: now,
            said: now,
            lease: None,
            ticket: None,
            patience: (now + PATIENCE).min(total.at),
            tried: Vec::new(),
            host: 0,
            hosts: 1,
            hosts_tried: 0,
            lookup: Lookup::default(),
            facts: Facts::default(),
            relay: None,
            served: false,
            pending: Vec::new(),
            failure: None,
        };
        Ok(Opening::Ready(Box::new(Self { asking, ..call })))
    }

    /// The same request as one of several choices.
    pub(crate) fn branch(&self, choice: u32, config: &Config, now: Millis) -> Result<Self, Error> {
        let ids = Ids { choice: Some(choice), ..self.ids.clone() };
        match Self::open(self.asking.clone(), ids, config, self.term, now)? {
            Opening::Ready(call) => Ok(*call),
            Opening::Unknown { error, .. } => Err(error),
            Opening::Needs { .. } => Err(Error::new(Kind::Internal, "the request asks again for what it was given")),
        }
    }

    /// Bytes of the request: its body and what was fetched for it.
    pub(crate) fn request_len(&self) -> usize {
        self.asking.len()
    }

    /// Encodes the same turn in another shape after this failure; whether that changed anything.
    pub(crate) fn repair(&mut self, repair: Repair, failure: &Failure, config: &Config) -> Result<bool, Error> {
        match repair {
            Repair::StrictSchemas => self.wishes.strict = true,
            Repair::NoExtraFields => self.wishes.refused = self.refused_now(failure),
            Repair::NoTaskIds => self.wishes.task_ids = false,
        }
        self.encode_again(config)
    }

    /// The fields to leave out from now on: those the failure names, or all where it names none that was sent.
    fn refused_now(&self, failure: &Failure) -> FieldSet {
        let named = match failure {
            Failure::Fault(fault) => fault.named_fields(),
            _ => FieldSet::default(),
        };
        let fits = named.meets(self.encoded.extra_fields());
        if fits { self.wishes.refused.and(named) } else { FieldSet::ALL }
    }

    /// Encodes the same turn with what was wrong with its answer.
    pub(crate) fn ask_again(&mut self, correction: &Correction, config: &Config) -> Result<(), Error> {
        self.correction = correction.messages();
        self.encode_again(config).map(|_| ())
    }

    fn encode_again(&mut self, config: &Config) -> Result<bool, Error> {
        let mut turn = self.asking.decode(config)?.turn;
        fit::fit(&mut turn);
        turn.messages.extend(self.correction.iter().cloned());
        let mut encoded = encode(&turn, &self.wishes)?;
        let changed = encoded.body(None) != self.encoded.body(None);
        self.encoded = encoded;
        Ok(changed)
    }

    /// What has been tried, for the plan.
    pub(crate) fn facts(&self) -> Facts {
        Facts {
            more_hosts: self.hosts_tried + 1 < self.hosts,
            extra_fields: !self.encoded.extra_fields().is_empty(),
            task_ids: self.wishes.task_ids,
            strict: self.wishes.strict,
            // A key has no profile of its own.
            profiled: self.facts.profiled || self.lease.as_ref().is_some_and(|lease| lease.kind == BearerKind::ApiKey),
            ..self.facts
        }
    }

    /// A request to the service begins, or the body of its refusal.
    pub(crate) fn sent(&mut self, now: Millis) {
        self.sent = now;
    }

    pub(crate) fn encoder(&self) -> Encoder {
        self.voice.encoder(&self.ids)
    }

    /// The service answers 200: from here its bytes go through a relay of this attempt.
    pub(crate) fn begin_relay(&mut self, request_id: &str, now: Millis) {
        let options = Options {
            show_thinking: self.show_thinking,
            split_tags: self.encoded.tags(),
            stop_sequences: self.stop_sequences.clone(),
            single_call: self.single_call,
            no_calls: self.no_calls,
        };
        let sink = if self.stream { Sink::Encode(self.encoder()) } else { Sink::Fold(Answer::default()) };
        let last = !self.correction.is_empty() || self.facts.tries >= TRIES;
        let sink = sink.holding(self.demand.clone(), last);
        let asked = (Arc::clone(&self.model), self.voice.model().to_owned());
        let limit = self.max_tokens.filter(|_| !self.encoded.limited()).map(u64::from);
        let pipe = Pipe::new(options, sink, self.encoded.names().clone(), self.scale, self.estimate, asked, limit);
        let watch = Watch::new(now, self.deadlines.idle, self.total, self.stream);
        self.relay = Some(Relay::new(pipe, watch, self.term, request_id.to_owned()));
        self.served = false;
        self.pending.clear();
    }

    /// Whether it is one of several side by side.
    pub(crate) fn is_choice(&self) -> bool {
        self.ids.choice.is_some()
    }

    /// What the names in the answer are made of.
    pub(crate) fn ids(&self) -> &Ids {
        &self.ids
    }

    /// The answer of which everything has come, where it is at hand as a whole.
    pub(crate) fn complete(&self) -> Option<&Answer> {
        let pipe = self.relay.as_ref()?.pipe();
        pipe.answer().or_else(|| pipe.unconcluded())
    }

    /// The body of an answer that is not streamed; `kept` says whether that is stored.
    pub(crate) fn folded(&self, kept: bool) -> Option<Vec<u8>> {
        let answer = self.relay.as_ref()?.pipe().answer()?;
        let mut out = Vec::new();
        self.voice.body(&self.ids, &[answer], kept, &mut out);
        json::mend_surrogates(&mut out);
        Some(out)
    }

    /// The client's request and its encoded form are not needed once the answer is committed.
    pub(crate) fn commit(&mut self, now: Millis) {
        self.asking.forget();
        self.encoded.forget_body();
        self.said = now;
        if let Some(relay) = &mut self.relay {
            relay.commit(now);
        }
    }

    /// The numbers of an overflow.
    pub(crate) fn asked(&self) -> Asked<'_> {
        let (tokens, maximum) = self.scale.overflow(self.estimate);
        Asked { model: self.voice.model(), tokens, maximum }
    }

    /// Turns to another account.
    pub(crate) fn use_account(&mut self, lease: Lease, host: usize) {
        let before = self.lease.replace(lease).map(|lease| lease.account);
        if before != self.account() {
            // It had its tries, or the pool lets it rest.
            self.tried.extend(before);
            self.facts = Facts {
                tries: self.facts.tries,
                empty: self.facts.empty,
                broken: self.facts.broken,
                ..Facts::default()
            };
            self.host = host;
            self.hosts_tried = 0;
            self.lookup = Lookup::default();
        }
    }

    pub(crate) fn account(&self) -> Option<Account> {
        self.lease.as_ref().map(|lease| lease.account)
    }

    /// This account is not asked again.
    pub(crate) fn give_up_account(&mut self) {
        self.tried.extend(self.account());
    }

    pub(crate) fn next_host(&mut self) {
        self.host += 1;
        self.hosts_tried += 1;
    }

    pub(crate) fn settle(&self, gateway: &mut Gateway, outcome: Outcome, now: Millis) {
        if let Some(lease) = &self.lease {
            gateway.pool_mut().settle(lease, outcome, &self.model.upstream_id, now);
        }
    }

    /// The service answers this attempt: told to the pool once, before the answer is relayed, since nothing runs
    /// any more when the client hangs up in the middle of it.
    pub(crate) fn served(&mut self, gateway: &mut Gateway, now: Millis) {
        if !core::mem::replace(&mut self.served, true) {
            self.settle(gateway, Outcome::Served, now);
            if !self.wishes.refused.is_empty() {
                gateway.fields_refused(&self.model.upstream_id, self.wishes.refused, now);
            }
        }
    }

    /// The nearest deadline of a request whose head is awaited (`headed`: the rest of its body).
    pub(crate) fn deadline(&self, purpose: Purpose, headed: bool) -> Millis {
        match purpose {
            Purpose::Refresh => (self.sent + self.refresh_timeout).min(self.term.refreshed()),
            Purpose::Profile | Purpose::Quota | Purpose::Models => {
                (self.sent + self.refresh_timeout).min(self.total.at)
            }
            Purpose::Generate if headed => (self.sent + REFUSAL_WITHIN).min(self.total.at),
            Purpose::Generate => (self.sent + self.deadlines.first).min(self.total.at),
        }
    }

    /// The end of the whole request.
    pub(crate) fn total(&self) -> Total {
        self.total
    }

    /// When a silent client wants a ping.
    pub(crate) fn ping_at(&self) -> Millis {
        if self.stream { self.said + PING_AFTER } else { Millis::NEVER }
    }

    pub(crate) fn said(&mut self, now: Millis) {
        self.said = now;
    }

    /// Whether the whole request has run out of time.
    pub(crate) fn is_over(&self, now: Millis) -> bool {
        now >= self.total.at
    }
}

/// How long the body of a refusal may take: its head says nearly all there is to know.
const REFUSAL_WITHIN: Millis = Millis::secs(5);

/// How long a request waits for accounts before it says so.
const PATIENCE: Millis = Millis::secs(20);
