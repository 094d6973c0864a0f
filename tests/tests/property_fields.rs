//! Whatever a model's schema says and whatever a client wishes, the fields that are written are valid under it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test")]

use kiro2api_core::Millis;
use kiro2api_core::host::Head;
use kiro2api_core::models::Catalogue;
use kiro2api_core::turn::{Effort, Message, Part, Role, Thinking, ToolChoice, Turn};
use kiro2api_core::upstream::{Wishes, catalogue, encode};
use serde_json::{Map, Value, json};

const SEED: u64 = 0x5eed_0000_0f1e_1d50;

#[test]
fn written_fields_fit_the_schema_and_say_no_more_than_was_asked() {
    let (mut written, mut thoughts) = (0, 0);
    for round in 0..20_000_u64 {
        let mut random = Random(SEED ^ round.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let schema = schema(&mut random);
        let wish = wish(&mut random);
        let max_tokens = (random.below(4) > 0).then(|| u32::try_from(random.below(200_000)).unwrap());
        let fields = fields(&schema, wish, max_tokens);
        if fields.is_null() {
            continue;
        }
        written += 1;
        let referee = jsonschema::draft202012::options().build(&schema).unwrap();
        let context = || format!("seed {SEED:#x}, round {round}: {fields} of {wish:?}, {max_tokens:?} under {schema}");
        assert!(referee.is_valid(&fields), "{}", context());
        for name in ["output_config", "reasoning"] {
            let Some(effort) = fields[name]["effort"].as_str() else { continue };
            thoughts += 1;
            let Thinking::On { effort: asked, .. } = wish else { panic!("{}", context()) };
            let rank = EFFORTS.iter().position(|word| *word == effort).unwrap();
            assert!(rank <= asked as usize, "{}", context());
        }
        let off = fields["thinking"]["type"] == "disabled";
        assert!(!(off && fields.get("output_config").is_some()), "{}", context());
        if let (Some(told), Some(asked)) = (fields["max_tokens"].as_u64(), max_tokens) {
            let required =
                schema["required"].as_array().is_some_and(|names| names.iter().any(|name| name == "max_tokens"));
            assert!(told <= u64::from(asked) || required, "{}", context());
        }
    }
    eprintln!("seed {SEED:#x}: {written} written, {thoughts} efforts");
    assert!(written > 5_000 && thoughts > 2_000, "{written} written, {thoughts} efforts: the generator is lopsided");
}

/// What a request for these wishes says to a model of this schema.
fn fields(schema: &Value, thinking: Thinking, max_tokens: Option<u32>) -> Value {
    let list = json!({"models": [{"modelId": "claude-opus-9.1", "additionalModelRequestFieldsSchema": schema}]});
    let head = Head { status: 200, headers: vec![] };
    let page = catalogue::read(&head, list.to_string().as_bytes(), Millis(0)).unwrap();
    let models = Catalogue::built_in().live(&page.models);
    let turn = Turn {
        model: models.find("claude-opus-9-1").unwrap(),
        system: vec![],
        messages: vec![Message { role: Role::User, parts: vec![Part::Text("hi".into())] }],
        tools: vec![],
        tool_choice: ToolChoice::Auto,
        parallel_tools: true,
        thinking,
        max_tokens,
        stop_sequences: vec![],
        session: None,
        format: None,
        truncate: false,
        stream: true,
        ignored: vec![],
    };
    let mut encoded = encode(&turn, &Wishes::default()).unwrap();
    let mut body: Value = serde_json::from_slice(encoded.body(None)).unwrap();
    let fields = body["additionalModelRequestFields"].take();
    assert_eq!(encoded.limited(), fields.get("max_tokens").is_some());
    assert_eq!(encoded.extra_fields().is_empty(), fields.is_null());
    fields
}

fn wish(random: &mut Random) -> Thinking {
    let efforts = [Effort::Low, Effort::Medium, Effort::High, Effort::XHigh, Effort::Max];
    if random.below(4) == 0 { Thinking::Off } else { Thinking::On { effort: random.one(&efforts), budget: None } }
}

const EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];

fn schema(random: &mut Random) -> Value {
    let mut properties = Map::new();
    for name in ["thinking", "output_config", "reasoning", "max_tokens", "temperature"] {
        if random.below(3) > 0 {
            let inside = match name {
                "thinking" => thinking(random),
                "max_tokens" => tokens(random),
                _ => effort(random),
            };
            properties.insert(name.to_owned(), inside);
        }
    }
    let mut root = json!({"type": "object", "properties": properties});
    requires(&mut root, &["thinking", "output_config", "max_tokens", "temperature"], 6, random);
    closes(&mut root, random);
    oddity(&mut root, random);
    root
}

fn thinking(random: &mut Random) -> Value {
    let mut node =
        json!({"type": "object", "properties": {"type": words(&["adaptive", "disabled", "enabled"], random)}});
    if random.below(3) > 0 {
        node["properties"]["display"] = words(&["summarized", "omitted", "whole"], random);
    }
    requires(&mut node, &["type", "display", "budget_tokens"], 3, random);
    closes(&mut node, random);
    oddity(&mut node, random);
    node
}

fn effort(random: &mut Random) -> Value {
    let mut node = json!({"type": "object", "properties": {"effort": words(&["none", "low", "medium", "high", "xhigh", "max"], random)}});
    requires(&mut node, &["effort", "summary"], 4, random);
    closes(&mut node, random);
    oddity(&mut node, random);
    node
}

fn words(all: &[&str], random: &mut Random) -> Value {
    let some: Vec<&str> = all.iter().copied().filter(|_| random.below(3) > 0).collect();
    let mut node = match random.below(8) {
        0 => json!({"type": "string"}),
        1 => json!({"const": random.one(all)}),
        2 => json!({"type": ["string", "null"], "enum": some}),
        3 => json!({"enum": some}),
        4 => json!({"type": "boolean"}),
        _ => json!({"type": "string", "enum": some, "default": "high", "description": "How much."}),
    };
    // An empty enumeration is no schema to some readers.
    if node["enum"].as_array().is_some_and(Vec::is_empty) {
        node = json!({"type": "string", "enum": ["other"]});
    }
    oddity(&mut node, random);
    node
}

fn tokens(random: &mut Random) -> Value {
    let mut node = json!({"type": random.one(&["integer", "integer", "number", "string"])});
    if random.below(2) == 0 {
        node["minimum"] = random.one(&[json!(1024), json!(-3), json!(1.5), json!(100_000)]);
    }
    if random.below(2) == 0 {
        node["maximum"] = random.one(&[json!(64_000), json!(128_000.9), json!(1e20), json!(500)]);
    }
    oddity(&mut node, random);
    node
}

fn requires(node: &mut Value, names: &[&str], rarely: usize, random: &mut Random) {
    let some: Vec<&str> = names.iter().copied().filter(|_| random.below(rarely) == 0).collect();
    if random.below(2) == 0 {
        node["required"] = json!(some);
    }
}

fn closes(node: &mut Value, random: &mut Random) {
    if random.below(3) > 0 {
        node["additionalProperties"] = json!(random.below(4) == 0);
    }
}

/// Now and then something that limits a value in a way of its own.
fn oddity(node: &mut Value, random: &mut Random) {
    let (name, value) = match random.below(60) {
        0 => ("anyOf", json!([{"type": "object", "maxProperties": 0}, {"type": "string", "maxLength": 3}])),
        1 => ("not", json!({"required": ["effort"]})),
        2 => ("pattern", json!("^h")),
        3 => ("minProperties", json!(2)),
        4 => ("multipleOf", json!(7)),
        5 => ("minLength", json!(5)),
        6 => ("if", json!({"required": ["thinking"]})),
        7 => ("dependentRequired", json!({"thinking": ["temperature"], "type": ["display"]})),
        8 => ("propertyNames", json!({"maxLength": 4})),
        9 => ("exclusiveMaximum", json!(2000)),
        10 => ("title", json!("A title")),
        _ => return,
    };
    node[name] = value;
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}
