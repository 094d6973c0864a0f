//! `/_sim/*`: the switches and the records over HTTP.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::route::Answer;
use super::state::Shared;
use crate::devices::Answer as DeviceAnswer;
use crate::record::Record;

pub(super) fn answer(request: &Record, body: &[u8], shared: &Arc<Shared>) -> Answer {
    let path = request.path.strip_prefix("/_sim/").unwrap_or_default();
    match (request.method.as_str(), path) {
        ("GET", "requests") => requests(&request.query, shared),
        ("GET", "config") => config(shared),
        ("POST", "config") => configure(body, shared),
        ("POST", "reset") => {
            shared.lock().reset();
            done()
        }
        ("POST", "expire") => {
            shared.lock().world.expire();
            done()
        }
        ("POST", "expire-clients") => {
            shared.lock().devices.expire_clients();
            done()
        }
        ("POST", "device") => decide(body, shared),
        _ => wrong(
            404,
            "known are GET requests, GET config, POST config, POST reset, POST expire, POST expire-clients, POST device",
        ),
    }
}

fn requests(query: &str, shared: &Arc<Shared>) -> Answer {
    let word = query.strip_prefix("holding=").unwrap_or_default();
    let state = shared.lock();
    let records: Vec<&Record> = state.records.iter().filter(|record| record.holds(word)).collect();
    Answer::json(200, &json!({ "requests": records, "open_streams": state.open, "peak_streams": state.peak }))
}

fn config(shared: &Arc<Shared>) -> Answer {
    Answer::json(200, &json!(**shared.lock().config()))
}

fn configure(body: &[u8], shared: &Arc<Shared>) -> Answer {
    let patch: Value = match serde_json::from_slice(body) {
        Ok(patch) => patch,
        Err(error) => return wrong(400, &format!("not JSON: {error}")),
    };
    let mut state = shared.lock();
    match state.config().patched(&patch) {
        Ok(config) => {
            state.configure(config);
            drop(state);
            self::config(shared)
        }
        Err(error) => wrong(400, &error),
    }
}

fn decide(body: &[u8], shared: &Arc<Shared>) -> Answer {
    let decision: Decision = match serde_json::from_slice(body) {
        Ok(decision) => decision,
        Err(error) => return wrong(400, &format!("expected {{\"answer\", \"user_code\"}}: {error}")),
    };
    match shared.lock().devices.decide(decision.user_code.as_deref(), decision.answer) {
        true => done(),
        false => wrong(404, "there is no such device login"),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    answer: DeviceAnswer,
    #[serde(default)]
    user_code: Option<String>,
}

fn done() -> Answer {
    Answer::json(200, &json!({ "ok": true }))
}

fn wrong(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "error": message }))
}
