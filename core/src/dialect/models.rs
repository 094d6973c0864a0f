//! The model list as OpenAI clients expect it.

use std::sync::Arc;

use percent_encoding::percent_decode_str;

use super::sse::{number, raw, string};
use crate::error::{Error, Kind};
use crate::models::{Catalogue, Model};

/// The body of `GET /v1/models` for an OpenAI client, for the query `limit` and `after`; other parameters have
/// no effect. Without a limit everything comes in one page, since these clients read only the first. Beside
/// the four members of OpenAI's own shape an item says `display_name`, `context_window` (also as
/// `context_length`) and `max_output_tokens`, which many clients read and none minds.
///
/// # Errors
/// As [`Page::of`].
pub fn openai_models(catalogue: &Catalogue, query: &str) -> Result<Vec<u8>, Error> {
    let page = Page::of(catalogue, query, "after", "before")?;
    let mut out = Vec::with_capacity(4096);
    raw("{\"object\":\"list\",\"data\":[", &mut out);
    page.items(item, &mut out);
    raw(if page.more { "],\"has_more\":true}" } else { "],\"has_more\":false}" }, &mut out);
    Ok(out)
}

/// The body of `GET /v1/models/{id}` for an OpenAI client; `id` as the path has it, percent-encoded or not.
///
/// # Errors
/// [`Kind::UnknownModel`].
pub fn openai_model(catalogue: &Catalogue, id: &str) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(256);
    item(find_in_path(catalogue, id)?, &mut out);
    Ok(out)
}

/// The model of a public name.
pub(super) fn find<'c>(catalogue: &'c Catalogue, name: &str) -> Result<&'c Arc<Model>, Error> {
    catalogue.find(name).ok_or_else(|| {
        let nearest = catalogue.nearest(name).join(", ");
        let shown: String = name.chars().take(MAX_SHOWN).collect();
        Error::new(Kind::UnknownModel, format!("there is no model {shown:?}; the nearest ones are {nearest}"))
    })
}

/// The model that a path segment names.
pub(super) fn find_in_path<'c>(catalogue: &'c Catalogue, segment: &str) -> Result<&'c Arc<Model>, Error> {
    find(catalogue, &percent_decode_str(segment).decode_utf8_lossy())
}

/// A page of the list.
pub(super) struct Page<'c> {
    /// The models on it.
    pub(super) models: &'c [Arc<Model>],
    /// Whether there are more in the direction of reading.
    pub(super) more: bool,
}

impl<'c> Page<'c> {
    /// The page for the query's `limit` and its cursors, which each API names in its own way.
    ///
    /// # Errors
    /// A limit that is no number from 1 to 1000, and a cursor that is no model.
    pub(super) fn of(
        catalogue: &'c Catalogue,
        query: &str,
        after: &'static str,
        before: &'static str,
    ) -> Result<Self, Error> {
        let all = catalogue.all();
        let (mut limit, mut from, mut to) = (MAX_LIMIT, 0, all.len());
        let mut backwards = false;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "limit" => limit = limit_of(&value)?,
                name if name == after && !value.is_empty() => from = position(catalogue, &value, after)? + 1,
                name if name == before && !value.is_empty() => {
                    to = position(catalogue, &value, before)?;
                    backwards = true;
                }
                _ => {}
            }
        }
        let within = all.get(from..to).unwrap_or(&[]);
        let skipped = if backwards { within.len().saturating_sub(limit) } else { 0 };
        let models = within.get(skipped..within.len().min(skipped + limit)).unwrap_or(&[]);
        Ok(Self { models, more: models.len() < within.len() })
    }

    /// Writes the models as the items of an array.
    pub(super) fn items(&self, item: impl Fn(&Model, &mut Vec<u8>), out: &mut Vec<u8>) {
        for (index, model) in self.models.iter().enumerate() {
            if index > 0 {
                raw(",", out);
            }
            item(model, out);
        }
    }
}

fn limit_of(value: &str) -> Result<usize, Error> {
    match value.parse() {
        Ok(limit @ 1..=MAX_LIMIT) => Ok(limit),
        _ => Err(Error::invalid("limit", format!("must be a whole number from 1 to {MAX_LIMIT}"))),
    }
}

fn position(catalogue: &Catalogue, id: &str, parameter: &'static str) -> Result<usize, Error> {
    let found = catalogue.find(id).and_then(|model| catalogue.all().iter().position(|row| row.id == model.id));
    found.ok_or_else(|| Error::invalid(parameter, "is the id of no model"))
}

fn item(model: &Model, out: &mut Vec<u8>) {
    let (window, output) = (u64::from(model.window), u64::from(model.max_output));
    raw("{\"id\":", out);
    string(&model.id, out);
    raw(",\"object\":\"model\",\"created\":", out);
    number(model.created, out);
    raw(",\"owned_by\":", out);
    string(owner(model), out);
    raw(",\"display_name\":", out);
    string(&model.display_name, out);
    for (member, tokens) in [("context_window", window), ("context_length", window), ("max_output_tokens", output)] {
        raw(",\"", out);
        raw(member, out);
        raw("\":", out);
        number(tokens, out);
    }
    raw("}", out);
}

fn owner(model: &Model) -> &'static str {
    match model.family() {
        "opus" | "sonnet" | "haiku" | "fable" => "anthropic",
        "gpt" => "openai",
        "auto" | "other" => "kiro",
        family => family,
    }
}

/// Most models on one page.
const MAX_LIMIT: usize = 1000;
/// Characters of an unknown name that an error repeats.
const MAX_SHOWN: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_list_holds_every_model_in_the_form_the_sdks_need() {
        let body: Value = serde_json::from_slice(&openai_models(Catalogue::built_in(), "").unwrap()).unwrap();
        assert_eq!(body["object"], "list");
        let items = body["data"].as_array().unwrap();
        assert_eq!(items.len(), Catalogue::built_in().all().len());
        for (item, model) in items.iter().zip(Catalogue::built_in().all()) {
            assert_eq!(item["id"], *model.id);
            assert_eq!(item["object"], "model");
            assert_eq!(item["created"], model.created);
            assert!(!item["owned_by"].as_str().unwrap().is_empty());
        }
    }

    #[test]
    fn one_model_is_found_by_any_spelling_and_an_unknown_one_is_named_in_short() {
        let body = String::from_utf8(openai_model(Catalogue::built_in(), "gpt-5.6-sol").unwrap()).unwrap();
        assert_eq!(
            body,
            r#"{"id":"gpt-5.6-sol","object":"model","created":1783900800,"owned_by":"openai","display_name":"GPT-5.6 Sol","context_window":272000,"context_length":272000,"max_output_tokens":64000}"#
        );
        assert!(openai_model(Catalogue::built_in(), "claude%2Dhaiku%2D4.5").is_ok());
        let error = openai_model(Catalogue::built_in(), &"x".repeat(10_000)).unwrap_err();
        assert_eq!(error.kind(), Kind::UnknownModel);
        assert!(error.text().len() < 300, "{error}");
        assert!(openai_model(Catalogue::built_in(), "%ff%00\n").is_err());
    }

    #[test]
    fn pages_follow_limit_and_after_and_what_is_no_parameter_changes_nothing() {
        let page = |query: &str| -> (Vec<String>, bool) {
            let body: Value = serde_json::from_slice(&openai_models(Catalogue::built_in(), query).unwrap()).unwrap();
            let ids = body["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned());
            (ids.collect(), body["has_more"].as_bool().unwrap())
        };
        let (all, more) = page("order=asc&after=&client_version=1");
        assert_eq!((all.len(), more), (Catalogue::built_in().all().len(), false));
        assert_eq!(page(&format!("limit=2&after={}", all[3])), (all[4..6].to_vec(), true));
        assert_eq!(page(&format!("after={}", all[all.len() - 1])), (vec![], false));
        for (query, path) in [("limit=0", "limit"), ("after=nothing", "after")] {
            assert_eq!(openai_models(Catalogue::built_in(), query).unwrap_err().path(), Some(path));
        }
    }
}
