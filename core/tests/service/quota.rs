//! What is left of an account's quota: how it is asked for, and how the answer is read.

use kiro2api_core::Millis;
use kiro2api_core::secret::Secret;
use kiro2api_core::upstream::FaultKind;
use kiro2api_core::upstream::endpoint::Bases;
use kiro2api_core::upstream::quota::{Limits, Way, next_way, read, request, ways};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{body, head, names, sent};

const ARN: &str = "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABC";
/// Before every trial and bonus of these tests ends.
const NOW: Millis = Millis::secs(1_777_000_000);

fn limits(answer: &Value) -> Limits {
    read(&head(200, &[]), answer.to_string().as_bytes(), NOW).unwrap()
}

/// Limit, used, remaining.
fn numbers(answer: &Value) -> [f64; 3] {
    let Limits { limit, used, remaining, .. } = limits(answer);
    [limit, used, remaining]
}

fn answer(entries: Value) -> Value {
    json!({ "usageBreakdownList": entries })
}

/// An answer of today with every member there is.
fn full() -> Value {
    json!({
        "daysUntilReset": 9, "nextDateReset": 1_777_593_600, "limits": [], "totalUsage": null, "usageBreakdown": null,
        "overageConfiguration": { "overageStatus": "DISABLED", "overageLimit": null },
        "subscriptionInfo": { "type": "Q_DEVELOPER_STANDALONE_PRO", "subscriptionTitle": "KIRO PRO",
            "overageCapability": "OVERAGE_CAPABLE", "upgradeCapability": "UPGRADE_CAPABLE",
            "subscriptionManagementTarget": "MANAGE" },
        "usageBreakdownList": [{
            "resourceType": "CREDIT", "displayName": "Credit", "displayNamePlural": "Credits", "unit": "INVOCATIONS",
            "usageLimit": 1000, "usageLimitWithPrecision": 1000.0, "currentUsage": 200, "currentUsageWithPrecision": 200.75,
            "currentOverages": 0, "currentOveragesWithPrecision": 0.0, "overageCap": 10_000,
            "overageCapWithPrecision": 10_000.0, "overageCharges": 0.0, "overageRate": 0.04, "currency": "USD",
            "nextDateReset": 1_777_593_600,
            "freeTrialInfo": { "freeTrialStatus": "ACTIVE", "freeTrialExpiry": 1_778_000_000.5, "usageLimit": 500,
                "usageLimitWithPrecision": 500.0, "currentUsage": 10, "currentUsageWithPrecision": 10.25 },
            "bonuses": [{ "bonusCode": "HELLO", "displayName": "Hello", "description": "A gift", "status": "ACTIVE",
                "usageLimit": 100, "currentUsage": 3.5, "redeemedAt": 1_775_000_000, "expiresAt": 1_779_000_000 }] }],
        "userInfo": { "userId": "d-0000000000.someone", "email": "someone@example.com" }
    })
}

#[test]
fn an_answer_of_today_is_read_in_full() {
    let expected = Limits {
        limit: 1600.0,
        used: 214.5,
        remaining: 1385.5,
        overage: false,
        resets: Some(Millis::secs(1_777_593_600)),
        plan: Some("KIRO PRO".to_owned()),
        email: Some("someone@example.com".to_owned()),
    };
    assert_eq!(limits(&full()), expected);
}

#[test]
fn a_trial_and_bonuses_count_while_they_are_active() {
    let credit = |more: Value| {
        let mut entry = json!({ "resourceType": "CREDIT", "usageLimit": 50, "currentUsage": 60 });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        answer(json!([entry]))
    };
    let trial = |status: &str, ends: Value| json!({ "freeTrialInfo": { "freeTrialStatus": status, "freeTrialExpiry": ends, "usageLimit": 100, "currentUsage": 30 } });
    let bonus = |status: &str, ends: Value| {
        json!({ "bonuses": [
            { "status": status, "expiresAt": ends, "usageLimit": 10, "currentUsage": 1.5 },
            { "status": "ACTIVE", "usageLimit": 5, "currentUsage": 9 }, null, 7 ] })
    };
    // The plan is overdrawn by 10, which is taken from nobody else.
    for (case, expected) in [
        (json!({}), [50.0, 50.0, 0.0]),
        (trial("ACTIVE", json!(1_778_000_000.5)), [150.0, 80.0, 70.0]),
        (trial("ACTIVE", Value::Null), [150.0, 80.0, 70.0]),
        (trial("ACTIVE", json!(1_776_999_999)), [50.0, 50.0, 0.0]),
        (trial("EXPIRED", json!(1_778_000_000)), [50.0, 50.0, 0.0]),
        (json!({ "freeTrialInfo": null, "bonuses": null }), [50.0, 50.0, 0.0]),
        (bonus("ACTIVE", json!(1_778_000_000)), [65.0, 56.5, 8.5]),
        (bonus("EXHAUSTED", json!(1_778_000_000)), [55.0, 55.0, 0.0]),
        (bonus("ACTIVE", json!(1)), [55.0, 55.0, 0.0]),
    ] {
        assert_eq!(numbers(&credit(case.clone())), expected, "{case}");
    }
}

#[test]
fn the_resource_of_today_is_read_and_those_of_2025_where_there_is_none() {
    let entry = |kind: &str, limit: u32| json!({ "resourceType": kind, "usageLimit": limit, "currentUsage": 1 });
    for (entries, limit) in [
        (json!([entry("SPEC", 125), entry("VIBE", 225)]), Some(225.0)),
        (json!([entry("VIBE", 225), entry("AGENTIC_REQUEST", 50)]), Some(50.0)),
        (json!([entry("VIBE", 225), entry("AGENTIC_REQUEST", 50), entry("CREDIT", 1000)]), Some(1000.0)),
        (json!([null, 3, {}, { "resourceType": null }, entry("CREDIT", 1000), entry("CREDIT", 7)]), Some(1000.0)),
        (json!([entry("SPEC", 125)]), None),
        (json!([]), None),
    ] {
        let found = read(&head(200, &[]), answer(entries.clone()).to_string().as_bytes(), NOW);
        assert_eq!(found.ok().map(|limits| limits.limit), limit, "{entries}");
    }
}

#[test]
fn overage_goes_on_until_its_own_cap() {
    let told = |status: Value, used: Value, cap: Value| {
        let mut answer = answer(json!([{ "resourceType": "CREDIT", "usageLimit": 1, "currentUsage": 1,
            "currentOverages": 7, "currentOveragesWithPrecision": used, "overageCap": cap }]));
        answer["overageConfiguration"] = status;
        limits(&answer).overage
    };
    let on = || json!({ "overageStatus": "ENABLED" });
    assert!(told(on(), json!(9.5), json!(10)));
    assert!(told(on(), Value::Null, json!(10)));
    assert!(told(on(), json!(9.5), Value::Null), "no cap");
    assert!(!told(on(), json!(10), json!(10)));
    for off in [json!({ "overageStatus": "DISABLED" }), json!({}), Value::Null, json!("ENABLED")] {
        assert!(!told(off.clone(), json!(0), json!(10)), "{off}");
    }
}

#[test]
fn the_reset_is_the_entrys_own_or_the_accounts_in_whole_and_broken_seconds() {
    let told = |own: Value, account: Value| {
        let mut answer = answer(json!([{ "resourceType": "CREDIT", "nextDateReset": own }]));
        answer["nextDateReset"] = account;
        limits(&answer).resets
    };
    assert_eq!(told(json!(1_777_593_600), json!(5)), Some(Millis::secs(1_777_593_600)));
    assert_eq!(told(Value::Null, json!(1_777_593_600.25)), Some(Millis(1_777_593_600_250)));
    assert_eq!(told(json!(1.777_593_6e9), Value::Null), Some(Millis::secs(1_777_593_600)));
    for none in [json!(0), json!(-5), json!(1e300), json!("2026-05-01"), json!([]), Value::Null] {
        assert_eq!(told(none.clone(), none.clone()), None, "{none}");
    }
}

#[test]
fn the_plan_is_named_by_its_title_or_its_type_and_texts_are_short_and_in_one_line() {
    let told = |subscription: Value, email: Value| {
        let mut answer = answer(json!([{ "resourceType": "CREDIT" }]));
        (answer["subscriptionInfo"], answer["userInfo"]) = (subscription, json!({ "email": email }));
        let Limits { plan, email, .. } = limits(&answer);
        (plan, email)
    };
    assert_eq!(told(json!({ "subscriptionTitle": "", "type": "T" }), json!("")), (Some("T".to_owned()), None));
    assert_eq!(told(Value::Null, Value::Null), (None, None));
    let long = told(json!({ "subscriptionTitle": "a\nb\u{7}" }), json!("x".repeat(1000)));
    assert_eq!(long, (Some("ab".to_owned()), Some("x".repeat(128))));
}

#[test]
fn numbers_that_are_none_count_as_nothing_and_spoil_no_sum() {
    for hostile in [json!(-5), json!("12"), json!([1]), json!({}), json!(true), Value::Null] {
        let case = answer(json!([{ "resourceType": "CREDIT", "usageLimit": 10, "currentUsage": hostile,
            "freeTrialInfo": { "freeTrialStatus": "ACTIVE", "usageLimit": hostile, "currentUsage": 4 },
            "bonuses": hostile }]));
        assert_eq!(numbers(&case), [10.0, 0.0, 10.0], "{hostile}");
    }
    let huge = answer(json!([{ "resourceType": "CREDIT", "usageLimit": 1e308, "currentUsage": 1e300 }]));
    assert_eq!(numbers(&huge), [1e12, 1e12, 0.0]);
}

#[test]
fn a_success_that_says_nothing_of_a_quota_and_a_refusal_are_faults() {
    for body in
        ["", "{}", "null", "[]", "<html></html>", r#"{"usageBreakdownList":{}}"#, r#"{"usageBreakdownList":null}"#]
    {
        let fault = read(&head(200, &[]), body.as_bytes(), NOW).unwrap_err();
        assert_eq!(fault.kind, FaultKind::NotEventStream, "{body}");
    }
    let locked = br#"{"message":"locked","reason":"TEMPORARILY_SUSPENDED"}"#;
    assert_eq!(read(&head(403, &[]), locked, NOW).unwrap_err().kind, FaultKind::Suspended);
    let full = full().to_string();
    assert!(read(&head(404, &[]), full.as_bytes(), NOW).is_err(), "the status counts");
}

fn all() -> Vec<Way> {
    ways(&Bases::default(), Some("us-east-1"), None)
}

fn urls(ways: &[Way]) -> Vec<String> {
    ways.iter().map(|way| request(way, &Secret::new("hidden"), false, Some(ARN)).url).collect()
}

#[test]
fn every_host_is_asked_in_both_forms() {
    let arn = ARN.replace(':', "%3A").replace('/', "%2F");
    let path = |host: &str, query: &str| format!("https://{host}/{query}&isEmailRequired=true&profileArn={arn}");
    let new = "Get-Usage-Limits?origin=KIRO_CLI&resourceType=CREDIT";
    let old = "getUsageLimits?origin=AI_EDITOR&resourceType=AGENTIC_REQUEST";
    assert_eq!(
        urls(&all()),
        [
            "https://management.us-east-1.kiro.dev/".to_owned(),
            path("management.us-east-1.kiro.dev", new),
            "https://q.us-east-1.amazonaws.com/".to_owned(),
            path("q.us-east-1.amazonaws.com", old),
            "https://codewhisperer.us-east-1.amazonaws.com/".to_owned(),
            path("codewhisperer.us-east-1.amazonaws.com", old),
        ]
    );
    let eu = ways(&Bases::default(), None, Some("arn:aws:codewhisperer:eu-central-1:123456789012:profile/E"));
    assert_eq!(eu.len(), 4, "only us-east-1 has the third host");
    let own = Bases::read(|name| (name == "KIRO_API_BASE").then(|| "http://127.0.0.1:9/".to_owned())).unwrap();
    let own = urls(&ways(&own, None, None));
    assert_eq!(own.len(), 2);
    assert!(own.iter().all(|url| url.starts_with("http://127.0.0.1:9/")), "{own:?}");
}

#[test]
fn the_two_forms_carry_what_they_need() {
    let all = all();
    let key = Secret::new("hidden");
    let made = request(&all[0], &key, false, Some(ARN));
    assert_eq!(made.method, "POST");
    assert_eq!(names(&made.headers), ["content-type", "user-agent", "x-amz-target", "authorization"]);
    assert_eq!(sent(&made, "x-amz-target"), Some("KiroControlPlaneBearerService.GetUsageLimits"));
    assert_eq!(sent(&made, "content-type"), Some("application/x-amz-json-1.0"));
    let sent_body: Value = serde_json::from_str(body(&made)).unwrap();
    let expected =
        json!({ "isEmailRequired": true, "origin": "AI_EDITOR", "resourceType": "CREDIT", "profileArn": ARN });
    assert_eq!(sent_body, expected);
    let made = request(&all[2], &key, true, None);
    assert_eq!(sent(&made, "x-amz-target"), Some("AmazonCodeWhispererService.GetUsageLimits"));
    assert_eq!(sent(&made, "tokentype"), Some("API_KEY"));
    assert!(!body(&made).contains("profileArn"));
    let made = request(&all[3], &key, false, None);
    assert_eq!((made.method, body(&made)), ("GET", ""));
    assert_eq!(sent(&made, "authorization"), Some("Bearer hidden"));
    assert_eq!(sent(&made, "x-amz-target"), None);
}

#[test]
fn another_way_is_tried_when_this_one_is_not_served_and_not_for_the_accounts_own_trouble() {
    let all = all();
    assert_eq!(next_way(&all, 0, FaultKind::UnknownOperation), Some(1), "the other form");
    assert_eq!(next_way(&all, 1, FaultKind::NotFound), Some(2), "the other host");
    assert_eq!(next_way(&all, 0, FaultKind::Connect), Some(2), "the other form would not get there either");
    assert_eq!(next_way(&all, 2, FaultKind::Shape { extra_fields: false, task_ids: false }), Some(3));
    assert_eq!(next_way(&all, 4, FaultKind::Connect), None);
    assert_eq!(next_way(&all, 5, FaultKind::NotFound), None);
    for own in [
        FaultKind::BearerInvalid,
        FaultKind::Suspended,
        FaultKind::InvalidProfile,
        FaultKind::Throttled,
        FaultKind::Internal,
        FaultKind::NotEventStream,
    ] {
        assert_eq!(next_way(&all, 0, own), None, "{own:?}");
    }
}

/// JSON of the service's own members with values of any type and size.
fn anything() -> impl Strategy<Value = Value> {
    let number =
        prop_oneof![any::<f64>().prop_map(|number| json!(number)), any::<i64>().prop_map(|number| json!(number))];
    let word =
        prop::sample::select(vec!["ACTIVE", "ENABLED", "CREDIT", "VIBE", "", "x\u{0}"]).prop_map(|word| json!(word));
    let leaf = prop_oneof![number, word, Just(Value::Null), Just(json!(true)), Just(json!([])), Just(json!({}))];
    leaf.prop_recursive(4, 64, 8, |inner| {
        let name = prop::sample::select(vec![
            "usageBreakdownList",
            "resourceType",
            "usageLimit",
            "usageLimitWithPrecision",
            "currentUsage",
            "currentUsageWithPrecision",
            "freeTrialInfo",
            "freeTrialStatus",
            "freeTrialExpiry",
            "bonuses",
            "status",
            "expiresAt",
            "overageConfiguration",
            "overageStatus",
            "overageCap",
            "nextDateReset",
        ]);
        let members = prop::collection::vec((name, inner.clone()), 0..8);
        let object =
            members.prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        prop_oneof![prop::collection::vec(inner, 0..4).prop_map(Value::Array), object.prop_map(Value::Object)]
    })
}

proptest! {
    #[test]
    fn whatever_comes_what_is_left_is_never_negative_nor_more_than_there_is(
        mut entries in prop::collection::vec(anything(), 0..4),
        mut outer in anything(),
    ) {
        for entry in &mut entries {
            if let Some(members) = entry.as_object_mut() {
                members.insert("resourceType".to_owned(), json!("CREDIT"));
            }
        }
        if let Some(members) = outer.as_object_mut() {
            members.insert("usageBreakdownList".to_owned(), Value::Array(entries));
        }
        if let Ok(limits) = read(&head(200, &[]), outer.to_string().as_bytes(), NOW) {
            prop_assert!(limits.remaining >= 0.0 && limits.remaining <= limits.limit, "{limits:?}");
            prop_assert!(limits.used >= 0.0 && limits.used <= limits.limit, "{limits:?}");
            prop_assert!(limits.limit.is_finite());
        }
    }
}
