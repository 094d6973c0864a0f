//! Fresh access tokens: the Social and the OIDC refresh, and what their answers mean for the account.

use serde::Serialize;

use super::endpoint::{Bases, headers};
use super::fault::{Said, error_type, retry_after, speakable};
use crate::host::{Head, Millis, Outbound};
use crate::secret::Secret;

/// What an account refreshes with.
#[derive(Clone, Copy, Debug)]
pub enum RefreshLogin<'a> {
    /// A login by Google or GitHub.
    Social {
        /// The refresh token.
        refresh_token: &'a Secret,
    },
    /// IAM Identity Center or Builder ID.
    Idc {
        /// The client registration that issued the refresh token: no other one works.
        client_id: &'a str,
        /// Its secret.
        client_secret: &'a Secret,
        /// The refresh token.
        refresh_token: &'a Secret,
    },
}

/// A fresh access token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The bearer token.
    pub access: Secret,
    /// How long it lasts: between a minute and a week, an hour when the answer does not say.
    pub expires_in: Millis,
    /// The refresh token that takes the old one's place, where it rotated: store it before anything else.
    pub refresh: Option<Secret>,
    /// The account's profile, where the answer names one.
    pub profile_arn: Option<String>,
}

/// Why there is no fresh token. No text holds a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RefreshFault {
    /// The login is dead until someone logs in or registers again. Look into the store first: another
    /// instance may have rotated the token.
    Dead(&'static str),
    /// Refused for another reason: count it, and give up after a few.
    Rejected(String),
    /// Not the account's fault: try again, after this long where the service said so.
    Later(Option<Millis>),
}

/// The refresh request. `region` is that of the account's login, used for OIDC only; us-east-1 when unset.
pub fn request(login: RefreshLogin<'_>, region: Option<&str>, bases: &Bases) -> Outbound {
    let (url, body) = match login {
        RefreshLogin::Social { refresh_token } => {
            let body = wire::Social { refresh_token: refresh_token.reveal() };
            (format!("{}/refreshToken", bases.social()), serde_json::to_vec(&body))
        }
        RefreshLogin::Idc { client_id, client_secret, refresh_token } => {
            let body = wire::Idc {
                client_id,
                client_secret: client_secret.reveal(),
                grant_type: "refresh_token",
                refresh_token: refresh_token.reveal(),
            };
            (format!("{}/token", bases.oidc(region)), serde_json::to_vec(&body))
        }
    };
    // Writing strings to memory cannot fail; an empty body would be refused, not misunderstood.
    Outbound {
        method: "POST",
        url,
        headers: headers("application/json"),
        body: body.unwrap_or_default(),
        foreign: false,
    }
}

/// Reads the answer to either request.
///
/// # Errors
/// See [`RefreshFault`].
pub fn read(head: &Head, body: &[u8], now: Millis) -> Result<Grant, RefreshFault> {
    match head.status {
        200..=299 => granted(body),
        400 | 401 | 403 => Err(refused(head, body, now)),
        _ => Err(RefreshFault::Later(retry_after(&head.headers, now))),
    }
}

fn granted(body: &[u8]) -> Result<Grant, RefreshFault> {
    // Not an object: a proxy's page or a cut body, which says nothing about the account.
    let answer = wire::Answer::read(body).ok_or(RefreshFault::Later(None))?;
    let text = |text: Option<String>| text.filter(|text| !text.is_empty());
    let Some(access) = text(answer.access_token) else {
        return Err(RefreshFault::Rejected("the refresh succeeded without an access token".to_owned()));
    };
    Ok(Grant {
        access: Secret::new(access),
        expires_in: Millis::secs(answer.expires_in.unwrap_or(DEFAULT_SECONDS).clamp(MIN_SECONDS, MAX_SECONDS)),
        refresh: text(answer.refresh_token).map(Secret::new),
        profile_arn: text(answer.profile_arn),
    })
}

fn refused(head: &Head, body: &[u8], now: Millis) -> RefreshFault {
    let said = Said::read(body);
    let names = [error_type(&head.headers), said.code.as_deref(), said.reason.as_deref()];
    let named =
        |table: &[&str]| names.iter().flatten().any(|name| table.iter().any(|row| row.eq_ignore_ascii_case(name)));
    let message = said.message.to_ascii_lowercase();
    let says = |table: &[&str]| table.iter().any(|phrase| message.contains(phrase));

    if named(LATER_NAMES) {
        RefreshFault::Later(retry_after(&head.headers, now))
    } else if named(CLIENT_NAMES) || says(CLIENT_PHRASES) {
        RefreshFault::Dead("the client registration is expired or unknown: log in again to register anew")
    } else if named(TOKEN_NAMES) || says(TOKEN_PHRASES) {
        RefreshFault::Dead("the refresh token is no longer valid: log in again")
    } else {
        let code = names.into_iter().flatten().next().unwrap_or("no code");
        // The OIDC endpoint of another region answers this to a token that is fine.
        let hint = if named(REGION_NAMES) { " (is the account's region right?)" } else { "" };
        RefreshFault::Rejected(speakable(&format!("status {}, {code}: {}{hint}", head.status, said.message)))
    }
}

mod wire {
    use serde_json::Value;

    use super::Serialize;

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Social<'a> {
        pub(super) refresh_token: &'a str,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Idc<'a> {
        pub(super) client_id: &'a str,
        pub(super) client_secret: &'a str,
        pub(super) grant_type: &'static str,
        pub(super) refresh_token: &'a str,
    }

    /// Either spelling of the names. A member of the wrong type counts as absent.
    #[derive(Default)]
    pub(super) struct Answer {
        pub(super) access_token: Option<String>,
        pub(super) refresh_token: Option<String>,
        pub(super) profile_arn: Option<String>,
        pub(super) expires_in: Option<u64>,
    }

    impl Answer {
        pub(super) fn read(body: &[u8]) -> Option<Self> {
            let Ok(Value::Object(object)) = serde_json::from_slice(body) else { return None };
            let member = |camel: &str, snake: &str| object.get(camel).or_else(|| object.get(snake));
            let text = |camel, snake| member(camel, snake).and_then(Value::as_str).map(str::to_owned);
            Some(Self {
                access_token: text("accessToken", "access_token"),
                refresh_token: text("refreshToken", "refresh_token"),
                profile_arn: text("profileArn", "profile_arn"),
                expires_in: member("expiresIn", "expires_in").and_then(seconds),
            })
        }
    }

    fn seconds(value: &Value) -> Option<u64> {
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }
}

const DEFAULT_SECONDS: u64 = 3600;
/// Shorter ones would be refreshed for every request.
const MIN_SECONDS: u64 = 60;
const MAX_SECONDS: u64 = 7 * 24 * 3600;

const LATER_NAMES: &[&str] = &["slow_down", "SlowDownException", "ThrottlingException", "TooManyRequestsException"];
const CLIENT_NAMES: &[&str] = &["invalid_client", "InvalidClientException", "ExpiredClientException"];
const CLIENT_PHRASES: &[&str] = &["client is expired"];
const REGION_NAMES: &[&str] = &["invalid_request", "InvalidRequestException", "InvalidRequestRegionException"];
const TOKEN_NAMES: &[&str] = &[
    "invalid_grant",
    "InvalidGrantException",
    "refresh_token_reused",
    "revoked",
    "revoked_token",
    "refresh_token_revoked",
    "access_denied",
    "expired_token",
    "ExpiredTokenException",
];
const TOKEN_PHRASES: &[&str] = &["invalid_grant", "invalid refresh token", "invalid grant provided"];
