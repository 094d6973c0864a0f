//! The desktop client's files: `kiro-auth-token.json`, and the device registration beside it.
//!
//! ```text
//! ~/.aws/sso/cache/kiro-auth-token.json   refreshToken, authMethod, provider, region, clientIdHash | profileArn
//! ~/.aws/sso/cache/{clientIdHash}.json    clientId, clientSecret, expiresAt      (IdC and Builder ID alone)
//! ```

use std::path::{Path, PathBuf};

use kiro2api_core::Millis;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::entry::{ENDS, Entry, may_be_secret};
use super::list::List;
use super::{day, text_of};
use crate::failure::{Failure, Result};

/// What a file holds. Holds secrets: it has no `Debug`.
pub(super) struct Found {
    pub(super) entries: Vec<Entry>,
    /// Whether it is a login that the desktop client goes on using.
    pub(super) shared: bool,
}

/// Where the desktop client keeps its login.
pub(super) fn usual_file() -> Result<PathBuf> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    let home =
        home.ok_or_else(|| Failure::new("HOME is not set: name the file, `cargo xtask accounts import FILE`"))?;
    Ok(PathBuf::from(home).join(".aws/sso/cache").join(TOKEN_FILE))
}

/// Reads the desktop client's file, or one in the form of `KIRO_AUTH_TOKEN`.
///
/// # Errors
/// Which file is wrong, in what, and which one is meant.
pub(super) fn read(path: &Path, now: Millis) -> Result<Found> {
    let name = path.display().to_string();
    if may_be_secret(&name) && !path.exists() {
        return Err(Failure::new(
            "import takes the name of a file: an account itself comes by standard input, `cargo xtask accounts add`",
        ));
    }
    let text = text_of(path).map_err(|error| {
        Failure::new(format!(
            "{name} cannot be read ({error}). The desktop client keeps its login in ~/.aws/sso/cache/{TOKEN_FILE}"
        ))
    })?;
    match json(&text, &name)? {
        Value::Object(members) if is_cache(&members) => {
            let entry = from_cache(members, path, now)?;
            entry.credential().map_err(|problem| Failure::new(format!("{name}: {problem}")))?;
            Ok(Found { entries: vec![entry], shared: true })
        }
        Value::Object(members) => {
            refuse_other_files(&members, path)?;
            entries(Value::Object(members), &name)
        }
        list => entries(list, &name),
    }
}

/// JSON of a file.
pub(super) fn json(text: &str, name: &str) -> Result<Value> {
    serde_json::from_str(text.trim().trim_start_matches('\u{feff}')).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Failure::new(format!(
            "{name} is not JSON (line {line}, column {column}): expected the desktop client's {TOKEN_FILE}, or accounts in the form of \
             KIRO_AUTH_TOKEN"
        ))
    })
}

/// Entries in the form of `KIRO_AUTH_TOKEN`; the first that cannot be used is told.
fn entries(value: Value, name: &str) -> Result<Found> {
    let many = value.is_array();
    let entries = List::of(value, name)?.into_entries();
    if entries.is_empty() {
        return Err(Failure::new(format!("{name} is an empty list")));
    }
    for (at, entry) in entries.iter().enumerate() {
        let place = if many { format!("{name}[{at}]") } else { name.to_owned() };
        entry.credential().map_err(|problem| Failure::new(format!("{place}.{problem}")))?;
    }
    Ok(Found { entries, shared: false })
}

/// Whether these are the members of the desktop client's token file.
fn is_cache(members: &Map<String, Value>) -> bool {
    let has = |name: &str| text(members, name).is_some();
    has("refreshToken") && (has("clientIdHash") || has("accessToken") || has("authMethod"))
}

fn refuse_other_files(members: &Map<String, Value>, path: &Path) -> Result<()> {
    let name = path.display();
    let has = |member: &str| text(members, member).is_some();
    if has("refreshToken") || has("apiKey") || has("kiroApiKey") {
        return Ok(());
    }
    let what = if has("clientId") && has("clientSecret") {
        "is the device registration; the login is in the file"
    } else if has("accessToken") {
        "holds an access token and no refreshToken; a login that lasts is in the file"
    } else {
        "holds no refreshToken; the desktop client's login is in the file"
    };
    Err(Failure::new(format!("{name} {what} {}", path.with_file_name(TOKEN_FILE).display())))
}

fn from_cache(cache: Map<String, Value>, path: &Path, now: Millis) -> Result<Entry> {
    let method = text(&cache, "authMethod").unwrap_or_default().to_ascii_lowercase().replace(['_', '-'], "");
    let provider = text(&cache, "provider").unwrap_or_default().to_ascii_lowercase();
    let mut members = Map::new();
    match method.as_str() {
        "social" => {}
        "idc" | "builderid" => register(&mut members, &cache, path, now)?,
        "" if text(&cache, "clientIdHash").is_some() => register(&mut members, &cache, path, now)?,
        "" if matches!(provider.as_str(), "google" | "github" | "") => {}
        _ => {
            return Err(Failure::new(format!(
                "{}: authMethod is of a kind that the gateway does not know: it knows social (Google, GitHub) and IdC (Builder ID, \
                 IAM Identity Center) logins, and API keys",
                path.display()
            )));
        }
    }
    let kind = if members.contains_key("clientId") { "IdC" } else { "Social" };
    members.insert("auth".to_owned(), kind.into());
    for name in ["refreshToken", "provider", "region", "profileArn", "startUrl"] {
        if let Some(value) = text(&cache, name) {
            members.insert(name.to_owned(), value.into());
        }
    }
    Ok(Entry::new(members))
}

/// Adds the device registration that the login is bound to.
fn register(members: &mut Map<String, Value>, cache: &Map<String, Value>, path: &Path, now: Millis) -> Result<()> {
    if let (Some(id), Some(secret)) = (text(cache, "clientId"), text(cache, "clientSecret")) {
        members.insert("clientId".to_owned(), id.into());
        members.insert("clientSecret".to_owned(), secret.into());
        return Ok(());
    }
    let name = path.display();
    let hash = text(cache, "clientIdHash").filter(|hash| hash.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let Some(hash) = hash else {
        return Err(Failure::new(format!(
            "{name}: clientIdHash does not name a device registration, which an IdC login needs: sign in with the desktop client again"
        )));
    };
    let file = path.with_file_name(format!("{hash}.json"));
    let text_of_file = text_of(&file).map_err(|error| {
        Failure::new(format!(
            "{name} is an IdC login; its device registration {} cannot be read ({error}): copy it beside the login, or sign in with \
             the desktop client again",
            file.display()
        ))
    })?;
    let Value::Object(registration) = json_of_registration(&text_of_file, &file)? else {
        return Err(not_a_registration(&file));
    };
    let (Some(id), Some(secret)) = (text(&registration, "clientId"), text(&registration, "clientSecret")) else {
        return Err(not_a_registration(&file));
    };
    members.insert("clientId".to_owned(), id.into());
    members.insert("clientSecret".to_owned(), secret.into());
    if let Some(end) = registration.get("expiresAt").and_then(instant) {
        if end <= now {
            return Err(Failure::new(format!(
                "the device registration {} has expired on {}, and its login with it: sign in with the desktop client again, or run \
                 `cargo xtask accounts login`",
                file.display(),
                day(end)
            )));
        }
        members.insert(ENDS.to_owned(), (end.0 / 1000).into());
    }
    Ok(())
}

fn json_of_registration(text: &str, file: &Path) -> Result<Value> {
    serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|_| not_a_registration(file))
}

fn not_a_registration(file: &Path) -> Failure {
    Failure::new(format!(
        "{} is no device registration: expected JSON with clientId and clientSecret. Sign in with the desktop client again",
        file.display()
    ))
}

/// RFC 3339, with `UTC` for the zone as well, or epoch seconds or milliseconds.
fn instant(value: &Value) -> Option<Millis> {
    if let Some(number) = value.as_u64() {
        return Some(if number > YEAR_5138_IN_SECONDS { Millis(number) } else { Millis::secs(number) });
    }
    let text = value.as_str()?.trim().replace("UTC", "Z");
    let time = OffsetDateTime::parse(&text, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp()).ok().map(Millis::secs)
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// The name of the desktop client's file.
const TOKEN_FILE: &str = "kiro-auth-token.json";
/// A larger number of seconds is one of milliseconds.
const YEAR_5138_IN_SECONDS: u64 = 100_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_end_of_a_registration_is_read_in_each_of_its_forms() {
        let end = Some(Millis::secs(1_767_225_600));
        for value in [
            json!("2026-01-01T00:00:00Z"),
            json!("2026-01-01T00:00:00.000Z"),
            json!("2026-01-01T00:00:00UTC"),
            json!("2026-01-01T01:00:00+01:00"),
            json!(1_767_225_600),
            json!(1_767_225_600_000_u64),
        ] {
            assert_eq!(instant(&value), end, "{value}");
        }
        assert_eq!(instant(&json!("tomorrow")), None);
    }
}
