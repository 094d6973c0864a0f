//! What one environment may do next, behind one lock.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::super::answer::Teller;
use super::super::{Fault, Invocation};

/// The state of an endpoint, shared by its connections.
pub(super) struct Shared {
    state: Mutex<State>,
    queue: UnboundedSender<Queued>,
    /// Held by the one call of `next` that gets the next event.
    queued: tokio::sync::Mutex<UnboundedReceiver<Queued>>,
}

#[derive(Default)]
pub(super) struct State {
    concurrency: usize,
    next_id: u64,
    /// Handed to the program and not yet answered to the end.
    open: BTreeMap<String, Open>,
    pub(super) first_poll: Option<Instant>,
    pub(super) polls: usize,
    pub(super) offences: Vec<String>,
    pub(super) init_errors: Vec<Value>,
}

impl State {
    fn poll(&mut self) {
        self.first_poll.get_or_insert_with(Instant::now);
        self.polls += 1;
        if self.open.len() >= self.concurrency {
            self.offences.push(format!("next was called while {} invocations were not answered", self.open.len()));
        }
    }
}

struct Queued {
    invocation: Invocation,
    teller: Teller,
}

/// An invocation the program has.
#[derive(Clone)]
pub(super) struct Open {
    pub(super) teller: Teller,
    pub(super) deadline: Instant,
    answered: bool,
}

/// What `next` hands out.
pub(super) struct Handed {
    pub(super) id: String,
    pub(super) deadline: Instant,
    pub(super) deadline_ms: u128,
    pub(super) invocation: Invocation,
}

/// Why an answer is not taken.
pub(super) enum Refused {
    UnknownId,
    SecondAnswer,
}

impl Shared {
    pub(super) fn new(concurrency: usize) -> Self {
        let (queue, queued) = unbounded_channel();
        let state = State { concurrency, ..State::default() };
        Self { state: Mutex::new(state), queue, queued: tokio::sync::Mutex::new(queued) }
    }

    /// Held for moments, never across a wait.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn queue(&self, invocation: Invocation, teller: Teller) -> Result<(), Fault> {
        self.queue.send(Queued { invocation, teller }).map_err(|_| "the endpoint has ended".into())
    }

    pub(super) fn offence(&self, text: String) {
        self.lock().offences.push(text);
    }

    /// A call of `next`: waits for an event.
    pub(super) async fn next(&self) -> Option<Handed> {
        self.lock().poll();
        let Queued { invocation, teller } = self.queued.lock().await.recv().await?;
        let mut state = self.lock();
        state.next_id += 1;
        let id = format!("8476a536-e9f4-11e8-9739-{:012x}", state.next_id);
        let deadline = Instant::now() + invocation.budget;
        let open = Open { teller, deadline, answered: false };
        state.open.insert(id.clone(), open);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Some(Handed { id, deadline, deadline_ms: (since + invocation.budget).as_millis(), invocation })
    }

    /// Takes away an invocation to which no answer has begun.
    pub(super) fn expired(&self, id: &str) -> Option<Open> {
        let mut state = self.lock();
        state.open.get(id).filter(|open| !open.answered)?;
        state.open.remove(id)
    }

    /// An answer begins.
    pub(super) fn begin(&self, id: &str) -> Result<Open, Refused> {
        let mut state = self.lock();
        let open = state.open.get_mut(id).ok_or(Refused::UnknownId)?;
        if std::mem::replace(&mut open.answered, true) {
            return Err(Refused::SecondAnswer);
        }
        Ok(open.clone())
    }
}

/// An answer that is being read. Its invocation is over when this is dropped, however that comes.
pub(super) struct Closing<'s> {
    pub(super) shared: &'s Shared,
    pub(super) id: &'s str,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.shared.lock().open.remove(self.id);
    }
}
