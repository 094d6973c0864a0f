//! Token counts in the window a client believes in.
//!
//! Claude Code decides when to compact by comparing usage with the window it believes the model to have: its own
//! number for the model, or a million when it sent the long-context beta. Where the service's window differs, the
//! same share of the window is reported, so that it compacts neither too late nor five times too early. Other
//! clients get plain counts.

use crate::host::{Headers, header};
use crate::models::Model;

/// A ratio between two windows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Scale {
    window: u64,
    client: u64,
}

impl Scale {
    /// The scale of a request.
    pub(crate) fn of(model: &Model, headers: &Headers) -> Self {
        let window = u64::from(model.window);
        let client = if is_claude_code(headers) { believed(model, headers) } else { window };
        Self { window, client }
    }

    /// Tokens in the client's scale.
    pub(crate) fn apply(self, tokens: u64) -> u64 {
        if self.window == self.client {
            tokens
        } else {
            tokens.saturating_mul(self.client).div_ceil(self.window.max(1))
        }
    }

    /// Tokens (in the service's scale) of a percentage of the window.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a window is below 2^32 and the percentage is clamped"
    )]
    pub(crate) fn share(self, percent: f64) -> u64 {
        (percent.clamp(0.0, 1000.0) / 100.0 * self.window as f64).round() as u64
    }

    /// `(N, M)` for `prompt is too long: N tokens > M maximum`; N is always the larger.
    pub(crate) fn overflow(self, estimate: u64) -> (u64, u64) {
        (self.apply(estimate).max(self.client + 1), self.client)
    }
}

fn is_claude_code(headers: &Headers) -> bool {
    header(headers, "x-claude-code-session-id").is_some()
        || header(headers, "user-agent").is_some_and(|agent| agent.starts_with("claude-cli/"))
}

fn believed(model: &Model, headers: &Headers) -> u64 {
    let long = header(headers, "anthropic-beta").is_some_and(|betas| betas.contains("context-1m"));
    if long { 1_000_000 } else { u64::from(model.believed_window()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models;

    fn scale(model: &str, headers: &[(&'static str, &str)]) -> Scale {
        let headers = headers.iter().map(|&(name, value)| (name.into(), value.to_owned())).collect();
        Scale::of(models::Catalogue::built_in().find(model).unwrap(), &headers)
    }

    #[test]
    fn only_claude_code_has_a_belief() {
        let cli = [("user-agent", "claude-cli/2.1.329 (external, cli)")];
        assert_eq!(scale("claude-opus-4.6", &[]).apply(300_000), 300_000);
        assert_eq!(scale("claude-opus-4.6", &cli).apply(300_000), 60_000);
        assert_eq!(scale("claude-opus-5", &cli).apply(300_000), 300_000);
        let long = [("x-claude-code-session-id", "s"), ("anthropic-beta", "a,context-1m-2025-08-07")];
        assert_eq!(scale("claude-opus-4.6", &long).apply(300_000), 300_000);
        assert_eq!(scale("claude-sonnet-4.5", &long).apply(100_000), 500_000);
    }

    #[test]
    fn an_overflow_is_always_over() {
        let scale = scale("claude-sonnet-4.5", &[]);
        assert_eq!(scale.overflow(10), (200_001, 200_000));
        assert_eq!(scale.overflow(250_000), (250_000, 200_000));
    }

    #[test]
    fn a_share_of_the_window_is_its_tokens() {
        assert_eq!(scale("claude-sonnet-4.5", &[]).share(10.867), 21_734);
        assert_eq!(scale("claude-sonnet-4.5", &[]).share(f64::NAN), 0);
    }
}
