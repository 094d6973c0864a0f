//! The friendly answer to a prompt without a script.

use serde_json::Value;

use crate::check::media::pictures;
use crate::check::{current, list, text};

/// Says what the server saw of the current message.
pub(super) fn default_answer(body: &Value) -> String {
    let Some(user) = current(body) else {
        return "This is the simulated upstream.".to_owned();
    };
    let mut parts = vec![format!("This is the simulated upstream, answering as {}.", text(user, "modelId"))];
    let prompt = last_line(text(user, "content"));
    if !prompt.is_empty() {
        parts.push(format!("You wrote: \u{201c}{prompt}\u{201d}."));
    }
    for picture in pictures(body) {
        parts.push(format!("I see a {} image of {} x {} pixels.", picture.format, picture.width, picture.height));
    }
    for document in list(user, "documents") {
        parts.push(format!(
            "I see the {} document \u{201c}{}\u{201d}.",
            text(document, "format"),
            text(document, "name")
        ));
    }
    let results = user.get("userInputMessageContext").map(|context| list(context, "toolResults")).unwrap_or_default();
    for result in results {
        parts.push(format!(
            "The tool call {} ended with {}: {}.",
            text(result, "toolUseId"),
            text(result, "status"),
            summary(result)
        ));
    }
    parts
        .push("Write a line such as `@sim text \"hello\" => tool Read {\"file_path\":\"x\"}` to direct me.".to_owned());
    parts.join("\n")
}

fn last_line(content: &str) -> String {
    let line =
        content.lines().map(str::trim).rfind(|line| !line.is_empty() && !line.starts_with('<')).unwrap_or_default();
    shortened(line, 160)
}

fn summary(result: &Value) -> String {
    let first = list(result, "content").first();
    let content =
        first.map(|part| part.get("text").and_then(Value::as_str).map_or_else(|| part.to_string(), str::to_owned));
    shortened(content.unwrap_or_default().trim(), 160)
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}\u{2026}", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
