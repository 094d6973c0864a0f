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
