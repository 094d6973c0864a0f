//! The model list as OpenAI clients expect it.

use std::sync::Arc;

use percent_encoding::percent_decode_str;

use super::sse::{number, raw, string};
use crate::error::{Error, Kind};
use crate::models::{Catalogue, Model};

/// The body of `GET /v1/models` for an OpenAI client.
pub fn openai_models(catalogue: &Catalogue) -> Vec<u8> {
    let mut out = Vec::with_capacity(4096);
    raw("{\"object\":\"list\",\"data\":[", &mut out);
    for (index, model) in catalogue.all().iter().enumerate() {
        if index > 0 {
            raw(",", &mut out);
        }
        item(model, &mut out);
    }
    raw("]}", &mut out);
    out
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

fn item(model: &Model, out: &mut Vec<u8>) {
    raw("{\"id\":", out);
    string(model.id, out);
    raw(",\"object\":\"model\",\"created\":", out);
    number(model.created.1, out);
    raw(",\"owned_by\":", out);
    string(owner(model), out);
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

/// Characters of an unknown name that an error repeats.
const MAX_SHOWN: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_list_holds_every_model_in_the_form_the_sdks_need() {
        let body: Value = serde_json::from_slice(&openai_models(Catalogue::built_in())).unwrap();
        assert_eq!(body["object"], "list");
        let items = body["data"].as_array().unwrap();
        assert_eq!(items.len(), Catalogue::built_in().all().len());
        for (item, model) in items.iter().zip(Catalogue::built_in().all()) {
            assert_eq!(item["id"], model.id);
            assert_eq!(item["object"], "model");
            assert_eq!(item["created"], model.created.1);
            assert!(!item["owned_by"].as_str().unwrap().is_empty());
        }
    }

    #[test]
    fn one_model_is_found_by_any_spelling_and_an_unknown_one_is_named_in_short() {
        let body = String::from_utf8(openai_model(Catalogue::built_in(), "gpt-5.6-sol").unwrap()).unwrap();
        assert_eq!(body, r#"{"id":"gpt-5.6-sol","object":"model","created":1783900800,"owned_by":"openai"}"#);
        assert!(openai_model(Catalogue::built_in(), "claude%2Dhaiku%2D4.5").is_ok());
        let error = openai_model(Catalogue::built_in(), &"x".repeat(10_000)).unwrap_err();
        assert_eq!(error.kind(), Kind::UnknownModel);
        assert!(error.text().len() < 300, "{error}");
        assert!(openai_model(Catalogue::built_in(), "%ff%00\n").is_err());
    }
}
