//! Rules on a tool's schema.

use serde_json::Value;

use super::{Report, text};

/// Holds R12 and R13 for a schema.
pub(super) fn hold(schema: &Value, path: &str, report: &mut Report) {
    let kind = text(schema, "type");
    report.expect(kind == "object", "R12", path, || format!("the root's type is {kind:?}"));
    let has_properties = schema.get("properties").is_some_and(Value::is_object);
    report.expect(has_properties, "R12", path, || "the root has no object of properties".to_owned());
    for combiner in ["anyOf", "oneOf", "allOf"] {
        report.expect(schema.get(combiner).is_none(), "R12", path, || format!("{combiner} at the root"));
    }
    hold_required(schema, path, report);
    report.expect(!holds_null(schema), "R13", path, || "holds a null".to_owned());
    hold_references(schema, path, report);
}

fn hold_required(schema: &Value, path: &str, report: &mut Report) {
    let strings = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
    let fine = schema.get("required").is_none_or(strings);
    report.expect(fine, "R12", path, || "required is no list of names".to_owned());
}

fn holds_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(holds_null),
        Value::Object(members) => members.values().any(holds_null),
        _ => false,
    }
}

/// The service resolves no references, wherever a schema may stand.
fn hold_references(schema: &Value, path: &str, report: &mut Report) {
    let Value::Object(members) = schema else { return };
    for (key, value) in members {
        let place = format!("{path}.{key}");
        match (key.as_str(), value) {
            ("$ref", Value::String(target)) => report.add("R13", &place, format!("a reference to {target}")),
            ("properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas", Value::Object(all)) => {
                for (name, schema) in all {
                    hold_references(schema, &format!("{place}.{name}"), report);
                }
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems" | "items", Value::Array(all)) => {
                for (at, schema) in all.iter().enumerate() {
                    hold_references(schema, &format!("{place}[{at}]"), report);
                }
            }
            ("items" | "additionalProperties" | "not" | "if" | "then" | "else" | "contains" | "propertyNames", one) => {
                hold_references(one, &place, report);
            }
            _ => {}
        }
    }
}
