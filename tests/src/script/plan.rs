//! The outcome of a script for one request: what is written when.

use super::{Script, parse::End, render};
use crate::refusal::Refusal;

/// What a script may know of the request it answers.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Which step: the number of assistant turns after the directive's message.
    pub step: usize,
    /// How many requests of this step were answered before.
    pub attempt: usize,
    /// The declared tool names.
    pub tools: Vec<String>,
    /// The conversation id, for `initial-response`.
    pub conversation: String,
    /// Tool use ids derive from it: equal seeds, equal ids.
    pub seed: String,
    /// The default answer.
    pub answer: String,
    /// Written into the automatic `contextUsageEvent`.
    pub context_percent: f64,
    /// Written into the automatic `meteringEvent`.
    pub credits: f64,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            step: 0,
            attempt: 0,
            tools: Vec::new(),
            conversation: "6f0f2f52-6c0c-4b43-9a2e-3a2f5a4a9d01".to_owned(),
            seed: String::new(),
            answer: "This is the simulated upstream.".to_owned(),
            context_percent: 10.867,
            credits: 0.0897,
        }
    }
}

/// The beginning of the answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Head {
    /// Status 200 and an event stream; the actions follow.
    Stream,
    /// An HTTP error.
    Refused(Refusal),
    /// An HTML page with status 200.
    Html,
}

/// One thing the server does with the stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// One write of these bytes.
    Write(Vec<u8>),
    /// A pause in milliseconds.
    Wait(u64),
    /// Nothing more, and no end either.
    Stall,
    /// The end. Without one, the body ends cleanly after the last action.
    End(End),
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// A pause before the head, in milliseconds.
    pub head_delay: u64,
    /// The beginning.
    pub head: Head,
    /// The rest; empty unless the head is a stream.
    pub actions: Vec<Action>,
}

impl Plan {
    /// All bytes of the stream, in order.
    pub fn bytes(&self) -> Vec<u8> {
        let writes = self.actions.iter().filter_map(|action| match action {
            Action::Write(bytes) => Some(bytes.as_slice()),
            _ => None,
        });
        writes.flatten().copied().collect()
    }
}

impl Script {
    /// The answer to one request, or nothing if the script has fewer steps.
    pub fn plan(&self, scene: &Scene) -> Option<Plan> {
        let step = self.steps.get(scene.step)?;
        let mut before = 0;
        let served = step.alternatives.iter().find(|alternative| {
            before = alternative.times.saturating_add(before);
            scene.attempt < before
        });
        let alternative = served.or_else(|| step.alternatives.last())?;
        Some(render::plan(&alternative.ops, scene))
    }
}
