//! The model list with its pages.

use crate::dialect::models::{Page, find_in_path};
use crate::dialect::sse::{number, raw, string};
use crate::error::Error;
use crate::host::Millis;
use crate::models::{Catalogue, Model};

/// The body of `GET /v1/models`, for the query `limit`, `before_id`, `after_id`; other parameters have no
/// effect. Without a limit everything comes in one page, since many clients read only the first.
///
/// # Errors
/// As [`Page::of`].
pub fn models(catalogue: &Catalogue, query: &str) -> Result<Vec<u8>, Error> {
    let page = Page::of(catalogue, query, "after_id", "before_id")?;
    let mut out = Vec::with_capacity(4096);
    raw("{\"data\":[", &mut out);
    page.items(item, &mut out);
    raw(if page.more { "],\"has_more\":true" } else { "],\"has_more\":false" }, &mut out);
    for (member, model) in [(",\"first_id\":", page.models.first()), (",\"last_id\":", page.models.last())] {
        raw(member, &mut out);
        match model {
            Some(model) => string(&model.id, &mut out),
            None => raw("null", &mut out),
        }
    }
    raw("}", &mut out);
    Ok(out)
}

/// The body of `GET /v1/models/{id}`; `id` as the path has it, percent-encoded or not. A built-in
/// alias is answered with the model it stands for.
///
/// # Errors
/// [`Kind::UnknownModel`](crate::error::Kind::UnknownModel).
pub fn model(catalogue: &Catalogue, id: &str) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(256);
    item(find_in_path(catalogue, id)?, &mut out);
    Ok(out)
}

fn item(model: &Model, out: &mut Vec<u8>) {
    raw("{\"type\":\"model\",\"id\":", out);
    string(&model.id, out);
    raw(",\"display_name\":", out);
    string(&model.display_name, out);
    raw(",\"created_at\":\"", out);
    raw(Millis::secs(model.created).rfc3339().trim_end_matches(".000Z"), out);
    raw("Z\",\"max_input_tokens\":", out);
    number(u64::from(model.window), out);
    raw(",\"max_tokens\":", out);
    number(u64::from(model.max_output), out);
    raw("}", out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> (Vec<String>, bool) {
        let body: serde_json::Value = serde_json::from_slice(&models(Catalogue::built_in(), query).unwrap()).unwrap();
        let ids: Vec<String> =
            body["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(body["first_id"].as_str(), ids.first().map(String::as_str));
        assert_eq!(body["last_id"].as_str(), ids.last().map(String::as_str));
        (ids, body["has_more"].as_bool().unwrap())
    }

    #[test]
    fn pages_in_both_directions_hold_every_model_once_and_in_order() {
        let (all, more) = page("");
        assert_eq!((all.len(), more), (Catalogue::built_in().all().len(), false));
        let (mut forward, mut query) = (Vec::new(), "limit=4".to_owned());
        loop {
            let (ids, more) = page(&query);
            query = format!("limit=4&after_id={}", ids.last().unwrap());
            forward.extend(ids);
            if !more {
                break;
            }
        }
        assert_eq!(forward, all);
        let (ids, more) = page(&format!("limit=2&before_id={}", all[5]));
        assert_eq!((ids.as_slice(), more), (&all[3..5], true));
    }

    #[test]
    fn a_cursor_before_the_first_is_an_empty_page() {
        let (ids, more) = page(&format!("before_id={}", Catalogue::built_in().all()[0].id));
        assert_eq!((ids.len(), more), (0, false));
    }

    #[test]
    fn a_bad_limit_or_cursor_is_named() {
        for query in ["limit=0", "limit=1001", "limit=-1", "limit=x", "limit="] {
            assert_eq!(models(Catalogue::built_in(), query).unwrap_err().path(), Some("limit"), "{query}");
        }
        assert_eq!(models(Catalogue::built_in(), "after_id=nothing").unwrap_err().path(), Some("after_id"));
    }

    #[test]
    fn a_single_model_is_found_by_any_spelling() {
        let body = String::from_utf8(model(Catalogue::built_in(), "claude-opus-5-5%5B1m%5D").unwrap()).unwrap();
        assert!(body.starts_with(r#"{"type":"model","id":"claude-opus-5-5","display_name":"Claude Opus 5.5","created_at":"2026-10-01T00:00:00Z""#));
        assert_eq!(model(Catalogue::built_in(), "gpt-4o").unwrap_err().kind(), crate::error::Kind::UnknownModel);
    }
}
