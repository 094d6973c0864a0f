//! What is left of an account's quota, asked of the service: `getUsageLimits`.
//!
//! ```text
//! remaining = (plan - used) + active trial + active bonuses         each at least 0
//! overage   = switched on, and its own cap not reached
//! ```
//!
//! Times are epoch seconds there, with or without a fraction. Every member may be absent or null, and one that is of
//! another type than expected counts as absent.

use std::borrow::Cow;

use serde_json::Value;

use super::endpoint::{Bases, authorization, headers, moves_on, quota_hosts};
use super::fault::{Fault, FaultKind};
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

/// One way to ask: a host, and a form of the request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    base: String,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// AWS-JSON: the operation in a header.
    Target(&'static str),
    /// A `GET` with everything in its URL.
    Path(&'static str),
}

/// Every way to ask for an account's quota, best first. Hosts are replaced by others over the years, and not each of
/// them takes both forms.
pub fn ways(bases: &Bases, account_region: Option<&str>, profile_arn: Option<&str>) -> Vec<Way> {
    let forms = |base: String| {
        let forms = if base.contains("://management.") { CONTROL_PLANE } else { SERVICE };
        forms.map(|form| Way { base: base.clone(), form })
    };
    quota_hosts(bases, account_region, profile_arn).into_iter().flat_map(forms).collect()
}

/// The next way to try after `at` has brought this fault: another form of the request, or another host when this one
/// cannot be reached. `None`: the fault is the account's own, or no way is left.
pub fn next_way(ways: &[Way], at: usize, kind: FaultKind) -> Option<usize> {
    let base = &ways.get(at)?.base;
    let elsewhere = |way: &Way| kind != FaultKind::Connect || way.base != *base;
    let other = moves_on(kind) || matches!(kind, FaultKind::Shape { .. });
    let later = ways.iter().enumerate().skip(at + 1);
    later.filter(|(_, way)| other && elsewhere(way)).map(|(at, _)| at).next()
}

/// Asks this way.
pub fn request(way: &Way, bearer: &Secret, api_key: bool, profile_arn: Option<&str>) -> Outbound {
    let Way { base, form } = way;
    let (method, url, kind, body) = match form {
        Form::Target(_) => ("POST", format!("{base}/"), "application/x-amz-json-1.0", body(profile_arn)),
        Form::Path(path) => ("GET", format!("{base}/{path}&{}", query(profile_arn)), "application/json", Vec::new()),
    };
    let mut headers = headers(kind);
    if let Form::Target(target) = form {
        headers.push((Cow::Borrowed("x-amz-target"), (*target).to_owned()));
    }
    headers.push(authorization(bearer));
    if api_key {
        headers.push((Cow::Borrowed("tokentype"), "API_KEY".to_owned()));
    }
    Outbound { method, url, headers, body, foreign: false }
}

fn body(profile_arn: Option<&str>) -> Vec<u8> {
    let mut body = serde_json::json!({ "isEmailRequired": true, "origin": "AI_EDITOR", "resourceType": "CREDIT" });
    if let (Some(arn), Some(members)) = (profile_arn, body.as_object_mut()) {
        members.insert("profileArn".to_owned(), arn.into());
    }
    body.to_string().into_bytes()
}

fn query(profile_arn: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("isEmailRequired", "true");
    if let Some(arn) = profile_arn {
        query.append_pair("profileArn", arn);
    }
    query.finish()
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
    let answer: Value = serde_json::from_slice(body).map_err(|_| refused())?;
    limits(&answer, now).ok_or_else(refused)
}

fn limits(answer: &Value, now: Millis) -> Option<Limits> {
    let list = answer.get("usageBreakdownList")?.as_array()?;
    let of_kind = |kind: &str| list.iter().find(|entry| text(entry, &["resourceType"]) == Some(kind));
    let entry = RESOURCES.iter().find_map(|kind| of_kind(kind))?;
    let bonuses = entry.get("bonuses").and_then(Value::as_array);
    let grants = entry.get("freeTrialInfo").into_iter().chain(bonuses.into_iter().flatten());
    let mut limits = Limits::default();
    for part in grants.filter(|grant| is_active(grant, now)).chain([entry]) {
        let limit = amount(part, "usageLimitWithPrecision", "usageLimit");
        let used = amount(part, "currentUsageWithPrecision", "currentUsage").min(limit);
        limits.limit += limit;
        limits.used += used;
        limits.remaining += limit - used;
    }
    let overage = answer.get("overageConfiguration").and_then(|overage| text(overage, &["overageStatus"]));
    limits.overage = overage == Some("ENABLED") && has_room_beyond(entry);
    limits.resets = [entry, answer].iter().find_map(|holder| instant(holder, "nextDateReset"));
    let (plan, user) = (answer.get("subscriptionInfo"), answer.get("userInfo"));
    limits.plan = plan.and_then(|plan| text(plan, &["subscriptionTitle", "type"])).map(short);
    limits.email = user.and_then(|user| text(user, &["email"])).map(short);
    Some(limits)
}

/// A trial or a bonus that counts.
fn is_active(grant: &Value, now: Millis) -> bool {
    let over =
        ["freeTrialExpiry", "expiresAt"].iter().find_map(|name| instant(grant, name)).is_some_and(|end| end <= now);
    text(grant, &["freeTrialStatus", "status"]) == Some("ACTIVE") && !over
}

fn has_room_beyond(entry: &Value) -> bool {
    let cap = number(entry, "overageCapWithPrecision").or_else(|| number(entry, "overageCap"));
    cap.is_none_or(|cap| amount(entry, "currentOveragesWithPrecision", "currentOverages") < cap)
}

/// Nothing below zero, and no number that would spoil a sum.
fn amount(holder: &Value, precise: &str, plain: &str) -> f64 {
    number(holder, precise).or_else(|| number(holder, plain)).unwrap_or(0.0).clamp(0.0, MOST)
}

fn number(holder: &Value, name: &str) -> Option<f64> {
    holder.get(name)?.as_f64().filter(|value| value.is_finite())
}

/// Epoch seconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn instant(holder: &Value, name: &str) -> Option<Millis> {
    let seconds = number(holder, name)?;
    (seconds > 0.0 && seconds < LATEST).then_some(Millis((seconds * 1000.0) as u64))
}

/// The first of these members that says something.
fn text<'v>(holder: &'v Value, names: &[&str]) -> Option<&'v str> {
    names.iter().filter_map(|name| holder.get(name)?.as_str()).find(|text| !text.is_empty())
}

fn short(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(MAX_TEXT).collect()
}

const CONTROL_PLANE: [Form; 2] = [
    Form::Target("KiroControlPlaneBearerService.GetUsageLimits"),
    Form::Path("Get-Usage-Limits?origin=KIRO_CLI&resourceType=CREDIT"),
];
const SERVICE: [Form; 2] = [
    Form::Target("AmazonCodeWhispererService.GetUsageLimits"),
    Form::Path("getUsageLimits?origin=AI_EDITOR&resourceType=AGENTIC_REQUEST"),
];
/// What the plans count today, then what they counted before.
const RESOURCES: [&str; 3] = ["CREDIT", "AGENTIC_REQUEST", "VIBE"];
const MOST: f64 = 1e12;
/// The year 3000.
const LATEST: f64 = 32_503_680_000.0;
const MAX_TEXT: usize = 128;
