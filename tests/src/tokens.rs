//! The token world: who was issued what, until when, and what a refresh makes of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::accounts::{Account, Kind};
use crate::config::{Config, Stale};
use crate::refusal::{Refusal, oauth};

/// All live credentials.
#[derive(Debug, Default)]
pub struct World {
    accounts: Vec<Live>,
    access: Vec<Access>,
    issued: usize,
}

/// An account as it is now.
#[derive(Debug)]
struct Live {
    account: Account,
    refresh: String,
    rotated: Vec<String>,
    spent: f64,
}

#[derive(Debug)]
struct Access {
    token: String,
    label: String,
    expires: Instant,
}

impl World {
    /// A world in which nothing was issued yet.
    pub fn new(accounts: &[Account]) -> Self {
        let live = |account: &Account| Live {
            account: account.clone(),
            refresh: account.secret.clone(),
            rotated: Vec::new(),
            spent: 0.0,
        };
        Self { accounts: accounts.iter().map(live).collect(), ..Self::default() }
    }

    /// Issues an access token for an account, as a refresh would. `None`: no such account.
    pub fn issue(&mut self, label: &str, seconds: u64) -> Option<String> {
        self.accounts.iter().find(|live| live.account.label == label)?;
        self.issued += 1;
        let token = format!("aoaSIM-{label}-{}-0123456789abcdefghijklmnopqrstuvwxyz", self.issued);
        let expires = Instant::now() + Duration::from_secs(seconds.min(FOREVER));
        self.access.push(Access { token: token.clone(), label: label.to_owned(), expires });
        Some(token)
    }

    /// Expires every access token.
    pub fn expire(&mut self) {
        self.access.clear();
    }

    /// The refresh token an account has now.
    pub fn refresh_token(&self, label: &str) -> Option<&str> {
        self.accounts.iter().find(|live| live.account.label == label).map(|live| live.refresh.as_str())
    }

    /// Whose refresh token (present or past) or API key this is.
    pub fn owner(&self, secret: &str) -> Option<&str> {
        self.holder(secret).map(|live| live.account.label.as_str())
    }

    fn holder(&self, secret: &str) -> Option<&Live> {
        self.accounts.iter().find(|live| live.refresh == secret || live.rotated.iter().any(|old| old == secret))
    }

    /// Adds used credits.
    pub fn spend(&mut self, label: &str, credits: f64) {
        if let Some(live) = self.accounts.iter_mut().find(|live| live.account.label == label) {
            live.spent += credits;
        }
    }

    /// Credits used since the start.
    pub fn spent(&self, label: &str) -> f64 {
        self.accounts.iter().find(|live| live.account.label == label).map_or(0.0, |live| live.spent)
    }

    /// The account behind a bearer. `token_type` is the header of that name.
    ///
    /// # Errors
    /// The bearer is missing, unknown or expired, or a key lacks `tokentype: API_KEY`.
    pub fn authenticate(
        &self,
        authorization: Option<&str>,
        token_type: Option<&str>,
        config: &Config,
    ) -> Result<&Account, Refusal> {
        let refused = || Refusal::bearer(config.bearer_status);
        let (scheme, token) = authorization.and_then(|value| value.split_once(' ')).ok_or_else(refused)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(refused());
        }
        let is_key = token_type.is_some_and(|kind| kind.eq_ignore_ascii_case("API_KEY"));
        let keys = self.accounts.iter().filter(|live| live.account.kind == Kind::ApiKey);
        if let Some(live) = keys.filter(|_| is_key).find(|live| live.account.secret == token) {
            return Ok(&live.account);
        }
        let now = Instant::now();
        let issued =
            self.access.iter().find(|access| access.token == token && access.expires > now).ok_or_else(refused)?;
        let live = self.accounts.iter().find(|live| live.account.label == issued.label).ok_or_else(refused)?;
        if is_key { Err(refused()) } else { Ok(&live.account) }
    }

    /// `/refreshToken`.
    ///
    /// # Errors
    /// The body is not understood, or the token is unknown, rotated away or of another kind.
    pub fn refresh_social(&mut self, body: &Value, config: &Config) -> Result<Value, Refusal> {
        let Some(sent) = body.get("refreshToken").and_then(Value::as_str) else {
            return Err(Refusal::validation("refreshToken is required"));
        };
        let holder = self.holder(sent);
        let (label, profile) = match holder {
            Some(live) if live.account.kind != Kind::Social => return Err(Refusal::of_status(500)),
            Some(live) if live.refresh == sent => (live.account.label.clone(), live.account.profile_arn.clone()),
            stale => return Err(stale_social(config.stale_refresh, stale.is_some())),
        };
        let mut answer = self.renew(&label, config);
        if let (Some(profile), Some(members)) = (profile, answer.as_object_mut()) {
            members.insert("profileArn".to_owned(), profile.into());
        }
        Ok(answer)
    }

    /// `/token`. `region` is the one the call was addressed to, if that can be told.
    ///
    /// # Errors
    /// As the OIDC endpoint: `invalid_request`, `invalid_client`, `invalid_grant`, `unsupported_grant_type`.
    pub fn refresh_idc(&mut self, body: &Value, region: Option<&str>, config: &Config) -> Result<Value, Refusal> {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let (Some(id), Some(secret), Some(sent)) = (text("clientId"), text("clientSecret"), text("refreshToken"))
        else {
            return Err(oauth(401, "InvalidClientException", "invalid_client", "Invalid client provided"));
        };
        if text("grantType") != Some("refresh_token") {
            return Err(oauth(
                400,
                "UnsupportedGrantTypeException",
                "unsupported_grant_type",
                "Unsupported grant type provided",
            ));
        }
        let Some(live) = self.holder(sent) else {
            return Err(stale_idc(config.stale_refresh));
        };
        let Kind::Idc { client_id, client_secret, region: home } = &live.account.kind else {
            return Err(stale_idc(Stale::Usual));
        };
        if region.is_some_and(|region| region != home) {
            return Err(oauth(400, "InvalidRequestException", "invalid_request", "Invalid token provided"));
        }
        if id != client_id {
            return Err(stale_idc(Stale::Usual));
        }
        if secret != client_secret {
            return Err(oauth(401, "InvalidClientException", "invalid_client", "Invalid client provided"));
        }
        if live.refresh != sent {
            return Err(stale_idc(config.stale_refresh));
        }
        let label = live.account.label.clone();
        let mut answer = self.renew(&label, config);
        if let Some(members) = answer.as_object_mut() {
            members.insert("tokenType".to_owned(), "Bearer".into());
        }
        Ok(answer)
    }

    /// Adds an account that somebody has signed in to, and issues its first tokens. `lasts` says whether a refresh token
    /// comes with them.
    pub(crate) fn enroll(&mut self, account: Account, lasts: bool, config: &Config) -> Value {
        let label = account.label.clone();
        let mut answer = json!({
            "accessToken": null, "tokenType": "Bearer", "expiresIn": config.access_token_seconds,
            "refreshToken": account.secret
        });
        let live = Live { refresh: account.secret.clone(), account, rotated: Vec::new(), spent: 0.0 };
        self.accounts.push(live);
        let access = self.issue(&label, config.access_token_seconds);
        if let Some(members) = answer.as_object_mut() {
            members.insert("accessToken".to_owned(), access.into());
            if !lasts {
                members.remove("refreshToken");
            }
        }
        answer
    }

    fn renew(&mut self, label: &str, config: &Config) -> Value {
        let access = self.issue(label, config.access_token_seconds);
        let mut answer = json!({ "accessToken": access, "expiresIn": config.access_token_seconds });
        let number = self.issued;
        let live = self.accounts.iter_mut().find(|live| live.account.label == label);
        if let (true, Some(live), Some(members)) = (config.rotation, live, answer.as_object_mut()) {
            let next = format!("aorSIM-{label}-{number}-{}", "0123456789abcdefghijklmnopqrstuvwxyz".repeat(3));
            live.rotated.push(std::mem::replace(&mut live.refresh, next.clone()));
            members.insert("refreshToken".to_owned(), next.into());
        }
        answer
    }
}

fn stale_social(how: Stale, known: bool) -> Refusal {
    let unauthorized = how == Stale::Unauthorized || (how == Stale::Usual && known);
    let name = match how {
        _ if unauthorized => "stale-401",
        Stale::InvalidGrant => "invalid-grant",
        _ => "stale-message",
    };
    Refusal::preset(name).unwrap_or_else(Refusal::improper)
}

fn stale_idc(how: Stale) -> Refusal {
    let name = match how {
        Stale::Unauthorized => "stale-401",
        Stale::Message => "stale-message",
        Stale::Usual | Stale::InvalidGrant => "invalid-grant",
    };
    Refusal::preset(name).unwrap_or_else(Refusal::improper)
}

/// A hundred years of seconds: later is never.
const FOREVER: u64 = 3_155_760_000;
