//! The service's own list of its models, over those this version knows.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Catalogue, Fields, Model, Reasoning, canonical, is_claude};

/// A model as the service lists it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Listed {
    /// The service's id.
    pub id: String,
    /// For humans; may be the id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Tokens of context; 0: not said.
    #[serde(default)]
    pub window: u32,
    /// Most output tokens; 0: not said.
    #[serde(default)]
    pub max_output: u32,
    /// Whether it takes images; `None`: not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<bool>,
    /// What its schema lets a request say.
    #[serde(default)]
    pub fields: Fields,
}

impl Listed {
    /// The entry with numbers and names that can be used. `None`: its id cannot be one.
    #[must_use]
    pub fn checked(mut self) -> Option<Self> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte);
        let legal = !self.id.is_empty() && self.id.len() <= MAX_ID && self.id.bytes().all(letter);
        if !legal || canonical(&self.id).is_empty() {
            return None;
        }
        self.name = self.name.chars().filter(|letter| !letter.is_control()).take(MAX_NAME).collect();
        self.name = self.name.trim().to_owned();
        if self.window < MIN_WINDOW {
            self.window = 0;
        }
        // A stored one can be of any numbers.
        self.fields.max_tokens = self.fields.max_tokens.filter(|span| (1..=span.max).contains(&span.min));
        Some(self)
    }

    /// The model, as the one that is known with what the service says of it.
    fn over(&self, known: &Model) -> Model {
        let or = |said: u32, known: u32| if said == 0 { known } else { said };
        Model {
            upstream_id: self.id.clone().into(),
            window: or(self.window, known.window),
            max_output: or(self.max_output, known.max_output),
            images: self.images.unwrap_or(known.images),
            reasoning: Reasoning::with(Some(known.reasoning), &self.fields, &self.id),
            fields: self.fields,
            ..known.clone()
        }
    }

    /// The model, when this version does not know it. Claude Code's picker takes only names of the dashed form.
    fn alone(&self) -> Model {
        let or = |said: u32, usual: u32| if said == 0 { usual } else { said };
        let dashed = self.id.starts_with("claude-");
        let id = if dashed { self.id.to_ascii_lowercase().replace('.', "-") } else { self.id.clone() };
        let name = if self.name.is_empty() { &self.id } else { &self.name };
        let reasoning = Reasoning::with(None, &self.fields, &self.id);
        Model {
            id: id.into(),
            display_name: name.clone().into(),
            upstream_id: self.id.clone().into(),
            window: or(self.window, USUAL_WINDOW),
            max_output: or(self.max_output, USUAL_OUTPUT),
            reasoning,
            fields: self.fields,
            images: self.images.unwrap_or_else(|| is_claude(&self.id)),
            created: 0,
            aliases: &[],
        }
    }
}

impl Catalogue {
    /// The same as the service's list says it: those of its models that are known with what it says of them, then those
    /// that are not known. Known ones that it does not have are found by their names and not listed: whether they are
    /// served is for the service to decide. An empty list says nothing.
    #[must_use]
    pub fn live(&self, listed: &[Listed]) -> Self {
        if listed.is_empty() {
            return self.clone();
        }
        let mut taken = vec![false; listed.len()];
        let (mut rows, mut unlisted) = (Vec::new(), Vec::new());
        for known in self.rows.iter().chain(&self.unlisted) {
            let id = canonical(&known.upstream_id);
            // More than one id may be a spelling of it: the exact one is meant, and the others are no models of their own.
            let spelled = |entry: &&Listed| canonical(&entry.id) == id;
            let exact = listed.iter().find(|entry| entry.id == known.upstream_id);
            match exact.or_else(|| listed.iter().find(spelled)) {
                Some(entry) => rows.push(Arc::new(entry.over(known))),
                None => unlisted.push(Arc::clone(known)),
            }
            for (taken, _) in taken.iter_mut().zip(listed).filter(|(_, entry)| canonical(&entry.id) == id) {
                *taken = true;
            }
        }
        let mut all = Self { rows, unlisted };
        for (_, entry) in taken.iter().zip(listed).filter(|(taken, _)| !**taken) {
            let row = entry.alone();
            let id = canonical(&row.id);
            if !all.rows.iter().chain(&all.unlisted).any(|other| canonical(&other.id) == id) {
                all.rows.push(Arc::new(row));
            }
        }
        all
    }
}

/// Bytes of an id of the service.
const MAX_ID: usize = 128;
/// Characters of a name.
const MAX_NAME: usize = 128;
/// A window below this is a mistake: no request of an agent would fit.
const MIN_WINDOW: u32 = 1_000;
/// What is taken for granted where the service does not say it.
const USUAL_WINDOW: u32 = 200_000;
const USUAL_OUTPUT: u32 = 64_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{FieldSet, ModelMap, Scale, Span};

    fn listed(id: &str) -> Listed {
        let (id, name) = (id.to_owned(), format!("The {id}"));
        Listed { id, name, window: 300_000, max_output: 9_000, images: Some(true), fields: Fields::NONE }
    }

    fn ids(catalogue: &Catalogue) -> Vec<&str> {
        catalogue.all().iter().map(|model| &*model.id).collect()
    }

    #[test]
    fn a_known_model_takes_what_the_list_says_and_keeps_its_names() {
        let fields = Fields { effort: Scale::of(["low", "max"]), ..Fields::claude(Scale::FULL) };
        let entry = Listed { window: 0, fields, images: None, ..listed("claude-sonnet-5") };
        let catalogue = Catalogue::built_in().live(&[entry]);
        let before = (**Catalogue::built_in().find("sonnet").unwrap()).clone();
        let expected = Model { max_output: 9_000, fields, ..before };
        assert_eq!(**catalogue.find("sonnet").unwrap(), expected);
        assert_eq!(ids(&catalogue), ["claude-sonnet-5"]);
    }

    #[test]
    fn a_model_that_is_not_known_has_a_row_of_its_own_under_every_spelling() {
        let entry = Listed { fields: Fields::claude(Scale::PLAIN), ..listed("claude-opus-9.1") };
        let catalogue = Catalogue::built_in().live(&[entry, listed("kimi-k3.5"), listed("claude-next")]);
        assert_eq!(ids(&catalogue), ["claude-opus-9-1", "kimi-k3.5", "claude-next"]);
        for name in ["claude-opus-9.1", "claude-opus-9-1", "claude-opus-9-1-20270101", "Claude-Opus-9-1[1m]"] {
            let model = catalogue.find(name).unwrap();
            assert_eq!((&*model.upstream_id, &*model.display_name), ("claude-opus-9.1", "The claude-opus-9.1"));
            assert_eq!(model.reasoning, Reasoning::Effort { xhigh: false });
        }
        assert_eq!(catalogue.find("kimi-k3-5").unwrap().reasoning, Reasoning::None);
        assert_eq!(catalogue.find("claude-next").unwrap().reasoning, Reasoning::Tags);
        assert_eq!(catalogue.find("claude-opus-9"), None, "another model is never taken for it");
    }

    #[test]
    fn what_the_list_lacks_is_found_and_not_listed_nor_named_as_the_nearest() {
        let catalogue = Catalogue::built_in().live(&[listed("claude-haiku-4.5")]);
        assert_eq!(catalogue.find("claude-opus-5").unwrap().upstream_id, "claude-opus-5");
        assert_eq!(catalogue.nearest("claude-opus-9"), ["claude-haiku-4-5"]);
        let map = ModelMap::parse(r#"{"claude-opus-5":{"max_output_tokens":7},"mine":"glm-5"}"#).unwrap();
        let catalogue = map.over(&catalogue);
        assert_eq!(ids(&catalogue), ["claude-haiku-4-5", "claude-opus-5", "mine"]);
        assert_eq!(catalogue.find("claude-opus-5").unwrap().max_output, 7);
        assert_eq!(Catalogue::built_in().live(&[]), *Catalogue::built_in());
    }

    #[test]
    fn two_spellings_of_one_model_are_one_row() {
        let (mut other, exact) = (listed("claude-opus-4.6-20260101"), listed("claude-opus-4.6"));
        other.window = 5_000;
        for list in [[other.clone(), exact.clone()], [exact, other.clone()]] {
            let catalogue = Catalogue::built_in().live(&list);
            assert_eq!(ids(&catalogue), ["claude-opus-4-6"]);
            assert_eq!(catalogue.find("claude-opus-4-6").unwrap().window, 300_000);
        }
        let catalogue = Catalogue::built_in().live(&[other]);
        assert_eq!(catalogue.find("claude-opus-4-6").unwrap().upstream_id, "claude-opus-4.6-20260101");
    }

    #[test]
    fn a_model_that_lost_its_schema_is_asked_by_tags_and_one_that_got_one_by_fields() {
        let sonnet = Listed { fields: Fields::claude(Scale::FULL), ..listed("claude-sonnet-4.5") };
        let catalogue = Catalogue::built_in().live(&[listed("claude-opus-5"), sonnet, listed("gpt-5.6-sol")]);
        let reasoning = |name: &str| catalogue.find(name).unwrap().reasoning;
        assert_eq!(reasoning("claude-opus-5"), Reasoning::Tags);
        assert_eq!(reasoning("claude-sonnet-4-5"), Reasoning::Effort { xhigh: true });
        assert_eq!(reasoning("gpt-5.6-sol"), Reasoning::None);
    }

    #[test]
    fn refused_fields_are_taken_out_of_every_row_of_the_model() {
        let map = ModelMap::parse(r#"{"mine":"claude-opus-5","tagged":{"upstream_id":"glm-5","thinking":"tags"}}"#);
        let catalogue = map.unwrap().over(Catalogue::built_in());
        let all = [("claude-opus-5", FieldSet::of(["thinking", "output_config"])), ("glm-5", FieldSet::ALL)];
        let lean = catalogue.without(&all);
        for name in ["mine", "claude-opus-5"] {
            let model = lean.find(name).unwrap();
            assert_eq!((model.reasoning, model.fields.think()), (Reasoning::Tags, false), "{name}");
            assert!(model.fields.max_tokens.is_some());
        }
        assert_eq!(lean.find("tagged").unwrap().reasoning, Reasoning::Tags);
        assert_eq!(lean.find("opus"), catalogue.find("opus"));
    }

    #[test]
    fn what_cannot_be_an_id_is_no_model_and_odd_numbers_say_nothing() {
        for id in ["", "a b", "é", "a\"b", "-latest", &"x".repeat(129)] {
            assert_eq!(listed(id).checked(), None, "{id}");
        }
        let odd = Listed { window: 999, name: " a\u{7}\nb ".to_owned() + &"c".repeat(500), ..listed("ok") };
        let odd = odd.checked().unwrap();
        assert_eq!((odd.window, odd.name.len()), (0, 128 - 1));
        assert_eq!(odd.alone().window, 200_000);
        for (min, max) in [(0, 0), (0, 9), (9, 8)] {
            let fields = Fields { max_tokens: Some(Span { min, max }), ..Fields::NONE };
            assert_eq!(Listed { fields, ..listed("ok") }.checked().unwrap().fields, Fields::NONE);
        }
    }
}
