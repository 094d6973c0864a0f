//! Finding an account's profile.

use kiro2api_core::Millis;
use kiro2api_core::place::is_profile_arn;
use kiro2api_core::secret::Secret;
use kiro2api_core::upstream::endpoint::USER_AGENT;
use kiro2api_core::upstream::profile::{Page, Profile, pick, read, request};
use kiro2api_core::upstream::{Fault, FaultKind};

use crate::{body, head, names, sent};

const ARN: &str = "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABC";

fn page(body: &str) -> Result<Page, Fault> {
    read(&head(200, &[]), body.as_bytes(), Millis(0))
}

fn profile(id: &str, kind: &str, active: bool) -> Profile {
    Profile { arn: format!("{ARN}-{id}"), kind: kind.to_owned(), active }
}

#[test]
fn the_request_is_the_target_form() {
    let made = request("https://host", &Secret::new("hidden"), None);
    assert_eq!((made.method, made.url.as_str(), body(&made)), ("POST", "https://host/", "{}"));
    assert_eq!(names(&made.headers), ["content-type", "user-agent", "x-amz-target", "authorization"]);
    assert_eq!(sent(&made, "content-type"), Some("application/x-amz-json-1.0"));
    assert_eq!(sent(&made, "x-amz-target"), Some("AmazonCodeWhispererService.ListAvailableProfiles"));
    assert_eq!(sent(&made, "authorization"), Some("Bearer hidden"));
    assert_eq!(sent(&made, "user-agent"), Some(USER_AGENT));
    let more = request("https://host", &Secret::new("hidden"), Some("a\"b"));
    assert_eq!(body(&more), r#"{"nextToken":"a\"b"}"#);
}

#[test]
fn a_page_is_read_with_its_successor() {
    let body = format!(
        r#"{{"profiles":[{{"arn":"{ARN}","profileName":"KiroProfile-us-east-1","profileType":"KIRO","status":"ACTIVE"}},
            {{"arn":"{ARN}2","profileType":null,"status":"CREATING"}},{{"arn":"{ARN}3"}},{{"arn":"nonsense"}},{{}}],"nextToken":"t"}}"#
    );
    let of = |arn: String, kind: &str, active| Profile { arn, kind: kind.to_owned(), active };
    let profiles =
        vec![of(ARN.to_owned(), "KIRO", true), of(format!("{ARN}2"), "", false), of(format!("{ARN}3"), "", true)];
    assert_eq!(page(&body), Ok(Page { profiles, next: Some("t".to_owned()) }));
    for body in [r#"{"profiles":[],"nextToken":null}"#, r#"{"profiles":null,"nextToken":""}"#] {
        assert_eq!(page(body), Ok(Page::default()));
    }
}

#[test]
fn an_answer_that_is_none_is_a_fault() {
    for body in ["", "<html></html>", "{}", "[]", r#"{"profiles":"x"}"#, r#"{"profiles":[5]}"#] {
        assert_eq!(page(body).unwrap_err().kind, FaultKind::NotEventStream, "{body}");
    }
    let denied = br#"{"message":"The bearer token included in the request is invalid"}"#;
    let fault = read(&head(403, &[]), denied, Millis(0)).unwrap_err();
    assert_eq!(fault.kind, FaultKind::BearerInvalid);
}

#[test]
fn an_active_profile_of_kiro_comes_first() {
    let others = [profile("a", "KIRO", false), profile("b", "CODEWHISPERER", true), profile("c", "KIRO", true)];
    assert_eq!(pick(&others), Some(&others[2]));
    assert_eq!(pick(&others[..2]), Some(&others[1]));
    assert_eq!(pick(&others[..1]), None);
    assert_eq!(pick(&[]), None);
}

#[test]
fn only_a_profiles_arn_is_one() {
    assert!(is_profile_arn(ARN));
    assert!(is_profile_arn("arn:aws-us-gov:codewhisperer:us-gov-west-1:123456789012:profile/a-1"));
    for bad in [
        "",
        "arn:aws:codewhisperer:us-east-1:12345678901:profile/ABC",
        "arn:aws:codewhisperer:us-east-1:12345678901x:profile/ABC",
        "arn:aws:codewhisperer:us-east-1:123456789012:profile/",
        "arn:aws:codewhisperer:us-east-1:123456789012:profile/a/b",
        "arn:aws:codewhisperer:us-east-1:123456789012:role/ABC",
        "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABC:x",
        "arn:aws:codewhisperer::123456789012:profile/ABC",
        "arn:aws:s3:us-east-1:123456789012:profile/ABC",
    ] {
        assert!(!is_profile_arn(bad), "{bad}");
    }
    assert!(!is_profile_arn(&format!("{ARN}{}", "x".repeat(256))));
}
