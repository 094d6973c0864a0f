//! The endpoint of one environment.

mod serve;
mod state;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::answer::Teller;
use super::invocation::EVENT_LIMIT;
use super::{Answering, Fault, GUARD, Invocation};
use crate::endpoint::Endpoint;
use state::Shared;

/// A running endpoint, in a thread of its own; dropping it stops it.
pub struct RuntimeApi {
    endpoint: Endpoint,
    shared: Arc<Shared>,
}

impl RuntimeApi {
    /// Serves a program that may have `concurrency` invocations at a time.
    ///
    /// # Errors
    /// No port is free, or the thread cannot be started.
    pub fn start(concurrency: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(concurrency));
        let serving = Arc::clone(&shared);
        let serve = move |request, reset| serve::serve(request, Arc::clone(&serving), reset);
        Ok(Self { endpoint: Endpoint::start("runtime-api", 0, serve)?, shared })
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> String {
        self.endpoint.address().to_string()
    }

    /// Queues an event: the program gets it with one of its next calls of `next`.
    ///
    /// # Errors
    /// It is larger than the platform allows.
    pub fn invoke(&self, invocation: Invocation) -> Result<Answering, Fault> {
        if invocation.event.len() > EVENT_LIMIT {
            return Err(format!("an event of {} bytes: the front end answers 413", invocation.event.len()).into());
        }
        let (teller, answering) = Teller::new(self.endpoint.runtime().clone());
        self.shared.queue(invocation, teller)?;
        Ok(answering)
    }

    /// When the program asked for its first event.
    pub fn first_poll(&self) -> Option<Instant> {
        self.shared.lock().first_poll
    }

    /// How often the program has asked for an event.
    pub fn polls(&self) -> usize {
        self.shared.lock().polls
    }

    /// Waits until the program has asked for so many events in all.
    ///
    /// # Errors
    /// It has not within a minute.
    pub fn polled(&self, times: usize) -> Result<(), Fault> {
        let began = Instant::now();
        while self.polls() < times {
            if began.elapsed() > GUARD {
                return Err(format!("the program asked {} times for an event, not {times} times", self.polls()).into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// What the platform would have refused or punished, oldest first. A program that behaves has none.
    pub fn offences(&self) -> Vec<String> {
        self.shared.lock().offences.clone()
    }

    /// What the program posted to `init/error`.
    pub fn init_errors(&self) -> Vec<Value> {
        self.shared.lock().init_errors.clone()
    }
}
