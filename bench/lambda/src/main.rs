//! What an answer costs on Lambda: this gateway beside a function on the same runtime and HTTP client that passes the service's
//! bytes through, in one run and in turns, under the emulated Runtime API with the simulated service behind it.

mod functions;
mod measure;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use kiro2api_tests::runtime_api::Fault;
use kiro2api_tests::{Config, Upstream};

use functions::{Function, direct};
use measure::{Spread, answer, cold, idle};

const HELP: &str = "\
usage: bench-lambda --gateway FILE --pass-through FILE [--quick]

  --gateway FILE       the gateway's program for Lambda
  --pass-through FILE  the example `passthrough` of the same crate
  --quick              fewer rounds
";

struct Wish {
    gateway: PathBuf,
    pass_through: PathBuf,
    rounds: usize,
}

fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    let done = match Wish::read(std::env::args().skip(1)) {
        Ok(wish) => run(&wish, &mut out),
        Err(fault) => Err(fault),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            // Nothing is left to be done when even this cannot be written.
            let _ = writeln!(io::stderr(), "bench-lambda: {fault}\n{HELP}");
            ExitCode::FAILURE
        }
    }
}

impl Wish {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Fault> {
        let (mut gateway, mut pass_through, mut rounds) = (None, None, 31);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--gateway" => gateway = words.next().map(PathBuf::from),
                "--pass-through" => pass_through = words.next().map(PathBuf::from),
                "--quick" => rounds = 5,
                other => return Err(format!("unknown argument {other}").into()),
            }
        }
        let (gateway, pass_through) = gateway.zip(pass_through).ok_or("both programs are needed")?;
        Ok(Self { gateway, pass_through, rounds })
    }
}

fn run(wish: &Wish, out: &mut impl Write) -> Result<(), Fault> {
    let upstream = Upstream::start(Config { max_records: 100, ..Config::default() })?;
    let functions =
        [Function::pass_through(&wish.pass_through, &upstream), Function::gateway(&wish.gateway, &upstream)];
    writeln!(out, "medians of {} rounds, both functions in turns; ÷ is the median of the rounds' ratios", wish.rounds)?;
    for function in &functions {
        writeln!(out, "{:14} program {:.2} MiB", function.name, function.size()? as f64 / MIB)?;
    }
    starts(wish, &functions, out)?;
    answers(wish, &upstream, &functions, out)?;
    for function in &functions {
        let each = idle(function, &upstream)?;
        writeln!(out, "{:14} {:.1} KiB a stream that is silent (32 at once)", function.name, each / 1024.0)?;
    }
    Ok(())
}

fn starts(wish: &Wish, functions: &[Function; 2], out: &mut impl Write) -> Result<(), Fault> {
    let mut spread = Spread::new(&["first event ms", "CPU ms", "peak MiB"]);
    for _ in 0..wish.rounds {
        let [peer, own] = functions.each_ref().map(cold);
        spread.round(peer?, own?);
    }
    spread.print("start", out)
}

fn answers(wish: &Wish, upstream: &Upstream, functions: &[Function; 2], out: &mut impl Write) -> Result<(), Fault> {
    let mut running = Vec::new();
    for function in functions {
        running.push(function.start()?);
    }
    let [peer, own] = running.as_slice() else { return Err("two functions".into()) };
    for (name, frames, script) in [
        ("one frame", 1, "text \"word \""),
        ("one frame after 20 ms", 1, "delay 20; text \"word \""),
        ("50 frames", 50, "text \"word \" times=50 chunk=5"),
        ("500 frames", 500, "text \"word \" times=500 chunk=5"),
        ("5000 frames", 5_000, "text \"word \" times=5000 chunk=5"),
        ("500 frames, 2 ms apart", 500, "pace 2; text \"word \" times=500 chunk=5"),
    ] {
        let long = frames > 500 || script.starts_with("pace");
        let rounds = if long { wish.rounds.div_ceil(3) } else { wish.rounds };
        let mut spread = Spread::new(&["first words ms", "total ms", "CPU ms"]);
        let mut calls = Spread::new(&["first words ms", "total ms"]);
        for round in 0..=rounds {
            let called = direct(upstream, script, frames)?;
            let turn = [answer(&functions[0], peer, script, frames)?, answer(&functions[1], own, script, frames)?];
            // The first round warms up.
            if round > 0 {
                let [peer, own] = turn;
                calls.round(called.clone(), called);
                spread.round(peer, own);
            }
        }
        calls.print_peer(&format!("{name}, direct"), out)?;
        spread.print(name, out)?;
    }
    for (function, environment) in functions.iter().zip(&running) {
        let usage = environment.usage()?;
        let (peak, left) = (usage.peak as f64 / MIB, usage.resident as f64 / MIB);
        writeln!(out, "{:14} peak {peak:.1} MiB, then {left:.1} MiB, after all of that", function.name)?;
    }
    Ok(())
}

/// Bytes in a MiB.
const MIB: f64 = 1_048_576.0;
