//! One account as `KIRO_AUTH_TOKEN` has it, every member kept as it was written.

use kiro2api_core::Millis;
use kiro2api_core::pool::{Credential, Login, parse};
use serde_json::{Map, Value};

/// An entry. Holds secrets: it has no `Debug`.
#[derive(Clone)]
pub(super) struct Entry(Map<String, Value>);

/// What the person wants an entry to be marked with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) label: Option<String>,
    pub(super) priority: Option<i32>,
}

impl Entry {
    /// An entry of these members.
    pub(super) fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// Its JSON.
    pub(super) fn value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// What the gateway makes of it.
    ///
    /// # Errors
    /// The gateway's own words: the field, and what to do about it; never its value.
    pub(super) fn credential(&self) -> Result<Credential, String> {
        let strip = |text: &str| {
            text.strip_prefix("KIRO_AUTH_TOKEN").unwrap_or(text).trim_start_matches(['.', ':', ' ']).to_owned()
        };
        let parsed = parse(Some(&self.value().to_string()), None);
        let problem = parsed.problems.first().or_else(|| parsed.notes.first());
        let problem = problem.map_or_else(|| "cannot be used".to_owned(), |text| strip(text));
        parsed.credentials.into_iter().next().ok_or(problem)
    }

    /// The operator's name for it, where it has one.
    pub(super) fn label(&self) -> Option<&str> {
        self.text("label").or_else(|| self.text("description"))
    }

    /// Whether the operator has switched it off.
    pub(super) fn is_off(&self) -> bool {
        self.0.get("disabled").and_then(Value::as_bool).unwrap_or(false)
    }

    /// The client registration that the login is bound to.
    pub(super) fn client_id(&self) -> Option<&str> {
        self.text("clientId")
    }

    /// When the login ends with its client registration, where that is known.
    pub(super) fn ends(&self) -> Option<Millis> {
        self.0.get(ENDS).and_then(Value::as_u64).map(Millis::secs)
    }

    /// What must not be shown of it.
    pub(super) fn secrets(&self) -> Vec<String> {
        let texts = self.0.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
        let secret = |name: &str, text: &str| text.len() >= LONG || !text.is_empty() && SECRETS.contains(&name);
        texts.filter(|(name, text)| secret(name, text)).map(|(_, text)| text.to_owned()).collect()
    }

    /// The same entry with the person's marks on it.
    #[must_use]
    pub(super) fn marked(&self, marks: &Marks) -> Self {
        let mut entry = self.clone();
        if let Some(label) = &marks.label {
            entry.relabel(label);
        }
        if let Some(priority) = marks.priority {
            entry.set("priority", priority.into());
        }
        entry
    }

    /// The same entry, with a name where others of its list are bound to its client registration: without one they would be
    /// taken for one account.
    #[must_use]
    pub(super) fn apart_from(&self, others: &[Self]) -> Self {
        let mut entry = self.clone();
        let client = self.client_id();
        let shared = client.is_some() && others.iter().filter(|other| other.client_id() == client).count() > 1;
        if let (true, None, Ok(credential)) = (shared, self.label(), self.credential()) {
            entry.relabel(&credential.label);
        }
        entry
    }

    /// Takes over what the operator had set on the entry that this one renews, where this one says nothing.
    pub(super) fn inherit(&mut self, old: &Self) {
        if let (None, Some(label)) = (self.label(), old.label()) {
            let label = label.to_owned();
            self.relabel(&label);
        }
        for name in ["priority", "disabled"] {
            if let (None, Some(value)) = (self.0.get(name), old.0.get(name)) {
                self.set(name, value.clone());
            }
        }
    }

    /// Gives it a name.
    pub(super) fn relabel(&mut self, label: &str) {
        self.0.remove("description");
        self.set("label", label.into());
    }

    /// Switches it on or off.
    pub(super) fn switch(&mut self, on: bool) {
        if on {
            self.0.remove("disabled");
        } else {
            self.set("disabled", true.into());
        }
    }

    /// The token that a renewal has brought takes the place of the old one.
    pub(super) fn renew(&mut self, refresh_token: &str) {
        self.set("refreshToken", refresh_token.into());
    }

    /// A name for an account that has none: who signs it in, or how it logs in.
    pub(super) fn usual_label(&self) -> String {
        let provider = self.text("provider").unwrap_or_default().to_ascii_lowercase();
        let kind = self.credential().map_or("account", |credential| credential.login.word());
        match provider.as_str() {
            "google" | "github" => provider,
            "builderid" => "builder-id".to_owned(),
            "enterprise" => "identity-center".to_owned(),
            _ => kind.to_owned(),
        }
    }

    /// What to do to log in anew; `flags` name the place of the list.
    pub(super) fn login_again(&self, label: &str, flags: &str) -> String {
        let label = quoted(label);
        let login = match self.credential().map(|credential| credential.login) {
            Ok(Login::Idc { .. }) => "login",
            Ok(Login::ApiKey) => {
                return format!("make another key, then `{ACCOUNTS} add --api-key --label {label}{flags}`");
            }
            Ok(Login::Social) | Err(_) => {
                return format!(
                    "sign in with the desktop client again, then `{ACCOUNTS} import --label {label}{flags}`"
                );
            }
        };
        let option = |flag: &str, name: &str| {
            self.text(name).map(|value| format!(" {flag} {}", quoted(value))).unwrap_or_default()
        };
        let (start, region) = (option("--start-url", "startUrl"), option("--region", "region"));
        format!("`{ACCOUNTS} {login} --label {label}{start}{region}{flags}`")
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    }

    fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }
}

/// Whether a word begins as tokens, keys and JSON do: such a one is not repeated.
pub(super) fn may_be_secret(word: &str) -> bool {
    ["{", "[{", "ksk_", "aor", "aoa", "eyJ"].iter().any(|mark| word.trim_start().starts_with(mark))
}

/// A word as a shell takes it.
fn quoted(label: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@+:/".contains(c);
    if !label.is_empty() && label.chars().all(plain) {
        label.to_owned()
    } else {
        format!("'{}'", label.replace('\'', "'\\''"))
    }
}

/// Members that hold secrets, and the length from which any member is taken for one.
const SECRETS: [&str; 5] = ["refreshToken", "clientSecret", "apiKey", "kiroApiKey", "accessToken"];
const LONG: usize = 80;
const ACCOUNTS: &str = "cargo xtask accounts";
/// The member that says when the client registration ends, in epoch seconds, named as the OIDC endpoint names it.
pub(super) const ENDS: &str = "clientSecretExpiresAt";
