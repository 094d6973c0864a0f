//! The models: public ids, aliases, the service's ids, windows and thinking kinds.
//!
//! ```text
//! table   the models this version knows        list   what the service says about its models
//! map     what the operator adds or changes (`MODEL_MAP`), which comes last
//! fields  what a model takes beside the conversation
//! live    the service's lists as they are stored and shared
//! ```

mod fields;
mod list;
pub mod live;
mod map;
mod table;

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

pub use fields::{Display, FieldSet, Fields, Scale, Span, Thinking};
pub use list::Listed;
pub use map::ModelMap;

/// The models one gateway offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Catalogue {
    rows: Vec<Arc<Model>>,
    /// Models that are found by their names and not listed: the service's own list does not have them.
    unlisted: Vec<Arc<Model>>,
}

/// A model the gateway offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Model {
    /// The public id, as `/v1/models` lists it.
    pub id: Cow<'static, str>,
    /// For humans.
    pub display_name: Cow<'static, str>,
    /// The service's id.
    pub upstream_id: Cow<'static, str>,
    /// Tokens of context the service gives it.
    pub window: u32,
    /// Most output tokens.
    pub max_output: u32,
    /// How it thinks.
    pub reasoning: Reasoning,
    /// What it takes beside the conversation.
    pub fields: Fields,
    /// Whether it takes images.
    pub images: bool,
    /// When the model came out, in Unix seconds, for listings; 0: not known.
    pub created: u64,
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
        /// Whether it is of the generation that has `xhigh` in its scale, and a newer tokenizer.
        xhigh: bool,
    },
    /// By `reasoning.effort` in the request's extra fields; thought comes back encrypted.
    Gpt,
    /// Not at all.
    None,
}

impl Reasoning {
    /// What a model that thinks like this takes beside the conversation, when its own schema is not known.
    pub const fn fields(self) -> Fields {
        match self {
            Self::Effort { xhigh: true } => Fields::claude(Scale::FULL),
            Self::Effort { xhigh: false } => Fields::claude(Scale::PLAIN),
            Self::Gpt => Fields::GPT,
            Self::Tags | Self::None => Fields::NONE,
        }
    }

    /// How a model of this upstream id that thinks like this, if that is known, thinks with these fields: where it
    /// has none to ask by, a Claude reads tags.
    fn with(known: Option<Self>, fields: &Fields, upstream_id: &str) -> Self {
        match known {
            _ if !fields.think() && is_claude(upstream_id) => Self::Tags,
            _ if !fields.think() => Self::None,
            Some(native @ (Self::Effort { .. } | Self::Gpt)) => native,
            _ if fields.reasoning.is_empty() => Self::Effort { xhigh: fields.effort.has("xhigh") },
            _ => Self::Gpt,
        }
    }
}

impl Model {
    /// Tokens of context that Claude Code believes this model to have without its long-context beta.
    /// Observed 2026-11 with Claude Code 2.1.329: a million for every name it does not list as smaller.
    pub fn believed_window(&self) -> u32 {
        if BELIEVED_SMALL.contains(&canonical(&self.id).as_str()) { 200_000 } else { 1_000_000 }
    }

    /// The family of what answers: `opus`, `sonnet`, `haiku`, `gpt`, …. A client is never switched out of it,
    /// unless the operator's map says so.
    pub fn family(&self) -> &'static str {
        family(&self.upstream_id)
    }
}

impl Catalogue {
    /// The models this version knows.
    pub fn built_in() -> &'static Self {
        static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| Catalogue {
            rows: table::MODELS.iter().cloned().map(Arc::new).collect(),
            unlisted: vec![],
        });
        &BUILT_IN
    }

    /// The same with these rows: one whose id is there already takes that row's place, its spelling of the id
    /// and its aliases; any other one is listed at the end.
    #[must_use]
    pub fn with(&self, rows: impl IntoIterator<Item = Model>) -> Self {
        let mut all = self.clone();
        for row in rows {
            let id = canonical(&row.id);
            let named = |old: &Arc<Model>| canonical(&old.id) == id;
            if let Some(at) = all.unlisted.iter().position(named) {
                all.rows.push(all.unlisted.remove(at));
            }
            match all.rows.iter_mut().find(|old| named(old)) {
                Some(old) => *old = Arc::new(Model { id: old.id.clone(), aliases: old.aliases, ..row }),
                None => all.rows.push(Arc::new(row)),
            }
        }
        all
    }

    /// The same where these models, by the service's ids, do not take these fields, whatever their schemas say.
    #[must_use]
    pub fn without(&self, refused: &[(&str, FieldSet)]) -> Self {
        let lean = |model: &Arc<Model>| {
            let Some((_, fields)) = refused.iter().find(|(id, _)| *id == model.upstream_id) else {
                return Arc::clone(model);
            };
            let fields = model.fields.without(*fields);
            if fields == model.fields {
                return Arc::clone(model);
            }
            let reasoning = Reasoning::with(Some(model.reasoning), &fields, &model.upstream_id);
            Arc::new(Model { fields, reasoning, ..(**model).clone() })
        };
        Self { rows: self.rows.iter().map(lean).collect(), unlisted: self.unlisted.iter().map(lean).collect() }
    }

    /// Every model that is listed, in the order of listings.
    pub fn all(&self) -> &[Arc<Model>] {
        &self.rows
    }

    /// The row of a public name: an id, an alias, or one of their dated, `-latest`, dotted, bracketed or
    /// `-thinking` forms. Ids come before aliases and those before the service's ids, so that the operator's
    /// rows win over built-in aliases. Never another family by itself. `None`: no such model (see
    /// [`Catalogue::nearest`]).
    pub fn find(&self, name: &str) -> Option<&Arc<Model>> {
        let name = canonical(name);
        let first = |fits: &dyn Fn(&Model) -> bool| self.rows.iter().chain(&self.unlisted).find(|model| fits(model));
        first(&|model| canonical(&model.id) == name)
            .or_else(|| first(&|model| model.aliases.iter().any(|alias| canonical(alias) == name)))
            .or_else(|| first(&|model| canonical(&model.upstream_id) == name))
    }

    /// Those of these public names alone; a name that finds no model adds none.
    #[must_use]
    pub fn only(&self, names: &[String]) -> Self {
        let wanted: Vec<_> = names.iter().filter_map(|name| self.find(name)).map(|model| &model.id).collect();
        let of = |rows: &[Arc<Model>]| rows.iter().filter(|model| wanted.contains(&&model.id)).cloned().collect();
        Self { rows: of(&self.rows), unlisted: of(&self.unlisted) }
    }

    /// Up to three public ids to name in the error for an unknown model: those of its family first.
    pub fn nearest(&self, name: &str) -> Vec<&str> {
        let lower = name.to_ascii_lowercase();
        let shared = |id: &str| id.bytes().zip(lower.bytes()).take_while(|(a, b)| a == b).count();
        let mut rows: Vec<_> =
            self.rows.iter().map(|model| (lower.contains(family(&model.id)), shared(&model.id), &*model.id)).collect();
        rows.sort_by_key(|&(family, prefix, _)| core::cmp::Reverse((family, prefix)));
        rows.into_iter().take(3).map(|(_, _, id)| id).collect()
    }
}

/// The family that a name says, `other` when it says none.
fn family(name: &str) -> &'static str {
    FAMILIES.iter().copied().find(|family| name.contains(family)).unwrap_or("other")
}

/// Whether the service's id says a model that understands the tags that ask for thought.
fn is_claude(upstream_id: &str) -> bool {
    upstream_id.to_ascii_lowercase().starts_with("claude")
        || matches!(family(upstream_id), "opus" | "sonnet" | "haiku" | "fable")
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
            assert_eq!(find(name).map(|model| &*model.upstream_id), Some(upstream), "{name}");
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
            for name in [&*model.id, &*model.upstream_id].iter().chain(model.aliases) {
                assert_eq!(find(name).map(|found| &found.id), Some(&model.id), "{name}");
            }
        }
    }
}
