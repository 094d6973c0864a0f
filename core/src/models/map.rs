//! What the operator adds to the models or changes about them: `MODEL_MAP`.
//!
//! ```json
//! {
//!   "gpt-4o": "claude-sonnet-4.5",
//!   "my-model": {"upstream_id": "its-name-there", "context_window": 200000, "max_output_tokens": 32000, "thinking": "none"},
//!   "claude-sonnet-5": {"max_output_tokens": 32000}
//! }
//! ```
//!
//! A text makes the name an alias: whoever asks for it gets that model, of another family as well, since the
//! operator asks for exactly that. An object adds a model or changes the named fields of one.

use core::fmt;
use std::borrow::Cow;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::{Catalogue, Fields, Model, Reasoning, canonical, family};
use crate::json;

/// The operator's aliases and rows, in the order in which they are written.
#[derive(Debug, Default)]
pub struct ModelMap {
    entries: Vec<(String, Entry)>,
}

#[derive(Debug)]
enum Entry {
    Alias(String),
    Row(Changes),
}

/// What a row may say. What it does not say is taken from the model it changes or whose `upstream_id` it names.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Changes {
    upstream_id: Option<String>,
    context_window: Option<u32>,
    max_output_tokens: Option<u32>,
    thinking: Option<Thinking>,
    images: Option<bool>,
    display_name: Option<String>,
    created: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Thinking {
    Tags,
    Effort,
    EffortXhigh,
    Gpt,
    None,
}

impl ModelMap {
    /// Reads the JSON.
    ///
    /// # Errors
    /// The JSON path of what cannot be read, and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let map: Self = json::read(text.as_bytes()).map_err(|error| match error.path.as_str() {
            // A text that breaks off has no path.
            "" | "?" => error.text,
            path => format!("{path}: {}", error.text),
        })?;
        for (at, (name, entry)) in map.entries.iter().enumerate() {
            check(name, entry).map_err(|text| format!("{name}: {text}"))?;
            let earlier = map.entries.iter().take(at).find(|(other, _)| canonical(other) == canonical(name));
            if let Some((other, _)) = earlier {
                return Err(format!("{name}: is the same name as {other}: keep one of them"));
            }
        }
        Ok(map)
    }

    /// The catalogue with the map's rows and aliases, and what the operator should know about it.
    ///
    /// An alias names a model of the catalogue or a row of the map by any of its names, never another alias of
    /// the map: the order of the entries does not matter and no circle can be written.
    ///
    /// # Errors
    /// One text for each entry that cannot be used: it begins with the entry's name.
    pub fn apply(&self, catalogue: &Catalogue) -> Result<(Catalogue, Vec<String>), Vec<String>> {
        let (models, notes, problems) = self.merge(catalogue);
        if problems.is_empty() { Ok((models, notes)) } else { Err(problems) }
    }

    /// The catalogue with the map's rows and aliases, as far as they can be used: for another catalogue than the one
    /// that the map was checked against.
    #[must_use]
    pub fn over(&self, catalogue: &Catalogue) -> Catalogue {
        self.merge(catalogue).0
    }

    /// What comes of it, what to note, and what is wrong.
    fn merge(&self, catalogue: &Catalogue) -> (Catalogue, Vec<String>, Vec<String>) {
        let (mut rows, mut aliases, mut notes, mut problems) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (name, entry) in &self.entries {
            if let Entry::Row(fields) = entry {
                match fields.row(name, catalogue) {
                    Ok(row) => rows.push(row),
                    Err(text) => problems.push(format!("{name}: {text}")),
                }
            }
        }
        let models = catalogue.with(rows.iter().cloned());
        for (name, entry) in &self.entries {
            let Entry::Alias(target) = entry else { continue };
            match models.find(target) {
                Some(model) => aliases.push(Model { id: name.clone().into(), aliases: &[], ..(**model).clone() }),
                None => {
                    let nearest = models.nearest(target).join(", ");
                    problems.push(format!("{name}: there is no model {target:?}; the nearest ones are {nearest}"));
                }
            }
        }
        for row in rows.iter().chain(&aliases).filter(|row| row.family() != family(&row.id)) {
            notes.push(format!("MODEL_MAP answers {} with {}, as it asks for", row.id, row.upstream_id));
        }
        (models.with(aliases), notes, problems)
    }
}

impl Changes {
    /// The row of a name: a model that is there with changes, or a new one.
    fn row(&self, name: &str, catalogue: &Catalogue) -> Result<Model, String> {
        let known = catalogue.find(name).or_else(|| catalogue.find(self.upstream_id.as_deref()?));
        let mut row = match known {
            Some(model) => (**model).clone(),
            None => self.bare().map_err(|field| format!("{field} is required: no model of this name is known"))?,
        };
        row.id = name.to_owned().into();
        row.aliases = &[];
        if let Some(id) = &self.upstream_id {
            row.upstream_id = id.clone().into();
        }
        if let Some(title) = &self.display_name {
            row.display_name = title.clone().into();
        } else if known.is_none() {
            row.display_name = row.id.clone();
        }
        row.window = self.context_window.unwrap_or(row.window);
        row.max_output = self.max_output_tokens.unwrap_or(row.max_output);
        if let Some(thinking) = self.thinking {
            row.reasoning = thinking.reasoning();
            row.fields = row.reasoning.fields();
        }
        row.images = self.images.unwrap_or(row.images);
        row.created = self.created.unwrap_or(row.created);
        Ok(row)
    }

    /// A row of nothing but its own fields; the field that is missing.
    fn bare(&self) -> Result<Model, &'static str> {
        Ok(Model {
            id: Cow::Borrowed(""),
            display_name: Cow::Borrowed(""),
            upstream_id: self.upstream_id.clone().ok_or("upstream_id")?.into(),
            window: self.context_window.ok_or("context_window")?,
            max_output: self.max_output_tokens.ok_or("max_output_tokens")?,
            reasoning: Reasoning::None,
            fields: Fields::NONE,
            images: false,
            created: 0,
            aliases: &[],
        })
    }
}

impl Thinking {
    fn reasoning(self) -> Reasoning {
        match self {
            Self::Tags => Reasoning::Tags,
            Self::Effort => Reasoning::Effort { xhigh: false },
            Self::EffortXhigh => Reasoning::Effort { xhigh: true },
            Self::Gpt => Reasoning::Gpt,
            Self::None => Reasoning::None,
        }
    }
}

/// What is wrong with an entry by itself.
fn check(name: &str, entry: &Entry) -> Result<(), String> {
    if canonical(name).is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(format!("the name of a model has 1 to {MAX_NAME} characters and no control character"));
    }
    let Entry::Row(fields) = entry else { return Ok(()) };
    let empty = |text: &Option<String>| text.as_ref().is_some_and(|text| text.trim().is_empty());
    for (field, wrong) in [("upstream_id", empty(&fields.upstream_id)), ("display_name", empty(&fields.display_name))] {
        if wrong {
            return Err(format!("{field} must not be empty"));
        }
    }
    for (field, count) in [("context_window", fields.context_window), ("max_output_tokens", fields.max_output_tokens)] {
        if count == Some(0) {
            return Err(format!("{field} must be at least 1"));
        }
    }
    match fields.created {
        Some(LATEST..) => Err("created must be Unix seconds, not milliseconds".to_owned()),
        _ => Ok(()),
    }
}

impl<'de> Deserialize<'de> for ModelMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = ModelMap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of model names")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<ModelMap, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(ModelMap { entries })
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a model, or an object that describes one")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Entry, E> {
                Ok(Entry::Alias(text.to_owned()))
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Entry, M::Error> {
                Changes::deserialize(MapAccessDeserializer::new(map)).map(Entry::Row)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Bytes of a model's name.
const MAX_NAME: usize = 256;
/// The year 10000, in Unix seconds.
const LATEST: u64 = 253_402_300_800;

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(text: &str) -> Result<(Catalogue, Vec<String>), Vec<String>> {
        ModelMap::parse(text).map_err(|text| vec![text])?.apply(Catalogue::built_in())
    }

    fn found(catalogue: &Catalogue, name: &str) -> Model {
        (**catalogue.find(name).unwrap()).clone()
    }

    #[test]
    fn an_alias_is_a_row_of_its_own_and_found_by_any_spelling() {
        let (catalogue, notes) = apply(r#"{"gpt-4o":"claude-sonnet-4.5","coder":"qwen3-coder-next"}"#).unwrap();
        for name in ["gpt-4o", "GPT-4o", "gpt-4o-latest", "gpt-4o-20240806", "gpt-4o-thinking"] {
            let model = found(&catalogue, name);
            assert_eq!((&*model.id, &*model.upstream_id), ("gpt-4o", "claude-sonnet-4.5"), "{name}");
        }
        assert_eq!(found(&catalogue, "claude-sonnet-4.5").id, "claude-sonnet-4-5");
        assert_eq!(catalogue.all().len(), Catalogue::built_in().all().len() + 2);
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[0].contains("gpt-4o with claude-sonnet-4.5"));
    }

    #[test]
    fn the_map_wins_over_built_in_ids_and_aliases_and_an_exchange_of_two_is_no_circle() {
        let text = r#"{"sonnet":"claude-opus-5","claude-opus-5.5":"claude-opus-5","claude-opus-5":"claude-opus-5-5"}"#;
        let (catalogue, notes) = apply(text).unwrap();
        assert_eq!(found(&catalogue, "sonnet").upstream_id, "claude-opus-5");
        assert_eq!(found(&catalogue, "claude-opus-5-5").upstream_id, "claude-opus-5");
        assert_eq!(found(&catalogue, "claude-opus-5-5").id, "claude-opus-5-5");
        assert_eq!(found(&catalogue, "claude-opus-5").upstream_id, "claude-opus-5.5");
        assert_eq!(found(&catalogue, "opus").upstream_id, "claude-opus-5");
        assert_eq!(found(&catalogue, "claude-sonnet-5").upstream_id, "claude-sonnet-5");
        assert_eq!(notes.len(), 1, "{notes:?}");
    }

    #[test]
    fn a_row_changes_only_what_it_names() {
        let text = r#"{"claude-sonnet-5":{"max_output_tokens":1000,"thinking":"none","images":false}}"#;
        let (catalogue, notes) = apply(text).unwrap();
        let (now, before) = (found(&catalogue, "sonnet"), found(Catalogue::built_in(), "sonnet"));
        let (reasoning, fields) = (Reasoning::None, Fields::NONE);
        let expected = Model { max_output: 1000, reasoning, fields, images: false, ..before };
        assert_eq!((now, notes, catalogue.all().len()), (expected, vec![], Catalogue::built_in().all().len()));
    }

    #[test]
    fn a_new_row_takes_what_it_does_not_say_from_the_model_it_names() {
        let (catalogue, _) = apply(r#"{"short":{"upstream_id":"claude-opus-5","context_window":50000}}"#).unwrap();
        let short = found(&catalogue, "short");
        let opus = found(Catalogue::built_in(), "claude-opus-5");
        assert_eq!(short, Model { id: "short".into(), window: 50_000, ..opus });
        let text = r#"{"new":{"upstream_id":"n-1","context_window":9,"max_output_tokens":8},"also":"n-1"}"#;
        let (catalogue, _) = apply(text).unwrap();
        let new = found(&catalogue, "new");
        assert_eq!((&*new.display_name, new.created, new.images), ("new", 0, false));
        assert_eq!(found(&catalogue, "also").upstream_id, "n-1");
    }

    #[test]
    fn what_claude_code_believes_goes_by_the_name_it_uses() {
        let text = r#"{"claude-sonnet-4.5":"claude-opus-5","mine":"claude-sonnet-4-5"}"#;
        let (catalogue, _) = apply(text).unwrap();
        assert_eq!(found(&catalogue, "claude-sonnet-4-5").believed_window(), 200_000);
        assert_eq!(found(&catalogue, "mine").believed_window(), 1_000_000);
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_path() {
        for (text, begins) in [
            ("{", "EOF"),
            ("[]", "invalid type"),
            (r#"{"a":1}"#, "a: invalid type"),
            (r#"{"a":{"context_window":-1}}"#, "a.context_window: "),
            (r#"{"a":{"context_window":4294967296}}"#, "a.context_window: "),
            (r#"{"a":{"context_windows":1}}"#, "a.context_windows: unknown field"),
            (r#"{"a":{"thinking":"much"}}"#, "a.thinking: unknown variant"),
            (r#"{"a":{"images":"yes"}}"#, "a.images: "),
            (r#"{"a":{"context_window":0}}"#, "a: context_window must be"),
            (r#"{"a":{"upstream_id":" "}}"#, "a: upstream_id must not"),
            (r#"{"a":{"created":1760000000000}}"#, "a: created must"),
            (r#"{"a":"auto","A-latest":"auto"}"#, "A-latest: is the same name as a"),
            (r#"{"":"auto"}"#, ": the name of a model"),
            (r#"{"a":{}}"#, "a: upstream_id is required"),
            (r#"{"a":{"upstream_id":"u"}}"#, "a: context_window is required"),
            (r#"{"a":"b","b":"auto"}"#, "a: there is no model \"b\""),
            (r#"{"a":"claude-opus-9"}"#, "a: there is no model \"claude-opus-9\"; the nearest ones are claude-opus-"),
        ] {
            let problems = apply(text).unwrap_err();
            assert!(problems[0].starts_with(begins), "{text}: {problems:?}");
        }
        assert_eq!(apply(r#"{"a":"x","b":"y"}"#).unwrap_err().len(), 2);
    }
}
