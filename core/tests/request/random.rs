//! Random conversations: any roles, any parts, wild names, ids, schemas and inputs.
//!
//! The seed is fixed; `REQUEST_SEED` chooses another and `REQUEST_CASES` scales the number of cases (100 is
//! the default of 10,000 in all). A failure prints both and the smallest conversation that fails.

use kiro2api_core::Kind;
use kiro2api_core::models;
use kiro2api_core::turn::{Effort, Role, Thinking, ToolChoice};
use kiro2api_core::upstream::check::check;
use kiro2api_core::upstream::{Wishes, encode};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use crate::talk::{Bit, Declared, Talk};

#[expect(clippy::disallowed_methods, reason = "the core never reads the environment, its tests may")]
fn env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn run<S: Strategy>(percent: u32, strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let seed = env("REQUEST_SEED", 20_261_121);
    let cases = percent * u32::try_from(env("REQUEST_CASES", 100)).unwrap();
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    if let Err(error) = runner.run(&strategy, test) {
        panic!("REQUEST_SEED={seed} REQUEST_CASES={}: {error}", cases / percent);
    }
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-z]{1,8}( [a-zé😀\"\\\\\n\t]{1,8}){0,3}",
        1 => Just(String::new()),
        1 => Just(" \n\t".to_owned()),
        2 => "\\PC{0,20}",
        1 => any::<String>(),
        1 => Just("{\"currentMessage\":null}],\"history\":[".to_owned()),
    ]
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec!["a", "b", "call_0", "call_1", "call.1:x", "", "日本"]).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9_-]{1,70}",
        1 => "\\PC{0,90}",
    ]
}

fn name() -> impl Strategy<Value = String> {
    let known = vec!["Read", "read", "READ", "Bash", "web search", "mcp__a__b", "1st", "", "工具", "a.b", "a:b"];
    prop_oneof![
        6 => prop::sample::select(known).prop_map(str::to_owned),
        1 => "[a-zA-Z][a-zA-Z0-9_-]{0,90}",
        1 => "\\PC{0,80}",
    ]
}

/// Any JSON text: with nulls, empty keys, big numbers, surrogate escapes, and now and then very deep.
fn json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-1.50e3".to_owned()),
        Just("12345678901234567890123".to_owned()),
        Just(r#""\ud83d""#.to_owned()),
        words().prop_map(|text| Value::from(text).to_string()),
        words().prop_map(|text| Value::from(format!("{{\"a\":{}}}", Value::from(text))).to_string()),
    ];
    let tree = scalar.prop_recursive(4, 12, 4, |inner| {
        let key = prop_oneof![Just(String::new()), "[a-c]", words()].prop_map(|key| Value::from(key).to_string());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" , "))),
            prop::collection::vec((key, inner), 0..4).prop_map(|members| {
                let members: Vec<_> = members.into_iter().map(|(key, value)| format!("{key}:{value}")).collect();
                format!("{{{}}}", members.join(",\n"))
            }),
        ]
    });
    let deep = (90_usize..400).prop_map(|n| format!("{}1{}", "{\"k\":[".repeat(n), "]}".repeat(n)));
    prop_oneof![60 => tree, 1 => deep]
}

/// A schema, or something that should have been one.
fn schema() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(r#"{"type":"string"}"#.to_owned()),
        Just(r#"{"type":["string","null"],"default":null}"#.to_owned()),
        Just(r##"{"$ref":"#/$defs/x"}"##.to_owned()),
        Just(r##"{"$ref":"#/definitions/y","description":"here"}"##.to_owned()),
        Just(r##"{"$ref":"#"}"##.to_owned()),
        Just("true".to_owned()),
        json(),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        let keyword = prop::sample::select(vec![
            "items",
            "not",
            "additionalProperties",
            "default",
            "enum",
            "const",
            "type",
            "required",
            "description",
            "properties",
            "anyOf",
            "$ref",
            "if",
            "x-own",
        ]);
        let tables = prop::sample::select(vec!["properties", "$defs", "definitions", "patternProperties"]);
        let lists = prop::sample::select(vec!["anyOf", "oneOf", "allOf", "items", "prefixItems"]);
        let key = prop::sample::select(vec!["x", "y", "type", "properties", "$ref", "", "required"]);
        let single = (keyword, inner.clone()).prop_map(|(key, value)| format!("\"{key}\":{value}"));
        let table = (tables, prop::collection::vec((key, inner.clone()), 0..3)).prop_map(|(key, members)| {
            let members: Vec<_> = members.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
            format!("\"{key}\":{{{}}}", members.join(","))
        });
        let list = (lists, prop::collection::vec(inner, 0..3))
            .prop_map(|(key, items)| format!("\"{key}\":[{}]", items.join(",")));
        let fixed = prop_oneof![Just("\"type\":\"object\"".to_owned()), Just("\"required\":[\"x\"]".to_owned())];
        prop::collection::vec(prop_oneof![2 => single, 3 => table, 2 => list, 2 => fixed], 0..4)
            .prop_map(|members| format!("{{{}}}", members.join(",")))
    })
}

fn bit() -> impl Strategy<Value = Bit> {
    let plain = prop_oneof![
        6 => words().prop_map(Bit::Text),
        1 => Just(Bit::Image),
        1 => (words(), prop::sample::select(vec!["pdf", "markdown", "csv"]))
            .prop_map(|(name, format)| Bit::Document(name, format.to_owned())),
    ];
    let inner = prop::collection::vec(plain.clone(), 0..3);
    prop_oneof![
        8 => plain,
        4 => (id(), name(), json()).prop_map(|(id, name, input)| Bit::Use(id, name, input)),
        4 => (id(), any::<bool>(), inner).prop_map(|(id, error, bits)| Bit::Result(id, error, bits)),
        1 => (words(), prop::option::of(words())).prop_map(|(text, sign)| Bit::Thinking(text, sign)),
        1 => prop_oneof![Just("AAAA".to_owned()), words()].prop_map(Bit::Redacted),
    ]
}

fn declared() -> impl Strategy<Value = Declared> {
    let description = prop_oneof![30 => words(), 1 => (9_990_usize..10_010).prop_map(|n| "é".repeat(n)), 1 => Just("x ".repeat(6_000))];
    let schema = prop_oneof![
        8 => schema().prop_map(|schema| Ok(Some(schema))),
        1 => Just(Ok(None)),
        1 => Just(Err("web_search_20250305".to_owned())),
    ];
    (name(), description, schema).prop_map(|(name, description, schema)| Declared { name, description, schema })
}

fn talk() -> impl Strategy<Value = Talk> {
    let role = prop_oneof![Just(Role::User), Just(Role::Assistant)];
    let messages = prop::collection::vec((role, prop::collection::vec(bit(), 0..4)), 0..9);
    let choice = prop_oneof![
        4 => Just(ToolChoice::Auto),
        1 => Just(ToolChoice::Any),
        1 => Just(ToolChoice::None),
        1 => name().prop_map(|name| ToolChoice::Tool(name.into())),
    ];
    let effort = prop::sample::select(vec![Effort::Low, Effort::Medium, Effort::High, Effort::XHigh, Effort::Max]);
    let thinking = prop::option::of((effort, prop::option::of(any::<u32>())));
    let rest = (any::<bool>(), thinking, prop::option::of(any::<u32>()), prop::option::of(words()));
    let head = (0..models::Catalogue::built_in().all().len(), prop::collection::vec(words(), 0..3));
    (head, messages, prop::collection::vec(declared(), 0..4), choice, rest).prop_map(
        |((model, system), messages, tools, choice, (parallel, thinking, max_tokens, session))| Talk {
            model: &models::Catalogue::built_in().all()[model],
            system,
            messages,
            tools,
            choice,
            parallel,
            thinking: thinking.map_or(Thinking::Off, |(effort, budget)| Thinking::On { effort, budget }),
            max_tokens,
            session,
        },
    )
}

/// The body, or `None` where the model cannot see the images of the current turn.
fn body(talk: &Talk, strict: bool) -> Result<Option<String>, TestCaseError> {
    let turn = talk.turn();
    let wishes = Wishes { strict, ..Wishes::default() };
    match encode(&turn, &wishes) {
        Ok(mut encoded) => {
            prop_assert_eq!(encoded.len(), encoded.body(None).len());
            Ok(Some(String::from_utf8(encoded.body(None).to_vec()).unwrap()))
        }
        Err(error) => {
            prop_assert_eq!(error.kind(), Kind::Invalid);
            prop_assert!(!talk.model.images, "{}", error);
            Ok(None)
        }
    }
}

#[test]
fn every_body_keeps_every_rule_and_no_text_is_lost() {
    run(50, (talk(), any::<bool>()), |(talk, strict)| {
        let Some(body) = body(&talk, strict)? else { return Ok(()) };
        let broken = check(body.as_bytes());
        prop_assert!(broken.is_empty(), "{:#?}\n{}", broken, body);
        let value: Value = serde_json::from_str(&body).unwrap();
        let mut strings = Vec::new();
        gather(&value, &mut strings);
        for text in texts(&talk).into_iter().filter(|text| !text.trim().is_empty()) {
            prop_assert!(strings.iter().any(|string| string.contains(text)), "{:?} is lost in {}", text, body);
        }
        Ok(())
    });
}

fn gather<'v>(value: &'v Value, strings: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => strings.push(text),
        Value::Array(items) => items.iter().for_each(|item| gather(item, strings)),
        Value::Object(members) => members.values().for_each(|value| gather(value, strings)),
        _ => {}
    }
}

/// Every text of the conversation that must arrive.
fn texts(talk: &Talk) -> Vec<&str> {
    fn of(bit: &Bit) -> Vec<&str> {
        match bit {
            Bit::Text(text) => vec![text],
            Bit::Result(_, _, bits) => bits.iter().flat_map(of).collect(),
            _ => Vec::new(),
        }
    }
    let said = talk.messages.iter().flat_map(|(_, bits)| bits).flat_map(of);
    talk.system.iter().map(String::as_str).chain(said).collect()
}

#[test]
fn names_map_back() {
    run(15, talk(), |talk| {
        let Some(body) = body(&talk, false)? else { return Ok(()) };
        let value: Value = serde_json::from_str(&body).unwrap();
        let encoded = talk.encode();
        let client: Vec<&str> = talk.tools.iter().filter(|tool| tool.schema.is_ok()).map(|tool| &*tool.name).collect();
        let uses = talk.messages.iter().flat_map(|(_, bits)| bits);
        let used: Vec<&str> =
            uses.filter_map(|bit| if let Bit::Use(_, name, _) = bit { Some(&**name) } else { None }).collect();
        let context = &value["conversationState"]["currentMessage"]["userInputMessage"]["userInputMessageContext"];
        let mut seen = std::collections::BTreeSet::new();
        for spec in context["tools"].as_array().into_iter().flatten() {
            let upstream = spec["toolSpecification"]["name"].as_str().unwrap();
            let name = encoded.names().client_name(upstream);
            prop_assert!(client.contains(&name) || used.contains(&name), "{} is nobody's", name);
            prop_assert!(seen.insert(name.to_owned()), "{} is mapped to twice", name);
            let shouted = upstream.to_ascii_uppercase();
            prop_assert_eq!(encoded.names().client_name(&shouted), name);
        }
        if talk.choice == ToolChoice::Auto {
            for name in client {
                prop_assert!(seen.contains(name), "{:?} is not offered", name);
            }
        }
        Ok(())
    });
}

#[test]
fn the_same_turn_is_the_same_bytes() {
    run(5, talk(), |talk| {
        prop_assert_eq!(body(&talk, false)?, body(&talk.clone(), false)?);
        Ok(())
    });
}

/// A body's bytes up to where its history ends.
fn prefix(body: &str) -> &str {
    let end = body.rfind("],\"currentMessage\":{\"userInputMessage\"");
    end.or_else(|| body.rfind(",\"currentMessage\":{\"userInputMessage\"")).map_or(body, |at| &body[..at])
}

#[test]
fn history_keeps_its_bytes_when_the_conversation_grows() {
    let reply = words().prop_filter("an answer", |text| !text.trim().is_empty());
    let more = prop::collection::vec(prop::collection::vec(bit(), 0..4), 1..4);
    run(20, (talk(), words(), reply, more), |(mut talk, question, reply, more)| {
        talk.parallel = true;
        talk.choice = ToolChoice::Auto;
        talk.messages.push((Role::User, vec![Bit::Text(question)]));
        let Some(before) = body(&talk, false)? else { return Ok(()) };
        talk.messages.push((Role::Assistant, vec![Bit::Text(reply)]));
        for (at, bits) in more.into_iter().enumerate() {
            talk.messages.push((if at % 2 == 0 { Role::User } else { Role::Assistant }, bits));
        }
        let Some(after) = body(&talk, false)? else { return Ok(()) };
        prop_assert!(after.starts_with(prefix(&before)), "{}\n{}", before, after);
        let value = |body: &str| serde_json::from_str::<Value>(body).unwrap()["conversationState"].take();
        let (before, after) = (value(&before), value(&after));
        let mut asked = before["currentMessage"].clone();
        let message = asked["userInputMessage"].as_object_mut().unwrap();
        if let Some(context) = message.get_mut("userInputMessageContext").and_then(Value::as_object_mut) {
            context.remove("tools");
            if context.is_empty() {
                message.remove("userInputMessageContext");
            }
        }
        let place = before["history"].as_array().map_or(0, Vec::len);
        if talk.model.images {
            prop_assert_eq!(&after["history"][place], &asked);
        }
        Ok(())
    });
}

#[test]
fn every_schema_becomes_one_the_service_takes() {
    run(10, (prop::collection::vec(schema(), 1..8), any::<bool>()), |(schemas, strict)| {
        let tools = schemas.into_iter().enumerate().map(|(at, schema)| Declared {
            name: format!("tool{at}"),
            description: "d".to_owned(),
            schema: Ok(Some(schema)),
        });
        let talk = Talk { tools: tools.collect(), ..Talk::default() };
        let body = body(&talk, strict)?.unwrap();
        let broken = check(body.as_bytes());
        prop_assert!(broken.is_empty(), "{:#?}\n{}", broken, body);
        Ok(())
    });
}
