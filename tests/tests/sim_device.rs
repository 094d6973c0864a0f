//! Logins by device code against the simulated OIDC endpoint.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod sim_client;

use kiro2api_tests::devices::{Answer, Device};
use kiro2api_tests::{Config, Upstream};
use serde_json::{Value, json};
use sim_client::{Reply, post, request};

/// A service whose codes may be polled at any time.
fn start(device: Device) -> Upstream {
    Upstream::start(Config { device: Device { interval: 0, ..device }, ..Config::default() }).unwrap()
}

fn register(upstream: &Upstream) -> Value {
    let reply = post(
        upstream,
        "/client/register",
        &json!({
            "clientName": "a test", "clientType": "public", "scopes": ["codewhisperer:completions"],
            "grantTypes": [GRANT, "refresh_token"]
        }),
    );
    assert_eq!(reply.status, 200);
    reply.json()
}

fn authorize(upstream: &Upstream, client: &Value) -> Value {
    let reply = post(
        upstream,
        "/device_authorization",
        &json!({
            "clientId": client["clientId"], "clientSecret": client["clientSecret"],
            "startUrl": "https://view.awsapps.com/start"
        }),
    );
    assert_eq!(reply.status, 200);
    reply.json()
}

fn poll(upstream: &Upstream, client: &Value, code: &Value) -> Reply {
    post(
        upstream,
        "/token",
        &json!({
            "clientId": client["clientId"], "clientSecret": client["clientSecret"],
            "deviceCode": code["deviceCode"], "grantType": GRANT
        }),
    )
}

fn refresh(upstream: &Upstream, client: &Value, token: &Value) -> Reply {
    post(
        upstream,
        "/token",
        &json!({
            "clientId": client["clientId"], "clientSecret": client["clientSecret"],
            "grantType": "refresh_token", "refreshToken": token
        }),
    )
}

#[test]
fn an_approved_login_is_an_account_of_the_service() {
    let upstream = start(Device { answer: Answer::Approve, after: 2, ..Device::default() });
    let client = register(&upstream);
    assert!(client["clientSecretExpiresAt"].as_u64() > client["clientIdIssuedAt"].as_u64());
    let code = authorize(&upstream, &client);
    for member in ["deviceCode", "userCode", "verificationUri", "verificationUriComplete"] {
        assert!(code[member].is_string(), "{member} is missing");
    }
    for _ in 0..2 {
        let reply = poll(&upstream, &client, &code);
        assert_eq!((reply.status, reply.json()["error"].as_str()), (400, Some("authorization_pending")));
        assert_eq!(reply.header("x-amzn-errortype"), Some("AuthorizationPendingException"));
    }
    let tokens = poll(&upstream, &client, &code).json();
    assert_eq!((tokens["tokenType"].as_str(), tokens["expiresIn"].as_u64()), (Some("Bearer"), Some(3600)));
    let renewed = refresh(&upstream, &client, &tokens["refreshToken"]);
    assert_eq!(renewed.status, 200);
    let bearer = format!("Bearer {}", renewed.json()["accessToken"].as_str().unwrap());
    let profiles = request(&upstream, "POST", "/ListAvailableProfiles", &[("authorization", &bearer)], b"{}");
    assert!(profiles.json()["profiles"][0]["arn"].is_string());
    // A code serves once.
    assert_eq!(poll(&upstream, &client, &code).json()["error"], "invalid_grant");
}

#[test]
fn a_person_who_declines_or_is_late_is_told_to_the_poller() {
    for (answer, error) in [(Answer::Decline, "access_denied"), (Answer::Expire, "expired_token")] {
        let upstream = start(Device { answer, after: 1, ..Device::default() });
        let client = register(&upstream);
        let code = authorize(&upstream, &client);
        assert_eq!(poll(&upstream, &client, &code).json()["error"], "authorization_pending");
        assert_eq!(poll(&upstream, &client, &code).json()["error"], error);
    }
    let upstream = start(Device { expires_in: 0, answer: Answer::Approve, ..Device::default() });
    let client = register(&upstream);
    let code = authorize(&upstream, &client);
    assert_eq!(poll(&upstream, &client, &code).json()["error"], "expired_token");
}

#[test]
fn a_poll_before_its_time_is_told_to_slow_down() {
    let device = Device { interval: 3600, answer: Answer::Approve, after: 1, ..Device::default() };
    let upstream = Upstream::start(Config { device, ..Config::default() }).unwrap();
    let client = register(&upstream);
    let code = authorize(&upstream, &client);
    assert_eq!(poll(&upstream, &client, &code).json()["error"], "authorization_pending");
    let reply = poll(&upstream, &client, &code);
    assert_eq!((reply.status, reply.json()["error"].as_str()), (400, Some("slow_down")));
}

#[test]
fn a_test_answers_for_the_person() {
    let upstream = start(Device::default());
    let client = register(&upstream);
    let (first, second) = (authorize(&upstream, &client), authorize(&upstream, &client));
    let user_code = first["userCode"].as_str().unwrap();
    assert!(upstream.decide(Some(user_code), Answer::Decline));
    assert_eq!(post(&upstream, "/_sim/device", &json!({ "answer": "approve" })).status, 200);
    assert_eq!(poll(&upstream, &client, &first).json()["error"], "access_denied");
    assert_eq!(poll(&upstream, &client, &second).status, 200);
    let unknown = post(&upstream, "/_sim/device", &json!({ "answer": "approve", "user_code": "NONE-0000" }));
    assert_eq!(unknown.status, 404);
}

#[test]
fn a_registration_ends_and_takes_its_logins_with_it() {
    let upstream = start(Device { answer: Answer::Approve, ..Device::default() });
    let client = register(&upstream);
    let code = authorize(&upstream, &client);
    let tokens = poll(&upstream, &client, &code).json();
    assert_eq!(post(&upstream, "/_sim/expire-clients", &json!({})).status, 200);
    for reply in [refresh(&upstream, &client, &tokens["refreshToken"]), poll(&upstream, &client, &code)] {
        assert_eq!((reply.status, reply.json()["error"].as_str()), (401, Some("invalid_client")));
    }
    let short = start(Device { registration_seconds: 0, ..Device::default() });
    let client = register(&short);
    let body =
        json!({ "clientId": client["clientId"], "clientSecret": client["clientSecret"], "startUrl": "https://x" });
    assert_eq!(post(&short, "/device_authorization", &body).json()["error"], "invalid_client");
}

#[test]
fn what_the_model_does_not_allow_is_refused() {
    let upstream = start(Device::default());
    let client = register(&upstream);
    let register = |body: Value| post(&upstream, "/client/register", &body).json()["error"].clone();
    assert_eq!(register(json!({ "clientType": "public" })), "invalid_request");
    assert_eq!(register(json!({ "clientName": "x", "clientType": "private" })), "invalid_client_metadata");
    assert_eq!(register(json!({ "clientName": "x", "clientType": "public", "scopes": ["all"] })), "invalid_scope");
    let authorize = |body: Value| post(&upstream, "/device_authorization", &body).json()["error"].clone();
    assert_eq!(authorize(json!({ "client_id": client["clientId"] })), "invalid_client");
    let wrong = json!({ "clientId": client["clientId"], "clientSecret": "another", "startUrl": "https://x" });
    assert_eq!(authorize(wrong), "invalid_client");
    let nowhere =
        json!({ "clientId": client["clientId"], "clientSecret": client["clientSecret"], "startUrl": "start" });
    assert_eq!(authorize(nowhere), "invalid_request");
    assert_eq!(poll(&upstream, &client, &json!({ "deviceCode": "made up" })).json()["error"], "invalid_grant");
}

#[test]
fn without_scopes_or_the_grant_no_refresh_token_comes() {
    let upstream = start(Device { answer: Answer::Approve, ..Device::default() });
    let body = json!({ "clientName": "x", "clientType": "public", "grantTypes": [GRANT] });
    let client = post(&upstream, "/client/register", &body).json();
    let code = authorize(&upstream, &client);
    let tokens = poll(&upstream, &client, &code).json();
    assert!(tokens["accessToken"].is_string() && tokens.get("refreshToken").is_none());
}

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
