//! `additionalModelRequestFields` against the schema of the model, in the small subset of JSON Schema the catalogue uses.

use serde_json::Value;

use super::Findings;
use crate::refusal::Refusal;

pub(super) fn check_fields(fields: &Value, schema: Option<&Value>, findings: &mut Findings) {
    let root = "additionalModelRequestFields";
    let nothing = serde_json::json!({ "type": "object", "additionalProperties": false });
    if let Err((path, detail)) = validate(fields, schema.unwrap_or(&nothing), "") {
        let path = if path.is_empty() { root.to_owned() } else { format!("{root}.{path}") };
        let message = format!("Invalid {root}: {detail}");
        findings.broken("fields", path, detail, Refusal::validation(message).because("REQUEST_BODY_INVALID"));
    }
    let disabled =
        fields.get("thinking").and_then(|thinking| thinking.get("type")).and_then(Value::as_str) == Some("disabled");
    if disabled && fields.get("output_config").is_some() {
        let refusal =
            Refusal::validation(format!("Invalid {root}: output_config cannot be combined with disabled thinking"));
        findings.broken(
            "fields-thinking",
            root,
            "output_config with thinking.type \"disabled\"",
            refusal.because("REQUEST_BODY_INVALID"),
        );
    }
}

type Checked = Result<(), (String, String)>;

fn validate(value: &Value, schema: &Value, path: &str) -> Checked {
    let fail = |detail: String| Err((path.to_owned(), detail));
    if let Some(kinds) = schema.get("type") {
        let single = std::slice::from_ref(kinds);
        let kinds = kinds.as_array().map_or(single, Vec::as_slice);
        if !kinds.iter().filter_map(Value::as_str).any(|kind| is_of(value, kind)) {
            return fail(format!("'{path}' has the wrong type"));
        }
    }
    if schema.get("enum").and_then(Value::as_array).is_some_and(|allowed| !allowed.contains(value)) {
        return fail(format!("'{path}' has the value {value}, which is not allowed"));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return fail(format!("'{path}' must have its constant value"));
    }
    if let Some(number) = value.as_f64() {
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        if bound("minimum").is_some_and(|least| number < least) || bound("maximum").is_some_and(|most| number > most) {
            return fail(format!("'{path}' is {value}, which is out of range"));
        }
    }
    if let Some(text) = value.as_str() {
        let length = text.chars().count() as u64;
        let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
        if bound("minLength").is_some_and(|least| length < least)
            || bound("maxLength").is_some_and(|most| length > most)
        {
            return fail(format!("'{path}' has a length that is out of range"));
        }
    }
    members(value, schema, path)?;
    match (value.as_array(), schema.get("items")) {
        (Some(items), Some(of)) => {
            items.iter().enumerate().try_for_each(|(index, item)| validate(item, of, &format!("{path}[{index}]")))
        }
        _ => Ok(()),
    }
}

fn members(value: &Value, schema: &Value, path: &str) -> Checked {
    let Some(members) = value.as_object() else {
        return Ok(());
    };
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !members.contains_key(name) {
            return Err((path.to_owned(), format!("required property '{name}' is missing")));
        }
    }
    for (name, value) in members {
        let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match (schema.get("properties").and_then(|properties| properties.get(name)), schema.get("additionalProperties"))
        {
            (Some(schema), _) => validate(value, schema, &inner)?,
            (None, Some(Value::Bool(false))) => {
                let detail = format!(
                    "property '{name}' is not defined in the schema and the schema does not allow additional properties"
                );
                return Err((inner, detail));
            }
            (None, Some(schema)) if schema.is_object() => validate(value, schema, &inner)?,
            (None, _) => {}
        }
    }
    Ok(())
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => false,
    }
}
