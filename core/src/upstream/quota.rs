//! What is left of an account's quota, asked of the service: `getUsageLimits`.
//!
//! ```text
//! remaining = (plan - used) + active trial + active bonuses         each at least 0
//! overage   = switched on, and its own cap not reached
//! ```
//!
//! Times are epoch seconds there, with or without a fraction. Every member may be absent or null.

use std::borrow::Cow;

use serde::Deserialize;

use super::endpoint::{authorization, headers};
use super::fault::Fault;
use crate::host::{Head, Millis, Outbound};
use crate::secret::Secret;

/// What the service says of an account's quota, in its own units.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Limits {
    /// Plan, active trial and active bonuses together.
    pub limit: f64,
    /// How much of them is used.
    pub used: f64,
    /// What is left of them.
    pub remaining: f64,
    /// Whether the account goes on when nothing is left.
    pub overage: bool,
    /// When the quota begins anew.
    pub resets: Option<Millis>,
    /// The plan's name for humans.
    pub plan: Option<String>,
    /// The account's address.
    pub email: Option<String>,
}

/// Asks a base of [`quota_hosts`](super::endpoint::quota_hosts).
pub fn request(base: &str, bearer: &Secret, api_key: bool, profile_arn: Option<&str>) -> Outbound {
    let mut headers = headers("application/x-amz-json-1.0");
    let target = if base.contains("://management.") { CONTROL_PLANE } else { SERVICE };
    headers.push((Cow::Borrowed("x-amz-target"), format!("{target}.GetUsageLimits")));
    headers.push(authorization(bearer));
    if api_key {
        headers.push((Cow::Borrowed("tokentype"), "API_KEY".to_owned()));
    }
    let mut body = serde_json::json!({ "isEmailRequired": true, "origin": "AI_EDITOR", "resourceType": "CREDIT" });
    if let (Some(arn), Some(members)) = (profile_arn, body.as_object_mut()) {
        members.insert("profileArn".to_owned(), arn.into());
    }
    Outbound { method: "POST", url: format!("{base}/"), headers, body: body.to_string().into_bytes(), foreign: false }
}

/// Reads the answer.
///
/// # Errors
/// What the service said instead; [`NotEventStream`](super::FaultKind::NotEventStream) for a success that says
/// nothing of a quota.
pub fn read(head: &Head, body: &[u8], now: Millis) -> Result<Limits, Fault> {
    let refused = || Fault::read(head, body, now);
    if head.status != 200 {
        return Err(refused());
    }
    let answer: wire::Answer = serde_json::from_slice(body).map_err(|_| refused())?;
    answer.limits(now).ok_or_else(refused)
}

const SERVICE: &str = "AmazonCodeWhispererService";
const CONTROL_PLANE: &str = "KiroControlPlaneBearerService";

mod wire {
    use super::{Deserialize, Limits, Millis};

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Answer {
        usage_breakdown_list: Option<Vec<Breakdown>>,
        next_date_reset: Option<f64>,
        overage_configuration: Option<Overage>,
        subscription_info: Option<Subscription>,
        user_info: Option<User>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Breakdown {
        resource_type: Option<String>,
        #[serde(flatten)]
        amount: Amount,
        current_overages: Option<f64>,
        current_overages_with_precision: Option<f64>,
        overage_cap: Option<f64>,
        overage_cap_with_precision: Option<f64>,
        next_date_reset: Option<f64>,
        free_trial_info: Option<Grant>,
        bonuses: Option<Vec<Grant>>,
    }

    /// A limit and what is used of it.
    #[derive(Deserialize, Default, Clone, Copy)]
    #[serde(rename_all = "camelCase")]
    struct Amount {
        usage_limit: Option<f64>,
        usage_limit_with_precision: Option<f64>,
        current_usage: Option<f64>,
        current_usage_with_precision: Option<f64>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Grant {
        #[serde(alias = "freeTrialStatus")]
        status: Option<String>,
        #[serde(alias = "freeTrialExpiry")]
        expires_at: Option<f64>,
        #[serde(flatten)]
        amount: Amount,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Overage {
        overage_status: Option<String>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Subscription {
        subscription_title: Option<String>,
        r#type: Option<String>,
    }

    #[derive(Deserialize)]
    struct User {
        email: Option<String>,
    }

    impl Answer {
        pub(super) fn limits(self, now: Millis) -> Option<Limits> {
            let list = self.usage_breakdown_list?;
            let of_kind = |kind: &str| list.iter().find(|entry| entry.resource_type.as_deref() == Some(kind));
            let entry = RESOURCES.iter().find_map(|kind| of_kind(kind))?;
            let grants = entry.free_trial_info.iter().chain(entry.bonuses.iter().flatten());
            let active = grants.filter(|grant| grant.is_active(now)).map(|grant| grant.amount);
            let mut limits = Limits::default();
            for amount in active.chain([entry.amount]) {
                limits.limit += amount.limit();
                limits.used += amount.used().min(amount.limit());
                limits.remaining += (amount.limit() - amount.used()).max(0.0);
            }
            let enabled = self.overage_configuration.and_then(|overage| overage.overage_status);
            limits.overage = enabled.as_deref() == Some("ENABLED") && entry.has_room_beyond();
            limits.resets = entry.next_date_reset.or(self.next_date_reset).and_then(instant);
            limits.plan = self.subscription_info.and_then(|plan| plan.subscription_title.or(plan.r#type)).map(short);
            limits.email = self.user_info.and_then(|user| user.email).map(short);
            Some(limits)
        }
    }

    impl Breakdown {
        fn has_room_beyond(&self) -> bool {
            let used = self.current_overages_with_precision.or(self.current_overages).unwrap_or(0.0);
            self.overage_cap_with_precision.or(self.overage_cap).is_none_or(|cap| used < cap)
        }
    }

    impl Amount {
        fn limit(self) -> f64 {
            amount(self.usage_limit_with_precision.or(self.usage_limit))
        }

        fn used(self) -> f64 {
            amount(self.current_usage_with_precision.or(self.current_usage))
        }
    }

    impl Grant {
        fn is_active(&self, now: Millis) -> bool {
            let over = self.expires_at.and_then(instant).is_some_and(|end| end <= now);
            self.status.as_deref() == Some("ACTIVE") && !over
        }
    }

    /// Nothing below zero, and no number that would spoil a sum.
    fn amount(value: Option<f64>) -> f64 {
        value.filter(|value| value.is_finite()).unwrap_or(0.0).clamp(0.0, MOST)
    }

    /// Epoch seconds.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    fn instant(seconds: f64) -> Option<Millis> {
        (seconds > 0.0 && seconds < LATEST).then_some(Millis((seconds * 1000.0) as u64))
    }

    fn short(text: String) -> String {
        text.chars().filter(|letter| !letter.is_control()).take(MAX_TEXT).collect()
    }

    /// What the plans count today, then what they counted before.
    const RESOURCES: [&str; 3] = ["CREDIT", "AGENTIC_REQUEST", "VIBE"];
    const MOST: f64 = 1e12;
    /// The year 3000.
    const LATEST: f64 = 32_503_680_000.0;
    const MAX_TEXT: usize = 128;
}
