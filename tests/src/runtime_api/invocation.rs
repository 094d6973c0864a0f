//! One call of the function.

use std::time::Duration;

use serde_json::Value;

/// What `next` hands to the program. The platform makes the id and the deadline.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The event's bytes: JSON on the platform, which a test may break.
    pub event: Vec<u8>,
    /// Time until the deadline, from when the program takes the event.
    pub budget: Duration,
    /// `Lambda-Runtime-Trace-Id`.
    pub trace: Option<String>,
}

impl Invocation {
    /// An event with the longest time a function may have.
    pub fn new(event: &Value) -> Self {
        Self::raw(event.to_string())
    }

    /// An event that need not be JSON.
    pub fn raw(event: impl Into<Vec<u8>>) -> Self {
        let trace = "Root=1-65f00000-000000000000000000000001;Parent=0000000000000001;Sampled=0".to_owned();
        Self { event: event.into(), budget: Duration::from_secs(900), trace: Some(trace) }
    }

    /// With another time until the deadline.
    #[must_use]
    pub fn within(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }
}

/// The largest event the platform passes on, in bytes.
pub(super) const EVENT_LIMIT: usize = 6 * 1024 * 1024;
