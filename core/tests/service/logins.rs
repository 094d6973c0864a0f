//! Refreshing a login: what is sent, and what every answer means for the account.

use kiro2api_core::Millis;
use kiro2api_core::secret::Secret;
use kiro2api_core::upstream::endpoint::{Bases, USER_AGENT};
use kiro2api_core::upstream::refresh::{Grant, RefreshFault, RefreshLogin, read, request};

use crate::{body, head, names, sent};

const NOW: Millis = Millis(1_790_000_000_000);

fn answer(status: u16, body: &str) -> Result<Grant, RefreshFault> {
    read(&head(status, &[]), body.as_bytes(), NOW)
}

#[test]
fn a_social_refresh_sends_the_token_and_nothing_about_the_machine() {
    let token = Secret::new("aor\"secret");
    let login = RefreshLogin::Social { refresh_token: &token };
    let sent_to = request(login, Some("eu-west-1"), &Bases::default());
    assert_eq!(
        (sent_to.method, sent_to.url.as_str()),
        ("POST", "https://prod.us-east-1.auth.desktop.kiro.dev/refreshToken")
    );
    assert_eq!(body(&sent_to), r#"{"refreshToken":"aor\"secret"}"#);
    assert_eq!(names(&sent_to.headers), ["content-type", "user-agent"]);
    assert_eq!(sent(&sent_to, "content-type"), Some("application/json"));
    assert_eq!(sent(&sent_to, "user-agent"), Some(USER_AGENT));
    assert!(!format!("{sent_to:?} {login:?}").contains("secret\""), "{login:?}");
}

#[test]
fn an_oidc_refresh_goes_to_the_logins_own_region() {
    let (secret, token) = (Secret::new("hidden-client"), Secret::new("hidden-token"));
    let login = RefreshLogin::Idc { client_id: "id", client_secret: &secret, refresh_token: &token };
    let url = |region: Option<&str>| request(login, region, &Bases::default()).url;
    assert_eq!(url(Some("eu-west-1")), "https://oidc.eu-west-1.amazonaws.com/token");
    assert_eq!(url(None), "https://oidc.us-east-1.amazonaws.com/token");
    assert_eq!(url(Some("evil.example/#")), "https://oidc.us-east-1.amazonaws.com/token");
    let made = request(login, None, &Bases::default());
    assert_eq!(
        body(&made),
        r#"{"clientId":"id","clientSecret":"hidden-client","grantType":"refresh_token","refreshToken":"hidden-token"}"#
    );
    assert_eq!(names(&made.headers), ["content-type", "user-agent"]);
    assert!(!format!("{made:?} {login:?}").contains("hidden"));
}

#[test]
fn configured_bases_take_the_place_of_the_hosts() {
    let bases = Bases::read(|name| match name {
        "KIRO_AUTH_BASE" => Some("http://127.0.0.1:9/".to_owned()),
        "KIRO_OIDC_BASE" => Some("http://127.0.0.1:8//".to_owned()),
        _ => None,
    });
    let (bases, token) = (bases.unwrap(), Secret::new("t"));
    let social = RefreshLogin::Social { refresh_token: &token };
    let idc = RefreshLogin::Idc { client_id: "id", client_secret: &token, refresh_token: &token };
    assert_eq!(request(social, None, &bases).url, "http://127.0.0.1:9/refreshToken");
    assert_eq!(request(idc, Some("eu-west-1"), &bases).url, "http://127.0.0.1:8/token");
}

#[test]
fn a_grant_is_read_in_both_spellings() {
    let full = Grant {
        access: Secret::new("aoa"),
        expires_in: Millis::secs(1800),
        refresh: Some(Secret::new("aor")),
        profile_arn: Some("arn:x".to_owned()),
    };
    for body in [
        r#"{"accessToken":"aoa","refreshToken":"aor","profileArn":"arn:x","expiresIn":1800,"tokenType":"Bearer"}"#,
        r#"{"access_token":"aoa","refresh_token":"aor","profile_arn":"arn:x","expires_in":"1800"}"#,
    ] {
        assert_eq!(answer(200, body), Ok(full.clone()));
    }
    let least = Grant { access: Secret::new("aoa"), expires_in: Millis::secs(3600), refresh: None, profile_arn: None };
    for body in [
        r#"{"accessToken":"aoa"}"#,
        r#"{"accessToken":"aoa","refreshToken":"","profileArn":"","expiresIn":null}"#,
        r#"{"accessToken":"aoa","refreshToken":null,"profileArn":null,"expiresIn":-5}"#,
        r#"{"accessToken":"aoa","refreshToken":7,"expiresIn":"soon"}"#,
    ] {
        assert_eq!(answer(200, body), Ok(least.clone()), "{body}");
    }
    assert!(!format!("{full:?}").contains("ao"), "{full:?}");
}

#[test]
fn a_lifetime_beyond_reason_is_bounded() {
    for (given, seconds) in [("0", 60), ("59", 60), ("604801", 604_800), ("18446744073709551615", 604_800)] {
        let grant = answer(200, &format!(r#"{{"accessToken":"a","expiresIn":{given}}}"#)).unwrap();
        assert_eq!(grant.expires_in, Millis::secs(seconds), "{given}");
    }
}

#[test]
fn a_success_without_a_token_is_none() {
    for body in ["{}", r#"{"accessToken":""}"#, r#"{"accessToken":null}"#, r#"{"accessToken":5}"#] {
        assert!(matches!(answer(200, body), Err(RefreshFault::Rejected(_))), "{body}");
    }
    for body in ["", "<html></html>", "[]", "null", r#"{"accessToken":"aoa"#] {
        assert_eq!(answer(200, body), Err(RefreshFault::Later(None)), "{body}");
    }
}

#[test]
fn a_dead_login_is_told_from_a_dead_registration() {
    let token = RefreshFault::Dead("the refresh token is no longer valid: log in again");
    let client = RefreshFault::Dead("the client registration is expired or unknown: log in again to register anew");
    for (status, body, expected) in [
        (400, r#"{"message":"Invalid refresh token provided"}"#, &token),
        (400, r#"{"error":"invalid_grant","error_description":"Invalid refresh token provided"}"#, &token),
        (400, r#"{"error":"invalid_grant"}"#, &token),
        (400, r#"{"message":"invalid_grant: x"}"#, &token),
        (400, r#"{"message":"Invalid grant provided"}"#, &token),
        (400, r#"{"__type":"com.amazonaws.ssooidc#InvalidGrantException"}"#, &token),
        (400, r#"{"error":"refresh_token_reused"}"#, &token),
        (400, r#"{"error":"revoked"}"#, &token),
        (400, r#"{"error":"revoked_token"}"#, &token),
        (400, r#"{"error":"refresh_token_revoked"}"#, &token),
        (400, r#"{"error":"access_denied"}"#, &token),
        (400, r#"{"error":"expired_token"}"#, &token),
        (401, r#"{"error":"invalid_grant"}"#, &token),
        (401, r#"{"error":"invalid_client","error_description":"Invalid client provided"}"#, &client),
        (400, r#"{"__type":"ExpiredClientException","message":"x"}"#, &client),
        (400, r#"{"message":"Client is expired"}"#, &client),
    ] {
        assert_eq!(answer(status, body).as_ref(), Err(expected), "{body}");
    }
    let named = head(400, &[("x-amzn-errortype", "InvalidGrantException:http://x")]);
    assert_eq!(read(&named, b"", NOW), Err(token));
}

#[test]
fn other_refusals_are_counted_and_told() {
    for (status, body, told) in [
        (400, "{}", "status 400, no code:"),
        (401, "", "status 401, no code:"),
        (403, "<html><title>Forbidden</title></html>", "status 403, no code: a web page titled \"Forbidden\""),
        (
            400,
            r#"{"error":"invalid_request","error_description":"Invalid token provided"}"#,
            "status 400, invalid_request: Invalid token provided (is the account's region right?)",
        ),
        (400, r#"{"error":"unauthorized_client"}"#, "status 400, unauthorized_client:"),
        (400, r#"{"message":"bad aorAAAAsecretsecret"}"#, "status 400, no code: bad [redacted]"),
    ] {
        assert_eq!(answer(status, body), Err(RefreshFault::Rejected(told.to_owned())), "{body}");
    }
}

#[test]
fn what_is_not_the_accounts_fault_is_tried_again() {
    let dead = r#"{"error":"invalid_grant"}"#;
    for status in [302, 404, 408, 429, 500, 502, 503] {
        assert_eq!(answer(status, dead), Err(RefreshFault::Later(None)), "{status}");
    }
    let waits = head(429, &[("retry-after", "7")]);
    assert_eq!(read(&waits, b"", NOW), Err(RefreshFault::Later(Some(Millis::secs(7)))));
    assert_eq!(answer(400, r#"{"error":"slow_down"}"#), Err(RefreshFault::Later(None)));
    assert_eq!(answer(400, r#"{"__type":"x#SlowDownException"}"#), Err(RefreshFault::Later(None)));
}
