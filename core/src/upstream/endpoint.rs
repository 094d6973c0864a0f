//! Where the service is: hosts by region, bases from the configuration, and the streaming request.

use core::net::Ipv6Addr;
use std::borrow::Cow;

use super::fault::FaultKind;
use crate::error::{Error, Kind};
use crate::host::{Headers, Outbound};
use crate::place;
use crate::secret::Secret;

/// The gateway's own name, sent with every request to the service.
pub const USER_AGENT: &str = concat!("kiro2api/", env!("CARGO_PKG_VERSION"));

/// Base URLs and region the operator set; all unset by default.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bases {
    api: Option<String>,
    auth: Option<String>,
    oidc: Option<String>,
    region: Option<String>,
}

impl Bases {
    /// Reads `KIRO_API_BASE`, `KIRO_AUTH_BASE`, `KIRO_OIDC_BASE` and `KIRO_REGION` by way of `lookup`. An
    /// empty value counts as unset.
    ///
    /// # Errors
    /// [`Kind::NotConfigured`], with the variable's name and what is expected; never the value, which may
    /// hold a password.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let value = |name: &str| lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let base = |name: &'static str| value(name).map(|text| base_url(name, &text)).transpose();
        let region = value("KIRO_REGION").map(|text| match place::region(&text) {
            Some(region) => Ok(region.to_owned()),
            None => Err(unusable("KIRO_REGION", "an AWS region such as us-east-1")),
        });
        Ok(Self {
            api: base("KIRO_API_BASE")?,
            auth: base("KIRO_AUTH_BASE")?,
            oidc: base("KIRO_OIDC_BASE")?,
            region: region.transpose()?,
        })
    }

    /// The base of the service, where the operator set one.
    pub fn api(&self) -> Option<&str> {
        self.api.as_deref()
    }

    /// The base of the Social refresh.
    pub(super) fn social(&self) -> Cow<'_, str> {
        // Only this region's host is known to exist, whatever the account's region.
        self.auth.as_deref().map_or(Cow::Borrowed("https://prod.us-east-1.auth.desktop.kiro.dev"), Cow::Borrowed)
    }

    /// The base of the OIDC token endpoint in the region of the account's login, which is not the API's.
    pub fn oidc(&self, login_region: Option<&str>) -> Cow<'_, str> {
        match &self.oidc {
            Some(base) => Cow::Borrowed(base),
            None => {
                let region = login_region.and_then(place::region).unwrap_or(DEFAULT_REGION);
                Cow::Owned(format!("https://oidc.{region}.amazonaws.com"))
            }
        }
    }
}

/// The bases to try for the streaming service, best first; [`moves_on`] says when to take the next one.
///
/// The region is that of the profile's ARN, else the one that serves the account's region, else
/// `KIRO_REGION`, else us-east-1. With `KIRO_API_BASE` that is the only one.
pub fn hosts(bases: &Bases, account_region: Option<&str>, profile_arn: Option<&str>) -> Vec<String> {
    if let Some(base) = &bases.api {
        return vec![base.clone()];
    }
    let region = api_region(bases, account_region, profile_arn);
    in_region("runtime", region)
}

/// The bases of the control plane in each region that has one (and in `KIRO_REGION`), best first within a
/// region. With `KIRO_API_BASE` that is the only one.
pub fn control_hosts(bases: &Bases) -> Vec<Vec<String>> {
    if let Some(base) = &bases.api {
        return vec![vec![base.clone()]];
    }
    let extra = bases.region.as_deref().filter(|region| !API_REGIONS.contains(region));
    extra.into_iter().chain(API_REGIONS).map(|region| in_region("management", region)).collect()
}

/// The bases of the control plane in the account's own region, best first.
pub fn quota_hosts(bases: &Bases, account_region: Option<&str>, profile_arn: Option<&str>) -> Vec<String> {
    match &bases.api {
        Some(base) => vec![base.clone()],
        None => in_region("management", api_region(bases, account_region, profile_arn)),
    }
}

/// Whether a fault says that another of the [`hosts`] may serve the same request. Nothing else moves on:
/// an account's trouble follows it to every host.
pub fn moves_on(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::Connect | FaultKind::NotFound | FaultKind::UnknownOperation)
}

/// The streaming request to one of the [`hosts`], in its REST form. `api_key` says that the bearer is a
/// `ksk_…` key and not an access token.
pub fn generate(base: &str, bearer: &Secret, api_key: bool, body: Vec<u8>) -> Outbound {
    let mut headers = headers("application/json");
    headers.push((Cow::Borrowed("accept"), "application/vnd.amazon.eventstream".to_owned()));
    headers.push(authorization(bearer));
    if api_key {
        headers.push((Cow::Borrowed("tokentype"), "API_KEY".to_owned()));
    }
    Outbound { method: "POST", url: format!("{base}/generateAssistantResponse"), headers, body, foreign: false }
}

pub(super) fn headers(content_type: &str) -> Headers {
    vec![(Cow::Borrowed("content-type"), content_type.to_owned()), (Cow::Borrowed("user-agent"), USER_AGENT.to_owned())]
}

pub(super) fn authorization(bearer: &Secret) -> (Cow<'static, str>, String) {
    (Cow::Borrowed("authorization"), format!("Bearer {}", bearer.reveal()))
}

/// The new host of a plane, then the ones it replaces.
fn in_region(plane: &str, region: &str) -> Vec<String> {
    let mut hosts = vec![format!("https://{plane}.{region}.kiro.dev"), format!("https://q.{region}.amazonaws.com")];
    if region == DEFAULT_REGION {
        hosts.push("https://codewhisperer.us-east-1.amazonaws.com".to_owned());
    }
    hosts
}

fn api_region<'r>(bases: &'r Bases, account: Option<&'r str>, profile_arn: Option<&'r str>) -> &'r str {
    profile_arn
        .and_then(|arn| arn.split(':').nth(3))
        .and_then(place::region)
        .or_else(|| account.and_then(place::region).map(serving_region))
        .or(bases.region.as_deref())
        .unwrap_or(DEFAULT_REGION)
}

/// The API region that serves accounts of a region.
fn serving_region(region: &str) -> &str {
    if region.starts_with("us-gov-") {
        region
    } else if region.starts_with("eu-") {
        "eu-central-1"
    } else {
        DEFAULT_REGION
    }
}

/// The URL without its trailing slashes.
fn base_url(name: &'static str, text: &str) -> Result<String, Error> {
    let expected = || unusable(name, "a base URL such as https://host:port, without user, query or fragment");
    let lower = text.to_ascii_lowercase();
    let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://")).ok_or_else(expected)?;
    let authority = rest.split('/').next().unwrap_or("");
    let legal = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'@' | b'\\' | b'"' | b'<' | b'>');
    if !text.bytes().all(legal) || !is_authority(authority) {
        return Err(expected());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Whether a text is `host`, `host:port`, `[v6]` or `[v6]:port`.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => (host, port),
        _ => (text, "443"),
    };
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let legal = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(letter),
    };
    legal && port.bytes().all(|byte| byte.is_ascii_digit()) && matches!(port.parse::<u16>(), Ok(1..))
}

fn unusable(name: &'static str, expected: &str) -> Error {
    Error::new(Kind::NotConfigured, format!("{name} cannot be used: it must be {expected}"))
}

const DEFAULT_REGION: &str = "us-east-1";
/// The regions that have an API (UPSTREAM: announced 2026; the official client's table).
const API_REGIONS: [&str; 2] = [DEFAULT_REGION, "eu-central-1"];
