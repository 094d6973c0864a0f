//! Where the service is, and what is sent there.

use kiro2api_core::Kind;
use kiro2api_core::place::region;
use kiro2api_core::secret::Secret;
use kiro2api_core::upstream::FaultKind;
use kiro2api_core::upstream::endpoint::{Bases, USER_AGENT, control_hosts, generate, hosts, moves_on};

use crate::{names, sent};

fn bases(name: &'static str, value: &'static str) -> Bases {
    Bases::read(|asked| (asked == name).then(|| value.to_owned())).unwrap()
}

fn arn(region: &str) -> String {
    format!("arn:aws:codewhisperer:{region}:123456789012:profile/ABC")
}

#[test]
fn the_region_comes_from_the_profile_then_the_account_then_the_operator() {
    let operator = bases("KIRO_REGION", "eu-central-1");
    let none = Bases::default();
    let first = |bases: &Bases, account: Option<&str>, arn: Option<&str>| hosts(bases, account, arn).remove(0);
    for (bases, account, profile, region) in [
        (&operator, Some("us-west-2"), Some(arn("eu-central-1")), "eu-central-1"),
        (&none, Some("eu-west-3"), Some(arn("us-east-1")), "us-east-1"),
        (&none, Some("eu-west-3"), None, "eu-central-1"),
        (&none, Some("ap-southeast-2"), None, "us-east-1"),
        (&none, Some("us-gov-west-1"), None, "us-gov-west-1"),
        (&operator, Some("us-west-2"), None, "us-east-1"),
        (&operator, None, None, "eu-central-1"),
        (&none, None, None, "us-east-1"),
        (&none, Some("evil.example/#"), Some("arn:aws:codewhisperer:evil.example/#:1:x".to_owned()), "us-east-1"),
        (&none, None, Some("arn:aws".to_owned()), "us-east-1"),
    ] {
        let expected = format!("https://runtime.{region}.kiro.dev");
        assert_eq!(first(bases, account, profile.as_deref()), expected, "{account:?} {profile:?}");
    }
}

#[test]
fn the_legacy_host_is_tried_last_and_only_where_it_exists() {
    let none = Bases::default();
    assert_eq!(
        hosts(&none, None, None),
        [
            "https://runtime.us-east-1.kiro.dev",
            "https://q.us-east-1.amazonaws.com",
            "https://codewhisperer.us-east-1.amazonaws.com"
        ]
    );
    let europe = ["https://runtime.eu-central-1.kiro.dev", "https://q.eu-central-1.amazonaws.com"];
    assert_eq!(hosts(&none, Some("eu-north-1"), None), europe);
    assert_eq!(
        control_hosts(&none),
        [
            vec![
                "https://management.us-east-1.kiro.dev",
                "https://q.us-east-1.amazonaws.com",
                "https://codewhisperer.us-east-1.amazonaws.com"
            ],
            vec!["https://management.eu-central-1.kiro.dev", "https://q.eu-central-1.amazonaws.com"]
        ]
    );
}

#[test]
fn the_control_plane_of_the_operators_region_is_asked_too() {
    let first = |region| control_hosts(&bases("KIRO_REGION", region)).into_iter().map(|mut one| one.remove(0));
    assert_eq!(first("eu-central-1").len(), 2);
    assert_eq!(first("us-gov-west-1").next().as_deref(), Some("https://management.us-gov-west-1.kiro.dev"));
    assert_eq!(first("us-gov-west-1").len(), 3);
}

#[test]
fn a_configured_base_is_the_only_one() {
    let set = bases("KIRO_API_BASE", " http://127.0.0.1:8081/prefix// ");
    assert_eq!(set.api(), Some("http://127.0.0.1:8081/prefix"));
    assert_eq!(hosts(&set, Some("eu-west-1"), Some(&arn("eu-central-1"))), ["http://127.0.0.1:8081/prefix"]);
    assert_eq!(control_hosts(&set), [["http://127.0.0.1:8081/prefix"]]);
}

#[test]
fn legal_bases_are_taken() {
    for value in
        ["https://host", "HTTP://Host.example:65535", "http://[::1]:80", "https://[2001:db8::1]", "http://a_b-c/x/y"]
    {
        assert_eq!(bases("KIRO_API_BASE", value).api(), Some(value));
    }
    assert_eq!(bases("KIRO_API_BASE", "  "), Bases::default());
}

#[test]
fn an_unusable_value_is_named_but_not_shown() {
    let urls = [
        "host",
        "ftp://host",
        "https://",
        "https:///x",
        "https://host:0",
        "https://host:65536",
        "https://host:+1",
        "https://host:",
        "https://us er@host",
        "https://user:hunter2@host",
        "https://host?x",
        "https://host#x",
        "https://ho st",
        "https://[::1",
        "https://[hunter2]",
        "https://hôte",
        "https://host/\u{7f}",
        "http://a:b:1",
    ];
    let regions = [
        "us east",
        "us-east-1.evil",
        "US-EAST-1",
        "us",
        "-us",
        "us--east",
        "us-east-1/",
        "a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p-q",
    ];
    let cases =
        ["KIRO_API_BASE", "KIRO_AUTH_BASE", "KIRO_OIDC_BASE"].into_iter().flat_map(|name| urls.map(|url| (name, url)));
    for (name, value) in cases.chain(regions.map(|region| ("KIRO_REGION", region))) {
        let error = Bases::read(|asked| (asked == name).then(|| value.to_owned())).expect_err(value);
        assert_eq!(error.kind(), Kind::NotConfigured);
        assert!(error.text().starts_with(&format!("{name} cannot be used")), "{error}");
        assert!(!error.text().contains("hunter2"), "{error}");
    }
    assert_eq!(region("us-gov-west-1"), Some("us-gov-west-1"));
}

#[test]
fn the_streaming_request_names_us_and_no_machine() {
    let bearer = Secret::new("hidden");
    let made = generate("https://host", &bearer, false, b"{}".to_vec());
    assert_eq!((made.method, made.url.as_str()), ("POST", "https://host/generateAssistantResponse"));
    assert_eq!(names(&made.headers), ["content-type", "user-agent", "accept", "authorization"]);
    assert_eq!(sent(&made, "content-type"), Some("application/json"));
    assert_eq!(sent(&made, "accept"), Some("application/vnd.amazon.eventstream"));
    assert_eq!(sent(&made, "user-agent"), Some(USER_AGENT));
    assert_eq!(sent(&made, "authorization"), Some("Bearer hidden"));
    assert_eq!(made.body, b"{}");
    assert!(USER_AGENT.starts_with("kiro2api/") && !format!("{made:?}").contains("hidden"));
    let keyed = generate("https://host", &bearer, true, Vec::new());
    assert_eq!(sent(&keyed, "tokentype"), Some("API_KEY"));
}

#[test]
fn only_a_host_that_does_not_serve_is_left_for_the_next() {
    for kind in [FaultKind::Connect, FaultKind::NotFound, FaultKind::UnknownOperation] {
        assert!(moves_on(kind), "{kind:?}");
    }
    for kind in [
        FaultKind::Throttled,
        FaultKind::BearerInvalid,
        FaultKind::NotAuthorized,
        FaultKind::Internal,
        FaultKind::Broke,
        FaultKind::Shape { extra_fields: false, task_ids: true },
        FaultKind::NotEventStream,
    ] {
        assert!(!moves_on(kind), "{kind:?}");
    }
}
