//! What the local gateway is configured with: the documented names that are set in this environment.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::accounts::Home;
use crate::failure::{Failure, Result};
use crate::root::Root;

/// Names and values for the gateway, and whose account they speak for.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    values: BTreeMap<String, String>,
    account: Option<&'static str>,
    client_key: Option<ClientKey>,
}

/// Which key opens the local gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClientKey {
    /// None was configured: the documented key of local runs.
    Development,
    /// Exactly one plain key, taken from the environment.
    Own(String),
    /// Several, or a JSON description.
    Several,
}

impl Settings {
    /// Reads the documented names through `lookup` (empty values count as unset) and checks what can be checked here.
    ///
    /// # Errors
    /// A message that names the variable and says what it should hold, never what it holds.
    pub(crate) fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let lookup = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let mut settings = Self::default();
        for name in PLAIN {
            if let Some(value) = lookup(name) {
                settings.values.insert(name.to_owned(), value);
            }
        }
        refuse_secrets_elsewhere(&lookup)?;
        settings.read_accounts(&lookup)?;
        settings.read_client_key(&lookup)?;
        Ok(settings)
    }

    /// The names set in this process's environment; with no account among them, the list that the person keeps on this
    /// machine (`cargo xtask accounts`), if it holds one.
    pub(crate) fn of_person(root: &Root) -> Result<Self> {
        let settings = Self::read(|name| std::env::var(name).ok())?;
        if settings.account.is_some() {
            return Ok(settings);
        }
        let home = Home::of(root);
        match home.accounts()? {
            Some(list) => settings.with_list(home.shown(), list),
            None => Ok(settings),
        }
    }

    fn with_list(mut self, name: &'static str, list: String) -> Result<Self> {
        check_accounts(name, &list)?;
        self.values.insert("KIRO_AUTH_TOKEN".to_owned(), list);
        self.account = Some(name);
        Ok(self)
    }

    /// Where the account came from (the name of a variable or of a file); nothing when none is configured.
    pub(crate) fn account(&self) -> Option<&'static str> {
        self.account
    }

    /// The key for clients.
    pub(crate) fn client_key(&self) -> ClientKey {
        self.client_key.clone().unwrap_or(ClientKey::Development)
    }

    /// Everything the gateway gets: what was read, and `defaults` where nothing was.
    pub(crate) fn with_defaults(&self, defaults: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut values = self.values.clone();
        for (name, value) in defaults {
            values.entry((*name).to_owned()).or_insert_with(|| (*value).to_owned());
        }
        values
    }

    fn read_accounts(&mut self, lookup: &impl Fn(&str) -> Option<String>) -> Result<()> {
        let token = lookup("KIRO_AUTH_TOKEN");
        let file = lookup("KIRO_AUTH_TOKEN_FILE");
        let (source, accounts) = match (token, file) {
            (Some(_), Some(_)) => {
                return Err(Failure::new("KIRO_AUTH_TOKEN and KIRO_AUTH_TOKEN_FILE are both set: unset one"));
            }
            (Some(token), None) if token.trim_start().starts_with(['{', '[']) => ("KIRO_AUTH_TOKEN", token),
            (Some(path), None) => ("KIRO_AUTH_TOKEN", read_file("KIRO_AUTH_TOKEN", &path, true)?),
            (None, Some(path)) => ("KIRO_AUTH_TOKEN_FILE", read_file("KIRO_AUTH_TOKEN_FILE", &path, false)?),
            (None, None) => {
                if let Some(tokens) = lookup("AWS_REFRESHTOKEN") {
                    self.values.insert("AWS_REFRESHTOKEN".to_owned(), tokens);
                    self.account = Some("AWS_REFRESHTOKEN");
                }
                return Ok(());
            }
        };
        check_accounts(source, &accounts)?;
        if let Some(tokens) = lookup("AWS_REFRESHTOKEN") {
            self.values.insert("AWS_REFRESHTOKEN".to_owned(), tokens);
        }
        self.values.insert("KIRO_AUTH_TOKEN".to_owned(), accounts);
        self.account = Some(source);
        Ok(())
    }

    fn read_client_key(&mut self, lookup: &impl Fn(&str) -> Option<String>) -> Result<()> {
        let keys = match (lookup("KIRO_CLIENT_TOKEN"), lookup("KIRO_CLIENT_TOKEN_FILE")) {
            (Some(_), Some(_)) => {
                return Err(Failure::new("KIRO_CLIENT_TOKEN and KIRO_CLIENT_TOKEN_FILE are both set: unset one"));
            }
            (Some(keys), None) => keys,
            (None, Some(path)) => read_file("KIRO_CLIENT_TOKEN_FILE", &path, false)?.trim().to_owned(),
            (None, None) => return Ok(()),
        };
        let single = !keys.contains(',') && !keys.trim_start().starts_with(['{', '[']);
        self.client_key = Some(if single { ClientKey::Own(keys.trim().to_owned()) } else { ClientKey::Several });
        self.values.insert("KIRO_CLIENT_TOKEN".to_owned(), keys);
        Ok(())
    }
}

/// Secrets by ARN are the deployed function's to read: nothing on this machine speaks to an AWS account.
fn refuse_secrets_elsewhere(lookup: &impl Fn(&str) -> Option<String>) -> Result<()> {
    match ELSEWHERE.into_iter().find(|name| lookup(name).is_some()) {
        Some(name) => Err(Failure::new(format!(
            "{name} is set, and local runs read nothing from AWS: unset it, and set {} to the secret itself",
            name.trim_end_matches("_ARN")
        ))),
        None => Ok(()),
    }
}

/// Reads a secret's file. The path itself is not shown when it may be a misplaced secret.
fn read_file(name: &str, path: &str, may_be_secret: bool) -> Result<String> {
    fs::read_to_string(path.trim()).map_err(|error| {
        Failure::new(if may_be_secret {
            format!("{name} is neither JSON nor the path of a readable file ({error}). Expected: {EXPECTED}")
        } else {
            format!("{name} names the file {path}, which cannot be read: {error}")
        })
    })
}

/// JSON of the right outline; the gateway checks the fields.
fn check_accounts(name: &str, text: &str) -> Result<()> {
    let wrong = |what: String| Failure::new(format!("{name} {what}. Expected: {EXPECTED}"));
    let value: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| wrong(format!("is not valid JSON (line {}, column {})", error.line(), error.column())))?;
    let accounts = match &value {
        serde_json::Value::Array(accounts) => accounts.as_slice(),
        one => std::slice::from_ref(one),
    };
    match accounts.iter().position(|account| !account.is_object()) {
        Some(index) => Err(wrong(format!("holds something that is not an object at position {index}"))),
        None if accounts.is_empty() => Err(wrong("is an empty list".to_owned())),
        None => Ok(()),
    }
}

/// True for a name that configures the gateway, or that leads to the person's AWS account: programs beside the gateway
/// do without them, and test runs keep them away from the suites.
pub(crate) fn is_setting(name: &str) -> bool {
    PLAIN.contains(&name) || OTHER.contains(&name) || ELSEWHERE.contains(&name) || name.starts_with("AWS_")
}

/// Keeps everything that [`is_setting`] from a program.
pub(crate) fn withhold(command: &mut Command) {
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(&name.to_string_lossy())) {
        command.env_remove(name);
    }
}

const EXPECTED: &str =
    r#"{"auth":"Social","refreshToken":"…"}, a list of such objects, or the path of a file that holds one"#;

/// Handed to the gateway as they are.
const PLAIN: [&str; 28] = [
    "TOKEN_SELECTION_STRATEGY",
    "ACCOUNT_MAX_CONCURRENT",
    "TOKEN_REFRESH_TIMEOUT",
    "TOKEN_STORE_KEY",
    "KIRO_API_BASE",
    "KIRO_AUTH_BASE",
    "KIRO_OIDC_BASE",
    "KIRO_REGION",
    "MODEL_MAP",
    "IMAGE_URLS",
    "REQUEST_TIMEOUT_MINUTES",
    "SIMPLE_REQUEST_TIMEOUT_MINUTES",
    "STREAM_REQUEST_TIMEOUT_MINUTES",
    "SERVER_READ_TIMEOUT_MINUTES",
    "SERVER_WRITE_TIMEOUT_MINUTES",
    "MAX_CONCURRENT_SESSIONS",
    "SESSION_TIMEOUT_MINUTES",
    "DISABLE_STREAM",
    "LOG_LEVEL",
    "LOG_FORMAT",
    "LOG_CONSOLE",
    "LOG_FILE",
    "METRICS_ENABLED",
    "CORS_ALLOW_ORIGINS",
    "RESPONSES_STORE",
    "RESPONSES_TTL_HOURS",
    "RESPONSE_CACHE",
    "GIN_MODE",
];

/// Read with care above, or not the gateway's business on this machine. Names of the AWS SDKs begin with `AWS_`.
const OTHER: [&str; 6] =
    ["KIRO_CLIENT_TOKEN", "KIRO_CLIENT_TOKEN_FILE", "KIRO_AUTH_TOKEN", "KIRO_AUTH_TOKEN_FILE", "TOKEN_TABLE", "PORT"];

/// Names of secrets that a deployed function fetches.
const ELSEWHERE: [&str; 4] =
    ["KIRO_AUTH_TOKEN_ARN", "KIRO_CLIENT_TOKEN_ARN", "AWS_REFRESHTOKEN_ARN", "TOKEN_STORE_KEY_ARN"];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings> {
        Settings::read(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn nothing_set_means_no_account_and_the_development_key() {
        let settings = read(&[("KIRO_AUTH_TOKEN", " "), ("UNRELATED", "x")]).unwrap();
        assert_eq!(settings.account(), None);
        assert_eq!(settings.client_key(), ClientKey::Development);
        assert!(settings.with_defaults(&[]).is_empty());
    }

    #[test]
    fn set_names_reach_the_gateway_and_win_over_defaults() {
        let settings = read(&[("LOG_LEVEL", "debug"), ("AWS_REFRESHTOKEN", "a,b")]).unwrap();
        assert_eq!(settings.account(), Some("AWS_REFRESHTOKEN"));
        let values = settings.with_defaults(&[("LOG_LEVEL", "info"), ("LOG_FORMAT", "json")]);
        assert_eq!(values["LOG_LEVEL"], "debug");
        assert_eq!(values["LOG_FORMAT"], "json");
        assert_eq!(values["AWS_REFRESHTOKEN"], "a,b");
    }

    #[test]
    fn accounts_are_read_from_a_file_either_way() {
        let path = std::env::temp_dir().join(format!("kiro2api-settings-{}.json", std::process::id()));
        fs::write(&path, r#"[{"auth":"Social","refreshToken":"r"}]"#).unwrap();
        for name in ["KIRO_AUTH_TOKEN", "KIRO_AUTH_TOKEN_FILE"] {
            let settings = read(&[(name, path.to_str().unwrap())]).unwrap();
            assert_eq!(settings.account(), Some(name));
            assert!(settings.with_defaults(&[])["KIRO_AUTH_TOKEN"].starts_with('['));
        }
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn the_list_of_this_machine_is_told_as_the_source() {
        let settings = read(&[("LOG_LEVEL", "debug")]).unwrap();
        let settings = settings.with_list(".kiro2api/accounts.json", "[{\n}]\n".to_owned()).unwrap();
        assert_eq!(settings.account(), Some(".kiro2api/accounts.json"));
        assert_eq!(settings.with_defaults(&[])["KIRO_AUTH_TOKEN"], "[{\n}]\n");
        let failure = read(&[]).unwrap().with_list("its name", "[s3cret".to_owned()).unwrap_err().to_string();
        assert!(failure.starts_with("its name is not valid JSON") && !failure.contains("s3cret"), "{failure}");
    }

    #[test]
    fn wrong_accounts_are_refused_without_showing_them() {
        for (value, reason) in [
            ("{\"refreshToken\": \"s3cret", "not valid JSON"),
            ("s3cret-bare-token", "neither JSON nor the path"),
            ("[]", "empty list"),
            ("[{}, \"s3cret\"]", "not an object at position 1"),
        ] {
            let failure = read(&[("KIRO_AUTH_TOKEN", value)]).unwrap_err().to_string();
            assert!(failure.starts_with("KIRO_AUTH_TOKEN"), "{failure}");
            assert!(failure.contains(reason), "{failure}");
            assert!(!failure.contains("s3cret"), "{failure}");
        }
        assert!(read(&[("KIRO_AUTH_TOKEN", "{}"), ("KIRO_AUTH_TOKEN_FILE", "x")]).is_err());
    }

    #[test]
    fn a_secret_in_an_aws_account_is_refused_with_the_way_out() {
        let failure = read(&[("KIRO_AUTH_TOKEN_ARN", "arn:aws:secretsmanager:x")]).unwrap_err().to_string();
        assert!(failure.starts_with("KIRO_AUTH_TOKEN_ARN is set"), "{failure}");
        assert!(failure.ends_with("set KIRO_AUTH_TOKEN to the secret itself"), "{failure}");
        assert!(is_setting("TOKEN_STORE_KEY_ARN"));
    }

    #[test]
    fn a_single_key_is_told_from_several() {
        let key = |value| read(&[("KIRO_CLIENT_TOKEN", value)]).unwrap().client_key();
        assert_eq!(key("abc"), ClientKey::Own("abc".to_owned()));
        assert_eq!(key("a,b"), ClientKey::Several);
        assert_eq!(key("[{\"key\":\"a\"}]"), ClientKey::Several);
    }
}
