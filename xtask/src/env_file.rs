//! Writes a `.env` file that wrangler reads back exactly.
//!
//! wrangler parses with dotenv (quotes: `'`, `` ` `` or `"`, no escapes inside the first two) and then expands `$NAME`
//! unless the dollar is escaped as `\$`.

use std::collections::BTreeMap;

use crate::failure::{Failure, Result};

/// The file's text for these names and values.
///
/// # Errors
/// Names the one value that the format cannot carry (its content is not shown).
pub(crate) fn encode(values: &BTreeMap<String, String>) -> Result<String> {
    let mut text = String::new();
    for (name, value) in values {
        let quoted = quote(value).ok_or_else(|| {
            Failure::new(format!(
                "{name} cannot be handed to the local worker: it ends in a backslash, holds a carriage return, or mixes all \
                 of the quotes ' \" ` without being JSON"
            ))
        })?;
        text.push_str(&format!("{name}={quoted}\n"));
    }
    Ok(text)
}

fn quote(value: &str) -> Option<String> {
    if value.ends_with('\\') || value.contains('\r') && !is_json(value) {
        return None;
    }
    // In JSON a quote mark stands only inside strings, where an escape means the same; a carriage return only outside.
    let value = if is_json(value) { value.replace('\'', "\\u0027").replace('\r', " ") } else { value.to_owned() };
    let mark = ['\'', '`'].into_iter().find(|mark| !value.contains(*mark))?;
    Some(format!("{mark}{}{mark}", value.replace('$', "\\$")))
}

fn is_json(value: &str) -> bool {
    value.trim_start().starts_with(['{', '[']) && serde_json::from_str::<serde_json::Value>(value).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: &str) -> Option<String> {
        let values = BTreeMap::from([("N".to_owned(), value.to_owned())]);
        encode(&values).ok()
    }

    #[test]
    fn values_are_quoted_with_a_mark_they_do_not_hold() {
        assert_eq!(line("a b#c").unwrap(), "N='a b#c'\n");
        assert_eq!(line("it's").unwrap(), "N=`it's`\n");
        assert_eq!(line("a$B${C}").unwrap(), "N='a\\$B\\${C}'\n");
        assert_eq!(line("{\"a\":\"it's `so`\"}").unwrap(), "N='{\"a\":\"it\\u0027s `so`\"}'\n");
    }

    #[test]
    fn a_value_the_format_cannot_carry_is_refused_by_name_alone() {
        for value in ["ends in \\", "' and `", "a\rb"] {
            let values = BTreeMap::from([("SECRET_NAME".to_owned(), value.to_owned())]);
            let failure = encode(&values).unwrap_err().to_string();
            assert!(failure.contains("SECRET_NAME") && !failure.contains(value), "{failure}");
        }
    }
}
