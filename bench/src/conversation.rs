//! A conversation as Claude Code sends it: a long system text, fourteen tools with manuals, and many rounds of calls
//! and results. The same bytes on every machine.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// A Messages body of about `bytes` bytes, in the order of members the client writes.
pub(crate) fn write(bytes: usize) -> String {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut body = format!(
        r#"{{"model":"claude-opus-4-6","messages":[{{"role":"user","content":[{{"type":"text","text":{}}},{{"type":"text","text":{}}}]}}"#,
        quoted("<system-reminder>\nAs you answer, you can use the following notes.\n</system-reminder>\n"),
        quoted(&dice.prose(400)),
    );
    let tail = tail(&mut dice);
    for round in 0.. {
        if body.len() + tail.len() >= bytes {
            break;
        }
        call_and_result(round, &mut dice, &mut body);
    }
    body + &tail
}

/// An answer with one or two calls, and the turn with their results.
fn call_and_result(round: usize, dice: &mut Dice, body: &mut String) {
    let (mut calls, mut results) = (String::new(), String::new());
    for at in 0..round % 4 / 3 + 1 {
        let id = format!("toolu_01{:016x}{round:04x}{at:02x}", dice.next());
        let (name, input, result) = dice.call();
        let comma = if at > 0 { "," } else { "" };
        push(&mut calls, format_args!(r#",{{"type":"tool_use","id":"{id}","name":"{name}","input":{input}}}"#));
        let result = quoted(&result);
        push(
            &mut results,
            format_args!(r#"{comma}{{"tool_use_id":"{id}","type":"tool_result","content":{result},"is_error":false}}"#),
        );
    }
    let says = quoted(&dice.prose(160));
    push(body, format_args!(r#",{{"role":"assistant","content":[{{"type":"text","text":{says}}}{calls}]}}"#));
    push(body, format_args!(r#",{{"role":"user","content":[{results}]}}"#));
}

/// Everything behind the messages.
fn tail(dice: &mut Dice) -> String {
    let system = quoted(&dice.prose(28_000));
    let tools: Vec<String> = TOOLS.iter().map(|name| tool(name, dice)).collect();
    format!(
        r#"],"system":[{{"type":"text","text":"You are Claude Code, Anthropic's official CLI for Claude.","cache_control":{{"type":"ephemeral"}}}},{{"type":"text","text":{system},"cache_control":{{"type":"ephemeral"}}}}],"tools":[{}],"metadata":{{"user_id":"user_1_account__session_6f1c2a4e-0000-4000-8000-000000000000"}},"max_tokens":32000,"thinking":{{"type":"adaptive"}},"stream":true}}"#,
        tools.join(",")
    )
}

fn tool(name: &str, dice: &mut Dice) -> String {
    let members = ["file_path", "pattern", "limit", "options"].map(|member| {
        let about = quoted(&dice.prose(120));
        match member {
            "limit" => format!(r#""limit":{{"description":{about},"type":"number","minimum":0}}"#),
            "options" => format!(
                r#""options":{{"description":{about},"type":"array","items":{{"type":"object","properties":{{"label":{{"type":"string"}}}},"required":["label"],"additionalProperties":false}}}}"#
            ),
            _ => format!(r#""{member}":{{"description":{about},"type":"string"}}"#),
        }
    });
    format!(
        r#"{{"name":"{name}","description":{},"input_schema":{{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{{{}}},"required":["file_path"],"additionalProperties":false}}}}"#,
        quoted(&dice.prose(2_500)),
        members.join(",")
    )
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = out.write_fmt(text);
}

/// A small generator (xorshift), so that the bytes depend on nothing.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        let at = self.next() % list.len() as u64;
        usize::try_from(at).ok().and_then(|at| list.get(at).copied()).unwrap_or_default()
    }

    /// Sentences, a list now and then, about `bytes` long.
    fn prose(&mut self, bytes: usize) -> String {
        let mut text = String::new();
        while text.len() < bytes {
            text.push_str(self.pick(&["- ", "", "", "", "# "]));
            for _ in 0..8 + self.next() % 12 {
                text.push_str(self.pick(WORDS));
                text.push(' ');
            }
            text.push_str(self.pick(&["now.\n", "then.\n\n", "`src/lib.rs`.\n", "it's \"done\".\n", "again: "]));
        }
        text
    }

    /// Lines of a program, numbered as the client's reader does it.
    fn listing(&mut self, lines: u64) -> String {
        let mut text = String::new();
        for number in 1..=lines {
            push(&mut text, format_args!("{number:6}→"));
            text.push_str(self.pick(LINES));
            text.push('\n');
        }
        text
    }

    /// A tool's name, its input, and what it came to.
    fn call(&mut self) -> (&'static str, Value, String) {
        let (size, path) = (20 + self.next() % 120, self.pick(PATHS));
        match self.next() % 4 {
            0 | 1 => ("Read", json!({ "file_path": path, "limit": size }), self.listing(size)),
            2 => {
                let lines = |dice: &mut Self| (0..12).map(|_| dice.pick(LINES)).collect::<Vec<_>>().join("\n");
                let (old, new) = (lines(self), lines(self));
                let input = json!({ "file_path": path, "old_string": old, "new_string": new, "replace_all": false });
                ("Edit", input, format!("The file {path} has been updated.\n{}", self.listing(14)))
            }
            _ => {
                let command = format!("grep -rn \"{}\" src | head -{size}", self.pick(WORDS));
                let found: String =
                    (0..size).map(|at| format!("{}:{at}:{}\n", self.pick(PATHS), self.pick(LINES))).collect();
                ("Bash", json!({ "command": command, "description": "Search the sources" }), found)
            }
        }
    }
}

const TOOLS: [&str; 14] = [
    "Task",
    "Bash",
    "Glob",
    "Grep",
    "Read",
    "Edit",
    "Write",
    "NotebookEdit",
    "WebFetch",
    "WebSearch",
    "TodoWrite",
    "BashOutput",
    "KillShell",
    "Skill",
];
const PATHS: &[&str] = &[
    "/home/dev/project/src/main.rs",
    "/home/dev/project/src/exchange/relay.rs",
    "/home/dev/project/tests/stream.rs",
    "/home/dev/project/Cargo.toml",
    "/home/dev/project/docs/guide.md",
];
const WORDS: &[&str] = &[
    "the",
    "the",
    "a",
    "of",
    "to",
    "and",
    "is",
    "in",
    "file",
    "function",
    "returns",
    "value",
    "when",
    "you",
    "should",
    "must",
    "never",
    "error",
    "stream",
    "request",
    "before",
    "after",
    "each",
    "whole",
    "Result<T, E>",
    "call",
    "tests",
    "HTTP",
    "JSON",
    "configuration",
    "implementation",
    "user's",
    "—",
    "because",
    "parse_header()",
    "timeout",
    "100",
];
const LINES: &[&str] = &[
    "use std::collections::BTreeMap;",
    "",
    "    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {",
    "        let mut total = 0_usize;",
    "        for (index, item) in items.iter().enumerate() {",
    "            out.push_str(\"\\\"name\\\": \");",
    "\t\treturn fmt.Errorf(\"open %s: %w\", path, err)",
    "    }",
    "}",
    "    /// Says how many bytes are missing; 0 on a boundary.",
    "        assert_eq!(read(&frame).unwrap(), expected);",
    "  \"dependencies\": { \"serde\": \"1.0\", \"memchr\": \"2\" },",
    "    if value.is_none() { return Err(Error::new(\"x\")); }",
    "const LIMIT: u64 = 0x7fff_ffff;",
    "# Usage",
    "  - `--quick`: fewer rounds, good for allocations",
];
