//! `generateAssistantResponse`: judges the request, then plays the script its prompt holds.

use std::sync::Arc;

use serde_json::Value;

use super::answer::default_answer;
use super::control::{check_profile, content_type_warning};
use super::route::{Answer, Call};
use super::state::{Guard, State};
use crate::accounts::Account;
use crate::catalogue;
use crate::check::turns::user_texts;
use crate::check::{Findings, current, declared, history, inspect, text};
use crate::config::Config;
use crate::record::{Record, Verdict};
use crate::refusal::Refusal;
use crate::script::{self, Action, End, Head, Per, Plan, Scene, Script};

pub(super) fn answer(call: &Call, guard: &Guard) -> Answer {
    let mut state = guard.shared.lock();
    let (note, answer) = judge(call, &mut state);
    drop(state);
    if answer.verdict == Verdict::Accepted {
        keep_body(call, guard);
    }
    guard.update(|record| {
        record.account = note.account;
        record.violations = note.violations;
        record.warnings = note.warnings;
        record.directive = note.directive;
        record.step = note.step;
        record.attempt = note.attempt;
    });
    answer
}

fn judge(call: &Call, state: &mut State) -> (Record, Answer) {
    let config = Arc::clone(state.config());
    let mut note = Record::default();
    let refused = |refusal: &Refusal, verdict| Answer::refused(refusal, call.dialect, verdict);
    let header = |name: &str| call.record.header(name);
    let account = match state.world.authenticate(header("authorization"), header("tokentype"), &config) {
        Ok(account) => account.clone(),
        Err(refusal) => {
            let answer = refused(&refusal, Verdict::Unauthorized)
                .because("bearer: missing, unknown, expired, or a key without tokentype".to_owned());
            return (note, answer);
        }
    };
    note.account = Some(account.label.clone());
    if account.suspended {
        let refusal = Refusal::preset("suspended").unwrap_or_else(Refusal::improper);
        return (note, refused(&refusal, Verdict::Unauthorized).because("account: suspended".to_owned()));
    }
    let (body, findings) = examine(call, &account, &config);
    note.violations = findings.violations;
    note.warnings = findings.warnings;
    note.warnings.extend(content_type_warning(call));
    if let Some(first) = note.violations.first() {
        let rule = format!("{}: {}: {}", first.rule, first.path, first.detail);
        let answer = refused(&first.refusal, Verdict::Refused).because(rule);
        return (note, answer);
    }
    if config.enforce_quota && account.usage.is_exhausted(state.world.spent(&account.label)) {
        let refusal = Refusal::preset("monthly").unwrap_or_else(Refusal::improper);
        return (note, refused(&refusal, Verdict::Unauthorized).because("account: no credits left".to_owned()));
    }
    let mut delay = 0;
    if let Some(fault) = state.fault("chat", &account.label) {
        delay = fault.delay_ms;
        if let Some(refusal) = fault.answer {
            let mut answer = refused(&refusal, Verdict::Faulted).because("fault: injected".to_owned());
            answer.delay = delay;
            return (note, answer);
        }
    }
    let body = body.unwrap_or(Value::Null);
    let mut answer = play(call, &body, findings.tokens, &account, state, &mut note);
    answer.delay += delay;
    (note, answer)
}

fn examine(call: &Call, account: &Account, config: &Config) -> (Option<Value>, Findings) {
    let (body, mut findings) = inspect(&call.bytes, call.dialect, config);
    if call.record.header("content-type").is_none() {
        findings.broken("shape", "content-type", "missing", Refusal::improper());
    }
    if let Some(body) = &body {
        let arn = body.get("profileArn").and_then(Value::as_str);
        let elsewhere = arn
            .and_then(|arn| arn.split(':').nth(3))
            .zip(call.region.as_deref())
            .is_some_and(|(of, called)| of != called);
        let id = current(body).map(|user| text(user, "modelId")).unwrap_or_default();
        if !id.is_empty() && !catalogue::is_offered(config, &account.label, id) {
            let detail = format!("\"{id}\" is not in the plan of {}", account.label);
            findings.broken("model", "modelId", detail, catalogue::not_offered());
        }
        let checked = if elsewhere { Err(Refusal::of_status(403)) } else { check_profile(arn, account, config) };
        if let Err(refusal) = checked {
            let detail = refusal.message.clone();
            findings.broken("R21", "profileArn", detail, refusal);
        }
    }
    (body, findings)
}

fn play(call: &Call, body: &Value, tokens: usize, account: &Account, state: &mut State, note: &mut Record) -> Answer {
    let config = Arc::clone(state.config());
    let found =
        user_texts(body).into_iter().find_map(|(text, step)| script::find(text).map(|directive| (directive, step)));
    let by_default = || config.default_script.clone().map(|directive| (directive, 0));
    let mut scene = scene(body, tokens, &config);
    let mut plan = None;
    if let Some((directive, step)) = found.or_else(by_default) {
        note.directive = Some(directive.clone());
        note.step = step;
        match Script::parse(&directive) {
            Err(error) => {
                let refusal = Refusal::validation(format!("Simulated upstream: {error}")).because("SIM_DIRECTIVE");
                return Answer::refused(&refusal, call.dialect, Verdict::BadDirective)
                    .because(format!("script: {error}"));
            }
            Ok(script) => {
                scene.step = step;
                scene.attempt = state.attempt(attempt_key(&script, step, body, &account.label));
                note.attempt = scene.attempt;
                scene.seed = format!(
                    "{}/{}/{step}/{}/{}",
                    scene.conversation,
                    script.source,
                    scene.attempt,
                    history(body).len()
                );
                plan = script.plan(&scene);
            }
        }
    }
    let spare =
        || Script::parse("answer").ok().and_then(|script| script.plan(&Scene { step: 0, attempt: 0, ..scene.clone() }));
    match plan.or_else(spare) {
        Some(plan) => {
            if plan.head == Head::Stream {
                state.world.spend(&account.label, scene.credits);
            }
            perform(plan, call, &scene)
        }
        None => Answer::refused(&Refusal::of_status(500), call.dialect, Verdict::Faulted),
    }
}

fn attempt_key(script: &Script, step: usize, body: &Value, label: &str) -> String {
    let state = body.get("conversationState").unwrap_or(&Value::Null);
    let conversation = format!("{}#{}", text(state, "conversationId"), history(body).len());
    let whose = match script.per(step) {
        Per::Conversation => conversation,
        Per::Account => format!("{conversation}@{label}"),
        Per::Script => String::new(),
    };
    format!("{step} {whose} {}", script.source)
}

fn scene(body: &Value, tokens: usize, config: &Config) -> Scene {
    let state = body.get("conversationState").unwrap_or(&Value::Null);
    let id = crate::check::current(body).map(|user| text(user, "modelId")).unwrap_or_default();
    let model = config.models.iter().find(|model| model.id == id);
    let window = model.map_or(200_000.0, |model| model.window.max(1) as f64);
    let names = declared(body)
        .iter()
        .filter_map(|tool| tool.get("toolSpecification"))
        .map(|tool| text(tool, "name").to_owned());
    let mut scene = Scene {
        tools: names.collect(),
        answer: default_answer(body),
        context_percent: (tokens as f64 / window * 100_000.0).round() / 1000.0,
        ..Scene::default()
    };
    let conversation = text(state, "conversationId");
    if !conversation.is_empty() {
        conversation.clone_into(&mut scene.conversation);
    }
    scene
}

fn perform(plan: Plan, call: &Call, scene: &Scene) -> Answer {
    let delay = plan.head_delay;
    let mut answer = match plan.head {
        Head::Refused(refusal) => {
            Answer::refused(&refusal, call.dialect, Verdict::Accepted).because("script: status".to_owned())
        }
        Head::Html => Answer::plain(200, "text/html; charset=utf-8", HTML.to_owned()),
        Head::Stream => Answer {
            status: 200,
            headers: vec![
                ("content-type", "application/vnd.amazon.eventstream".to_owned()),
                ("x-amzn-codewhisperer-conversation-id", scene.conversation.clone()),
            ],
            actions: ended(plan.actions),
            delay: 0,
            verdict: Verdict::Accepted,
            streams: true,
        },
    };
    answer.delay = delay;
    answer
}

/// A stall is for ever, nothing comes after it; neither does anything after an end.
fn ended(mut actions: Vec<Action>) -> Vec<Action> {
    let last = actions
        .iter()
        .position(|action| matches!(action, Action::Stall | Action::End(End::Close | End::Drop | End::Reset)));
    if let Some(last) = last {
        actions.truncate(last + 1);
    }
    actions
}

fn keep_body(call: &Call, guard: &Guard) {
    let Some(folder) = guard.shared.lock().config().record_dir.clone() else {
        return;
    };
    let file = folder.join(format!("{:06}.json", guard.id));
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, &call.bytes));
    if let Err(error) = written {
        let warning = format!("record-dir: {}: {error}", file.display());
        guard.update(|record| record.warnings.push(warning));
    }
}

const HTML: &str =
    "<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Please sign in to continue</h1></body></html>";
