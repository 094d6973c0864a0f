//! Accounts as the operator writes them: `KIRO_AUTH_TOKEN` and `AWS_REFRESHTOKEN`.
//!
//! Every problem names the JSON path of the field and says what to do; none ever repeats a value, because
//! the value may be the secret. What has a problem is left out, and the rest serves.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::json::{self, RawValue};
use crate::place::{is_profile_arn, is_region};
use crate::secret::Secret;

/// How an account logs in, which decides how its tokens are refreshed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Login {
    /// Google or GitHub: the refresh token alone.
    Social,
    /// IAM Identity Center or Builder ID: the refresh token is bound to this client registration.
    Idc {
        /// The registration's id.
        client_id: String,
        /// The registration's secret.
        client_secret: Secret,
    },
    /// A `ksk_…` key: it is the bearer itself and is never refreshed.
    ApiKey,
}

impl Login {
    /// The word for logs and labels: `social`, `idc`, `apikey`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Social => "social",
            Self::Idc { .. } => "idc",
            Self::ApiKey => "apikey",
        }
    }
}

/// One account as configured. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credential {
    /// 16 hex digits of a SHA-256 over the configured secret: the same in every deployment, not reversible,
    /// and new as soon as the operator logs in again.
    pub id: String,
    /// The operator's name for it, or one made of the login and the id. At most [`MAX_LABEL`] characters.
    pub label: String,
    /// How it logs in.
    pub login: Login,
    /// The configured refresh token, or the API key.
    pub secret: Secret,
    /// Region of the account, such as `us-east-1`.
    pub region: Option<String>,
    /// The profile to call with, when the operator knows it.
    pub profile_arn: Option<String>,
    /// Lower numbers serve first; 0 when not given.
    pub priority: i32,
    /// Switched off by the operator: kept in the list, never used.
    pub disabled: bool,
}

impl Credential {
    /// What the operator can change to bring a parked account back: everything but label, order and switch.
    pub(super) fn print(&self) -> String {
        let (id, secret) = match &self.login {
            Login::Idc { client_id, client_secret } => (client_id.as_str(), client_secret.reveal()),
            Login::Social | Login::ApiKey => ("", ""),
        };
        let region = self.region.as_deref().unwrap_or("");
        let arn = self.profile_arn.as_deref().unwrap_or("");
        digest(&["kiro2api credential", self.login.word(), self.secret.reveal(), id, secret, region, arn])
    }
}

/// What [`parse`] read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Parsed {
    /// The accounts, in the order they were written. Empty when nothing is configured.
    pub credentials: Vec<Credential>,
    /// What cannot be used and why: one sentence for each entry, or for a variable that holds no entries at all.
    pub problems: Vec<String>,
    /// What the operator should know and can live with: repeated and unusable switched-off entries.
    pub notes: Vec<String>,
}

/// Reads `KIRO_AUTH_TOKEN` (a JSON object or array, in the original's spelling or as the desktop client's
/// cache file has it) and `AWS_REFRESHTOKEN` (refresh tokens of Social logins, separated by commas).
///
/// The same token written twice is one account: the first entry counts and a note names the other. An entry that cannot
/// be used is left out, and the first of its fields that is wrong becomes a problem.
pub fn parse(kiro_auth_token: Option<&str>, aws_refresh_tokens: Option<&str>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut origins: Vec<String> = Vec::new();
    let raws = entries(kiro_auth_token).unwrap_or_else(|problem| {
        parsed.problems.push(problem);
        Vec::new()
    });
    for (path, raw) in raws {
        parsed.read(&mut origins, path, raw);
    }
    let tokens = aws_refresh_tokens.unwrap_or("").split(',').map(str::trim).filter(|token| !token.is_empty());
    for (at, token) in tokens.enumerate() {
        let path = format!("{LIST}[{at}]");
        match check_token(&path, token, MIN_REFRESH_TOKEN) {
            Ok(()) => parsed.add(&mut origins, path, social(token)),
            Err(problem) => parsed.problems.push(problem),
        }
    }
    parsed
}

impl Parsed {
    fn read(&mut self, origins: &mut Vec<String>, path: String, raw: &RawValue) {
        if !raw.get().starts_with('{') {
            return self.problems.push(format!("{path}: expected an object such as {{\"refreshToken\":\"…\"}}"));
        }
        let entry: Entry = match read(&path, raw.get()) {
            Ok(entry) => entry,
            Err(problem) => return self.problems.push(problem),
        };
        let off = entry.disabled.unwrap_or(false);
        match entry.check(&path) {
            Ok(credential) => self.add(origins, path, credential),
            Err(problem) if off => self.notes.push(format!("{problem} (switched off, so it is left out)")),
            Err(problem) => self.problems.push(problem),
        }
    }

    fn add(&mut self, origins: &mut Vec<String>, path: String, credential: Credential) {
        let twin = self.credentials.iter().position(|known| known.id == credential.id);
        if let Some(first) = twin.and_then(|at| origins.get(at)) {
            self.notes.push(format!("{path} repeats the token of {first} and is left out"));
            return;
        }
        self.credentials.push(credential);
        origins.push(path);
    }
}

fn social(token: &str) -> Credential {
    let id = account_id(token);
    Credential {
        label: default_label(&Login::Social, &id),
        id,
        login: Login::Social,
        secret: Secret::new(token),
        region: None,
        profile_arn: None,
        priority: 0,
        disabled: false,
    }
}

/// The entries, each with its path.
fn entries(text: Option<&str>) -> Result<Vec<(String, &RawValue)>, String> {
    let text = text.unwrap_or("").trim().trim_start_matches('\u{feff}');
    if text.is_empty() {
        return Ok(Vec::new());
    }
    if !text.starts_with(['{', '[']) {
        return Err(not_json(text).to_owned());
    }
    let raws: Vec<&RawValue> = if text.starts_with('[') { read(VARIABLE, text)? } else { vec![read(VARIABLE, text)?] };
    let many = text.starts_with('[');
    let path = |at: usize| if many { format!("{VARIABLE}[{at}]") } else { VARIABLE.to_owned() };
    Ok(raws.into_iter().enumerate().map(|(at, raw)| (path(at), raw)).collect())
}

fn not_json(text: &str) -> &'static str {
    match text.bytes().next() {
        Some(b'"' | b'\'' | b'`') => "KIRO_AUTH_TOKEN: begins with a quote: take away the quotes around the JSON",
        Some(b'/' | b'.' | b'~') => {
            "KIRO_AUTH_TOKEN: is not JSON; when it names a file, set it to what the file holds (`cargo xtask dev` reads the file that KIRO_AUTH_TOKEN_FILE names)"
        }
        _ => "KIRO_AUTH_TOKEN: expected a JSON object or array; bare refresh tokens go into AWS_REFRESHTOKEN",
    }
}

/// Reads JSON; of serde's words only those are kept that cannot hold a value.
fn read<'t, T: Deserialize<'t>>(path: &str, text: &'t str) -> Result<T, String> {
    json::read(text.as_bytes()).map_err(|error| {
        let at = if error.path.is_empty() { path.to_owned() } else { join(path, &error.path) };
        match error.text.rsplit_once(", expected ") {
            Some((_, expected)) if error.text.starts_with("invalid ") => format!("{at}: expected {expected}"),
            _ if error.text.starts_with("invalid ") => format!("{at}: has the wrong type"),
            _ if error.text.starts_with("duplicate field") => format!("{at}: {}", error.text),
            _ => format!("{at}: is not valid JSON ({})", error.text),
        }
    })
}

fn join(path: &str, inner: &str) -> String {
    if inner.starts_with('[') { format!("{path}{inner}") } else { format!("{path}.{inner}") }
}

/// One entry in the original's spelling, with the names of the desktop client's cache file beside them.
/// That file's `accessToken` and `expiresAt` are not read: the refresh token brings a newer one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    auth: Option<String>,
    auth_method: Option<String>,
    provider: Option<String>,
    refresh_token: Option<String>,
    #[serde(alias = "kiroApiKey")]
    api_key: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    region: Option<String>,
    profile_arn: Option<String>,
    label: Option<String>,
    description: Option<String>,
    priority: Option<i32>,
    disabled: Option<bool>,
}

impl Entry {
    fn check(self, path: &str) -> Result<Credential, String> {
        let (login, secret) = self.login(path)?;
        let region = present(self.region.as_deref());
        if region.is_some_and(|region| !is_region(region)) {
            return Err(format!("{path}.region: expected a region name such as us-east-1"));
        }
        let profile_arn = present(self.profile_arn.as_deref());
        if profile_arn.is_some_and(|arn| !is_profile_arn(arn)) {
            return Err(format!("{path}.profileArn: expected arn:aws:codewhisperer:REGION:ACCOUNT:profile/NAME"));
        }
        let id = account_id(&secret);
        let label = match present(self.label.as_deref())
            .map(|label| ("label", label))
            .or_else(|| present(self.description.as_deref()).map(|label| ("description", label)))
        {
            Some((field, label)) => check_label(&format!("{path}.{field}"), label, &secret)?,
            None => default_label(&login, &id),
        };
        Ok(Credential {
            id,
            label,
            login,
            secret: Secret::new(secret),
            region: region.map(str::to_owned),
            profile_arn: profile_arn.map(str::to_owned),
            priority: self.priority.unwrap_or(0),
            disabled: self.disabled.unwrap_or(false),
        })
    }

    fn login(&self, path: &str) -> Result<(Login, String), String> {
        let kind = self.kind(path)?;
        if kind == Kind::ApiKey {
            let given = present(self.api_key.as_deref()).map(|key| ("apiKey", key));
            let (field, key) = given
                .or_else(|| present(self.refresh_token.as_deref()).map(|key| ("refreshToken", key)))
                .ok_or_else(|| format!("{path}.apiKey: is missing; an account with auth ApiKey needs its key there"))?;
            check_token(&format!("{path}.{field}"), key, MIN_API_KEY)?;
            return Ok((Login::ApiKey, key.to_owned()));
        }
        let token = present(self.refresh_token.as_deref())
            .ok_or_else(|| format!("{path}.refreshToken: is missing or empty; copy it from a fresh login"))?;
        check_token(&format!("{path}.refreshToken"), token, MIN_REFRESH_TOKEN)?;
        let login = match kind {
            Kind::Idc => Login::Idc {
                client_id: self.registration(path, "clientId", self.client_id.as_deref())?,
                client_secret: Secret::new(self.registration(path, "clientSecret", self.client_secret.as_deref())?),
            },
            Kind::Social | Kind::ApiKey => Login::Social,
        };
        Ok((login, token.to_owned()))
    }

    fn registration(&self, path: &str, field: &str, value: Option<&str>) -> Result<String, String> {
        let value = present(value).ok_or_else(|| {
            format!(
                "{path}.{field}: is missing; an IdC login needs the clientId and clientSecret of the registration \
                 that issued its refresh token (the file in ~/.aws/sso/cache named by clientIdHash)"
            )
        })?;
        check_token(&format!("{path}.{field}"), value, 1)?;
        Ok(value.to_owned())
    }

    /// `auth` as written; else what the cache file's members say; else by what is there.
    fn kind(&self, path: &str) -> Result<Kind, String> {
        let given = present(self.auth.as_deref()).map(|value| ("auth", value));
        let given = given.or_else(|| present(self.auth_method.as_deref()).map(|value| ("authMethod", value)));
        if let Some((field, value)) = given {
            return kind_of(value).ok_or_else(|| format!("{path}.{field}: expected Social, IdC or ApiKey"));
        }
        let provider = present(self.provider.as_deref()).map(str::to_ascii_lowercase);
        Ok(match provider.as_deref() {
            Some("google" | "github") => Kind::Social,
            Some("builderid" | "enterprise") => Kind::Idc,
            _ if present(self.api_key.as_deref()).is_some() => Kind::ApiKey,
            _ if self.client_id.is_some() || self.client_secret.is_some() => Kind::Idc,
            _ => Kind::Social,
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Social,
    Idc,
    ApiKey,
}

fn kind_of(value: &str) -> Option<Kind> {
    let word: String = value.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).collect();
    match word.to_ascii_lowercase().as_str() {
        "social" => Some(Kind::Social),
        "idc" | "builderid" => Some(Kind::Idc),
        "apikey" => Some(Kind::ApiKey),
        _ => None,
    }
}

/// A value that says something, without the blanks a copy brings along.
fn present(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}

fn check_token(path: &str, token: &str, shortest: usize) -> Result<(), String> {
    if token.contains("...") || token.contains('…') {
        return Err(format!("{path}: holds an ellipsis: it was copied from a shortened display; copy the whole value"));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("{path}: holds a blank, a line break or a letter no token has; copy the value again"));
    }
    if token.len() < shortest {
        return Err(format!(
            "{path}: is {} characters long, shorter than any real one ({shortest}); copy the whole value",
            token.len()
        ));
    }
    Ok(())
}

fn check_label(path: &str, label: &str, secret: &str) -> Result<String, String> {
    if label.contains(secret) {
        return Err(format!("{path}: holds the token itself; labels are written to logs"));
    }
    if label.chars().any(char::is_control) || label.chars().count() > MAX_LABEL {
        return Err(format!("{path}: expected at most {MAX_LABEL} characters and no control characters"));
    }
    Ok(label.to_owned())
}

fn default_label(login: &Login, id: &str) -> String {
    format!("{}-{}", login.word(), id.get(..6).unwrap_or(id))
}

fn account_id(secret: &str) -> String {
    digest(&["kiro2api account", secret])
}

/// 16 hex digits over parts that cannot run into each other.
pub(super) fn digest(parts: &[&str]) -> String {
    digits(parts).iter().copied().map(char::from).collect()
}

/// The same without a place on the heap.
pub(super) fn digits(parts: &[&str]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut digits = [0; 16];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(hash.finalize()) {
        for (digit, nibble) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *digit = if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
        }
    }
    digits
}

/// The longest label, in characters.
pub const MAX_LABEL: usize = 64;

const VARIABLE: &str = "KIRO_AUTH_TOKEN";
const LIST: &str = "AWS_REFRESHTOKEN";
/// Real ones have hundreds of characters; anything below this is a fragment or a placeholder.
const MIN_REFRESH_TOKEN: usize = 20;
const MIN_API_KEY: usize = 8;
