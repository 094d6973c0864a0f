//! Answers that are kept: stored when they are complete, before their last word; found again when a later request
//! names them.
//!
//! A record lies under `response/<owner>/<id>`. The owner is the client key that made it: under another key there
//! is no such response. The record is sealed and bound to that place, and holds the end of its own lifetime, because
//! a store may show what has expired.

use sha2::{Digest, Sha256};

use crate::dialect::responses;
use crate::error::{Error, Kind};
use crate::exchange::asking::Asking;
use crate::exchange::relay::Relay;
use crate::exchange::reply::ignored_header;
use crate::exchange::{Exchange, Gateway, Say, State, hex};
use crate::host::{MAX_KEPT, Millis, Saved, StoreError, Stored};
use crate::json;
use crate::seal::Own;
use crate::summary::event_line;

/// The client key that responses belong to, as far as it must be known here.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    name: String,
    own: Own,
}

impl Owner {
    /// The owner that this client key is.
    pub(crate) fn of(client_key: &str) -> Self {
        let digest = Sha256::new().chain_update("kiro2api response owner v1\0").chain_update(client_key).finalize();
        let name = hex(digest.get(..NAME_BYTES).unwrap_or_default());
        Self { name, own: Own::of("kiro2api client key v1", client_key) }
    }

    fn key(&self, id: &str) -> String {
        format!("response/{}/{id}", self.name)
    }
}

/// A record on its way into the store.
#[derive(Debug)]
pub(crate) struct Keeping {
    id: String,
    pub(crate) key: String,
    pub(crate) sealed: Vec<u8>,
    pub(crate) lifetime: Millis,
}

/// A record that is looked for.
#[derive(Debug)]
pub(crate) struct Recall {
    id: String,
    pub(crate) key: String,
    wanted: Wanted,
}

/// What for.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// To answer the request that continues it; the path of what names it.
    Continue(Asking, String),
    /// To count the tokens of that.
    Count(Asking, String),
    /// To show the response.
    Show,
    /// To list its input; the query.
    Items(String),
    /// To remove it.
    Remove,
}

/// A record that is being removed.
#[derive(Debug)]
pub(crate) struct Removal {
    id: String,
    pub(crate) key: String,
}

impl Exchange {
    /// Looks for a kept response.
    ///
    /// # Errors
    /// Nothing is kept here, or no response can have such an id.
    pub(crate) fn recall(&mut self, gateway: &Gateway, id: &str, wanted: Wanted) -> Result<(), Error> {
        if gateway.config().responses_kept.is_none() {
            return Err(wanted.refused());
        }
        let Some(owner) = self.owner.as_ref().filter(|_| is_id(id)) else { return Err(wanted.missing(id)) };
        let recall = Recall { id: id.to_owned(), key: owner.key(id), wanted };
        self.state = State::Recall(Box::new(recall));
        Ok(())
    }

    /// The store has answered: the record is there and can be read, or the client learns why not.
    pub(crate) fn recalled(&mut self, gateway: &mut Gateway, result: Result<Option<Stored>, StoreError>, now: Millis) {
        let State::Recall(recall) = core::mem::replace(&mut self.state, State::Done) else { return };
        let used = match self.record(gateway, &recall, result, now) {
            Ok(record) => self.use_record(gateway, *recall, record, now),
            Err(error) => Err(error),
        };
        if let Err(error) = used {
            self.fail(gateway, &error, now);
        }
    }

    fn record(
        &mut self,
        gateway: &Gateway,
        recall: &Recall,
        result: Result<Option<Stored>, StoreError>,
        now: Millis,
    ) -> Result<Vec<u8>, Error> {
        let missing = || recall.wanted.missing(&recall.id);
        let stored = match result {
            Ok(stored) => stored.ok_or_else(missing)?,
            Err(_) if self.is_out(now) => return Err(self.term.platform().deadline.error()),
            Err(error) => return Err(self.unreachable("read", &recall.id, &error, now)),
        };
        let owner = self.owner.as_ref().ok_or_else(missing)?;
        let opened = gateway.config().sealing.open(&owner.own, &place(&recall.key), &stored.value);
        let Some((until, record)) = opened.and_then(|opened| unwrapped(opened.plain)) else {
            let text = format!(
                "no key opens the kept response {}; was TOKEN_STORE_KEY changed without keeping the old key behind a \
                 comma?",
                recall.id
            );
            self.lines.push(event_line("warn", &text, now));
            return Err(missing());
        };
        if now >= until { Err(missing()) } else { Ok(record) }
    }

    fn use_record(&mut self, gateway: &mut Gateway, recall: Recall, record: Vec<u8>, now: Millis) -> Result<(), Error> {
        let body = match recall.wanted {
            Wanted::Continue(mut asking, _) => {
                asking.continues(record);
                return self.open_call(gateway, asking, now);
            }
            Wanted::Count(mut asking, _) => {
                asking.continues(record);
                return self.count_input(gateway, asking, now);
            }
            Wanted::Remove => {
                self.state = State::Remove(Box::new(Removal { id: recall.id, key: recall.key }));
                return Ok(());
            }
            Wanted::Show => responses::stored_response(&record)?,
            Wanted::Items(query) => responses::input_items(&record, &query)?,
        };
        self.answer(self.common.json(200, body));
        Ok(())
    }

    /// The store has answered a removal.
    pub(crate) fn removed(&mut self, gateway: &mut Gateway, result: Result<(), StoreError>, now: Millis) {
        let State::Remove(removal) = &self.state else { return };
        let id = removal.id.clone();
        match result {
            Ok(()) => self.answer(self.common.json(200, responses::deleted(&id))),
            Err(error) => {
                let late = self.is_out(now).then(|| self.term.platform().deadline.error());
                let error = late.unwrap_or_else(|| self.unreachable("removed", &id, &error, now));
                self.fail(gateway, &error, now);
            }
        }
    }

    fn unreachable(&mut self, what: &str, id: &str, error: &StoreError, now: Millis) -> Error {
        let text = format!("the kept response {id} cannot be {what}: the store cannot be reached ({})", error.0);
        self.lines.push(event_line("error", &text, now));
        let text = format!(
            "the response {id} cannot be {what} because the store of this gateway cannot be reached just now: try \
             again in a moment"
        );
        Error::new(Kind::StoreUnreachable, text)
    }

    /// Whether a complete answer still waits for its last word, although its client is gone.
    pub(crate) fn is_unkept(&self) -> bool {
        matches!(self.state, State::Relay)
            && self.call.as_ref().and_then(|call| call.relay.as_ref()).is_some_and(Relay::has_more)
    }

    /// The answer is complete. Where that is wanted it is stored before its last word, which says whether it is.
    pub(crate) fn completed(&mut self, gateway: &mut Gateway, now: Millis) {
        match self.keeping(gateway, now) {
            Some(keeping) => self.state = State::Keep(Box::new(keeping)),
            None => self.last_word(gateway, false, now),
        }
    }

    /// The record of the complete answer, sealed.
    fn keeping(&mut self, gateway: &Gateway, now: Millis) -> Option<Keeping> {
        let lifetime = gateway.config().responses_kept?;
        let owner = self.owner.clone()?;
        let entropy = self.draw();
        let call = self.call.as_ref().filter(|call| call.voice.wants_keeping())?;
        let Some((id, mut record)) = call.voice.record(call.ids(), call.complete()?) else {
            self.not_kept(None, &format!("it takes more than {MAX_KEPT} bytes"), now);
            return None;
        };
        json::mend_surrogates(&mut record);
        if record.len() > MAX_KEPT {
            self.not_kept(Some(&id), &format!("it takes {} bytes of {MAX_KEPT}", record.len()), now);
            return None;
        }
        let key = owner.key(&id);
        let plain = wrapped(now + lifetime, &record);
        let sealed = gateway.config().sealing.seal(&owner.own, &place(&key), &plain, &entropy)?;
        Some(Keeping { id, key, sealed, lifetime })
    }

    /// The store has answered a save of a record.
    pub(crate) fn kept(&mut self, gateway: &mut Gateway, result: Result<Saved, StoreError>, now: Millis) {
        let State::Keep(keeping) = core::mem::replace(&mut self.state, State::Done) else { return };
        match result {
            Ok(Saved::Stored(_)) => self.summary.kept = Some(true),
            Ok(Saved::Conflict) => self.not_kept(Some(&keeping.id), "there is one of that id already", now),
            Err(error) => self.not_kept(Some(&keeping.id), &format!("the store cannot be reached ({})", error.0), now),
        }
        self.last_word(gateway, self.summary.kept == Some(true), now);
    }

    fn not_kept(&mut self, id: Option<&str>, why: &str, now: Millis) {
        self.summary.kept = Some(false);
        self.summary.verdicts.push(format!("not kept: {why}"));
        let which = id.unwrap_or("of this request");
        let text = format!("the response {which} is not kept: {why}; it can be neither retrieved nor continued");
        self.lines.push(event_line("warn", &text, now));
    }

    /// Tells the end of a streamed answer, or the whole of another.
    fn last_word(&mut self, gateway: &mut Gateway, kept: bool, now: Millis) {
        let Some(call) = &mut self.call else { return };
        if !call.stream {
            let body = call.folded(kept).unwrap_or_default();
            let mut answer = self.common.json(200, body);
            if self.summary.kept == Some(false) {
                self.summary.ignored.push("store");
            }
            answer.0.headers.extend(ignored_header(&self.summary.ignored));
            return self.answer(answer);
        }
        let mut out = Vec::new();
        if let Some(relay) = &mut call.relay {
            relay.conclude(kept, &mut out);
        }
        if !out.is_empty() && !self.left {
            self.outbox.push_back(Say::Write(out));
        }
        self.close(gateway, now);
    }
}

impl Wanted {
    fn missing(&self, id: &str) -> Error {
        let shown: String = id.chars().take(MAX_ID).collect();
        let why = "it was never made with this client key, was not stored (store: false, or too large), was deleted, \
                   has expired, or was made elsewhere less than a minute ago";
        match self {
            Self::Continue(_, path) | Self::Count(_, path) => Error::at(
                Kind::PreviousMissing,
                path.as_str(),
                format!("previous response {shown:?} not found: {why}. Send the whole conversation as input instead"),
            ),
            Self::Show | Self::Items(_) | Self::Remove => {
                Error::new(Kind::NoSuchResponse, format!("response {shown:?} not found: {why}"))
            }
        }
    }

    fn refused(&self) -> Error {
        match self {
            Self::Continue(_, path) | Self::Count(_, path) => Error::invalid(path.as_str(), STORE_OFF_CONTINUE),
            Self::Show | Self::Items(_) | Self::Remove => Error::invalid("", STORE_OFF),
        }
    }
}

/// What the seal binds a record to.
fn place(key: &str) -> String {
    format!("kiro2api kept v1 {key}")
}

/// The bytes that are sealed: a version, the end of the lifetime, the record.
fn wrapped(until: Millis, record: &[u8]) -> Vec<u8> {
    [&[VERSION], until.0.to_be_bytes().as_slice(), record].concat()
}

fn unwrapped(mut plain: Vec<u8>) -> Option<(Millis, Vec<u8>)> {
    let (version, rest) = plain.split_first()?;
    let until = rest.first_chunk::<8>().filter(|_| *version == VERSION)?;
    let until = Millis(u64::from_be_bytes(*until));
    plain.drain(..HEAD);
    Some((until, plain))
}

/// Whether a response can have this id. Anything else never reaches the store as a part of a key.
fn is_id(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

const VERSION: u8 = 1;
const HEAD: usize = 9;
/// Enough that no two keys meet; too little to tell a key from.
const NAME_BYTES: usize = 16;
const MAX_ID: usize = 64;
const STORE_OFF: &str = "this gateway keeps no responses (RESPONSES_STORE=off)";
const STORE_OFF_CONTINUE: &str = "this gateway keeps no responses (RESPONSES_STORE=off): send the whole conversation \
                                  as input instead";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_record_comes_out_whole_and_another_version_does_not() {
        let wrapped = wrapped(Millis(77), b"record");
        assert_eq!(unwrapped(wrapped.clone()), Some((Millis(77), b"record".to_vec())));
        assert_eq!(unwrapped([&[2], &wrapped[1..]].concat()), None);
        assert_eq!(unwrapped(wrapped[..8].to_vec()), None);
        assert_eq!(unwrapped(Vec::new()), None);
    }

    #[test]
    fn owners_differ_by_key_and_show_none() {
        let (one, two) = (Owner::of("one"), Owner::of("two"));
        assert_ne!(one.key("resp_1"), two.key("resp_1"));
        assert_ne!(one.own, two.own);
        assert!(!format!("{one:?}").contains("one"));
    }

    #[test]
    fn only_plain_ids_reach_the_store() {
        assert!(is_id("resp_0123456789abcdef01234567") && is_id("a-B_9"));
        for id in ["", "../pool", "resp_%31", "a/b", "é", &"x".repeat(65)] {
            assert!(!is_id(id), "{id}");
        }
    }
}
