//! Token counts that remember where they came from.

/// Where a count comes from, in falling order of truth.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Source {
    /// The service's own token count.
    Reported,
    /// The service's percentage of the window times the window.
    Derived,
    /// Our estimate.
    #[default]
    Estimated,
}

/// A number of tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// How many.
    pub tokens: u64,
    /// How we know.
    pub source: Source,
}

impl Count {
    /// The service said so.
    pub const fn reported(tokens: u64) -> Self {
        Self { tokens, source: Source::Reported }
    }

    /// Computed from a percentage the service sent.
    pub const fn derived(tokens: u64) -> Self {
        Self { tokens, source: Source::Derived }
    }

    /// Estimated here.
    pub const fn estimated(tokens: u64) -> Self {
        Self { tokens, source: Source::Estimated }
    }
}

/// What an answer used.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Usage {
    /// Input tokens that were not read from or written to a cache.
    pub input: Count,
    /// Output tokens, thinking included.
    pub output: Count,
    /// Input tokens read from the service's cache; zero unless reported.
    pub cache_read: u64,
    /// Input tokens written to it; zero unless reported.
    pub cache_write: u64,
    /// Price in the service's credits, where it said.
    pub credits: Option<f64>,
}

impl Usage {
    /// What several answers to one request used together: the input counts once, as the client sent it once.
    pub fn of_choices(choices: &[Self]) -> Self {
        let mut whole = choices.first().copied().unwrap_or_default();
        for usage in choices.iter().skip(1) {
            whole.output.tokens = whole.output.tokens.saturating_add(usage.output.tokens);
            whole.output.source = whole.output.source.max(usage.output.source);
            whole.credits = match (whole.credits, usage.credits) {
                (Some(one), Some(other)) => Some(one + other),
                (one, other) => one.or(other),
            };
        }
        whole
    }
}
