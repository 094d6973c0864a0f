//! The device login of AWS SSO OIDC: what is sent, and what the answers mean. It sends nothing itself.
//!
//! ```text
//! POST /client/register ─▶ POST /device_authorization ─▶ the person approves ─▶ POST /token, until it says so
//! ```

use std::borrow::Cow;
use std::time::Duration;

use kiro2api_core::host::{Head, Outbound};
use kiro2api_core::upstream::endpoint::USER_AGENT;
use serde_json::{Value, json};

/// A client registration. Holds a secret: it has no `Debug`.
pub(super) struct Client {
    pub(super) id: String,
    pub(super) secret: String,
    /// Epoch seconds.
    pub(super) ends: Option<u64>,
}

/// A login that waits for its person. Holds a secret: it has no `Debug`.
pub(super) struct Device {
    code: String,
    pub(super) user_code: String,
    pub(super) page: String,
    /// The page with the code filled in, where there is one.
    pub(super) page_with_code: Option<String>,
    pub(super) lasts: Duration,
    pub(super) interval: Duration,
}

/// What a poll has brought. Holds a secret: it has no `Debug`.
pub(super) enum Poll {
    /// The person approved: the refresh token.
    Granted(String),
    /// Not yet.
    Wait,
    /// Not yet, and that was too soon.
    SlowDown,
    /// It will not become a login any more: why, and what to do.
    Over(String),
}

/// Registers this program as a client.
pub(super) fn register(base: &str) -> Outbound {
    let body = json!({
        "clientName": "kiro2api", "clientType": "public", "scopes": SCOPES, "grantTypes": [DEVICE_GRANT, "refresh_token"]
    });
    post(base, "/client/register", &body)
}

/// Reads the answer to [`register`].
pub(super) fn registered(head: &Head, body: &[u8]) -> Result<Client, String> {
    let answer = success(head, body)?;
    Ok(Client {
        id: text(&answer, "clientId")?,
        secret: text(&answer, "clientSecret")?,
        ends: answer.get("clientSecretExpiresAt").and_then(Value::as_u64).filter(|end| *end > 0),
    })
}

/// Asks for a code for the person.
pub(super) fn authorize(base: &str, client: &Client, start_url: &str) -> Outbound {
    let body = json!({ "clientId": client.id, "clientSecret": client.secret, "startUrl": start_url });
    post(base, "/device_authorization", &body)
}

/// Reads the answer to [`authorize`].
pub(super) fn authorized(head: &Head, body: &[u8]) -> Result<Device, String> {
    let answer = success(head, body)?;
    let seconds = |name: &str| answer.get(name).and_then(Value::as_u64).map(Duration::from_secs);
    Ok(Device {
        code: text(&answer, "deviceCode")?,
        user_code: shown(text(&answer, "userCode")?),
        page: shown(text(&answer, "verificationUri")?),
        page_with_code: text(&answer, "verificationUriComplete").ok().map(shown),
        lasts: seconds("expiresIn").unwrap_or(USUAL_LIFE).min(LONGEST_LIFE),
        interval: seconds("interval").unwrap_or(USUAL_INTERVAL).clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL),
    })
}

/// Asks whether the person has approved.
pub(super) fn poll(base: &str, client: &Client, device: &Device) -> Outbound {
    let body = json!({
        "clientId": client.id, "clientSecret": client.secret, "deviceCode": device.code, "grantType": DEVICE_GRANT
    });
    post(base, "/token", &body)
}

/// Reads the answer to [`poll`].
pub(super) fn polled(head: &Head, body: &[u8]) -> Poll {
    if head.status == 200 {
        return match success(head, body).and_then(|answer| text(&answer, "refreshToken")) {
            Ok(refresh) => Poll::Granted(refresh),
            Err(_) => Poll::Over(
                "the login was approved, and no refresh token came with it: it would end within the hour".to_owned(),
            ),
        };
    }
    // The service's own trouble: the code lives on.
    if head.status >= 500 || head.status == 429 {
        return Poll::Wait;
    }
    match error(body).as_str() {
        "authorization_pending" => Poll::Wait,
        "slow_down" => Poll::SlowDown,
        "access_denied" => Poll::Over("the login was declined: nothing was stored".to_owned()),
        "expired_token" => {
            Poll::Over("nobody approved the login while its code was valid: run the command again".to_owned())
        }
        _ => Poll::Over(refusal(head, body)),
    }
}

fn success(head: &Head, body: &[u8]) -> Result<Value, String> {
    if head.status != 200 {
        return Err(refusal(head, body));
    }
    serde_json::from_slice(body).map_err(|_| "the OIDC endpoint gave an answer that cannot be read".to_owned())
}

/// The endpoint's own words are left out: what it quotes is not known.
fn refusal(head: &Head, body: &[u8]) -> String {
    let hint = match error(body).as_str() {
        "invalid_request" => ": are --start-url and --region right?",
        "invalid_client" => ": the client registration is not valid any more, run the command again",
        _ => "",
    };
    let code = match error(body) {
        code if code.is_empty() => String::new(),
        code => format!(", {code}"),
    };
    format!("the OIDC endpoint refused (status {}{code}){hint}", head.status)
}

/// The code of an error body: letters and `_` alone.
fn error(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = value.get("error").and_then(Value::as_str).unwrap_or_default();
    code.chars().filter(|c| c.is_ascii_alphabetic() || *c == '_').take(64).collect()
}

fn text(answer: &Value, name: &str) -> Result<String, String> {
    let value = answer.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
    value.map(str::to_owned).ok_or_else(|| format!("the OIDC endpoint gave no {name}"))
}

/// A code or an address of the service for the terminal, which neither escapes nor turned writing directions may disguise.
fn shown(text: String) -> String {
    text.chars().filter(char::is_ascii_graphic).collect()
}

fn post(base: &str, path: &str, body: &Value) -> Outbound {
    let header = |name: &'static str, value: &str| (Cow::Borrowed(name), value.to_owned());
    Outbound {
        method: "POST",
        url: format!("{base}{path}"),
        headers: vec![header("content-type", "application/json"), header("user-agent", USER_AGENT)],
        body: body.to_string().into_bytes(),
        foreign: false,
    }
}

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const SCOPES: [&str; 5] = [
    "codewhisperer:completions",
    "codewhisperer:analysis",
    "codewhisperer:conversations",
    "codewhisperer:transformations",
    "codewhisperer:taskassist",
];
/// RFC 8628: five seconds when the answer does not say.
const USUAL_INTERVAL: Duration = Duration::from_secs(5);
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);
const LONGEST_LIFE: Duration = Duration::from_secs(3600);
const USUAL_LIFE: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: u16, body: &str) -> String {
        match polled(&Head { status, headers: Vec::new() }, body.as_bytes()) {
            Poll::Granted(token) => format!("granted {token}"),
            Poll::Wait => "wait".to_owned(),
            Poll::SlowDown => "slow down".to_owned(),
            Poll::Over(why) => format!("over: {why}"),
        }
    }

    #[test]
    fn every_answer_to_a_poll_has_its_meaning() {
        for (status, body, meaning) in [
            (200, r#"{"accessToken":"a","refreshToken":"r"}"#, "granted r"),
            (200, r#"{"accessToken":"a"}"#, "over: the login was approved, and no refresh token"),
            (400, r#"{"error":"authorization_pending"}"#, "wait"),
            (400, r#"{"error":"slow_down"}"#, "slow down"),
            (400, r#"{"error":"access_denied"}"#, "over: the login was declined"),
            (400, r#"{"error":"expired_token"}"#, "over: nobody approved"),
            (401, r#"{"error":"invalid_client"}"#, "over: the OIDC endpoint refused (status 401, invalid_client)"),
            (403, "<html>", "over: the OIDC endpoint refused (status 403)"),
            (503, "", "wait"),
            (429, "", "wait"),
        ] {
            assert!(outcome(status, body).starts_with(meaning), "{status} {body}: {}", outcome(status, body));
        }
    }

    #[test]
    fn an_answer_without_times_gets_the_usual_ones() {
        let head = Head { status: 200, headers: Vec::new() };
        let read = |body: &str| authorized(&head, body.as_bytes());
        let Ok(device) = read(r#"{"deviceCode":"d","userCode":"u","verificationUri":"p"}"#) else {
            unreachable!("the answer is whole")
        };
        assert_eq!((device.lasts, device.interval), (USUAL_LIFE, USUAL_INTERVAL));
        let Ok(device) = read(r#"{"deviceCode":"d","userCode":"u","verificationUri":"p","interval":0}"#) else {
            unreachable!("the answer is whole")
        };
        assert_eq!(device.interval, SHORTEST_INTERVAL);
        let endless = u64::MAX;
        let text = format!(
            r#"{{"deviceCode":"d","userCode":"A\u001b[2J\u202eB","verificationUri":"p","interval":{endless},"expiresIn":{endless}}}"#
        );
        let Ok(device) = read(&text) else { unreachable!("the answer is whole") };
        assert_eq!((device.lasts, device.interval), (LONGEST_LIFE, LONGEST_INTERVAL));
        assert_eq!(device.user_code, "A[2JB");
        assert_eq!(read("{}").err().unwrap(), "the OIDC endpoint gave no deviceCode");
    }
}
