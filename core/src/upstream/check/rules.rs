//! Rules that span members: order, pairs, names, sizes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Report, list, schema, text};

/// Holds every rule the model does not say.
pub(super) fn hold(root: &Value, report: &mut Report) {
    if let Some(Value::String(arn)) = root.get("profileArn") {
        report.expect(!arn.is_empty(), "R21", "profileArn", || "is empty".to_owned());
    }
    hold_fields(root, report);
    let Some(state) = root.get("conversationState") else { return };
    let turns = turns(state);
    hold_order(&turns, report);
    for turn in &turns {
        hold_content(turn, report);
        hold_media(turn, report);
    }
    hold_request_media(&turns, report);
    hold_pairs(&turns, report);
    hold_ids(&turns, report);
    hold_tools(&turns, report);
}

/// A turn of the conversation, the current one last.
struct Turn<'v> {
    path: String,
    user: bool,
    current: bool,
    message: &'v Value,
}

impl<'v> Turn<'v> {
    fn of(entry: &'v Value, path: &str, current: bool) -> Self {
        let user = entry.get("userInputMessage");
        let name = if user.is_some() { "userInputMessage" } else { "assistantResponseMessage" };
        let message = user.or_else(|| entry.get(name)).unwrap_or(&Value::Null);
        Self { path: format!("{path}.{name}"), user: user.is_some(), current, message }
    }

    fn uses(&self) -> &'v [Value] {
        list(self.message, "toolUses")
    }

    fn results(&self) -> &'v [Value] {
        self.message.get("userInputMessageContext").map_or(&[], |context| list(context, "toolResults"))
    }

    fn tools(&self) -> &'v [Value] {
        self.message.get("userInputMessageContext").map_or(&[], |context| list(context, "tools"))
    }
}

fn turns(state: &Value) -> Vec<Turn<'_>> {
    let history = list(state, "history").iter().enumerate();
    let mut turns: Vec<_> =
        history.map(|(at, entry)| Turn::of(entry, &format!("conversationState.history[{at}]"), false)).collect();
    if let Some(current) = state.get("currentMessage") {
        turns.push(Turn::of(current, "conversationState.currentMessage", true));
    }
    turns
}

fn hold_order(turns: &[Turn<'_>], report: &mut Report) {
    for (at, turn) in turns.iter().enumerate() {
        let expected = if at % 2 == 0 { "the user's" } else { "the assistant's" };
        report.expect(turn.user == (at % 2 == 0), "R1", &turn.path, || format!("should be {expected} turn"));
    }
    if let Some(last) = turns.last() {
        report.expect(last.user, "R1", &last.path, || "the current turn is not the user's".to_owned());
    }
}

fn hold_content(turn: &Turn<'_>, report: &mut Report) {
    let Some(content) = turn.message.get("content").and_then(Value::as_str) else { return };
    let path = format!("{}.content", turn.path);
    if turn.user {
        report.expect(!content.trim().is_empty(), "R2", &path, || "is empty".to_owned());
    } else {
        let fine = if turn.uses().is_empty() { !content.trim().is_empty() } else { !content.is_empty() };
        report.expect(fine, "R3", &path, || "is empty".to_owned());
    }
    let chars = content.chars().count();
    report.expect(chars <= 600_000, "size", &path, || format!("{chars} characters, the service takes 600000"));
    for (at, result) in turn.results().iter().enumerate() {
        let path = format!("{}.userInputMessageContext.toolResults[{at}]", turn.path);
        let chars: usize = list(result, "content").iter().map(|entry| text(entry, "text").chars().count()).sum();
        report.expect(chars <= 800_000, "size", &path, || format!("{chars} characters, the service takes 800000"));
    }
}

fn hold_media(turn: &Turn<'_>, report: &mut Report) {
    for kind in ["images", "documents"] {
        for (at, block) in list(turn.message, kind).iter().enumerate() {
            let path = format!("{}.{kind}[{at}]", turn.path);
            let base64 = block.get("source").map_or("", |source| text(source, "bytes"));
            report.expect(is_base64(base64), "media", &path, || "is no base64".to_owned());
            let small = kind != "images" || base64.len() <= 5_242_880;
            report.expect(small, "size", &path, || format!("{} bytes of base64", base64.len()));
        }
    }
}

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    !text.is_empty() && text.len().is_multiple_of(4) && text.len() - digits.len() <= 2 && digits.chars().all(legal)
}

fn hold_request_media(turns: &[Turn<'_>], report: &mut Report) {
    let images: usize = turns.iter().map(|turn| list(turn.message, "images").len()).sum();
    report.expect(images <= 20, "size", "conversationState", || format!("{images} images, the service takes 20"));
    let mut names = BTreeSet::new();
    for document in turns.iter().flat_map(|turn| list(turn.message, "documents")) {
        let name = text(document, "name");
        let legal = |c: char| c.is_ascii_alphanumeric() || " -()[]".contains(c);
        let fine = (1..=200).contains(&name.len()) && name.chars().all(legal) && !name.contains("  ");
        report.expect(fine, "media", "documents", || format!("the name {name:?} is not legal"));
        report.expect(names.insert(name), "media", "documents", || format!("the name {name:?} is there twice"));
    }
}

fn hold_pairs(turns: &[Turn<'_>], report: &mut Report) {
    let mut before: &[Value] = &[];
    for turn in turns {
        let asked: BTreeSet<_> = before.iter().map(|call| text(call, "toolUseId")).collect();
        let answered: BTreeSet<_> = turn.results().iter().map(|result| text(result, "toolUseId")).collect();
        for id in asked.difference(&answered) {
            report.add("R4", &turn.path, format!("no result for {id}"));
        }
        for id in answered.difference(&asked) {
            report.add("R5", &turn.path, format!("a result for {id}, which the turn before did not call"));
        }
        before = turn.uses();
    }
}

fn hold_ids(turns: &[Turn<'_>], report: &mut Report) {
    let (mut uses, mut results) = (BTreeSet::new(), BTreeSet::new());
    for turn in turns {
        for (list, seen) in [(turn.uses(), &mut uses), (turn.results(), &mut results)] {
            for id in list.iter().map(|entry| text(entry, "toolUseId")) {
                report.expect(seen.insert(id), "R6", &turn.path, || format!("{id} is there twice"));
                let legal = (1..=64).contains(&id.len()) && id.chars().all(is_word);
                report.expect(legal, "R9", &turn.path, || format!("{id:?} is no legal id"));
            }
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn hold_tools(turns: &[Turn<'_>], report: &mut Report) {
    let mut declared = BTreeSet::new();
    for turn in turns {
        let tools = turn.tools();
        let fine = turn.current || tools.is_empty();
        report.expect(fine, "member", &turn.path, || "tools stand on the current turn only".to_owned());
        for (at, tool) in tools.iter().enumerate() {
            let path = format!("{}.userInputMessageContext.tools[{at}]", turn.path);
            match tool.get("toolSpecification") {
                Some(spec) => hold_spec(spec, &path, &mut declared, report),
                None if tool.get("cachePoint").is_some() => {}
                None => report.add("R20", &path, "is no tool specification"),
            }
        }
    }
    for (turn, call) in turns.iter().flat_map(|turn| turn.uses().iter().map(move |call| (turn, call))) {
        let name = text(call, "name");
        let known = declared.contains(&name.to_lowercase());
        report.expect(known, "R7", &turn.path, || format!("the tool {name:?} is not declared"));
        report.expect(is_name(name), "R8", &turn.path, || format!("{name:?} is no legal name"));
        if let Some(input) = call.get("input") {
            let fine = !holds_empty_key(input);
            report.expect(fine, "R16", &turn.path, || format!("the input of {name} has an empty key"));
        }
    }
}

fn hold_spec(spec: &Value, path: &str, declared: &mut BTreeSet<String>, report: &mut Report) {
    let name = text(spec, "name");
    report.expect(is_name(name), "R8", path, || format!("{name:?} is no legal name"));
    report.expect(declared.insert(name.to_lowercase()), "R8", path, || format!("{name:?} is declared twice"));
    let description = text(spec, "description");
    report.expect(!description.trim().is_empty(), "R10", path, || "the description is empty".to_owned());
    let chars = description.chars().count();
    report.expect(chars <= 10_000, "R11", path, || format!("the description has {chars} characters"));
    if let Some(json) = spec.get("inputSchema").and_then(|input| input.get("json")).filter(|json| json.is_object()) {
        schema::hold(json, &format!("{path}.toolSpecification.inputSchema.json"), report);
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= 63 && name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_word)
}

fn holds_empty_key(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(holds_empty_key),
        Value::Object(members) => members.iter().any(|(key, value)| key.is_empty() || holds_empty_key(value)),
        _ => false,
    }
}

fn hold_fields(root: &Value, report: &mut Report) {
    let path = "additionalModelRequestFields";
    let Some(fields) = root.get(path) else { return };
    let disabled = fields.get("thinking").is_some_and(|thinking| text(thinking, "type") == "disabled");
    let both = disabled && fields.get("output_config").is_some();
    report.expect(!both, "fields", path, || "output_config beside disabled thinking".to_owned());
    if let Some(tokens) = fields.get("max_tokens").and_then(Value::as_u64) {
        let fine = (1024..=128_000).contains(&tokens);
        report.expect(fine, "fields", path, || format!("max_tokens is {tokens}"));
    }
}
