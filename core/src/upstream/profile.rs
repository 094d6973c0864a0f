//! Which profile an account has, asked of the service when neither the configuration nor a refresh said.
//!
//! Ask each region of [`control_hosts`](super::endpoint::control_hosts) (a page at a time), gather the
//! profiles of all of them, then [`pick`]. A region in which the account is unknown answers with a fault
//! and has no say.

use std::borrow::Cow;

use serde::Deserialize;

use super::endpoint::{authorization, headers};
use super::fault::Fault;
use crate::host::{Head, Millis, Outbound};
use crate::secret::Secret;

/// A profile of an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    /// Its ARN, of the legal form; the fourth field is the region of its API.
    pub arn: String,
    /// The kind: `KIRO`, `CODEWHISPERER`, `Q_DEVELOPER`; empty when the service did not say.
    pub kind: String,
    /// Whether requests can be made under it.
    pub active: bool,
}

/// A page of profiles.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    /// Those with a legal ARN, in the service's order.
    pub profiles: Vec<Profile>,
    /// What to ask with for the next page, when there is one.
    pub next: Option<String>,
}

/// Asks a base of the control plane for a page of the account's profiles.
pub fn request(base: &str, bearer: &Secret, next: Option<&str>) -> Outbound {
    let mut headers = headers("application/x-amz-json-1.0");
    headers.push((Cow::Borrowed("x-amz-target"), "AmazonCodeWhispererService.ListAvailableProfiles".to_owned()));
    headers.push(authorization(bearer));
    let body = match next {
        Some(token) => serde_json::json!({ "nextToken": token }).to_string(),
        None => "{}".to_owned(),
    };
    Outbound { method: "POST", url: format!("{base}/"), headers, body: body.into_bytes(), foreign: false }
}

/// Reads the answer.
///
/// # Errors
/// What the service said instead; [`NotEventStream`](super::FaultKind::NotEventStream) for a success that
/// is not the service's.
pub fn read(head: &Head, body: &[u8], now: Millis) -> Result<Page, Fault> {
    let refused = || Fault::read(head, body, now);
    if head.status != 200 {
        return Err(refused());
    }
    let answer: wire::Answer = serde_json::from_slice(body).map_err(|_| refused())?;
    let profiles = answer.profiles.into_iter().filter_map(wire::Profile::known).collect();
    Ok(Page { profiles, next: answer.next_token.filter(|token| !token.is_empty()) })
}

/// The profile to use: the first active one of Kiro, else the first active one.
pub fn pick(profiles: &[Profile]) -> Option<&Profile> {
    let active = || profiles.iter().filter(|profile| profile.active);
    active().find(|profile| profile.kind == "KIRO").or_else(|| active().next())
}

mod wire {
    use serde::Deserializer;

    use super::Deserialize;
    use crate::place::is_profile_arn;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Answer {
        /// Required: without it the answer is not the service's.
        #[serde(deserialize_with = "nullable")]
        pub(super) profiles: Vec<Profile>,
        pub(super) next_token: Option<String>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Profile {
        arn: Option<String>,
        profile_type: Option<String>,
        status: Option<String>,
    }

    fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Profile>, D::Error> {
        Option::deserialize(deserializer).map(Option::unwrap_or_default)
    }

    impl Profile {
        pub(super) fn known(self) -> Option<super::Profile> {
            let arn = self.arn.filter(|arn| is_profile_arn(arn))?;
            let active = self.status.is_none_or(|status| status == "ACTIVE");
            Some(super::Profile { arn, kind: self.profile_type.unwrap_or_default(), active })
        }
    }
}
