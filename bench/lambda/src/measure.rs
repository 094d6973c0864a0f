//! What is measured of a function, and how rounds become a line.

use std::io::Write;
use std::time::Instant;

use kiro2api_tests::Upstream;
use kiro2api_tests::runtime_api::{End, Environment, Fault, Invocation, Usage};

use crate::MIB;
use crate::functions::Function;

/// A start without an event: milliseconds until it asks for one, CPU milliseconds, peak memory in MiB.
pub(crate) fn cold(function: &Function) -> Result<Vec<f64>, Fault> {
    let mut environment = function.spawn()?;
    let ready = environment.ready()?;
    let Usage { cpu, peak, .. } = environment.usage()?;
    Ok(vec![ready.as_secs_f64() * 1e3, cpu.as_secs_f64() * 1e3, peak as f64 / MIB])
}

/// One answer: milliseconds to the first words and to the end, CPU milliseconds of the process.
pub(crate) fn answer(
    function: &Function,
    environment: &Environment,
    script: &str,
    frames: usize,
) -> Result<Vec<f64>, Fault> {
    let polls = environment.api().polls();
    let before = environment.usage()?.cpu;
    let begun = Instant::now();
    let mut answering = environment.invoke(Invocation::new(&(function.ask)(script).function_url()))?;
    let mut text = answering.until("word ")?;
    let first = begun.elapsed();
    let rest = answering.whole()?;
    let total = begun.elapsed();
    text.push_str(&rest.text());
    if rest.end != End::Complete || !(function.whole)(&text, frames) {
        return Err(format!("{}: {:?} {text}", function.name, rest.end).into());
    }
    // What is done after the answer belongs to it as well.
    environment.api().polled(polls + 1)?;
    let cpu = environment.usage()?.cpu.saturating_sub(before);
    Ok([first, total, cpu].map(|time| time.as_secs_f64() * 1e3).to_vec())
}

/// Resident bytes for each of 32 streams that have begun and are silent.
pub(crate) fn idle(function: &Function, upstream: &Upstream) -> Result<f64, Fault> {
    let environment = function.start_with(STREAMS + 1)?;
    let invoke = |script: &str| environment.invoke(Invocation::new(&(function.ask)(script).function_url()));
    invoke("text \"word \"")?.whole()?;
    let before = environment.usage()?.resident;
    let mut open = Vec::new();
    for _ in 0..STREAMS {
        let mut answering = invoke("text \"word \"; stall")?;
        answering.until("word ")?;
        open.push(answering);
    }
    if upstream.open_streams() != STREAMS {
        return Err(format!("{} streams are open", upstream.open_streams()).into());
    }
    let after = environment.usage()?.resident;
    drop(open);
    drop(environment);
    // The service has seen them all go before the next function is measured.
    while upstream.open_streams() > 0 {
        std::thread::yield_now();
    }
    Ok(after.saturating_sub(before) as f64 / STREAMS as f64)
}

/// Values of both functions by round.
pub(crate) struct Spread {
    columns: &'static [&'static str],
    rounds: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Spread {
    pub(crate) fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, rounds: Vec::new() }
    }

    pub(crate) fn round(&mut self, peer: Vec<f64>, own: Vec<f64>) {
        self.rounds.push((peer, own));
    }

    /// `name: column peer · own · ratio`, for each column.
    pub(crate) fn print(&self, name: &str, out: &mut impl Write) -> Result<(), Fault> {
        write!(out, "{name:28}")?;
        for (at, column) in self.columns.iter().enumerate() {
            let median = |pick: &dyn Fn(f64, f64) -> f64| self.median(at, pick);
            let (peer, own) = (median(&|peer, _| peer), median(&|_, own| own));
            let (ratio, over) = (median(&|peer, own| own / peer), median(&|peer, own| own - peer));
            write!(out, "  {column}: {peer:.2} → {own:.2} (÷ {ratio:.2}, + {over:.2})")?;
        }
        Ok(writeln!(out)?)
    }

    /// The first side alone.
    pub(crate) fn print_peer(&self, name: &str, out: &mut impl Write) -> Result<(), Fault> {
        write!(out, "{name:28}")?;
        for (at, column) in self.columns.iter().enumerate() {
            write!(out, "  {column}: {:.2}", self.median(at, &|peer, _| peer))?;
        }
        Ok(writeln!(out)?)
    }

    fn median(&self, column: usize, pick: &dyn Fn(f64, f64) -> f64) -> f64 {
        let both = |(peer, own): &(Vec<f64>, Vec<f64>)| Some(pick(*peer.get(column)?, *own.get(column)?));
        let mut values: Vec<f64> = self.rounds.iter().filter_map(both).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

const STREAMS: usize = 32;
