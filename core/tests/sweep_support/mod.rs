//! What the sweeps over every field of a request share.
#![allow(
    unreachable_pub,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "each test binary uses it, and a failing test panics"
)]

use kiro2api_core::{Error, Kind};
use serde_json::{Value, json};

/// Whether a path fits a pattern in which `[*]` is any index.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut parts) = (pattern.split('['), path.split('['));
    loop {
        match (wanted.next(), parts.next()) {
            (None, None) => return true,
            (Some(wanted), Some(part)) => {
                let fits = match wanted.strip_prefix('*') {
                    Some(tail) => part.trim_start_matches(|letter: char| letter.is_ascii_digit()) == tail,
                    None => part == wanted,
                };
                if !fits {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// The JSON pointers of a value and of everything in it.
pub fn pointers(value: &Value, at: String) -> Vec<String> {
    let mut all = vec![at.clone()];
    match value {
        Value::Object(members) => {
            all.extend(members.iter().flat_map(|(name, value)| pointers(value, format!("{at}/{name}"))));
        }
        Value::Array(items) => {
            all.extend(items.iter().enumerate().flat_map(|(index, value)| pointers(value, format!("{at}/{index}"))));
        }
        _ => {}
    }
    all
}

/// A JSON pointer as errors write it.
pub fn path_of(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        match part.parse::<usize>() {
            Ok(index) => path.push_str(&format!("[{index}]")),
            Err(_) if path.is_empty() => path.push_str(part),
            Err(_) => path.push_str(&format!(".{part}")),
        }
    }
    path
}

/// The type of a value.
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// JSON text in which `type` is the first member of every object.
pub fn type_first(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut names: Vec<_> = members.keys().collect();
            names.sort_by_key(|name| *name != "type");
            let members: Vec<_> =
                names.iter().map(|name| format!("{}:{}", json!(name), type_first(&members[*name]))).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(type_first).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// What is put where something else belongs.
pub fn wrong_values() -> [Value; 8] {
    [json!(null), json!(true), json!(7), json!(-1.5), json!("x"), json!([]), json!([[7]]), json!({})]
}

/// `Ok`, or the path of the invalid field.
pub fn refused_at<T>(decoded: Result<T, Error>) -> Result<(), String> {
    match decoded {
        Ok(_) => Ok(()),
        Err(error) => {
            assert_eq!(error.kind(), Kind::Invalid, "{error}");
            Err(error.path().unwrap_or_else(|| panic!("no path: {error}")).to_owned())
        }
    }
}

/// Whether one list says why a value of this type is accepted at a path, or the other that it may be null there.
pub fn is_explained(path: &str, wrong: &str, accepted: &[(&str, &[&str], &str)], optional: &[&str]) -> bool {
    let null = wrong == "null" && optional.iter().any(|pattern| fits(pattern, path));
    let fits_one = |kinds: &[&str]| kinds.contains(&"any") || kinds.contains(&wrong);
    null || accepted.iter().any(|(pattern, kinds, _)| fits_one(kinds) && fits(pattern, path))
}
