//! Logins by device code: client registrations, codes that wait for a person, and what a poll is told.
//!
//! After the model of AWS SSO OIDC (`RegisterClient`, `StartDeviceAuthorization`, `CreateToken`): camelCase both ways, errors as
//! `{"error", "error_description"}`.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::refusal::{Refusal, oauth};

/// How device logins go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Device {
    /// What the person does who is asked for approval.
    pub answer: Answer,
    /// So many polls are told `authorization_pending` before the answer.
    pub after: usize,
    /// Seconds between polls. A quicker one is told `slow_down`, and must wait five seconds longer from then on.
    pub interval: u64,
    /// Lifetime of a device code in seconds.
    pub expires_in: u64,
    /// Lifetime of a client registration in seconds.
    pub registration_seconds: u64,
}

/// What a person does with a device code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Nothing, until `POST /_sim/device` tells otherwise.
    #[default]
    Wait,
    /// Signs in.
    Approve,
    /// Says no.
    Decline,
    /// Lets the code expire.
    Expire,
}

impl Default for Device {
    fn default() -> Self {
        Self { answer: Answer::Wait, after: 0, interval: 1, expires_in: 600, registration_seconds: 90 * 24 * 3600 }
    }
}

/// All registrations and codes.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    clients: Vec<Client>,
    codes: Vec<Code>,
}

#[derive(Debug)]
struct Client {
    id: String,
    secret: String,
    expires: Instant,
    scoped: bool,
    grants: Vec<String>,
}

#[derive(Debug)]
struct Code {
    device: String,
    user: String,
    client: String,
    expires: Instant,
    interval: u64,
    polls: usize,
    polled: Option<Instant>,
    answer: Option<Answer>,
    used: bool,
}

/// A login that a person has approved.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Approved {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    /// Whether a refresh token comes with it.
    pub(crate) lasts: bool,
    /// Counts the logins from 1.
    pub(crate) number: usize,
}

impl Devices {
    /// `POST /client/register`.
    pub(crate) fn register(&mut self, body: &Value, config: &Device) -> Result<Value, Refusal> {
        let wrong = |error: &str, what: &str| {
            let name =
                if error == "invalid_scope" { "InvalidScopeException" } else { "InvalidClientMetadataException" };
            oauth(400, name, error, what)
        };
        if text(body, "clientName").is_empty() {
            return Err(oauth(400, "InvalidRequestException", "invalid_request", "clientName is required"));
        }
        if text(body, "clientType") != "public" {
            return Err(wrong("invalid_client_metadata", "clientType must be public"));
        }
        let (scopes, grants) = (texts(body, "scopes"), texts(body, "grantTypes"));
        if let Some(scope) = scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
            return Err(wrong("invalid_scope", &format!("{scope} is not a scope")));
        }
        if grants.iter().any(|grant| ![DEVICE_GRANT, "refresh_token", "authorization_code"].contains(&grant.as_str())) {
            return Err(oauth(
                400,
                "UnsupportedGrantTypeException",
                "unsupported_grant_type",
                "Unsupported grant type",
            ));
        }
        let number = self.clients.len() + 1;
        let client = Client {
            id: format!("simulated-device-client-{number}"),
            secret: format!("eyJraWQiOiJzaW11bGF0ZWQifQ-device-secret-{number}-{}", "0123456789abcdef".repeat(8)),
            expires: Instant::now() + Duration::from_secs(config.registration_seconds.min(FOREVER)),
            scoped: !scopes.is_empty(),
            grants,
        };
        let now = epoch_seconds();
        let answer = json!({
            "clientId": client.id, "clientSecret": client.secret,
            "clientIdIssuedAt": now, "clientSecretExpiresAt": now.saturating_add(config.registration_seconds)
        });
        self.clients.push(client);
        Ok(answer)
    }

    /// `POST /device_authorization`. `base` is where the verification page would be.
    pub(crate) fn authorize(&mut self, body: &Value, base: &str, config: &Device) -> Result<Value, Refusal> {
        let client = self.client(body)?;
        let start = text(body, "startUrl");
        if !start.starts_with("https://") && !start.starts_with("http://127.0.0.1") {
            return Err(oauth(400, "InvalidRequestException", "invalid_request", "Invalid startUrl provided"));
        }
        let (id, number) = (client.id.clone(), self.codes.len() + 1);
        let code = Code {
            device: format!("simulated-device-code-{number}-{}", "0123456789abcdef".repeat(4)),
            user: format!("SIMU-{number:04}"),
            client: id,
            expires: Instant::now() + Duration::from_secs(config.expires_in.min(FOREVER)),
            interval: config.interval,
            polls: 0,
            polled: None,
            answer: None,
            used: false,
        };
        let answer = json!({
            "deviceCode": code.device, "userCode": code.user, "verificationUri": format!("{base}/device"),
            "verificationUriComplete": format!("{base}/device?user_code={}", code.user),
            "expiresIn": config.expires_in, "interval": code.interval
        });
        self.codes.push(code);
        Ok(answer)
    }

    /// A poll: `POST /token` with the grant type of device codes.
    pub(crate) fn poll(&mut self, body: &Value, config: &Device) -> Result<Approved, Refusal> {
        let client = self.client(body)?;
        if !client.grants.is_empty() && !client.grants.iter().any(|grant| grant == DEVICE_GRANT) {
            return Err(oauth(
                400,
                "UnauthorizedClientException",
                "unauthorized_client",
                "The grant was not registered",
            ));
        }
        let lasts = client.scoped && (client.grants.is_empty() || client.grants.iter().any(|it| it == "refresh_token"));
        let (client_id, client_secret) = (client.id.clone(), client.secret.clone());
        let sent = text(body, "deviceCode");
        let unknown = || oauth(400, "InvalidGrantException", "invalid_grant", "Invalid device code provided");
        let place = self.codes.iter().position(|code| code.device == sent).ok_or_else(unknown)?;
        let code = self.codes.get_mut(place).ok_or_else(unknown)?;
        if code.client != client_id || code.used {
            return Err(unknown());
        }
        code.judge(config, Instant::now())?;
        code.used = true;
        Ok(Approved { client_id, client_secret, lasts, number: place + 1 })
    }

    /// The person answers: the code, or the latest when none is named. False: there is no such code.
    pub(crate) fn decide(&mut self, user_code: Option<&str>, answer: Answer) -> bool {
        let code = match user_code {
            Some(wanted) => self.codes.iter_mut().find(|code| code.user == wanted),
            None => self.codes.last_mut(),
        };
        code.map(|code| code.answer = Some(answer)).is_some()
    }

    /// Every registration has expired.
    pub(crate) fn expire_clients(&mut self) {
        let now = Instant::now();
        self.clients.iter_mut().for_each(|client| client.expires = now);
    }

    /// Whether this is a registration that was made here and has expired since.
    pub(crate) fn is_expired(&self, client_id: &str) -> bool {
        self.clients.iter().any(|client| client.id == client_id && client.expires <= Instant::now())
    }

    fn client(&self, body: &Value) -> Result<&Client, Refusal> {
        let known = self.clients.iter().find(|client| client.id == text(body, "clientId"));
        match known {
            Some(client) if client.secret != text(body, "clientSecret") => {
                Err(oauth(401, "InvalidClientException", "invalid_client", "Invalid client secret provided"))
            }
            Some(client) if client.expires <= Instant::now() => Err(expired_client()),
            Some(client) => Ok(client),
            None => Err(oauth(401, "InvalidClientException", "invalid_client", "Invalid client provided")),
        }
    }
}

impl Code {
    fn judge(&mut self, config: &Device, now: Instant) -> Result<(), Refusal> {
        let soon = self.polled.is_some_and(|last| now < last + Duration::from_secs(self.interval));
        self.polled = Some(now);
        if now >= self.expires {
            return Err(expired());
        }
        if soon {
            self.interval += 5;
            return Err(oauth(400, "SlowDownException", "slow_down", "Slow down"));
        }
        self.polls += 1;
        let answer = self.answer.unwrap_or(if self.polls > config.after { config.answer } else { Answer::Wait });
        match answer {
            Answer::Approve => Ok(()),
            Answer::Wait => {
                Err(oauth(400, "AuthorizationPendingException", "authorization_pending", "Authorization is pending"))
            }
            Answer::Decline => Err(oauth(400, "AccessDeniedException", "access_denied", "The request was declined")),
            Answer::Expire => Err(expired()),
        }
    }
}

/// The answer to a registration that has expired.
pub(crate) fn expired_client() -> Refusal {
    Refusal::preset("invalid-client").unwrap_or_else(Refusal::improper)
}

fn expired() -> Refusal {
    oauth(400, "ExpiredTokenException", "expired_token", "The device code has expired")
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn texts(body: &Value, name: &str) -> Vec<String> {
    let list = body.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn epoch_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |span| span.as_secs())
}

/// The grant type of polls.
pub(crate) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const SCOPES: [&str; 6] = [
    "codewhisperer:completions",
    "codewhisperer:analysis",
    "codewhisperer:conversations",
    "codewhisperer:transformations",
    "codewhisperer:taskassist",
    "sso:account:access",
];
/// A hundred years of seconds: later is never.
const FOREVER: u64 = 3_155_760_000;
