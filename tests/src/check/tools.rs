//! Tool declarations and the calls in the history.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Findings, declared, history, list, text};
use crate::config::Limits;
use crate::refusal::Refusal;

pub(super) fn check(body: &Value, limits: &Limits, findings: &mut Findings) {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (index, tool) in declared(body).iter().enumerate() {
        let path = format!("conversationState.currentMessage.userInputMessage.userInputMessageContext.tools[{index}]");
        let Some(specification) = tool.get("toolSpecification") else {
            if tool.get("cachePoint").is_some() {
                findings.improper("R19", format!("{path}.cachePoint"), "a cache point among the tools");
            }
            continue;
        };
        let path = format!("{path}.toolSpecification");
        let name = text(specification, "name");
        check_name(name, &format!("{path}.name"), limits, findings);
        if !names.insert(name.to_ascii_lowercase()) {
            let refusal = Refusal::validation("Duplicate tool names.").because("TOOL_DUPLICATE");
            findings.broken(
                "R8",
                format!("{path}.name"),
                format!("\"{name}\" is declared twice (case does not count)"),
                refusal,
            );
        }
        description(specification, &path, limits, findings);
        match specification.get("inputSchema").and_then(|schema| schema.get("json")) {
            Some(schema) => check_schema(schema, &format!("{path}.inputSchema.json"), findings),
            None => findings.improper("R20", format!("{path}.inputSchema.json"), "missing (a server tool?)"),
        }
    }
    calls(body, &names, limits, findings);
}

fn check_name(name: &str, path: &str, limits: &Limits, findings: &mut Findings) {
    let mut chars = name.chars();
    let starts = chars.next().is_some_and(|c| c.is_ascii_alphabetic());
    let plain = chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !starts || !plain || name.len() > limits.tool_name {
        let detail = format!(
            "\"{name}\" is not a letter and then at most {} of A-Z a-z 0-9 _ -",
            limits.tool_name.saturating_sub(1)
        );
        findings.broken("R8", path, detail, Refusal::validation(FORMAT));
    }
}

fn description(specification: &Value, path: &str, limits: &Limits, findings: &mut Findings) {
    let description = text(specification, "description");
    let path = format!("{path}.description");
    if description.trim().is_empty() {
        findings.improper("R10", &path, "empty");
    }
    let length = description.chars().count();
    if length > limits.tool_description {
        findings.improper("R11", path, format!("{length} characters, the limit is {}", limits.tool_description));
    }
}

fn check_schema(schema: &Value, path: &str, findings: &mut Findings) {
    let bedrock = |rest: &str| {
        let message = format!("Bedrock error message: The value at toolConfig.tools.0.toolSpec.{rest}");
        Refusal::validation(message).because("TOOL_SCHEMA_INVALID")
    };
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        let refusal = bedrock("inputSchema.json.type must be one of the following: object.");
        findings.broken("R12", format!("{path}.type"), "the root is not \"type\": \"object\"", refusal);
    }
    if !schema.get("properties").is_some_and(Value::is_object) {
        let refusal = bedrock("inputSchema.json.properties must be an object.");
        findings.broken("R12", format!("{path}.properties"), "not an object", refusal);
    }
    let required = schema.get("required");
    if required
        .is_some_and(|list| !list.is_null() && !list.as_array().is_some_and(|names| names.iter().all(Value::is_string)))
    {
        let refusal = bedrock("inputSchema.json.required must be an array of strings.");
        findings.broken("R12", format!("{path}.required"), "not an array of strings", refusal);
    }
    for word in ["anyOf", "oneOf", "allOf"].iter().filter(|word| schema.get(**word).is_some()) {
        let refusal = bedrock("inputSchema.json does not support oneOf, allOf, or anyOf at the top level.");
        findings.broken("schema-root", format!("{path}.{word}"), "not allowed at the root", refusal);
    }
    walk(schema, path, findings);
}

/// R13 and references, at any depth.
fn walk(schema: &Value, path: &str, findings: &mut Findings) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                let path = format!("{path}.{name}");
                if value.is_null() {
                    findings.improper("R13", &path, "null inside a schema");
                }
                if name == "$ref" && value.is_string() {
                    findings.improper("schema-ref", &path, "references are not understood");
                }
                walk(value, &path, findings);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{path}[{index}]"), findings);
            }
        }
        _ => {}
    }
}

/// R7, R8, R16 and R17: the calls in the history.
fn calls(body: &Value, names: &BTreeSet<String>, limits: &Limits, findings: &mut Findings) {
    for (index, entry) in history(body).iter().enumerate() {
        let Some(assistant) = entry.get("assistantResponseMessage") else {
            continue;
        };
        for (at, call) in list(assistant, "toolUses").iter().enumerate() {
            let path = format!("conversationState.history[{index}].assistantResponseMessage.toolUses[{at}]");
            let name = text(call, "name");
            check_name(name, &format!("{path}.name"), limits, findings);
            if !names.contains(&name.to_ascii_lowercase()) {
                let refusal =
                    Refusal::validation("A tool that was used is not configured.").because("TOOL_CONFIG_MISSING");
                findings.broken(
                    "R7",
                    format!("{path}.name"),
                    format!("\"{name}\" is not declared in the current tools"),
                    refusal,
                );
            }
            match call.get("input") {
                Some(input) if input.is_object() => empty_keys(input, &format!("{path}.input"), findings),
                Some(_) => findings.improper("R17", format!("{path}.input"), "not an object"),
                None => {}
            }
        }
    }
}

fn empty_keys(value: &Value, path: &str, findings: &mut Findings) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if name.is_empty() {
                    findings.improper("R16", path, "an empty key");
                }
                empty_keys(value, &format!("{path}.{name}"), findings);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                empty_keys(item, &format!("{path}[{index}]"), findings);
            }
        }
        _ => {}
    }
}

const FORMAT: &str = "Invalid tool use format.";
