//! Instructions per unit of work, counted by valgrind: the same on every run, which times are not.

use std::env;
use std::hint::black_box;
use std::io::Write;
use std::process::Command;

use crate::corpus::Input;
use crate::suite::{self, Fault, Suite, Way};

/// Prints a table of what `filter` names.
pub(crate) fn print(filter: &str, out: &mut impl Write) -> Result<(), Fault> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        writeln!(out, "valgrind is not installed: no instruction is counted")?;
        return Ok(());
    }
    for suite in suite::all()? {
        let wanted = |input: &Input, way: &Way| match filter {
            "" => !suite.relays() || input.chunk == 1_400,
            filter => suite.name_of(input, way).contains(filter),
        };
        for input in &suite.inputs {
            let ways: Vec<_> = suite.ways.iter().filter(|way| wanted(input, way)).collect();
            if !ways.is_empty() {
                writeln!(out, "\n{}, {}: instructions per {}", suite.name, input.label, suite.unit)?;
            }
            for way in ways {
                let name = suite.name_of(input, way);
                let (few, many) = (count(&name, FEW)?, count(&name, MANY)?);
                let each = (many - few) as f64 / f64::from(MANY - FEW) / input.holds.units as f64;
                writeln!(out, "  {:<28} {each:>13.0}", way.name)?;
            }
        }
    }
    Ok(())
}

/// Does the work of the one way called `name`, `times` times.
pub(crate) fn repeat(name: &str, times: u32) -> Result<(), Fault> {
    let suites = suite::all()?;
    let all = suites.iter().flat_map(|suite| suite.inputs.iter().map(move |input| (suite, input)));
    let mut ways = all.flat_map(|(suite, input): (&Suite, _)| suite.ways.iter().map(move |way| (suite, input, way)));
    let (_, input, way) = ways
        .find(|(suite, input, way)| suite.name_of(input, way) == name)
        .ok_or_else(|| format!("nothing is called `{name}`"))?;
    let mut run = (way.prepare)(input)?;
    for _ in 0..times {
        black_box(run()?);
    }
    Ok(())
}

/// Instructions of a process of its own: the difference of two such counts is that of the work alone.
fn count(name: &str, times: u32) -> Result<u64, Fault> {
    let done = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args(["--repeat", &times.to_string(), name])
        .output()?;
    let told = String::from_utf8_lossy(&done.stderr);
    let collected = told.lines().find_map(|line| line.split_once("Collected :")).map(|(_, count)| count.trim());
    match collected {
        Some(count) if done.status.success() => Ok(count.parse()?),
        _ => Err(format!("valgrind on `{name}`: {told}").into()),
    }
}

/// The first runs fill buffers and caches.
const FEW: u32 = 2;
const MANY: u32 = 12;
