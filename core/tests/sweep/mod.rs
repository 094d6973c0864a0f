//! What the sweeps of the dialects share: every value of a full request replaced by every wrong type.
#![allow(unreachable_pub, reason = "several test binaries use it")]

use serde_json::{Value, json};

/// What may hold another type than the full request has, and why. `[*]` is any index.
pub type Accepted = &'static [(&'static str, &'static [&'static str], &'static str)];

/// A value of every type.
pub fn wrongs() -> [Value; 8] {
    [json!(null), json!(true), json!(7), json!(-1.5), json!("x"), json!([]), json!([[7]]), json!({})]
}

/// Whether a value of this type may stand there: null where the field is optional, another where `accepted` says why.
pub fn is_explained(accepted: Accepted, optional: &[&str], path: &str, wrong: &str) -> bool {
    let null = wrong == "null" && optional.iter().any(|pattern| fits(pattern, path));
    let fits_one = |kinds: &[&str]| kinds.contains(&"any") || kinds.contains(&wrong);
    null || accepted.iter().any(|(pattern, kinds, _)| fits_one(kinds) && fits(pattern, path))
}

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

/// The place of every value inside a value, as JSON pointers.
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

/// The JSON path of a pointer.
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
