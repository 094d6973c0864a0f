//! What each verb takes.

use super::args::Args;
use super::parse::{Chunks, End, Op, Per, ScriptError, Tool};
use super::payload;
use crate::frame::{Damage, Order, quoted};
use crate::refusal::{PRESETS, Refusal};

type Parsed<T> = Result<T, ScriptError>;

/// The operations of one action; most give one.
pub(super) fn parse(mut args: Args<'_>) -> Parsed<Vec<Op>> {
    let ops = match args.verb {
        "kinds" => payload::IGNORABLE.iter().map(|kind| typical(kind)).collect(),
        "invalid-state" => vec![typical("invalidStateEvent"), Op::NoTail],
        _ => vec![one(&mut args)?],
    };
    args.finish()?;
    Ok(ops)
}

fn one(args: &mut Args<'_>) -> Parsed<Op> {
    Ok(match args.verb {
        "text" | "think" | "reason" | "sig" | "redacted" | "reason-empty" | "answer" => speech(args)?,
        "tool" => Op::Tool(tool(args)?),
        "interleave" => interleave(args)?,
        "event" | "initial" | "stop" | "usage" | "context" | "meter" => event(args)?,
        "notail" => Op::NoTail,
        "empty" => Op::Empty,
        "html" => Op::Html,
        "odd-headers" => Op::OddHeaders,
        "exception" | "error" => failure(args)?,
        "corrupt" | "tear" | "cut" | "reset" | "drop" | "close" => damage(args)?,
        "delay" | "pace" | "stall" | "head-delay" => pause(args)?,
        "chunks" => Op::Chunks(chunks(args)?),
        "order" | "per" => choice(args)?,
        "status" | "fault" => Op::Refuse(refusal(args)?),
        other => {
            return args.fail(format!("no such action; known are {VERBS} (got \"{other}\")"));
        }
    })
}

fn speech(args: &mut Args<'_>) -> Parsed<Op> {
    Ok(match args.verb {
        "answer" => Op::Answer,
        "reason-empty" => Op::Event { kind: "reasoningContentEvent".to_owned(), payload: r#"{"text":""}"#.to_owned() },
        "sig" => {
            let payload = format!(r#"{{"text":"","signature":{}}}"#, quoted(args.need("a signature")?));
            Op::Event { kind: "reasoningContentEvent".to_owned(), payload }
        }
        "redacted" => {
            let payload = format!(r#"{{"redactedContent":{}}}"#, quoted(args.need("base64 in quotes")?));
            Op::Event { kind: "reasoningContentEvent".to_owned(), payload }
        }
        "reason" => Op::Reason {
            text: args.need("a text")?.to_owned(),
            chunk: args.number_option("chunk")?.unwrap_or(0),
            signature: args.option("sig").map(str::to_owned),
        },
        "think" => Op::Text {
            text: format!("<thinking>{}</thinking>\n\n", args.need("a text")?),
            chunk: args.number_option("chunk")?.unwrap_or(5),
            times: 1,
            model: None,
        },
        _ => Op::Text {
            text: args.need("a text")?.to_owned(),
            chunk: args.number_option("chunk")?.unwrap_or(0),
            times: times(args)?,
            model: args.option("model").map(str::to_owned),
        },
    })
}

fn times(args: &mut Args<'_>) -> Parsed<usize> {
    match args.number_option("times")? {
        Some(times) if times > MOST_TIMES => args.fail(format!("times={times} is more than {MOST_TIMES}")),
        times => Ok(times.unwrap_or(1)),
    }
}

fn tool(args: &mut Args<'_>) -> Parsed<Tool> {
    let mut tool = Tool { name: args.need("a tool name")?.to_owned(), ..Tool::default() };
    tool.input = args.json().unwrap_or("{}").to_owned();
    if let Some(raw) = args.option("raw") {
        raw.clone_into(&mut tool.input);
    }
    tool.id = args.option("id").map(str::to_owned);
    tool.cut = args.number_option("cut")?.unwrap_or(DEFAULT_CUT);
    if tool.cut == 0 {
        return args.fail("cut=0 makes no progress");
    }
    if let Some(list) = args.option("cuts") {
        tool.cuts = list.split(',').map(|at| args.number(at.trim())).collect::<Parsed<_>>()?;
    }
    tool.object = args.flag("object");
    tool.single = args.flag("single");
    tool.noinput = args.flag("noinput");
    tool.doubled = args.flag("doubled");
    tool.twice = args.flag("twice");
    tool.exact = args.flag("exact");
    tool.open = match args.number_option("open")? {
        None if args.flag("open") => Some(usize::MAX),
        length => length,
    };
    if tool.object && serde_json::from_str::<serde::de::IgnoredAny>(&tool.input).is_err() {
        return args.fail("object needs JSON input");
    }
    Ok(tool)
}

fn interleave(args: &mut Args<'_>) -> Parsed<Op> {
    let cut = args.number_option("cut")?.unwrap_or(DEFAULT_CUT);
    if cut == 0 {
        return args.fail("cut=0 makes no progress");
    }
    let mut calls = Vec::new();
    while !args.is_empty() {
        let name = args.need("a tool name")?.to_owned();
        let input = args.json().unwrap_or("{}").to_owned();
        calls.push(Tool { name, input, cut, ..Tool::default() });
    }
    if calls.len() < 2 {
        return args.fail("needs at least two calls: interleave NAME {json} NAME {json}");
    }
    Ok(Op::Interleave(calls))
}

fn event(args: &mut Args<'_>) -> Parsed<Op> {
    let (kind, payload) = match args.verb {
        "stop" => ("metadataEvent", format!(r#"{{"stopReason":{}}}"#, quoted(args.need("a stop reason")?))),
        "usage" => ("metadataEvent", format!(r#"{{"tokenUsage":{}}}"#, args.json().unwrap_or(payload::TOKEN_USAGE))),
        "context" => {
            ("contextUsageEvent", format!(r#"{{"contextUsagePercentage":{}}}"#, decimal(args, "a percentage")?))
        }
        "meter" => (
            "meteringEvent",
            format!(r#"{{"unit":"credit","unitPlural":"credits","usage":{}}}"#, decimal(args, "credits")?),
        ),
        "initial" => return Ok(typical("initial-response")),
        _ => {
            let kind = args.need("an event type")?;
            (kind, args.json().unwrap_or_else(|| payload::example(kind)).to_owned())
        }
    };
    Ok(Op::Event { kind: kind.to_owned(), payload })
}

fn decimal<'t>(args: &mut Args<'t>, what: &str) -> Parsed<&'t str> {
    let text = args.need(what)?;
    match serde_json::from_str::<f64>(text) {
        Ok(_) => Ok(text),
        Err(_) => args.fail(format!("\"{text}\" is not a number")),
    }
}

fn failure(args: &mut Args<'_>) -> Parsed<Op> {
    if args.verb == "error" {
        let code = args.need("an error code")?.to_owned();
        let message = args.quoted().unwrap_or("The service failed.").to_owned();
        return Ok(Op::Error { code, message });
    }
    let kind = args.need("an exception type")?.to_owned();
    let known = PRESETS.iter().find(|preset| preset.2 == kind || (kind == "error" && preset.0 == "high-load"));
    let usual = known.map_or("The service failed.", |preset| preset.3);
    let message = args.quoted().unwrap_or(usual).to_owned();
    let usual = (kind == "error").then(|| "MODEL_TEMPORARILY_UNAVAILABLE".to_owned());
    let reason = args.option("reason").map(str::to_owned).or(usual);
    Ok(Op::Exception { kind, message, reason })
}

fn damage(args: &mut Args<'_>) -> Parsed<Op> {
    Ok(match args.verb {
        "reset" => Op::End(End::Reset),
        "drop" => Op::End(End::Drop),
        "close" => Op::End(End::Close),
        "corrupt" => Op::Corrupt(corrupt(args)?),
        verb => {
            let end = end(args);
            let bytes = args.next().map(|value| args.number(value.text())).transpose()?;
            match (verb, bytes) {
                ("tear", bytes) => Op::Tear { bytes, end },
                (_, Some(bytes)) => Op::Cut { bytes, end },
                (_, None) => return args.fail("needs a number of bytes"),
            }
        }
    })
}

fn corrupt(args: &mut Args<'_>) -> Parsed<Damage> {
    if args.flag("prelude") {
        return Ok(Damage::PreludeCrc);
    }
    if args.flag("message") {
        return Ok(Damage::MessageCrc);
    }
    if let Some(total) = args.number_option("total")? {
        return Ok(Damage::Total(total));
    }
    if let Some(headers) = args.number_option("headers")? {
        return Ok(Damage::Headers(headers));
    }
    match args.number_option("byte")? {
        Some(at) => Ok(Damage::Byte(at)),
        None => args.fail("needs prelude, message, total=N, headers=N or byte=N"),
    }
}

fn end(args: &mut Args<'_>) -> End {
    if args.flag("close") {
        End::Close
    } else if args.flag("drop") {
        End::Drop
    } else {
        args.flag("reset");
        End::Reset
    }
}

fn pause(args: &mut Args<'_>) -> Parsed<Op> {
    if args.verb == "stall" && args.is_empty() {
        return Ok(Op::Stall);
    }
    let text = args.need("milliseconds")?;
    let ms = args.number(text)?;
    Ok(match args.verb {
        "pace" => Op::Pace(ms),
        "head-delay" => Op::HeadDelay(ms),
        _ => Op::Delay(ms),
    })
}

fn chunks(args: &mut Args<'_>) -> Parsed<Chunks> {
    if let Some(seed) = args.number_option("seed")? {
        return Ok(Chunks::Seed(seed));
    }
    Ok(match args.need("frame, pair, all, utf8, prelude, a number or seed=N")? {
        "frame" => Chunks::Frame,
        "pair" => Chunks::Pair,
        "all" => Chunks::All,
        "utf8" => Chunks::Utf8,
        "prelude" => Chunks::Prelude,
        "0" => return args.fail("0 bytes make no progress"),
        number => Chunks::Bytes(args.number(number)?),
    })
}

fn choice(args: &mut Args<'_>) -> Parsed<Op> {
    let word = args.need("a choice")?;
    Ok(match (args.verb, word) {
        ("order", "service") => Op::Order(Order::Service),
        ("order", "reversed") => Op::Order(Order::Reversed),
        ("order", "rotated") => Op::Order(Order::Rotated),
        ("per", "conversation") => Op::Per(Per::Conversation),
        ("per", "account") => Op::Per(Per::Account),
        ("per", "script") => Op::Per(Per::Script),
        ("order", _) => {
            return args.fail(format!("\"{word}\" is none of service, reversed, rotated"));
        }
        _ => {
            return args.fail(format!("\"{word}\" is none of conversation, account, script"));
        }
    })
}

fn refusal(args: &mut Args<'_>) -> Parsed<Refusal> {
    let mut refusal = if args.verb == "fault" {
        let name = args.need("a name")?;
        match Refusal::preset(name) {
            Some(refusal) => refusal,
            None => {
                let names: Vec<&str> = PRESETS.iter().map(|preset| preset.0).collect();
                return args.fail(format!("\"{name}\" is none of {}", names.join(", ")));
            }
        }
    } else {
        status(args)?
    };
    if let Some(reason) = args.option("reason") {
        refusal.reason = (reason != "null").then(|| reason.to_owned());
    }
    if let Some(after) = args.option("retry-after") {
        refusal.retry_after = Some(after.to_owned());
    }
    if let Some(body) = args.option("body") {
        refusal.body = Some(body.to_owned());
    }
    if let Some(kind) = args.option("type") {
        refusal.content_type = Some(kind.to_owned());
    }
    Ok(refusal)
}

fn status(args: &mut Args<'_>) -> Parsed<Refusal> {
    let text = args.need("a status")?;
    let status: u16 = args.number(text)?;
    if !(200..=599).contains(&status) {
        return args.fail(format!("status {status} is not in 200..=599"));
    }
    let mut refusal = Refusal::of_status(status);
    let mut own_message = false;
    if let Some(message) = args.quoted() {
        message.clone_into(&mut refusal.message);
        own_message = true;
    } else if let Some(kind) = args.next() {
        kind.text().clone_into(&mut refusal.kind);
        if let Some(message) = args.quoted() {
            message.clone_into(&mut refusal.message);
            own_message = true;
        }
    }
    if own_message {
        refusal.reason = None;
    }
    Ok(refusal)
}

/// An event with its typical payload.
fn typical(kind: &str) -> Op {
    Op::Event { kind: kind.to_owned(), payload: payload::example(kind).to_owned() }
}

const DEFAULT_CUT: usize = 7;
/// An answer is built in memory before it is sent.
const MOST_TIMES: usize = 1_000_000;
const VERBS: &str = "text, think, answer, reason, sig, redacted, reason-empty, tool, interleave, event, initial, kinds, invalid-state, stop, usage, \
context, meter, notail, exception, error, empty, corrupt, tear, cut, reset, drop, close, delay, pace, stall, head-delay, chunks, order, odd-headers, \
status, fault, html, per";
