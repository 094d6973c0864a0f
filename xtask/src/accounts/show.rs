//! What is shown of a list: never a token.

use serde_json::{Value, json};

use super::day;
use super::entry::Entry;
use super::list::List;

/// A line for each account, for people.
pub(super) fn table(list: &List, place: &str) -> String {
    if list.len() == 0 {
        return format!("there is no account in {place}");
    }
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    let mut problems = Vec::new();
    for (at, entry) in list.entries().iter().enumerate() {
        rows.push(row(list, at, entry));
        if let Err(problem) = entry.credential() {
            problems.push(format!("{}: {problem}", list.label(at)));
        }
    }
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    let line = |row: &[String; 9]| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.extend(problems);
    lines.join("\n")
}

/// The same for programs: an array of objects.
pub(super) fn json(list: &List) -> String {
    let one = |(at, entry): (usize, &Entry)| match entry.credential() {
        Ok(credential) => json!({
            "index": at, "label": list.label(at), "kind": credential.login.word(), "region": credential.region,
            "profileArn": credential.profile_arn, "priority": credential.priority, "disabled": entry.is_off(),
            "id": credential.id, "loginEnds": entry.ends().map(day), "problem": null
        }),
        Err(problem) => json!({
            "index": at, "label": list.label(at), "kind": null, "region": null, "profileArn": null, "priority": null,
            "disabled": entry.is_off(), "id": null, "loginEnds": null, "problem": problem
        }),
    };
    Value::Array(list.entries().iter().enumerate().map(one).collect()).to_string()
}

fn row(list: &List, at: usize, entry: &Entry) -> [String; 9] {
    let off = if entry.is_off() { "yes" } else { "no" };
    let ends = entry.ends().map_or_else(|| "-".to_owned(), day);
    let or = |text: Option<&str>| text.unwrap_or("-").to_owned();
    match entry.credential() {
        Ok(credential) => [
            at.to_string(),
            list.label(at),
            credential.login.word().to_owned(),
            or(credential.region.as_deref()),
            or(credential.profile_arn.as_deref().and_then(|arn| arn.rsplit('/').next())),
            credential.priority.to_string(),
            off.to_owned(),
            ends,
            credential.id,
        ],
        Err(_) => {
            let wrong = "wrong".to_owned();
            [at.to_string(), list.label(at), wrong, or(None), or(None), or(None), off.to_owned(), ends, or(None)]
        }
    }
}

const COLUMNS: [&str; 9] = ["#", "label", "kind", "region", "profile", "priority", "disabled", "login ends", "id"];
