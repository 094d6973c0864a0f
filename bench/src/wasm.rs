//! The relay as a wasm module under node: what a Worker's isolate runs, without its runtime.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;
use serde_json::Value;

use crate::corpus::Input;
use crate::measure::{Effort, Row};
use crate::report;
use crate::suite::{self, Fault, Suite};

/// What the script reads.
#[derive(Serialize)]
struct Order<'a> {
    module: &'a Path,
    rounds: usize,
    turn_ms: f64,
    inputs: Vec<Relayed<'a>>,
}

#[derive(Serialize)]
struct Relayed<'a> {
    suite: String,
    label: &'a str,
    chunk: usize,
    frames: usize,
    request: &'a [u8],
    opening: &'a [u8],
    stream: &'a [u8],
}

/// Measures what `filter` names and prints it; says so where that cannot be done here.
pub(crate) fn print(filter: &str, effort: Effort, out: &mut impl Write) -> Result<Vec<Row>, Fault> {
    let suites = suite::all()?;
    let mut inputs = Vec::new();
    for suite in suites.iter().filter(|suite| suite.relays()) {
        let small = suite.inputs.iter().filter(|input| input.stream.len() < LARGE);
        inputs.extend(small.map(|input| order(suite, input)).filter(|one| one.name().contains(filter)));
    }
    if inputs.is_empty() {
        return Ok(Vec::new());
    }
    if Command::new("node").arg("--version").output().is_err() {
        writeln!(out, "\nnode is not installed: nothing is measured in wasm")?;
        return Ok(Vec::new());
    }
    let Some(module) = module()? else {
        writeln!(out, "\nthe wasm module could not be built (see above): nothing is measured in wasm")?;
        return Ok(Vec::new());
    };
    let order = Order { module: &module, rounds: effort.rounds, turn_ms: effort.turn.as_secs_f64() * 1e3, inputs };
    let rows = run(&order)?;
    let mut last = "";
    for row in &rows {
        if row.suite != last {
            report::head(out, &row.suite, &row.unit)?;
            last = &row.suite;
        }
        report::line(out, row)?;
    }
    Ok(rows)
}

impl Relayed<'_> {
    fn name(&self) -> String {
        format!("{}/{}/wasm", self.suite, self.label)
    }
}

fn order<'a>(suite: &Suite, input: &'a Input) -> Relayed<'a> {
    Relayed {
        suite: format!("wasm: {}", suite.name),
        label: &input.label,
        chunk: input.chunk,
        frames: input.holds.units,
        request: &input.request,
        opening: &input.opening,
        stream: &input.stream,
    }
}

/// Builds the loop as a module; `None` when cargo has said why it cannot be.
fn module() -> Result<Option<PathBuf>, Fault> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["rustc", "--quiet", "--package", "kiro2api-bench-loop", "--lib", "--crate-type", "cdylib"])
        .args([
            "--profile",
            "worker",
            "--target",
            "wasm32-unknown-unknown",
            "--message-format",
            "json-render-diagnostics",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()?;
    let messages = String::from_utf8(built.stdout)?;
    let files = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let names = files.filter_map(|message| message.get("filenames")?.as_array().cloned()).flatten();
    let paths = names.filter_map(|name| name.as_str().map(PathBuf::from));
    let mut modules = paths.filter(|path| path.extension().is_some_and(|end| end == "wasm"));
    Ok(if built.status.success() { modules.next_back() } else { None })
}

fn run(order: &Order<'_>) -> Result<Vec<Row>, Fault> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("wasm/run.mjs");
    let mut node = Command::new("node").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = node.stdin.take().ok_or("node takes no input")?;
    serde_json::to_writer(&mut input, order)?;
    drop(input);
    let done = node.wait_with_output()?;
    if !done.status.success() {
        return Err("the measurement in wasm failed".into());
    }
    Ok(serde_json::from_slice(&done.stdout)?)
}

/// Streams of more bytes are left out: they are sent as text.
const LARGE: usize = 1 << 20;
