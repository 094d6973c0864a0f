//! Benchmarks against named peers, all in one run. Times carry over to no other machine; ratios nearly, allocations do.

mod conversation;
mod corpus;
mod frames;
mod heap;
mod instructions;
mod measure;
mod peer;
mod pool;
mod relay;
mod report;
mod request;
mod suite;
mod wasm;

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::measure::Effort;
use crate::suite::Fault;

const HELP: &str = "\
Compares ways to do the same work, the first of which is the limit, in one run.

usage: bench [--quick] [--json FILE] [FILTER]
       bench --instructions [FILTER]

  FILTER       only suites, chunk sizes or ways whose `suite/chunk/way` holds this text; the limit always runs
  --quick      fewer and shorter rounds: good for allocations, poor for times
  --json FILE  also write the rows to FILE, as a JSON array
  --instructions
               counts instructions under valgrind instead of time (without FILTER: in chunks of 1400 B, and requests)
  --help       this text

The columns: allocations and bytes of result per unit of work (the same on every machine), the median over all rounds of
the time divided by the limit's time in the same round, and the median time (this machine, now).

Where node and the target wasm32-unknown-unknown are installed, the relay is measured as a wasm module too, built with
the profile of the Workers bundle.
";

/// What the command line asked for.
struct Wish {
    filter: String,
    json: Option<PathBuf>,
    effort: Effort,
    mode: Mode,
}

enum Mode {
    Times,
    Instructions,
    /// Runs the one way of this name so many times and prints nothing: what a counter of instructions looks at.
    Repeat(u32),
}

fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    let done = match Wish::read(env::args().skip(1)) {
        Ok(Some(wish)) => match wish.mode {
            Mode::Times => run(&wish, &mut out),
            Mode::Instructions => instructions::print(&wish.filter, &mut out),
            Mode::Repeat(times) => instructions::repeat(&wish.filter, times),
        },
        Ok(None) => out.write_all(HELP.as_bytes()).map_err(Fault::from),
        Err(fault) => Err(fault),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            // Nothing is left to be done when even this cannot be written.
            let _ = writeln!(io::stderr(), "bench: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(wish: &Wish, out: &mut impl Write) -> Result<(), Fault> {
    let mut rows = Vec::new();
    for suite in suite::all()? {
        let mut headed = false;
        for input in &suite.inputs {
            let wanted = |way: &suite::Way| suite.name_of(input, way).contains(&wish.filter);
            if !suite.ways.iter().any(wanted) {
                continue;
            }
            if !headed {
                report::head(out, suite.name, suite.unit)?;
                headed = true;
            }
            for row in measure::rows(&suite, input, wanted, wish.effort)? {
                report::line(out, &row)?;
                rows.push(row);
            }
        }
    }
    if rows.is_empty() {
        return Err(format!("nothing matches `{}`", wish.filter).into());
    }
    rows.extend(wasm::print(&wish.filter, wish.effort, out)?);
    match &wish.json {
        Some(path) => report::save(&rows, path).map_err(|fault| format!("{}: {fault}", path.display()).into()),
        None => Ok(()),
    }
}

impl Wish {
    /// Reads the command line; `None` asks for the help text.
    fn read(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, Fault> {
        let effort = Effort { rounds: 61, turn: Duration::from_millis(4) };
        let mut wish = Self { filter: String::new(), json: None, effort, mode: Mode::Times };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--help" | "-h" => return Ok(None),
                "--quick" => wish.effort = Effort { rounds: 5, turn: Duration::from_millis(1) },
                "--instructions" => wish.mode = Mode::Instructions,
                "--repeat" => wish.mode = Mode::Repeat(args.next().ok_or("--repeat needs a number")?.parse()?),
                "--json" => wish.json = Some(args.next().ok_or("--json needs a file")?.into()),
                option if option.starts_with('-') => {
                    return Err(format!("unknown option {option}; see --help").into());
                }
                filter if wish.filter.is_empty() => wish.filter = filter.to_owned(),
                extra => return Err(format!("one filter at most; {extra} is the second").into()),
            }
        }
        Ok(Some(wish))
    }
}
