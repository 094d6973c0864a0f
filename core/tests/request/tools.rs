//! Tools: names, descriptions, choice.

use kiro2api_core::turn::ToolChoice;
use serde_json::Value;

use crate::talk::{Declared, Talk, assistant, call, result, text, tool, user};

const NOTHING: &str = r#"{"type":"object","properties":{}}"#;

fn with_tools(tools: Vec<Declared>) -> Talk {
    let mut talk = Talk::of([user([text("go")])]);
    talk.tools = tools;
    talk
}

fn specs(talk: &Talk) -> Vec<(String, String)> {
    let current = talk.current();
    let tools = current["userInputMessageContext"]["tools"].as_array().cloned().unwrap_or_default();
    let string = |value: &Value| value.as_str().unwrap().to_owned();
    tools
        .iter()
        .map(|tool| &tool["toolSpecification"])
        .map(|spec| (string(&spec["name"]), string(&spec["description"])))
        .collect()
}

fn names(talk: &Talk) -> Vec<String> {
    specs(talk).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn names_map_to_legal_ones_and_back() {
    let long = format!("mcp__server__{}", "x".repeat(80));
    let talk =
        with_tools(vec![tool(&long, "d", NOTHING), tool("web search", "d", NOTHING), tool("Read", "d", NOTHING)]);
    let encoded = talk.encode();
    let upstream = names(&talk);
    assert_eq!(upstream[0].len(), 63);
    assert!(upstream[0].starts_with("mcp__server__xxx"));
    assert_eq!(upstream[2], "Read");
    let back: Vec<_> = upstream.iter().map(|name| encoded.names().client_name(name)).collect();
    assert_eq!(back, [&long, "web search", "Read"]);
    assert_eq!(encoded.names().client_name("read"), "Read");
}

#[test]
fn a_name_does_not_depend_on_the_order_of_declaration() {
    let of = |order: [&str; 3]| {
        let talk = with_tools(order.iter().map(|name| tool(name, "d", NOTHING)).collect());
        let mut all = names(&talk);
        all.sort();
        all
    };
    assert_eq!(of(["read", "Read", "a b"]), of(["a b", "Read", "read"]));
}

#[test]
fn of_two_tools_with_one_name_the_first_counts() {
    let talk = with_tools(vec![tool("a", "first", NOTHING), tool("a", "second", NOTHING)]);
    assert_eq!(specs(&talk), [("a".to_owned(), "first".to_owned())]);
}

#[test]
fn a_tool_only_history_knows_gets_a_stub() {
    let mut talk = Talk::of([user([text("go")]), assistant([call("t", "gone", "{}")]), user([result("t", "r")])]);
    assert_eq!(names(&talk), ["gone"]);
    talk.tools = vec![tool("Gone", "d", NOTHING)];
    assert_eq!(specs(&talk), [("Gone".to_owned(), "d".to_owned())]);
    assert_eq!(talk.turns()[1]["assistantResponseMessage"]["toolUses"][0]["name"], "Gone");
}

#[test]
fn server_tools_are_not_declared() {
    let server = |name: &str| Declared {
        name: name.to_owned(),
        description: String::new(),
        schema: Err("web_search_20250305".to_owned()),
    };
    assert_eq!(names(&with_tools(vec![server("web_search"), tool("a", "d", NOTHING)])), ["a"]);
    assert_eq!(with_tools(vec![server("web_search")]).current()["userInputMessageContext"], Value::Null);
}

#[test]
fn an_empty_description_is_derived() {
    assert_eq!(specs(&with_tools(vec![tool("look", " ", NOTHING)]))[0].1, "The tool look.");
}

#[test]
fn a_long_description_moves_to_the_system_text_whole() {
    let long = format!("Runs a command.\n\n{}", "details é ".repeat(1_100));
    let mut talk = with_tools(vec![tool("Bash", &long, NOTHING), tool("Read", "Reads.", NOTHING)]);
    talk.system = vec!["Be kind.".to_owned()];
    let system = talk.contents()[0].clone();
    assert_eq!(system, format!("Be kind.\n\n# Tool manual\n\n## Bash\n\n{long}"));
    let description = &specs(&talk)[0].1;
    assert!(description.starts_with("Runs a command.\n\nThe full description is in the section \"Bash\""));
    talk.choice = ToolChoice::None;
    assert_eq!(talk.contents()[0], system, "the prefix does not follow the choice");
}

#[test]
fn a_description_at_the_limit_stays() {
    let talk = with_tools(vec![tool("a", &"x".repeat(10_000), NOTHING)]);
    assert_eq!(talk.contents(), ["go"]);
    assert_eq!(with_tools(vec![tool("a", &"x".repeat(10_001), NOTHING)]).contents().len(), 3);
}

fn chosen(choice: ToolChoice<'static>, parallel: bool) -> (String, Vec<String>) {
    let mut talk =
        Talk::of([user([text("go")]), assistant([call("t", "b", "{}")]), user([result("t", "r"), text("on")])]);
    talk.tools = vec![tool("a", "d", NOTHING), tool("b", "d", NOTHING)];
    (talk.choice, talk.parallel) = (choice, parallel);
    (talk.contents().pop().unwrap(), names(&talk))
}

#[test]
fn a_choice_is_told_in_the_current_turn() {
    let ab = || vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(chosen(ToolChoice::Auto, true), ("on".to_owned(), ab()));
    let (content, names) = chosen(ToolChoice::Any, false);
    assert_eq!(
        content,
        "on\n\nReply by calling one of your tools, not with text. Call at most one tool in this reply."
    );
    assert_eq!(names, ab());
    let (content, names) = chosen(ToolChoice::Tool("a".into()), true);
    assert_eq!((content.as_str(), names), ("on\n\nReply by calling the tool a, not with text.", ab()));
    let (content, names) = chosen(ToolChoice::None, true);
    assert_eq!(
        (content.as_str(), names),
        ("on\n\nReply with text only: no tool may be called now.", vec!["b".to_owned()])
    );
    assert_eq!(chosen(ToolChoice::Tool("web_search".into()), true), ("on".to_owned(), ab()));
}

#[test]
fn a_chosen_tool_is_offered_alone() {
    let mut talk = with_tools(vec![tool("a", "d", NOTHING), tool("b", "d", NOTHING)]);
    talk.choice = ToolChoice::Tool("b".into());
    assert_eq!(names(&talk), ["b"]);
    talk.choice = ToolChoice::None;
    assert_eq!((names(&talk), talk.contents()), (vec![], vec!["go".to_owned()]));
}
