//! What a model takes beside the conversation: the fields of `additionalModelRequestFields` that a gateway has
//! anything to say in. Each model has a schema of its own; this is what it comes to.

use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

/// The fields of one model. Nothing at all: it takes none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Fields {
    /// `thinking`, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<Thinking>,
    /// The scale of `output_config.effort`; empty: there is none.
    #[serde(skip_serializing_if = "Scale::is_empty")]
    pub effort: Scale,
    /// The scale of `reasoning.effort`; empty: there is none.
    #[serde(skip_serializing_if = "Scale::is_empty")]
    pub reasoning: Scale,
    /// `max_tokens`, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<Span>,
    /// Those that must be there as soon as any is.
    #[serde(skip_serializing_if = "FieldSet::is_empty")]
    pub required: FieldSet,
}

/// What `thinking` takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Thinking {
    /// Whether its `type` may be `adaptive`.
    pub adaptive: bool,
    /// Whether its `type` may be `disabled`.
    pub disabled: bool,
    /// What `display` is to say beside `adaptive`.
    pub display: Display,
}

/// What `thinking.display` is to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Display {
    /// It has no such member, or none of use.
    #[default]
    Absent,
    /// Thought is shown.
    Summarized,
    /// Thought is not shown, and the member must be there.
    Omitted,
}

impl Display {
    /// The value to send.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::Absent => None,
            Self::Summarized => Some("summarized"),
            Self::Omitted => Some("omitted"),
        }
    }
}

/// The least and the most of a number of tokens; never empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Span {
    /// The least, at least 1.
    pub min: u32,
    /// The most.
    pub max: u32,
}

/// A set of the efforts the service has words for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Scale(u8);

impl Scale {
    /// Every effort.
    pub const FULL: Self = Self(0b1_1111);
    /// Every effort but `xhigh`.
    pub const PLAIN: Self = Self(0b1_0111);
    /// Every effort but `max`.
    pub const SHORT: Self = Self(0b0_1111);

    /// Those of these words that are efforts.
    pub fn of<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        Self(words.into_iter().filter_map(rank).fold(0, |bits, rank| bits | 1 << rank))
    }

    /// The largest effort of the scale that is not larger than `wish`. `None`: every one is, or `wish` is none.
    pub fn at_most(self, wish: &str) -> Option<&'static str> {
        let wish = rank(wish)?;
        EFFORTS.iter().take(wish + 1).enumerate().rev().find(|(rank, _)| self.0 >> rank & 1 == 1).map(|(_, word)| *word)
    }

    /// Whether it has this effort.
    pub fn has(self, word: &str) -> bool {
        rank(word).is_some_and(|rank| self.0 >> rank & 1 == 1)
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Its words, from the least on.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        EFFORTS.iter().copied().filter(move |word| self.has(word))
    }
}

fn rank(word: &str) -> Option<usize> {
    EFFORTS.iter().position(|effort| *effort == word)
}

/// From the least on.
const EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];

impl Serialize for Scale {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.words())
    }
}

impl<'de> Deserialize<'de> for Scale {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words: Vec<String> = Deserialize::deserialize(deserializer)?;
        Ok(Self::of(words.iter().map(String::as_str)))
    }
}

/// A set of fields, by their names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FieldSet(u8);

impl FieldSet {
    /// Every field.
    pub const ALL: Self = Self(0b1111);

    /// Those of these names that are fields.
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let bit = |name: &str| NAMES.iter().position(|known| *known == name).map_or(0, |at| 1 << at);
        Self(names.into_iter().fold(0, |bits, name| bits | bit(name)))
    }

    /// Whether this field is in it.
    pub fn has(self, name: &str) -> bool {
        let other = Self::of([name]);
        !other.is_empty() && self.holds(other)
    }

    /// Whether all of these are in it.
    pub const fn holds(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether any of these is in it.
    pub const fn meets(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Those of either.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().copied().filter(move |name| self.has(name))
    }
}

const NAMES: [&str; 4] = ["thinking", "output_config", "reasoning", "max_tokens"];

impl Serialize for FieldSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

impl<'de> Deserialize<'de> for FieldSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names: Vec<String> = Deserialize::deserialize(deserializer)?;
        Ok(Self::of(names.iter().map(String::as_str)))
    }
}

impl Fields {
    /// No field.
    pub const NONE: Self =
        Self { thinking: None, effort: Scale(0), reasoning: Scale(0), max_tokens: None, required: FieldSet(0) };

    /// What a Claude of this scale takes, as last seen in the service's list. Its `max_tokens` begins at 1024.
    pub const fn claude(effort: Scale) -> Self {
        let thinking = Thinking { adaptive: true, disabled: true, display: Display::Summarized };
        let max_tokens = Some(Span { min: 1_024, max: u32::MAX });
        Self { thinking: Some(thinking), effort, max_tokens, ..Self::NONE }
    }

    /// What a GPT takes. Sources disagree on `max`; `xhigh` is in all of them.
    pub const GPT: Self = Self { reasoning: Scale::SHORT, ..Self::NONE };

    /// The same without some. Where one of those must be there, nothing is left.
    #[must_use]
    pub fn without(self, fields: FieldSet) -> Self {
        if self.required.meets(fields) {
            return Self::NONE;
        }
        let keeps = |name: &str| !fields.has(name);
        Self {
            thinking: self.thinking.filter(|_| keeps("thinking")),
            effort: if keeps("output_config") { self.effort } else { Scale::default() },
            reasoning: if keeps("reasoning") { self.reasoning } else { Scale::default() },
            max_tokens: self.max_tokens.filter(|_| keeps("max_tokens")),
            required: self.required,
        }
    }

    /// Whether a model can be asked for thought by them.
    pub fn think(&self) -> bool {
        self.thinking.is_some_and(|thinking| thinking.adaptive) || !self.effort.is_empty() || !self.reasoning.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_gives_the_next_lower_effort_and_never_more_than_asked() {
        for (words, wish, given) in [
            (&["low", "medium", "high", "max"][..], "xhigh", Some("high")),
            (&["low", "medium", "high", "max"], "max", Some("max")),
            (&["low", "medium", "high", "xhigh"], "max", Some("xhigh")),
            (&["high", "none", "HIGH"], "medium", None),
            (&["high", "none"], "high", Some("high")),
            (&["medium"], "max", Some("medium")),
            (&[], "max", None),
            (&["low"], "much", None),
        ] {
            assert_eq!(Scale::of(words.iter().copied()).at_most(wish), given, "{words:?} {wish}");
        }
        assert_eq!(Scale::FULL.words().collect::<Vec<_>>(), EFFORTS);
        assert!(!Scale::PLAIN.has("xhigh") && !Scale::SHORT.has("max") && Scale::SHORT.has("xhigh"));
    }

    #[test]
    fn what_is_taken_out_is_gone_and_what_must_be_there_takes_the_rest_with_it() {
        let fields = Fields::claude(Scale::FULL);
        let left = fields.without(FieldSet::of(["output_config", "unknown"]));
        assert_eq!(left, Fields { effort: Scale::default(), ..fields });
        let needed = Fields { required: FieldSet::of(["thinking"]), ..fields };
        assert_eq!(needed.without(FieldSet::of(["thinking"])), Fields::NONE);
        assert_eq!(needed.without(FieldSet::of(["max_tokens"])).thinking, fields.thinking);
        assert!(!fields.without(FieldSet::ALL).think());
    }

    #[test]
    fn the_stored_form_is_short_and_comes_back_whole() {
        for fields in [Fields::claude(Scale::PLAIN), Fields::GPT, Fields::NONE] {
            let text = serde_json::to_string(&fields).unwrap();
            assert_eq!(serde_json::from_str::<Fields>(&text).unwrap(), fields, "{text}");
        }
        assert_eq!(serde_json::to_string(&Fields::NONE).unwrap(), "{}");
        assert_eq!(serde_json::to_string(&Fields::GPT).unwrap(), r#"{"reasoning":["low","medium","high","xhigh"]}"#);
    }
}
