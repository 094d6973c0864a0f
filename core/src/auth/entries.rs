//! Client keys as JSON objects. Every problem is named by index and field, and no text repeats a value: it may be a key.

use serde::Deserialize;

use super::{ClientKey, Scope, Scopes, digest, usual_label};
use crate::host::Millis;
use crate::json::{self, RawValue};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: Option<String>,
    sha256: Option<String>,
    label: Option<String>,
    scopes: Option<Vec<String>>,
    models: Option<Vec<String>>,
    expires: Option<String>,
    rpm: Option<serde::de::IgnoredAny>,
    max_concurrent: Option<serde::de::IgnoredAny>,
}

/// Reads one object, or a list of them.
///
/// # Errors
/// What is wrong with each of them.
pub(super) fn parse(text: &str) -> Result<Vec<ClientKey>, String> {
    let many = text.starts_with('[');
    let raws: Vec<&RawValue> = if many { read("", text)? } else { vec![read("", text)?] };
    let mut keys: Vec<ClientKey> = Vec::new();
    let mut problems = Vec::new();
    for (at, raw) in raws.iter().enumerate() {
        let path = if many { format!("[{at}]") } else { String::new() };
        let key = read::<Entry>(&path, raw.get()).and_then(|entry| entry.check(&path, at));
        match key.and_then(|key| is_alone(&path, &keys, key)) {
            Ok(key) => keys.push(key),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(keys) } else { Err(problems.join("; ")) }
}

/// Reads JSON; of serde's words only those are kept that cannot hold a value.
fn read<'t, T: Deserialize<'t>>(path: &str, text: &'t str) -> Result<T, String> {
    json::read(text.as_bytes()).map_err(|error| {
        let at = if error.path.is_empty() { path.to_owned() } else { field(path, &error.path) };
        let at = if at.is_empty() { at } else { format!("{at}: ") };
        match error.text.rsplit_once(", expected ") {
            Some((_, expected)) if error.text.starts_with("invalid ") => format!("{at}expected {expected}"),
            _ if error.text.starts_with("invalid ") => format!("{at}has the wrong type"),
            Some((unknown, expected)) if unknown.starts_with("unknown field") && !is_plain(unknown) => {
                let at = if path.is_empty() { String::new() } else { format!("{path}: ") };
                format!("{at}has a field that is not known, expected {expected}")
            }
            _ if error.text.starts_with("duplicate field") || error.text.starts_with("unknown field") => {
                format!("{at}{}", error.text)
            }
            _ => format!("{at}is not valid JSON ({})", error.text),
        }
    })
}

/// Whether the name of a field that is not known looks like one. Somebody may have written a key in its place.
fn is_plain(unknown: &str) -> bool {
    let name = unknown.trim_start_matches("unknown field").trim().trim_matches('`');
    name.len() <= MAX_NAME && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

fn field(path: &str, name: &str) -> String {
    if path.is_empty() || name.starts_with('[') { format!("{path}{name}") } else { format!("{path}.{name}") }
}

/// Two entries for one key would contradict each other, and two of one name could not be told apart in the log.
fn is_alone(path: &str, others: &[ClientKey], key: ClientKey) -> Result<ClientKey, String> {
    if let Some(at) = others.iter().position(|other| other.sha256 == key.sha256) {
        return Err(format!("{}: is the same key as that of entry {at}", field(path, "key")));
    }
    match others.iter().position(|other| other.label == key.label) {
        Some(at) => Err(format!("{}: is the same as that of entry {at}", field(path, "label"))),
        None => Ok(key),
    }
}

impl Entry {
    fn check(self, path: &str, at: usize) -> Result<ClientKey, String> {
        for (name, set) in [("rpm", self.rpm.is_some()), ("max_concurrent", self.max_concurrent.is_some())] {
            if set {
                return Err(format!("{}: {NO_LIMITS}", field(path, name)));
            }
        }
        Ok(ClientKey {
            sha256: self.hash(path)?,
            label: self.label.as_deref().map_or_else(|| Ok(usual_label(at)), |label| self.label(path, label))?,
            scopes: self.scopes.as_deref().map_or(Ok(Scopes::USUAL), |words| scopes(path, words))?,
            models: self.models.as_deref().map(|names| models(path, names)).transpose()?,
            expires: self.expires.as_deref().map(|text| expiry(path, text)).transpose()?,
        })
    }

    fn hash(&self, path: &str) -> Result<[u8; 32], String> {
        match (&self.key, &self.sha256) {
            (Some(key), None) if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(digest(key)),
            (Some(_), None) => Err(format!("{}: give visible ASCII characters without spaces", field(path, "key"))),
            (None, Some(hex)) => unhex(hex).ok_or_else(|| {
                format!("{}: give the 64 hex digits that `sha256sum` prints for the key", field(path, "sha256"))
            }),
            (Some(_), Some(_)) => Err(format!("{}: give `key` or `sha256`, not both", field(path, "sha256"))),
            (None, None) => Err(format!("{}: is missing: give `key`, or the `sha256` of it", field(path, "key"))),
        }
    }

    fn label(&self, path: &str, label: &str) -> Result<String, String> {
        let label = label.trim();
        let fits = (1..=MAX_LABEL).contains(&label.chars().count()) && !label.chars().any(char::is_control);
        let at = field(path, "label");
        match label {
            _ if !fits => Err(format!("{at}: give 1 to {MAX_LABEL} characters in one line")),
            _ if self.key.as_deref() == Some(label) => Err(format!("{at}: is the key itself, and labels are logged")),
            UNKNOWN => Err(format!("{at}: is what the log calls a client without a valid key: give another one")),
            _ => Ok(label.to_owned()),
        }
    }
}

fn scopes(path: &str, words: &[String]) -> Result<Scopes, String> {
    let mut all = Scopes::default();
    for (at, word) in words.iter().enumerate() {
        let scope = Scope::ALL.into_iter().find(|scope| scope.word() == word);
        let wrong = || format!("{}: expected `use`, `metrics` or `admin`", field(path, &format!("scopes[{at}]")));
        all = all.with(scope.ok_or_else(wrong)?);
    }
    match words {
        [] => Err(format!("{}: give at least one of `use`, `metrics` and `admin`", field(path, "scopes"))),
        _ => Ok(all),
    }
}

fn models(path: &str, names: &[String]) -> Result<Vec<String>, String> {
    if names.is_empty() {
        return Err(format!("{}: name at least one model, or leave it out for all of them", field(path, "models")));
    }
    let name = |(at, name): (usize, &String)| match name.trim() {
        "" => Err(format!("{}: is empty: give a model's id", field(path, &format!("models[{at}]")))),
        name => Ok(name.to_owned()),
    };
    names.iter().enumerate().map(name).collect()
}

fn expiry(path: &str, text: &str) -> Result<Millis, String> {
    let wrong =
        || format!("{}: give a time such as 2027-01-31T18:00:00Z, or a day such as 2027-01-31", field(path, "expires"));
    Millis::from_rfc3339(text.trim()).ok_or_else(wrong)
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let text = text.trim();
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// What the log calls a client without a valid key.
const UNKNOWN: &str = "unknown";
const MAX_LABEL: usize = 64;
/// Letters of a field's name that is repeated though it is not known.
const MAX_NAME: usize = 16;
const NO_LIMITS: &str = "is not supported by this version: a limit without effect would be a hole; leave it out";
