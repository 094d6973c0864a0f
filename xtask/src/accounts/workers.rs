//! The deployed Worker's secret `KIRO_AUTH_TOKEN`, by way of wrangler.
//!
//! Cloudflare never gives a secret back, so a copy of what was sent is kept on this machine; the copy is written first, so
//! that a login which was just renewed exists even when sending fails.

use std::time::Duration;

use serde_json::Value;

use super::home::{Home, WORKERS};
use super::list::List;
use crate::failure::{Failure, Result};
use crate::process::{Said, ask};
use crate::root::Root;
use crate::tools;

/// The list that was last sent.
///
/// # Errors
/// When there is no copy here and the Worker has the secret: what is in it would be lost.
pub(super) fn load(root: &Root, home: &Home, replace: bool) -> Result<List> {
    if let Some(text) = home.read(WORKERS)? {
        return List::read(&text, WORKERS);
    }
    if !replace && has_secret(root)? {
        return Err(Failure::new(
            "the Worker has a secret KIRO_AUTH_TOKEN, and what is in it is not known here: Cloudflare gives no secret back. \
             Take the accounts in again from where you have them (`cargo xtask accounts import FILE --workers --replace`), \
             or begin a new list with --replace. Either way what the Worker has is replaced",
        ));
    }
    Ok(List::default())
}

/// Keeps the copy, then sends the list.
pub(super) fn store(root: &Root, home: &Home, list: &List) -> Result<()> {
    let copy = home.write(WORKERS, &list.pretty())?;
    let said = wrangler(root, &["secret", "put", SECRET], &list.text())?;
    if said.success {
        return Ok(());
    }
    let failure = refused(&said);
    let output = failure.output().unwrap_or_default().to_owned();
    Err(Failure::new(format!(
        "{failure}. The list is kept in {}: `cargo xtask accounts push --workers` sends it again",
        copy.display()
    ))
    .with_output(output))
}

fn has_secret(root: &Root) -> Result<bool> {
    let said = wrangler(root, &["secret", "list", "--format", "json"], "")?;
    if !said.success {
        // There is no such Worker yet: sending the secret makes one.
        let missing = MISSING.iter().any(|mark| said.complaint.contains(mark) || said.answer.contains(mark));
        return if missing { Ok(false) } else { Err(refused(&said)) };
    }
    names(&said.answer)
        .map(|names| names.iter().any(|name| name == SECRET))
        .ok_or_else(|| Failure::new("`wrangler secret list` gave no list that can be read").with_output(said.complaint))
}

/// The names in wrangler's JSON, whatever it says around it.
fn names(text: &str) -> Option<Vec<String>> {
    let json = text.get(text.find('[')?..=text.rfind(']')?)?;
    let Ok(Value::Array(secrets)) = serde_json::from_str(json) else { return None };
    secrets.iter().map(|secret| secret.get("name")?.as_str().map(str::to_owned)).collect()
}

fn wrangler(root: &Root, arguments: &[&str], input: &str) -> Result<Said> {
    let mut command = tools::wrangler(root)?;
    // Its log file holds no bodies.
    command.args(arguments).env("WRANGLER_LOG_SANITIZE", "true");
    ask(&mut command, input, LIMIT)
}

fn refused(said: &Said) -> Failure {
    let output = format!("{}\n{}", said.answer.trim(), said.complaint.trim());
    let words = if LOGGED_OUT.iter().any(|mark| output.contains(mark)) {
        "wrangler is not logged in to Cloudflare: run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN"
    } else {
        "wrangler could not do it"
    };
    Failure::new(words).with_output(output)
}

const SECRET: &str = "KIRO_AUTH_TOKEN";
/// Cloudflare's code, and its words, for a Worker that does not exist.
const MISSING: [&str; 2] = ["[code: 10007]", "does not exist on your account"];
const LOGGED_OUT: [&str; 4] =
    ["CLOUDFLARE_API_TOKEN", "Not logged in", "not authenticated", "Authentication error [code: 10000]"];
const LIMIT: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_from_what_wrangler_says() {
        let text = "a banner\n[\n  { \"name\": \"KIRO_AUTH_TOKEN\", \"type\": \"secret_text\" }\n]\n";
        assert_eq!(names(text).unwrap(), ["KIRO_AUTH_TOKEN"]);
        assert_eq!(names("[]").unwrap(), Vec::<String>::new());
        assert_eq!(names("none"), None);
        assert_eq!(names("] ["), None);
    }
}
