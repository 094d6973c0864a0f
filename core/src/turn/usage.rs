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
    /// What several answers to one request used together: the input counts once, as the client sent it once, by the
    /// best source there is.
    pub fn of_choices(choices: &[Self]) -> Self {
        let Some(best) = choices.iter().min_by_key(|usage| usage.input.source) else { return Self::default() };
        let mut whole = Self { output: Count::reported(0), credits: None, ..*best };
        for usage in choices {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_of_choices_counts_once_by_the_best_source_and_the_output_is_as_sure_as_its_worst() {
        let cut = Usage { input: Count::estimated(90), output: Count::estimated(3), ..Usage::default() };
        let whole = Usage {
            input: Count::reported(100),
            output: Count::reported(5),
            cache_read: 7,
            credits: Some(0.5),
            ..Usage::default()
        };
        let expected = Usage { output: Count::estimated(13), credits: Some(1.0), ..whole };
        assert_eq!(Usage::of_choices(&[cut, whole, whole]), expected);
        assert_eq!(Usage::of_choices(&[whole]), whole);
        assert_eq!(Usage::of_choices(&[]), Usage::default());
    }
}
