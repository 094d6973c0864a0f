//! Scenarios written into a prompt: `@sim step => step => step`.
//!
//! The simulated upstream looks for a line that begins with `@sim` in the newest user text that holds one (the current message first,
//! then the history from its end). The number of assistant turns after that message chooses the step, so that an agent loop walks
//! through the script: a tool call, its result, another tool call, the final text. After the last step the default answer comes.
//!
//! ```text
//! directive    = "@sim" step { "=>" step }                  lines after it that begin with "=>", ";" or "||" belong to it
//! step         = alternative { "||" alternative }           the first request of this step gets the first alternative, …
//! alternative  = [ N "*" ] action { ";" action }            … N * makes it serve N requests; the last one serves all the rest
//! action       = verb { argument }
//! argument     = word | "JSON string" | 'plain string' | {JSON object} | [JSON array] | key=argument
//! ```
//!
//! | action | what the stream does |
//! |---|---|
//! | `text "…" [chunk=N] [times=N] [model=ID]` | `assistantResponseEvent`s; `chunk`: N characters per event (default: one event); `times`: all of it N times |
//! | `think "…" [chunk=N]` | the same with `<thinking>…</thinking>\n\n` around it; default 5 characters per event, so that the tags are split |
//! | `answer` | the default answer (says what the server saw of the prompt) |
//! | `reason "…" [chunk=N] [sig="…"]` | `reasoningContentEvent` text, then a signature event |
//! | `sig "…"`, `redacted "…"`, `reason-empty` | a lone signature, encrypted reasoning (base64), an empty `reasoningContentEvent` |
//! | `tool NAME {json} [flags]` | a tool call: start, input in fragments, stop |
//! | … `cut=N`, `cuts=1,5,9` | fragments of N characters (default 7), or cut at these characters |
//! | … `object`, `single`, `noinput` | input as an object; the whole call in one event; no input at all |
//! | … `open`, `open=N` | never stopped, after all or N characters of the input; no tail follows |
//! | … `doubled`, `twice`, `exact`, `id=ID`, `raw="…"` | each event sent twice; the whole call twice; NAME not matched against the declared tools; this id; this input text |
//! | `interleave NAME {json} NAME {json} … [cut=N]` | several calls, their fragments in turns |
//! | `event TYPE [{json}]` | any event; without a payload a typical one. Types the service does not know are allowed (`futureEvent`) |
//! | `initial`, `kinds`, `invalid-state` | `initial-response`; one event of every kind a client may ignore; `invalidStateEvent` (ends the stream) |
//! | `stop REASON`, `usage [{json}]`, `context PERCENT`, `meter CREDITS` | the members of the tail, now |
//! | `notail` | no automatic tail. Otherwise every step ends with what is missing of: `metadataEvent` (`END_TURN`), `contextUsageEvent`, `meteringEvent` |
//! | `exception TYPE ["message"] [reason=R]`, `error CODE ["message"]` | an exception or error frame; ends the stream, no tail |
//! | `empty` | nothing at all, no tail |
//! | `corrupt prelude\|message\|total=N\|headers=N\|byte=N` | damages the next frame (after `corrupt` the tail follows as usual) |
//! | `tear [N] [reset\|drop\|close]` | of the next frame only N bytes (default: half), then the end |
//! | `cut N [reset\|drop\|close]` | the whole stream ends after N bytes |
//! | `reset`, `drop`, `close` | ends here: TCP reset; connection closed without the last chunk; a clean end of the body |
//! | `delay MS`, `pace MS`, `stall [MS]` | a pause here; between all following frames; without MS forever |
//! | `head-delay MS` | a pause before the response head |
//! | `chunks frame\|pair\|all\|utf8\|prelude\|N\|seed=N` | what is one write: a frame (default), two, everything, cuts inside each multi-byte character, cuts inside each prelude, N bytes, random sizes |
//! | `order service\|reversed\|rotated`, `odd-headers` | header order of the following frames; a header of every type in each of them |
//! | `status CODE [TYPE] ["message"] [reason=R] [retry-after=V] [body=…]` | an HTTP error instead of a stream |
//! | `fault NAME [retry-after=V]` | the same by name: `throttle`, `capacity`, `monthly`, `suspended`, `bearer`, `too-long`, … (see [`crate::refusal::PRESETS`]) |
//! | `html` | an HTML page with status 200 |
//! | `per conversation\|account\|script` | whose requests count for the alternatives (default: conversation) |
//!
//! [`render`] turns a directive into bytes without any network; [`Script::plan`] gives the timed actions.

mod args;
mod call;
mod chunk;
mod lex;
mod name;
mod parse;
mod payload;
mod plan;
mod render;
mod verb;

pub use name::matched;
pub use parse::{Alternative, Chunks, End, Op, Per, Script, ScriptError, Step, Tool};
pub use plan::{Action, Head, Plan, Scene};

/// The bytes of the first step of a directive (with or without the leading `@sim`), without pauses and ends.
///
/// # Errors
/// The directive cannot be parsed, or its first step answers with an HTTP error.
pub fn render(directive: &str) -> Result<Vec<u8>, ScriptError> {
    render_step(directive, &Scene::default())
}

/// The bytes of the step a scene asks for.
///
/// # Errors
/// As [`render`]; also when the script has no such step.
pub fn render_step(directive: &str, scene: &Scene) -> Result<Vec<u8>, ScriptError> {
    let script = Script::parse(directive)?;
    let plan = script
        .plan(scene)
        .ok_or_else(|| ScriptError::new(0, format!("the script has {} steps", script.steps.len())))?;
    match plan.head {
        Head::Stream => Ok(plan.bytes()),
        Head::Refused(refusal) => Err(ScriptError::new(0, format!("this step answers with status {}", refusal.status))),
        Head::Html => Err(ScriptError::new(0, "this step answers with HTML")),
    }
}

/// The directive in a user text: its last line that begins with `@sim`, with its continuation lines.
pub fn find(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let start = lines.iter().rposition(|line| is_directive(line))?;
    let rest = lines.get(start..).unwrap_or_default();
    let mut found = rest.first().copied().unwrap_or_default().to_owned();
    for line in rest.iter().skip(1) {
        if !["=>", ";", "||"].iter().any(|mark| line.starts_with(mark)) {
            break;
        }
        found.push(' ');
        found.push_str(line);
    }
    Some(found)
}

/// What the service sends after the answer: stop reason, share of the context window, price.
fn typical_tail(scene: &Scene) -> [(&'static str, String); 3] {
    [
        ("metadataEvent", r#"{"stopReason":"END_TURN"}"#.to_owned()),
        ("contextUsageEvent", format!(r#"{{"contextUsagePercentage":{}}}"#, scene.context_percent)),
        ("meteringEvent", format!(r#"{{"unit":"credit","unitPlural":"credits","usage":{}}}"#, scene.credits)),
    ]
}

fn is_directive(line: &str) -> bool {
    line.strip_prefix("@sim").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}
