//! Every switch of the simulated upstream, settable in-process and over `POST /_sim/config`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::accounts::Account;
use crate::catalogue::Model;
use crate::devices::Device;
use crate::refusal::Refusal;

/// What the server is and how it behaves. The default is a strict service with three demo accounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Loopback port; 0 takes a free one. Only read at start.
    #[serde(skip)]
    pub port: u16,
    /// Each accepted chat body is written here as a JSON file. Only read at start.
    #[serde(skip)]
    pub record_dir: Option<PathBuf>,
    /// Enforces the rules on the conversation's content (R1–R13, R16, R17, R19, R20 and the media limits). Shape, JSON, size, model and
    /// profile are always checked.
    pub strict: bool,
    /// Rules that are only recorded as warnings, for example `["R11"]`.
    pub skip_rules: Vec<String>,
    /// Answers every broken rule with the catch-all instead of its specific message and reason.
    pub generic_errors: bool,
    /// Sizes and counts.
    pub limits: Limits,
    /// Whether bearers other than API keys must name a profile.
    pub require_profile_arn: bool,
    /// 403 or 401: the status for a bearer that is unknown or has expired.
    pub bearer_status: u16,
    /// Lifetime of an access token in seconds; also reported as `expiresIn`.
    pub access_token_seconds: u64,
    /// Whether a refresh gives a new refresh token and makes the old one invalid.
    pub rotation: bool,
    /// The answer to a refresh token that was rotated away or never issued.
    pub stale_refresh: Stale,
    /// Whether an account whose credits are used up gets 402.
    pub enforce_quota: bool,
    /// The region this token endpoint stands for when neither path nor `Host` names one. `None`: any.
    pub oidc_region: Option<String>,
    /// How logins by device code go.
    pub device: Device,
    /// Serves prompts that hold no directive; one step, for example `text "ok"`.
    pub default_script: Option<String>,
    /// So many requests are remembered; the oldest are forgotten first.
    pub max_records: usize,
    /// Whether a record holds its body's text as it came, so that bodies can be compared byte for byte.
    pub keep_text: bool,
    /// Injected failures, the first that fits wins.
    pub faults: Vec<Fault>,
    /// Who may call. Changing this list forgets every issued token.
    pub accounts: Vec<Account>,
    /// The model catalogue.
    pub models: Vec<Model>,
    /// The ids of the models that an account is offered, by its label; accounts without an entry are offered all.
    pub plans: BTreeMap<String, Vec<String>>,
    /// Schemas of `additionalModelRequestFields` in place of those of the catalogue, by model; `false`: it takes none.
    pub schemas: BTreeMap<String, Value>,
    /// Fields that a model refuses although its schema has them.
    pub refused_fields: BTreeMap<String, Vec<String>>,
    /// Most models on one page of the list.
    pub models_page: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            record_dir: None,
            strict: true,
            skip_rules: Vec::new(),
            generic_errors: false,
            limits: Limits::default(),
            require_profile_arn: true,
            bearer_status: 403,
            access_token_seconds: 3600,
            rotation: true,
            stale_refresh: Stale::default(),
            enforce_quota: true,
            oidc_region: None,
            device: Device::default(),
            default_script: None,
            max_records: 5_000,
            keep_text: false,
            faults: Vec::new(),
            accounts: crate::accounts::demo(),
            models: crate::catalogue::models(),
            plans: BTreeMap::new(),
            schemas: BTreeMap::new(),
            refused_fields: BTreeMap::new(),
            models_page: 50,
        }
    }
}

impl Config {
    /// The configuration with a JSON merge patch applied: objects are merged, `null` restores a default, everything else replaces.
    ///
    /// # Errors
    /// A member that does not exist or has another type; the text names it.
    pub fn patched(&self, patch: &Value) -> Result<Self, String> {
        if !patch.is_object() {
            return Err("the configuration must be a JSON object".to_owned());
        }
        let mut value = serde_json::to_value(self).map_err(|error| error.to_string())?;
        merge(&mut value, patch);
        let mut config: Self = serde_json::from_value(value).map_err(|error| error.to_string())?;
        config.port = self.port;
        config.record_dir.clone_from(&self.record_dir);
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), String> {
        if !matches!(self.bearer_status, 401 | 403) {
            return Err(format!("bearer_status is {}, expected 401 or 403", self.bearer_status));
        }
        if let Some(script) = &self.default_script {
            crate::script::Script::parse(script).map_err(|error| format!("default_script: {error}"))?;
        }
        if let Some(rule) = self.skip_rules.iter().find(|rule| !crate::check::RULES.contains(&rule.as_str())) {
            return Err(format!("skip_rules: no rule {rule}; known are {}", crate::check::RULES.join(", ")));
        }
        if let Some(fault) = self
            .faults
            .iter()
            .filter_map(|fault| fault.answer.as_ref())
            .find(|answer| !(200..=599).contains(&answer.status))
        {
            return Err(format!("faults: status {} is not in 200..=599", fault.status));
        }
        Ok(())
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let (Value::Object(into), Value::Object(members)) = (&mut *target, patch) else {
        *target = patch.clone();
        return;
    };
    for (name, value) in members {
        if value.is_null() {
            into.remove(name);
        } else {
            merge(into.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Sizes and counts the service accepts; the defaults are the safe common values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of a chat body; more gives the catch-all (R22).
    pub body_bytes: usize,
    /// Characters of one user content.
    pub content_chars: usize,
    /// Characters of one tool result.
    pub tool_result_chars: usize,
    /// History entries.
    pub history: usize,
    /// Characters of a tool name (R8).
    pub tool_name: usize,
    /// Characters of a tool description (R11).
    pub tool_description: usize,
    /// Images in one request.
    pub images: usize,
    /// Base64 characters of one image.
    pub image_base64: usize,
    /// Pixels of an image's longer side.
    pub image_pixels: usize,
    /// Documents in one request.
    pub documents: usize,
    /// Bytes of one document.
    pub document_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 615_000,
            content_chars: 600_000,
            tool_result_chars: 800_000,
            history: 10_000,
            tool_name: 63,
            tool_description: 10_000,
            images: 20,
            image_base64: 5_242_880,
            image_pixels: 8_000,
            documents: 5,
            document_bytes: 4_718_592,
        }
    }
}

/// How a stale refresh token is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stale {
    /// By endpoint: Social 401 for a rotated token and 400 with `message` for an unknown one; OIDC `invalid_grant`.
    #[default]
    Usual,
    /// 401.
    Unauthorized,
    /// 400 `{"message": "Invalid refresh token provided"}`.
    Message,
    /// 400 `{"error": "invalid_grant", …}`.
    InvalidGrant,
}

/// An injected failure: after `skip` fitting calls, the next `times` calls are delayed and answered with `answer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `chat`, `social`, `idc` (each `/token`), `register`, `device`, `usage`, `models`, `profiles` or `mcp`; empty: each of them.
    #[serde(default)]
    pub operation: String,
    /// An account's label; empty: each. For refreshes the account is the one whose refresh token was sent.
    #[serde(default)]
    pub account: String,
    /// Fitting calls that pass before.
    #[serde(default)]
    pub skip: usize,
    /// Calls that fail; `None` for all.
    #[serde(default)]
    pub times: Option<usize>,
    /// Milliseconds before the answer.
    #[serde(default)]
    pub delay_ms: u64,
    /// The answer: a preset's name or a whole [`Refusal`]. `None`: the call passes after the delay.
    #[serde(default, deserialize_with = "answer")]
    pub answer: Option<Refusal>,
}

impl Fault {
    /// A failure of every call of an operation.
    pub fn new(operation: &str, answer: Refusal) -> Self {
        Self {
            operation: operation.to_owned(),
            account: String::new(),
            skip: 0,
            times: None,
            delay_ms: 0,
            answer: Some(answer),
        }
    }

    /// Only for one account.
    #[must_use]
    pub fn account(mut self, label: &str) -> Self {
        label.clone_into(&mut self.account);
        self
    }

    /// Only so many calls.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }
}

fn answer<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Refusal>, D::Error> {
    use serde::de::Error;
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(name) => Refusal::preset(&name)
            .map(Some)
            .ok_or_else(|| D::Error::custom(format!("answer: no preset is called \"{name}\""))),
        other => serde_json::from_value(other).map(Some).map_err(|error| D::Error::custom(format!("answer: {error}"))),
    }
}
