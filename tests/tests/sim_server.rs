//! The server over loopback: bearers, refreshes, the control plane, faults, cuts, records.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod sim_client;

use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use kiro2api_tests::accounts::{
    Account, DEMO_API_KEY, DEMO_IDC_CLIENT_ID, DEMO_IDC_CLIENT_SECRET, DEMO_IDC_PROFILE_ARN, DEMO_IDC_REFRESH_TOKEN,
    DEMO_SOCIAL_REFRESH_TOKEN, SOCIAL_PROFILE_ARN, Usage,
};
use kiro2api_tests::config::Stale;
use kiro2api_tests::{Config, Fault, Outcome, Record, Refusal, Upstream, Verdict};
use serde_json::{Value, json};
use sim_client::{Ending, KEY_HEADERS, Reply, chat, continued, frames, open, post, prompt, request};

fn start() -> Upstream {
    Upstream::start(Config::default()).unwrap()
}

fn text_of(reply: &Reply) -> String {
    let texts = reply.frames().into_iter().filter(|frame| frame.kind() == "assistantResponseEvent");
    texts.map(|frame| frame.json()["content"].as_str().unwrap().to_owned()).collect()
}

fn bearer_chat(upstream: &Upstream, token: &str, body: &Value) -> Reply {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    request(upstream, "POST", "/generateAssistantResponse", &headers, body.to_string().as_bytes())
}

/// The request behind the last reply; its guard is dropped when the connection is done, so wait for that.
fn settled(upstream: &Upstream) -> Record {
    until(|| upstream.requests().pop().unwrap().outcome != Outcome::Open);
    upstream.requests().pop().unwrap()
}

/// Waits for what another thread brings about; a minute of waiting is a failure, not a measurement.
fn until(reached: impl Fn() -> bool) {
    let start = Instant::now();
    while !reached() {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing happened");
        thread::yield_now();
    }
}

#[test]
fn a_prompt_without_a_directive_gets_a_friendly_answer() {
    let upstream = start();
    let reply = chat(&upstream, &prompt("What does CRC stand for?"));
    assert_eq!((reply.status, &reply.end), (200, &Ending::Clean));
    assert_eq!(reply.header("content-type"), Some("application/vnd.amazon.eventstream"));
    assert_eq!(reply.header("x-amzn-codewhisperer-conversation-id"), Some("6f0f2f52-6c0c-4b43-9a2e-3a2f5a4a9d01"));
    assert!(reply.header("x-amzn-requestid").is_some());
    let text = text_of(&reply);
    assert!(text.contains("simulated upstream") && text.contains("What does CRC stand for?"), "{text}");
    let record = settled(&upstream);
    assert_eq!(
        (record.verdict, record.outcome, record.account.as_deref()),
        (Verdict::Accepted, Outcome::Complete, Some("demo-key"))
    );
    assert_eq!(record.header("authorization"), Some(format!("Bearer {DEMO_API_KEY}").as_str()));
    assert_eq!(record.warnings, Vec::<String>::new());
}

#[test]
fn the_answer_describes_images_and_tool_results() {
    let upstream = start();
    let token = upstream.issue("demo-idc").unwrap();
    let image: Value = serde_json::from_str(include_str!("sim_bodies/image.json")).unwrap();
    let text = text_of(&bearer_chat(&upstream, &token, &image));
    assert!(text.contains("a png image of 1 x 1 pixels"), "{text}");
    let tools: Value = serde_json::from_str(include_str!("sim_bodies/tools.json")).unwrap();
    let text = text_of(&bearer_chat(&upstream, &token, &tools));
    assert!(text.contains("ended with error: station offline"), "{text}");
}

#[test]
fn both_dialects_and_the_example_bodies_are_served() {
    let upstream = start();
    let bearer = format!("Bearer {}", upstream.issue("demo-idc").unwrap());
    let target = "AmazonCodeWhispererStreamingService.GenerateAssistantResponse";
    for body in [
        include_str!("sim_bodies/plain.json"),
        include_str!("sim_bodies/tools.json"),
        include_str!("sim_bodies/image.json"),
    ] {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", target),
        ];
        assert_eq!(request(&upstream, "POST", "/", &headers, body.as_bytes()).status, 200);
        let mut bad: Value = serde_json::from_str(body).unwrap();
        bad["model"] = json!("x");
        let reply = request(&upstream, "POST", "/", &headers, bad.to_string().as_bytes());
        assert_eq!(reply.status, 400);
        assert!(reply.json()["__type"].as_str().unwrap().ends_with("#ValidationException"), "{:?}", reply.json());
        assert!(reply.header("x-amzn-errortype").unwrap().starts_with("ValidationException:"));
    }
    assert_eq!(post(&upstream, "/SendMessageStreaming", &json!({})).status, 404);
}

#[test]
fn a_broken_rule_is_told_to_the_client_and_to_the_developer() {
    let upstream = start();
    let mut body = prompt("hi");
    body["conversationState"]["chatTriggerType"] = json!("AUTO");
    let reply = chat(&upstream, &body);
    assert_eq!((reply.status, reply.header("x-amzn-errortype")), (400, Some("ValidationException")));
    assert_eq!(reply.json(), json!({ "message": "Improperly formed request.", "reason": null }));
    let rule = reply.header("x-sim-rule").unwrap();
    assert!(rule.starts_with("R14: conversationState.chatTriggerType: "), "{rule}");
    let record = settled(&upstream);
    assert_eq!((record.verdict, record.violations[0].rule.as_str()), (Verdict::Refused, "R14"));
}

#[test]
fn bearers_are_checked() {
    let upstream = start();
    let body = prompt("hi");
    let invalid = json!({ "message": "The bearer token included in the request is invalid", "reason": null });
    let reply = bearer_chat(&upstream, "aoaUnknown", &body);
    assert_eq!((reply.status, reply.json()), (403, invalid.clone()));
    assert_eq!(bearer_chat(&upstream, DEMO_API_KEY, &body).status, 403, "a key needs its tokentype");
    assert_eq!(post(&upstream, "/generateAssistantResponse", &body).status, 403, "no bearer");
    upstream.set(|config| config.bearer_status = 401);
    let reply = bearer_chat(&upstream, "aoaUnknown", &body);
    assert_eq!((reply.status, reply.json()), (401, invalid));
    let token = upstream.issue("demo-social").unwrap();
    let mut named = body.clone();
    named["profileArn"] = json!(SOCIAL_PROFILE_ARN);
    assert_eq!(bearer_chat(&upstream, &token, &named).status, 200);
    upstream.expire();
    assert_eq!(bearer_chat(&upstream, &token, &named).status, 401);
    upstream.set(|config| config.access_token_seconds = 0);
    let stillborn = upstream.issue("demo-social").unwrap();
    assert_eq!(bearer_chat(&upstream, &stillborn, &named).status, 401);
}

#[test]
fn a_profile_is_required_and_must_be_ones_own() {
    let upstream = start();
    let token = upstream.issue("demo-social").unwrap();
    let with = |arn: Option<&str>| {
        let mut body = prompt("hi");
        if let Some(arn) = arn {
            body["profileArn"] = json!(arn);
        }
        let reply = bearer_chat(&upstream, &token, &body);
        let message =
            if reply.status == 200 { String::new() } else { reply.json()["message"].as_str().unwrap().to_owned() };
        (reply.status, message)
    };
    assert_eq!(with(None), (400, "profileArn is required for this request.".to_owned()));
    assert_eq!(with(Some("")), (400, "Invalid profileArn.".to_owned()));
    assert_eq!(with(Some(DEMO_IDC_PROFILE_ARN)), (403, "User is not authorized to make this call.".to_owned()));
    assert_eq!(with(Some(SOCIAL_PROFILE_ARN)).0, 200);
    upstream.set(|config| config.require_profile_arn = false);
    assert_eq!(with(None).0, 200);
}

#[test]
fn a_social_refresh_rotates_and_burns_the_old_token() {
    let upstream = start();
    let first = post(&upstream, "/refreshToken", &json!({ "refreshToken": DEMO_SOCIAL_REFRESH_TOKEN }));
    assert_eq!(first.status, 200);
    let answer = first.json();
    assert_eq!((&answer["expiresIn"], &answer["profileArn"]), (&json!(3600), &json!(SOCIAL_PROFILE_ARN)));
    let next = answer["refreshToken"].as_str().unwrap();
    assert!(next.len() >= 100 && !next.contains("..."));
    assert_eq!(upstream.refresh_token("demo-social").as_deref(), Some(next));
    let mut body = prompt("hi");
    body["profileArn"] = json!(SOCIAL_PROFILE_ARN);
    assert_eq!(bearer_chat(&upstream, answer["accessToken"].as_str().unwrap(), &body).status, 200);
    assert_eq!(
        post(&upstream, "/refreshToken", &json!({ "refreshToken": DEMO_SOCIAL_REFRESH_TOKEN })).status,
        401,
        "burnt"
    );
    let unknown = post(&upstream, "/refreshToken", &json!({ "refreshToken": "x" }));
    assert_eq!((unknown.status, &unknown.json()["message"]), (400, &json!("Invalid refresh token provided")));
    assert_eq!(post(&upstream, "/refreshToken", &json!({ "refreshToken": next })).status, 200);
    assert_eq!(
        post(&upstream, "/refreshToken", &json!({ "refreshToken": DEMO_IDC_REFRESH_TOKEN })).status,
        500,
        "an IdC token"
    );
    upstream.set(|config| config.stale_refresh = Stale::InvalidGrant);
    let stale = post(&upstream, "/refreshToken", &json!({ "refreshToken": next }));
    assert_eq!((stale.status, &stale.json()["error"]), (400, &json!("invalid_grant")));
    upstream.reset();
    upstream.set(|config| config.rotation = false);
    for _ in 0..2 {
        let kept = post(&upstream, "/refreshToken", &json!({ "refreshToken": DEMO_SOCIAL_REFRESH_TOKEN }));
        assert_eq!((kept.status, kept.json().get("refreshToken")), (200, None));
    }
}

#[test]
fn an_idc_refresh_checks_client_secret_region_and_spelling() {
    let upstream = start();
    let body = |id: &str, secret: &str| json!({ "clientId": id, "clientSecret": secret, "grantType": "refresh_token", "refreshToken": DEMO_IDC_REFRESH_TOKEN });
    let error = |path: &str, body: &Value| {
        let reply = post(&upstream, path, body);
        (reply.status, reply.json()["error"].as_str().unwrap().to_owned())
    };
    assert_eq!(error("/token", &body("other", DEMO_IDC_CLIENT_SECRET)), (400, "invalid_grant".to_owned()));
    assert_eq!(error("/token", &body(DEMO_IDC_CLIENT_ID, "other")), (401, "invalid_client".to_owned()));
    let good = body(DEMO_IDC_CLIENT_ID, DEMO_IDC_CLIENT_SECRET);
    assert_eq!(error("/oidc/eu-west-1/token", &good), (400, "invalid_request".to_owned()));
    assert_eq!(
        error("/token", &json!({ "client_id": DEMO_IDC_CLIENT_ID, "grant_type": "refresh_token" })),
        (401, "invalid_client".to_owned())
    );
    let elsewhere = [("host", "oidc.eu-west-1.amazonaws.com"), ("content-type", "application/json")];
    assert_eq!(
        request(&upstream, "POST", "/token", &elsewhere, good.to_string().as_bytes()).json()["error"],
        "invalid_request"
    );
    let reply = post(&upstream, "/oidc/us-east-1/token", &good);
    assert_eq!((reply.status, &reply.json()["tokenType"]), (200, &json!("Bearer")));
    let stale = post(&upstream, "/token", &good);
    assert_eq!((stale.status, stale.header("x-amzn-errortype")), (400, Some("InvalidGrantException")));
    assert_eq!(stale.json()["error_description"], "Invalid refresh token provided");
}

#[test]
fn faults_hit_the_operation_account_and_call_they_name() {
    let upstream = start();
    let throttle = Refusal { retry_after: Some("9".to_owned()), ..Refusal::preset("throttle").unwrap() };
    upstream.set(|config| {
        config.faults = vec![
            Fault::new("chat", throttle).account("demo-key").times(2),
            Fault { skip: 1, ..Fault::new("social", Refusal::preset("stale-message").unwrap()) },
        ];
    });
    let statuses: Vec<u16> = (0..3).map(|_| chat(&upstream, &prompt("hi")).status).collect();
    assert_eq!(statuses, [429, 429, 200]);
    assert_eq!(upstream.requests()[0].verdict, Verdict::Faulted);
    let token = json!({ "refreshToken": DEMO_SOCIAL_REFRESH_TOKEN });
    assert_eq!(post(&upstream, "/refreshToken", &token).status, 200);
    let failed = post(&upstream, "/refreshToken", &json!({ "refreshToken": upstream.refresh_token("demo-social") }));
    assert_eq!(failed.json()["message"], "Invalid refresh token provided");
    assert_eq!(upstream.requests().pop().unwrap().account.as_deref(), Some("demo-social"));
}

#[test]
fn suspended_and_exhausted_accounts_are_refused() {
    let upstream = start();
    upstream.set(|config| config.accounts[2].suspended = true);
    let reply = chat(&upstream, &prompt("hi"));
    assert_eq!((reply.status, &reply.json()["reason"]), (403, &json!("TEMPORARILY_SUSPENDED")));
    upstream.set(|config| {
        config.accounts[2] = Account { usage: Usage::exhausted(), ..Account::api_key("demo-key", DEMO_API_KEY) };
    });
    let reply = chat(&upstream, &prompt("hi"));
    assert_eq!((reply.status, &reply.json()["reason"]), (402, &json!("MONTHLY_REQUEST_COUNT")));
    upstream.set(|config| config.accounts[2].usage.overage = true);
    assert_eq!(chat(&upstream, &prompt("hi")).status, 200);
}

#[test]
fn the_control_plane_answers_in_all_its_forms() {
    let upstream = start();
    let bearer = format!("Bearer {}", upstream.issue("demo-idc").unwrap());
    let call = |method: &str, path: &str, target: &str, body: &Value| {
        let mut headers = vec![("authorization", bearer.as_str())];
        if !target.is_empty() {
            headers.push(("x-amz-target", target));
        }
        request(&upstream, method, path, &headers, body.to_string().as_bytes())
    };
    let arn = DEMO_IDC_PROFILE_ARN.replace(':', "%3A").replace('/', "%2F");
    let usage = call(
        "GET",
        &format!("/getUsageLimits?isEmailRequired=true&origin=AI_EDITOR&profileArn={arn}"),
        "",
        &Value::Null,
    );
    assert_eq!((usage.status, &usage.json()["userInfo"]["email"]), (200, &json!("user@example.com")));
    assert_eq!(usage.json()["usageBreakdownList"][0]["usageLimitWithPrecision"], json!(1000.0));
    let usage = call(
        "POST",
        "/",
        "KiroControlPlaneBearerService.GetUsageLimits",
        &json!({ "profileArn": DEMO_IDC_PROFILE_ARN }),
    );
    assert_eq!(usage.json()["userInfo"]["email"], Value::Null);
    let missing = call("GET", "/Get-Usage-Limits?origin=KIRO_CLI", "", &Value::Null);
    assert_eq!((missing.status, &missing.json()["message"]), (400, &json!("Invalid profileArn.")));
    let first = call("GET", "/ListAvailableModels?origin=AI_EDITOR&maxResults=3", "", &Value::Null).json();
    assert_eq!((first["models"].as_array().unwrap().len(), &first["nextToken"]), (3, &json!("3")));
    let all =
        call("POST", "/", "AmazonCodeWhispererService.ListAvailableModels", &json!({ "origin": "KIRO_CLI" })).json();
    assert_eq!(all["nextToken"], Value::Null);
    let models = all["models"].as_array().unwrap();
    let find = |id: &str| models.iter().find(|model| model["modelId"] == id).unwrap();
    assert_eq!(find("claude-opus-5.5")["tokenLimits"]["maxInputTokens"], 1_000_000);
    assert_eq!(
        find("claude-opus-5.5")["additionalModelRequestFieldsSchema"],
        find("claude-opus-5")["additionalModelRequestFieldsSchema"]
    );
    let profiles = call("POST", "/List-Available-Profiles", "", &json!({})).json();
    assert_eq!(profiles["profiles"][0]["arn"], DEMO_IDC_PROFILE_ARN);
    let without = request(&upstream, "GET", "/getUsageLimits", &[], b"");
    assert_eq!(without.status, 403);
}

#[test]
fn web_search_needs_a_profile_and_answers_json_in_a_string() {
    let upstream = start();
    let bearer = format!("Bearer {}", upstream.issue("demo-social").unwrap());
    let body = json!({ "id": "web_search_tooluse_x_1_y", "jsonrpc": "2.0", "method": "tools/call",
        "params": { "name": "web_search", "arguments": { "query": "rust" } } });
    let plain = [("authorization", bearer.as_str())];
    let reply = request(&upstream, "POST", "/mcp", &plain, body.to_string().as_bytes());
    assert_eq!((reply.status, &reply.json()["message"]), (400, &json!("profileArn is required for this request.")));
    let named = [("authorization", bearer.as_str()), ("x-amzn-kiro-profile-arn", SOCIAL_PROFILE_ARN)];
    let reply = request(&upstream, "POST", "/mcp", &named, body.to_string().as_bytes()).json();
    assert_eq!(reply["id"], body["id"]);
    let inner: Value = serde_json::from_str(reply["result"]["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!((inner["query"].as_str(), inner["results"].as_array().unwrap().len()), (Some("rust"), 3));
}

#[test]
fn an_agents_loop_walks_through_its_script() {
    let upstream = start();
    let directive = "please\n@sim text \"one\" => text \"two\" => status 503";
    assert_eq!(text_of(&chat(&upstream, &prompt(directive))), "one");
    assert_eq!(text_of(&chat(&upstream, &continued(directive, 1, "Tool results provided."))), "two");
    let third = chat(&upstream, &continued(directive, 2, "Tool results provided."));
    assert_eq!((third.status, third.header("x-amzn-errortype")), (503, Some("ServiceUnavailableException")));
    assert!(text_of(&chat(&upstream, &continued(directive, 3, "And now?"))).contains("And now?"), "the script is over");
    assert_eq!(text_of(&chat(&upstream, &continued(directive, 1, "@sim text \"newer\""))), "newer");
    let record = upstream.requests().remove(1);
    assert_eq!(
        (record.step, record.directive.as_deref()),
        (1, Some("@sim text \"one\" => text \"two\" => status 503"))
    );
}

#[test]
fn a_step_can_fail_twice_and_then_succeed() {
    let upstream = start();
    let statuses = |text: &str| -> Vec<u16> { (0..3).map(|_| chat(&upstream, &prompt(text)).status).collect() };
    assert_eq!(statuses("@sim 2 * fault high-load || text \"ok\""), [500, 500, 200]);
    let mut other = prompt("@sim 2 * fault high-load || text \"ok\"");
    other["conversationState"]["conversationId"] = json!("another");
    assert_eq!(chat(&upstream, &other).status, 500, "another conversation has its own count");
    assert_eq!(statuses("@sim per script; empty || status 429 || html"), [200, 429, 200]);
    assert_eq!(statuses("@sim html")[0], 200);
    assert!(chat(&upstream, &prompt("@sim html")).body().starts_with(b"<!DOCTYPE html>"));
}

#[test]
fn a_directive_with_a_mistake_is_a_clear_400() {
    let upstream = start();
    let reply = chat(&upstream, &prompt("@sim txet \"hi\""));
    assert_eq!((reply.status, &reply.json()["reason"]), (400, &json!("SIM_DIRECTIVE")));
    let message = reply.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("column 1") && message.contains("txet"), "{message}");
    assert_eq!(settled(&upstream).verdict, Verdict::BadDirective);
}

#[test]
fn writes_arrive_as_they_were_cut() {
    let upstream = start();
    let sizes = |text: &str| -> Vec<usize> { chat(&upstream, &prompt(text)).chunks.iter().map(Vec::len).collect() };
    let bytes = sizes("@sim chunks 1; text \"né\"");
    assert!(bytes.len() > 300 && bytes.iter().all(|size| *size == 1), "{bytes:?}");
    assert_eq!(sizes("@sim chunks all; text \"a\"").len(), 1);
    assert_eq!(sizes("@sim chunks pair; text \"a\"").len(), 2);
    let reply = chat(&upstream, &prompt("@sim chunks seed=3; text \"né\" times=50; tool A {\"a\":1}"));
    assert_eq!(reply.frames().len(), 50 + 3 + 3);
}

#[test]
fn cuts_end_the_connection_as_asked() {
    let upstream = start();
    let cut = |text: &str| chat(&upstream, &prompt(text));
    let reset = cut("@sim text \"a\"; tear 30; text \"b\"");
    assert_eq!((&reset.end, reset.body().len()), (&Ending::Reset, 123 + 30));
    assert_eq!(settled(&upstream).outcome, Outcome::Cut);
    let dropped = cut("@sim text \"a\"; tear 30 drop; text \"b\"");
    assert_eq!((&dropped.end, dropped.body().len()), (&Ending::Closed, 123 + 30));
    let closed = cut("@sim cut 50 close; text \"a\"");
    assert_eq!((&closed.end, closed.body().len()), (&Ending::Clean, 50));
    assert!(frames(&closed.body()).is_err());
    let empty = cut("@sim empty");
    assert_eq!((empty.status, &empty.end, empty.body().len()), (200, &Ending::Clean, 0));
}

#[test]
fn a_client_that_hangs_up_is_noticed_while_the_stream_stalls() {
    let upstream = start();
    let body = prompt("@sim text \"a\"; stall").to_string();
    let mut stream = open(&upstream, "POST", "/generateAssistantResponse", KEY_HEADERS, body.as_bytes());
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"\"a\"}") {
        stream.read_exact(&mut byte).unwrap();
        seen.push(byte[0]);
    }
    assert_eq!(upstream.open_streams(), 1);
    assert_eq!(upstream.requests()[0].outcome, Outcome::Open);
    drop(stream);
    assert_eq!(settled(&upstream).outcome, Outcome::ClientGone);
    until(|| upstream.open_streams() == 0);
    let before_head = prompt("@sim head-delay 600000; text \"a\"").to_string();
    let waiting = open(&upstream, "POST", "/generateAssistantResponse", KEY_HEADERS, before_head.as_bytes());
    until(|| upstream.requests().get(1).is_some_and(|record| record.directive.is_some()));
    drop(waiting);
    let gone = settled(&upstream);
    assert_eq!((gone.outcome, gone.status), (Outcome::ClientGone, 0));
}

#[test]
fn many_streams_run_side_by_side() {
    let upstream = start();
    let stalled = prompt("@sim text \"a\"; stall").to_string();
    let waiting: Vec<_> = (0..60)
        .map(|_| open(&upstream, "POST", "/generateAssistantResponse", KEY_HEADERS, stalled.as_bytes()))
        .collect();
    until(|| upstream.open_streams() == 60);
    let text = "@sim chunks 16; text \"abcdefgh\" times=40; tool A {\"a\":1}";
    thread::scope(|scope| {
        let calls: Vec<_> = (0..20).map(|_| scope.spawn(|| chat(&upstream, &prompt(text)).frames().len())).collect();
        for call in calls {
            assert_eq!(call.join().unwrap(), 40 + 3 + 3);
        }
    });
    assert!(upstream.peak_streams() > 60, "{}", upstream.peak_streams());
    drop(waiting);
    until(|| upstream.open_streams() == 0);
}

#[test]
fn the_switches_work_over_http() {
    let upstream = start();
    let set = |patch: Value| post(&upstream, "/_sim/config", &patch);
    assert_eq!(set(json!({ "limits": { "body_bytes": 10 } })).json()["limits"]["body_bytes"], 10);
    assert_eq!(chat(&upstream, &prompt("hi")).header("x-sim-rule").map(|rule| rule.starts_with("R22")), Some(true));
    assert_eq!(
        set(json!({ "limits": null, "faults": [{ "operation": "chat", "answer": "capacity", "times": 1 }] })).status,
        200
    );
    assert_eq!(chat(&upstream, &prompt("hi")).json()["reason"], "INSUFFICIENT_MODEL_CAPACITY");
    assert_eq!(set(json!({ "default_script": "text \"fixed\"" })).status, 200);
    assert_eq!(text_of(&chat(&upstream, &prompt("hi"))), "fixed");
    for (patch, named) in [
        (json!({ "strickt": true }), "strickt"),
        (json!({ "bearer_status": 500 }), "bearer_status"),
        (json!({ "default_script": "txet" }), "default_script"),
        (json!({ "skip_rules": ["R99"] }), "R99"),
        (json!({ "faults": [{ "answer": "nothing" }] }), "nothing"),
    ] {
        let reply = set(patch);
        assert_eq!(reply.status, 400);
        assert!(reply.json()["error"].as_str().unwrap().contains(named), "{:?}", reply.json());
    }
    let token = upstream.issue("demo-idc").unwrap();
    assert_eq!(post(&upstream, "/_sim/expire", &json!({})).status, 200);
    assert_eq!(bearer_chat(&upstream, &token, &prompt("hi")).status, 403);
    let records = request(&upstream, "GET", "/_sim/requests", &[], b"").json();
    assert_eq!(records["requests"].as_array().unwrap().len(), 4);
    assert_eq!(records["requests"][0]["verdict"], "refused");
    bearer_chat(&upstream, &token, &prompt("a word of its own"));
    let holding = |word: &str| {
        let path = format!("/_sim/requests?holding={word}");
        request(&upstream, "GET", &path, &[], b"").json()["requests"].as_array().unwrap().len()
    };
    assert_eq!([holding("own"), holding("nobody"), holding("")], [1, 0, 5]);
    assert_eq!(post(&upstream, "/_sim/reset", &json!({})).status, 200);
    assert_eq!(upstream.requests().len(), 0);
    assert_eq!(upstream.config(), Config::default());
    assert_eq!(post(&upstream, "/_sim/nothing", &json!({})).status, 404);
}

#[test]
fn accepted_bodies_are_kept_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { record_dir: Some(folder.path().to_owned()), ..Config::default() };
    let upstream = Upstream::start(config).unwrap();
    let body = prompt("hi");
    chat(&upstream, &body);
    let mut refused = prompt("hi");
    refused["model"] = json!("x");
    chat(&upstream, &refused);
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    let kept: Value = serde_json::from_slice(&std::fs::read(&files[0]).unwrap()).unwrap();
    assert_eq!(kept, body);
}

#[test]
fn lenient_servers_still_want_json_and_known_members() {
    let upstream = Upstream::start(Config { strict: false, ..Config::default() }).unwrap();
    let mut body = prompt("hi");
    body["conversationState"]["history"] = json!([{ "assistantResponseMessage": { "content": "" } }]);
    assert_eq!(chat(&upstream, &body).status, 200);
    assert!(upstream.requests()[0].warnings.iter().any(|warning| warning.starts_with("R1:")));
    body["model"] = json!("x");
    assert_eq!(chat(&upstream, &body).json()["reason"], "REQUEST_BODY_INVALID");
    let broken = request(&upstream, "POST", "/generateAssistantResponse", KEY_HEADERS, b"{");
    assert_eq!(broken.json()["reason"], "REQUEST_BODY_INVALID_JSON");
}

#[test]
fn only_the_newest_requests_are_remembered() {
    let upstream = start();
    upstream.set(|config| config.max_records = 2);
    for _ in 0..3 {
        chat(&upstream, &prompt("hi"));
    }
    let ids: Vec<usize> = upstream.requests().iter().map(|record| record.id).collect();
    assert_eq!(ids, [2, 3]);
}

#[test]
fn a_slow_refresh_is_only_slow() {
    let upstream = start();
    upstream.set(|config| {
        config.faults = vec![Fault { delay_ms: 1, answer: None, ..Fault::new("social", Refusal::improper()) }];
    });
    let token = json!({ "refreshToken": DEMO_SOCIAL_REFRESH_TOKEN });
    assert_eq!(post(&upstream, "/refreshToken", &token).status, 200);
}

fn program(arguments: &[&str]) -> std::process::Child {
    use std::process::{Command, Stdio};
    let mut command = Command::new(env!("CARGO_BIN_EXE_kiro2api-upstream"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn the_program_prints_its_url_and_ends_with_its_input() {
    use std::io::{BufRead, BufReader};
    let mut child = program(&["--exit-with-stdin", "--config", r#"{"default_script":"text \"hi\""}"#]);
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("simulated upstream at http://").unwrap().to_owned();
    std::net::TcpStream::connect(address).unwrap();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_program_names_a_mistake_and_fails() {
    for (patch, named) in [("{", "not JSON"), (r#"{"colour":1}"#, "colour")] {
        let output = program(&["--config", patch]).wait_with_output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(named), "{text}");
    }
    let help = program(&["--help"]).wait_with_output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(text.contains("--record-dir") && text.contains("@sim tool Read"), "{text}");
}

#[test]
fn the_program_prints_credentials_a_gateway_can_use() {
    let output = program(&["--print-credentials"]).wait_with_output().unwrap();
    assert!(output.status.success());
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        printed,
        json!([
            { "auth": "Social", "label": "demo-social", "refreshToken": DEMO_SOCIAL_REFRESH_TOKEN },
            { "auth": "IdC", "label": "demo-idc", "refreshToken": DEMO_IDC_REFRESH_TOKEN, "region": "us-east-1",
              "clientId": DEMO_IDC_CLIENT_ID, "clientSecret": DEMO_IDC_CLIENT_SECRET },
            { "auth": "ApiKey", "label": "demo-key", "apiKey": DEMO_API_KEY },
        ])
    );
}
