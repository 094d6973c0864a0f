//! Events that are no good request: an answer for the client, never a failure of the function.

use kiro2api_tests::runtime_api::{Answer, End, Invocation};
use serde_json::{Value, json};

use crate::stage::{Dialect, Stage};

#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
fn an_event_that_is_no_request_is_the_senders_mistake() {
    let stage = Stage::new();
    let good = Dialect::Messages.ask("hello", true).function_url();
    let changed = |path: &str, value: Value| {
        let mut event = good.clone();
        *event.pointer_mut(path).unwrap() = value;
        event
    };
    let without = |name: &str| {
        let mut event = good.clone();
        event.as_object_mut().unwrap().remove(name).unwrap();
        event
    };
    for (what, event) in [
        ("an empty object", json!({})),
        ("a list", json!([good.clone()])),
        ("nothing", Value::Null),
        ("a text", json!("hello")),
        ("a number", json!(7)),
        ("an unknown version", changed("/version", "9.9".into())),
        ("a version that is no text", changed("/version", 2.into())),
        ("no body", without("body")),
        ("a body of null", changed("/body", Value::Null)),
        ("a body that is no text", changed("/body", json!({ "model": 1 }))),
        ("wrong base64", with(&changed("/body", "%%%".into()), "isBase64Encoded", true.into())),
        ("base64 of no JSON", with(&changed("/body", "//79".into()), "isBase64Encoded", true.into())),
        ("cut base64", with(&changed("/body", "eyJ".into()), "isBase64Encoded", true.into())),
        ("no context", without("requestContext")),
        ("no http", changed("/requestContext/http", Value::Null)),
        ("no method", changed("/requestContext/http", json!({ "path": "/v1/messages" }))),
        ("a method that is none", changed("/requestContext/http/method", "GE T".into())),
        ("no path", with(&without("rawPath"), "x", 1.into())),
        ("a path that is a number", changed("/rawPath", 1.into())),
        ("headers that are a list", changed("/headers", json!([]))),
        ("a timer", json!({ "source": "aws.events", "detail-type": "Scheduled Event", "detail": {} })),
        ("a queue", json!({ "Records": [{ "messageId": "1", "body": "x", "eventSource": "aws:sqs" }] })),
    ] {
        let answer = invoke(&stage, event.to_string().into_bytes());
        assert_eq!(answer.end, End::Complete, "{what}");
        assert!((400..500).contains(&answer.status()), "{what}: {} {}", answer.status(), answer.text());
        let body: Value =
            serde_json::from_slice(&answer.body()).unwrap_or_else(|_| panic!("{what}: {}", answer.text()));
        assert!(body["error"]["message"].is_string(), "{what}: {body}");
    }
    stage.serves();
    stage.well();
}

#[test]
#[ignore = "needs the function built: cargo xtask test --only lambda-runtime"]
#[allow(clippy::print_stdout, reason = "a random test prints its seed")]
fn no_event_brings_the_environment_down() {
    let seed = std::env::var("KIRO2API_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
    });
    println!("KIRO2API_SEED={seed}");
    let mut random = Random(seed | 1);
    let stage = Stage::new();
    let good = Dialect::ALL.map(|dialect| dialect.ask("hello", random.below(2) == 0));
    for round in 0..300 {
        let request = &good[random.below(3)];
        let mut event = if random.below(4) == 0 { request.http_api("prod") } else { request.function_url() };
        for _ in 0..=random.below(3) {
            spoil(&mut event, &mut random);
        }
        let mut bytes = event.to_string().into_bytes();
        if random.below(20) == 0 {
            bytes.truncate(random.below(bytes.len()));
        }
        let answer = invoke(&stage, bytes.clone());
        let event = String::from_utf8_lossy(&bytes);
        assert!(matches!(answer.end, End::Complete | End::Buffered(_)), "round {round}: {:?}: {event}", answer.end);
        assert!((200..500).contains(&answer.status()), "round {round}: {}: {event}", answer.text());
    }
    stage.serves();
    stage.well();
}

fn invoke(stage: &Stage, event: Vec<u8>) -> Answer {
    stage.environment.invoke(Invocation::raw(event)).unwrap().whole().unwrap()
}

fn with(event: &Value, name: &str, value: Value) -> Value {
    let mut event = event.clone();
    event[name] = value;
    event
}

/// Changes one place of an event.
fn spoil(event: &mut Value, random: &mut Random) {
    let mut place = event;
    loop {
        let size = match &*place {
            Value::Object(fields) => fields.len(),
            Value::Array(items) => items.len(),
            _ => 0,
        };
        if size == 0 || random.below(4) == 0 {
            break;
        }
        let at = random.below(size);
        place = match place {
            Value::Object(fields) => {
                let name = fields.keys().nth(at).unwrap().clone();
                if random.below(3) == 0 {
                    fields.remove(&name);
                    return;
                }
                fields.get_mut(&name).unwrap()
            }
            Value::Array(items) => &mut items[at],
            _ => return,
        };
    }
    *place = match random.below(12) {
        0 => Value::Null,
        1 => json!(-1),
        2 => json!(1e300),
        3 => json!(true),
        4 => json!(""),
        5 => json!("\u{0}\r\n\u{7f}"),
        6 => json!("/../%2e%2e/%zz?a=%ff&&=#"),
        7 => json!("x".repeat(100_000)),
        8 => json!([[[]], {}]),
        9 => json!({ "": { "\n": null }, "ü": [1] }),
        10 => serde_json::from_str(&format!("{}{}", "[".repeat(100), "]".repeat(100))).unwrap(),
        _ => json!("\u{FEFF}\u{10FFFF}ä"),
    };
}

/// A small generator: the same seed, the same events.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}
