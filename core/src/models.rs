//! The models: public ids, aliases, the service's ids, windows and thinking kinds, in one table.

use std::sync::{Arc, LazyLock};

/// The models one gateway offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Catalogue {
    rows: Vec<Arc<Model>>,
}

/// A model the gateway offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Model {
    /// The public id, as `/v1/models` lists it.
    pub id: &'static str,
    /// For humans.
    pub display_name: &'static str,
    /// The service's id.
    pub upstream_id: &'static str,
    /// Tokens of context the service gives it.
    pub window: u32,
    /// Most output tokens.
    pub max_output: u32,
    /// How it thinks.
    pub reasoning: Reasoning,
    /// Whether it takes images.
    pub images: bool,
    /// When the model came out (RFC 3339 date and its Unix seconds), for listings.
    pub created: (&'static str, u64),
    /// Other public ids of the same model; date-suffixed, `-latest`, dotted and `-thinking` forms are
    /// understood without a row.
    pub aliases: &'static [&'static str],
}

/// How a model thinks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reasoning {
    /// Not natively: asked by tags in the prompt, answered by tags in the text.
    Tags,
    /// By `thinking` and `output_config.effort` in the request's extra fields.
    Effort {
        /// Whether `xhigh` is in its scale.
        xhigh: bool,
    },
    /// By `reasoning.effort` in the request's extra fields; thought comes back encrypted.
    Gpt,
    /// Not at all.
    None,
}

impl Model {
    /// Tokens of context that Claude Code believes this model to have without its long-context beta.
    /// Observed 2026-11 with Claude Code 2.1.329: a million for every name it does not list as smaller.
    pub fn believed_window(&self) -> u32 {
        if BELIEVED_SMALL.contains(&self.id) { 200_000 } else { 1_000_000 }
    }

    /// The family a client must never be switched out of: `opus`, `sonnet`, `haiku`, `gpt`, ….
    pub fn family(&self) -> &'static str {
        FAMILIES.iter().copied().find(|family| self.id.contains(family)).unwrap_or("other")
    }
}

impl Catalogue {
    /// The models this version knows.
    pub fn built_in() -> &'static Self {
        static BUILT_IN: LazyLock<Catalogue> =
            LazyLock::new(|| Catalogue { rows: MODELS.iter().cloned().map(Arc::new).collect() });
        &BUILT_IN
    }

    /// Every model, in the order of listings.
    pub fn all(&self) -> &[Arc<Model>] {
        &self.rows
    }

    /// The row of a public name: an id, an alias, or one of their dated, `-latest`, dotted, bracketed or
    /// `-thinking` forms. Never another family. `None`: no such model (see [`Catalogue::nearest`]).
    pub fn find(&self, name: &str) -> Option<&Arc<Model>> {
        let name = canonical(name);
        self.rows.iter().find(|model| {
            canonical(model.id) == name
                || canonical(model.upstream_id) == name
                || model.aliases.iter().any(|alias| canonical(alias) == name)
        })
    }

    /// Up to three public ids to name in the error for an unknown model: those of its family first.
    pub fn nearest(&self, name: &str) -> Vec<&str> {
        let lower = name.to_ascii_lowercase();
        let shared = |id: &str| id.bytes().zip(lower.bytes()).take_while(|(a, b)| a == b).count();
        let mut rows: Vec<_> =
            self.rows.iter().map(|model| (lower.contains(model.family()), shared(model.id), model.id)).collect();
        rows.sort_by_key(|&(family, prefix, _)| core::cmp::Reverse((family, prefix)));
        rows.into_iter().take(3).map(|(_, _, id)| id).collect()
    }
}

/// Brings the many spellings of a name to one: lower case, no `[1m]`, no `-thinking`, no date or
/// `-latest`, dots as dashes.
fn canonical(name: &str) -> String {
    let mut name = name.trim().to_ascii_lowercase().replace('.', "-");
    if let Some(at) = name.find('[') {
        name.truncate(at);
    }
    for suffix in ["-thinking", "-latest"] {
        if let Some(rest) = name.strip_suffix(suffix) {
            name = rest.to_owned();
        }
    }
    if let Some((rest, date)) = name.rsplit_once('-')
        && date.len() == 8
        && date.starts_with("20")
        && date.bytes().all(|byte| byte.is_ascii_digit())
    {
        name = rest.to_owned();
    }
    name
}

const BELIEVED_SMALL: &[&str] = &[
    "claude-opus-4-6",
    "claude-opus-4-5",
    "claude-sonnet-4-6",
    "claude-sonnet-4-5",
    "claude-sonnet-4",
    "claude-haiku-4-5",
];

const FAMILIES: &[&str] = &["opus", "sonnet", "haiku", "fable", "gpt", "deepseek", "minimax", "glm", "qwen", "auto"];

const XHIGH: Reasoning = Reasoning::Effort { xhigh: true };

/// Windows and outputs: the service's own list as last seen. Release dates of public ids.
const MODELS: &[Model] = &[
    row(
        "claude-opus-5-5",
        "Claude Opus 5.5",
        "claude-opus-5.5",
        1_000_000,
        128_000,
        XHIGH,
        ("2026-10-01", 1_790_812_800),
        &["opus", "opusplan", "best"],
    ),
    row(
        "claude-opus-5",
        "Claude Opus 5",
        "claude-opus-5",
        1_000_000,
        128_000,
        XHIGH,
        ("2026-07-25", 1_784_937_600),
        &[],
    ),
    row(
        "claude-opus-4-8",
        "Claude Opus 4.8",
        "claude-opus-4.8",
        1_000_000,
        128_000,
        XHIGH,
        ("2026-05-01", 1_777_593_600),
        &[],
    ),
    row(
        "claude-opus-4-7",
        "Claude Opus 4.7",
        "claude-opus-4.7",
        1_000_000,
        128_000,
        XHIGH,
        ("2026-04-01", 1_775_001_600),
        &[],
    ),
    row(
        "claude-opus-4-6",
        "Claude Opus 4.6",
        "claude-opus-4.6",
        1_000_000,
        64_000,
        Reasoning::Effort { xhigh: false },
        ("2026-02-01", 1_769_904_000),
        &[],
    ),
    row(
        "claude-opus-4-5",
        "Claude Opus 4.5",
        "claude-opus-4.5",
        200_000,
        64_000,
        Reasoning::Tags,
        ("2025-11-01", 1_761_955_200),
        &[],
    ),
    row(
        "claude-sonnet-5",
        "Claude Sonnet 5",
        "claude-sonnet-5",
        1_000_000,
        64_000,
        XHIGH,
        ("2026-06-01", 1_780_272_000),
        &["sonnet"],
    ),
    row(
        "claude-sonnet-4-6",
        "Claude Sonnet 4.6",
        "claude-sonnet-4.6",
        1_000_000,
        64_000,
        Reasoning::Effort { xhigh: false },
        ("2026-02-01", 1_769_904_000),
        &[],
    ),
    row(
        "claude-sonnet-4-5",
        "Claude Sonnet 4.5",
        "claude-sonnet-4.5",
        200_000,
        64_000,
        Reasoning::Tags,
        ("2025-09-29", 1_759_104_000),
        &["claude-3-7-sonnet"],
    ),
    row(
        "claude-sonnet-4",
        "Claude Sonnet 4",
        "claude-sonnet-4",
        200_000,
        64_000,
        Reasoning::Tags,
        ("2025-05-14", 1_747_180_800),
        &["claude-sonnet-4-0"],
    ),
    row(
        "claude-haiku-4-5",
        "Claude Haiku 4.5",
        "claude-haiku-4.5",
        200_000,
        64_000,
        Reasoning::Tags,
        ("2025-10-01", 1_759_276_800),
        &["claude-3-5-haiku", "haiku"],
    ),
    row(
        "claude-fable-5",
        "Claude Fable 5",
        "claude-fable-5",
        1_000_000,
        64_000,
        XHIGH,
        ("2026-06-01", 1_780_272_000),
        &[],
    ),
    row(
        "gpt-5.6-sol",
        "GPT-5.6 Sol",
        "gpt-5.6-sol",
        272_000,
        64_000,
        Reasoning::Gpt,
        ("2026-07-13", 1_783_900_800),
        &[],
    ),
    row(
        "gpt-5.6-terra",
        "GPT-5.6 Terra",
        "gpt-5.6-terra",
        272_000,
        64_000,
        Reasoning::Gpt,
        ("2026-07-13", 1_783_900_800),
        &[],
    ),
    row(
        "gpt-5.6-luna",
        "GPT-5.6 Luna",
        "gpt-5.6-luna",
        272_000,
        64_000,
        Reasoning::Gpt,
        ("2026-07-13", 1_783_900_800),
        &[],
    ),
    row(
        "deepseek-3.2",
        "DeepSeek 3.2",
        "deepseek-3.2",
        128_000,
        64_000,
        Reasoning::None,
        ("2026-02-01", 1_769_904_000),
        &[],
    ),
    row(
        "minimax-m2.5",
        "MiniMax M2.5",
        "minimax-m2.5",
        196_000,
        64_000,
        Reasoning::None,
        ("2026-02-01", 1_769_904_000),
        &[],
    ),
    row(
        "minimax-m2.1",
        "MiniMax M2.1",
        "minimax-m2.1",
        196_000,
        64_000,
        Reasoning::None,
        ("2026-02-01", 1_769_904_000),
        &[],
    ),
    row("glm-5", "GLM 5", "glm-5", 200_000, 64_000, Reasoning::None, ("2026-02-01", 1_769_904_000), &[]),
    row(
        "qwen3-coder-next",
        "Qwen3 Coder Next",
        "qwen3-coder-next",
        256_000,
        64_000,
        Reasoning::None,
        ("2026-02-01", 1_769_904_000),
        &[],
    ),
    row("auto", "Auto", "auto", 200_000, 64_000, Reasoning::None, ("2025-07-01", 1_751_328_000), &[]),
];

#[expect(clippy::too_many_arguments, reason = "one call is one row of the table")]
const fn row(
    id: &'static str,
    display_name: &'static str,
    upstream_id: &'static str,
    window: u32,
    max_output: u32,
    reasoning: Reasoning,
    created: (&'static str, u64),
    aliases: &'static [&'static str],
) -> Model {
    let images = !matches!(reasoning, Reasoning::None);
    Model { id, display_name, upstream_id, window, max_output, reasoning, images, created, aliases }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(name: &str) -> Option<&'static Model> {
        Catalogue::built_in().find(name).map(|model| &**model)
    }

    #[test]
    fn every_spelling_finds_its_row() {
        for (name, upstream) in [
            ("claude-sonnet-4-5-20250929", "claude-sonnet-4.5"),
            ("claude-sonnet-4.5", "claude-sonnet-4.5"),
            ("claude-sonnet-4-20250514", "claude-sonnet-4"),
            ("claude-3-7-sonnet-20250219", "claude-sonnet-4.5"),
            ("claude-3-7-sonnet-latest", "claude-sonnet-4.5"),
            ("claude-3-5-haiku-20241022", "claude-haiku-4.5"),
            ("claude-haiku-4-5", "claude-haiku-4.5"),
            ("claude-opus-5-5[1m]", "claude-opus-5.5"),
            ("Claude-Opus-4-6-thinking", "claude-opus-4.6"),
            ("gpt-5.6-sol", "gpt-5.6-sol"),
        ] {
            assert_eq!(find(name).map(|model| model.upstream_id), Some(upstream), "{name}");
        }
    }

    #[test]
    fn an_unknown_name_finds_nothing_and_its_own_family_is_named_first() {
        assert_eq!(find("claude-opus-9"), None);
        assert_eq!(find("gpt-4o"), None);
        assert!(Catalogue::built_in().nearest("claude-opus-9").iter().all(|id| id.contains("opus")));
        assert!(Catalogue::built_in().nearest("gpt-4o").iter().all(|id| id.contains("gpt")));
    }

    #[test]
    fn no_two_rows_answer_to_one_name() {
        for model in Catalogue::built_in().all() {
            for name in [model.id, model.upstream_id].iter().chain(model.aliases) {
                assert_eq!(find(name).map(|found| found.id), Some(model.id), "{name}");
            }
        }
    }
}
