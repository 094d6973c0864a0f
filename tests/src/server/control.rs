//! The token endpoints, the control plane and `/mcp`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::route::{Answer, Call, Operation};
use super::state::{Guard, State};
use crate::accounts::{Account, DEMO_IDC_REGION, Kind};
use crate::catalogue;
use crate::check::{Dialect, text};
use crate::config::Config;
use crate::devices::{DEVICE_GRANT, expired_client};
use crate::record::Verdict;
use crate::refusal::Refusal;

pub(super) fn answer(call: &Call, guard: &Guard) -> Answer {
    let mut state = guard.shared.lock();
    let config = Arc::clone(state.config());
    let body: Value = serde_json::from_slice(&call.bytes).unwrap_or(Value::Null);
    let mut seen = Seen::default();
    let judged = match call.operation {
        Operation::Register | Operation::Device => device(call, &body, &config, &mut state, &mut seen),
        Operation::Idc if text(&body, "grantType") == DEVICE_GRANT => {
            sign_in(call, &body, &config, &mut state, &mut seen)
        }
        Operation::Social | Operation::Idc => refresh(call, &body, &config, &mut state, &mut seen),
        Operation::Unknown | Operation::Chat => Err((Refusal::of_status(404), Verdict::Unknown)),
        _ => read(call, &body, &config, &mut state, &mut seen),
    };
    drop(state);
    let mut answer = match judged {
        Ok(value) => Answer::json(200, &value),
        Err((refusal, verdict)) => Answer::refused(&refusal, call.dialect, verdict),
    };
    answer.delay = seen.delay;
    guard.update(|record| record.account = seen.account);
    answer
}

/// What is known of a call, whether it succeeds or not.
#[derive(Default)]
struct Seen {
    account: Option<String>,
    delay: u64,
}

type Judged<T> = Result<T, (Refusal, Verdict)>;

fn refresh(call: &Call, body: &Value, config: &Config, state: &mut State, seen: &mut Seen) -> Judged<Value> {
    seen.account = state.world.owner(text(body, "refreshToken")).map(str::to_owned);
    inject(call, state, seen)?;
    let renewed = if call.operation == Operation::Social {
        state.world.refresh_social(body, config)
    } else {
        if state.devices.is_expired(text(body, "clientId")) {
            return Err((expired_client(), Verdict::Unauthorized));
        }
        let region = call.region.as_deref().or(config.oidc_region.as_deref());
        state.world.refresh_idc(body, region, config)
    };
    renewed.map_err(|refusal| (refusal, Verdict::Unauthorized))
}

/// The two calls before a person is asked.
fn device(call: &Call, body: &Value, config: &Config, state: &mut State, seen: &mut Seen) -> Judged<Value> {
    inject(call, state, seen)?;
    let answered = if call.operation == Operation::Register {
        state.devices.register(body, &config.device)
    } else {
        let base = format!("http://{}", call.record.header("host").unwrap_or("127.0.0.1"));
        state.devices.authorize(body, &base, &config.device)
    };
    answered.map_err(|refusal| (refusal, Verdict::Refused))
}

/// A poll for the tokens of a device login. Each approved one is an account of its own.
fn sign_in(call: &Call, body: &Value, config: &Config, state: &mut State, seen: &mut Seen) -> Judged<Value> {
    inject(call, state, seen)?;
    let approved = state.devices.poll(body, &config.device).map_err(|refusal| (refusal, Verdict::Unauthorized))?;
    let label = format!("device-{}", approved.number);
    let refresh = format!("aorSIM-{label}-0-{}", "0123456789abcdefghijklmnopqrstuvwxyz".repeat(3));
    let region = call.region.as_deref().or(config.oidc_region.as_deref()).unwrap_or(DEMO_IDC_REGION);
    let account = Account::idc(&label, &refresh, &approved.client_id, &approved.client_secret, region);
    seen.account = Some(label);
    Ok(state.world.enroll(account, approved.lasts, config))
}

/// Counts the call; it may be delayed, and it may fail.
fn inject(call: &Call, state: &mut State, seen: &mut Seen) -> Judged<()> {
    let account = seen.account.as_deref().unwrap_or_default();
    let Some(fault) = state.fault(call.operation.name(), account) else {
        return Ok(());
    };
    seen.delay = fault.delay_ms;
    fault.answer.map_or(Ok(()), |refusal| Err((refusal, Verdict::Faulted)))
}

fn read(call: &Call, body: &Value, config: &Config, state: &mut State, seen: &mut Seen) -> Judged<Value> {
    let (bearer, kind) = (call.record.header("authorization"), call.record.header("tokentype"));
    let found = state.world.authenticate(bearer, kind, config);
    let account = found.map_err(|refusal| (refusal, Verdict::Unauthorized))?.clone();
    seen.account = Some(account.label.clone());
    inject(call, state, seen)?;
    if account.suspended {
        let refusal = Refusal::preset("suspended").unwrap_or_else(Refusal::improper);
        return Err((refusal, Verdict::Unauthorized));
    }
    let value = match call.operation {
        Operation::Usage => usage(call, body, &account, state),
        Operation::Models => models(call, body, &account, config),
        Operation::Profiles => Ok(profiles(&account)),
        _ => mcp(call, body, &account, config),
    };
    value.map_err(|refusal| (refusal, Verdict::Refused))
}

/// A parameter from the query or the body.
fn parameter(call: &Call, body: &Value, name: &str) -> Option<String> {
    let mut query = form_urlencoded::parse(call.record.query.as_bytes());
    let from_query = query.find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    from_query.or_else(|| match body.get(name)? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    })
}

fn usage(call: &Call, body: &Value, account: &Account, state: &State) -> Result<Value, Refusal> {
    let arn = parameter(call, body, "profileArn");
    let needs = matches!(account.kind, Kind::Idc { .. });
    if arn.as_deref().map_or(needs, |arn| !account.owns(arn)) {
        return Err(Refusal::validation("Invalid profileArn."));
    }
    let with_email = parameter(call, body, "isEmailRequired").as_deref() == Some("true");
    Ok(account.usage.encode(state.world.spent(&account.label), with_email, &account.label))
}

fn models(call: &Call, body: &Value, account: &Account, config: &Config) -> Result<Value, Refusal> {
    if parameter(call, body, "origin").is_none() {
        return Err(Refusal::validation("origin is required"));
    }
    let number = |name: &str| parameter(call, body, name).and_then(|text| text.parse::<usize>().ok());
    let from = number("nextToken").unwrap_or(0);
    Ok(catalogue::page(config, &account.label, from, number("maxResults").unwrap_or(usize::MAX)))
}

fn profiles(account: &Account) -> Value {
    let entry = |arn: &String| {
        let region = arn.split(':').nth(3).unwrap_or_default();
        json!({ "arn": arn, "profileName": format!("KiroProfile-{region}"), "profileType": "KIRO", "status": "ACTIVE" })
    };
    json!({ "profiles": account.profiles.iter().map(entry).collect::<Vec<_>>(), "nextToken": null })
}

fn mcp(call: &Call, body: &Value, account: &Account, config: &Config) -> Result<Value, Refusal> {
    let header = call.record.header("x-amzn-kiro-profile-arn").map(str::to_owned);
    let arn = header.or_else(|| body.get("profileArn").and_then(Value::as_str).map(str::to_owned));
    check_profile(arn.as_deref(), account, config)?;
    if body.get("id").is_none() || body.get("method").is_none() {
        return Err(Refusal::improper());
    }
    let reply = |result: Value| json!({ "id": body["id"], "jsonrpc": "2.0", "result": result });
    let failed = |code: i64, message: &str| json!({ "id": body["id"], "jsonrpc": "2.0", "error": { "code": code, "message": message } });
    let parameters = body.get("params").unwrap_or(&Value::Null);
    Ok(match text(body, "method") {
        "initialize" => reply(
            json!({ "protocolVersion": "2025-03-26", "capabilities": { "tools": {} }, "serverInfo": { "name": "simulated", "version": "1" } }),
        ),
        "notifications/initialized" => reply(json!({})),
        "tools/list" => {
            reply(json!({ "tools": [{ "name": "web_search", "description": "Search the web.", "inputSchema": {
            "type": "object", "properties": { "query": { "type": "string", "maxLength": 200 } }, "required": ["query"] } }] }))
        }
        "tools/call" if text(parameters, "name") == "web_search" => {
            match parameters.get("arguments").map(|arguments| text(arguments, "query")) {
                None | Some("") => failed(-32602, "query is required"),
                Some(query) if query.chars().count() > 200 => failed(-32602, "query is longer than 200 characters"),
                Some(query) => reply(search(query)),
            }
        }
        "tools/call" => failed(-32602, "unknown tool"),
        _ => failed(-32601, "method not found"),
    })
}

fn search(query: &str) -> Value {
    let result = |number: usize| {
        json!({
            "title": format!("Result {number} for {query}"), "url": format!("https://example.com/{number}"),
            "snippet": format!("Simulated finding {number} about {query}."), "publishedDate": 1_758_000_000_000_u64,
            "id": format!("result-{number}"), "domain": "example.com", "maxVerbatimWordLimit": 30, "publicDomain": false
        })
    };
    let found =
        json!({ "results": [result(1), result(2), result(3)], "totalResults": 3, "query": query, "error": null });
    json!({ "isError": false, "content": [{ "type": "text", "text": found.to_string() }] })
}

/// R21: the profile a call must name.
pub(super) fn check_profile(arn: Option<&str>, account: &Account, config: &Config) -> Result<(), Refusal> {
    let required = config.require_profile_arn && account.kind != Kind::ApiKey;
    match arn {
        None if required => Err(Refusal::preset("profile").unwrap_or_else(Refusal::improper)),
        None => Ok(()),
        Some(arn) if !is_arn(arn) => Err(Refusal::validation("Invalid profileArn.")),
        Some(arn) if account.kind != Kind::ApiKey && !account.owns(arn) => Err(Refusal::of_status(403)),
        Some(_) => Ok(()),
    }
}

/// `arn:aws:codewhisperer:{region}:{12 digits}:profile/{ID}`
fn is_arn(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", partition, "codewhisperer", region, number, profile] = parts.as_slice() else {
        return false;
    };
    let id = profile.strip_prefix("profile/").unwrap_or_default();
    let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    plain(partition)
        && plain(region)
        && number.len() == 12
        && number.chars().all(|c| c.is_ascii_digit())
        && plain(id)
        && arn.len() <= 256
}

/// Whether a request speaks the content type of its dialect; the service tolerates the other one.
pub(super) fn content_type_warning(call: &Call) -> Option<String> {
    let sent = call.record.header("content-type").unwrap_or_default();
    let usual = if call.dialect == Dialect::AwsJson { "application/x-amz-json-1.0" } else { "application/json" };
    (!sent.starts_with(usual)).then(|| format!("content-type: \"{sent}\" instead of {usual}"))
}
