//! Takes turns: every way runs once a round, and a ratio is taken within its round, so that a noisy neighbour slows
//! both sides of it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::corpus::Input;
use crate::heap;
use crate::suite::{Fault, Run, Suite, Way, Work};

/// What one way cost on one input.
#[derive(Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) suite: String,
    pub(crate) chunk: String,
    pub(crate) way: String,
    pub(crate) unit: String,
    pub(crate) units: usize,
    /// Bytes of result per unit: payload found or output written. Machine-independent.
    pub(crate) bytes_per_unit: f64,
    /// Warm: the second run on the same state. Machine-independent; not counted in wasm.
    pub(crate) allocations_per_unit: Option<f64>,
    /// Median over the rounds of this way's time divided by the limit's in the same round.
    pub(crate) ratio_to_limit: f64,
    /// Median over the rounds.
    pub(crate) ns_per_unit: f64,
}

/// How long to measure.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    /// The least time of one way in one round.
    pub(crate) turn: Duration,
}

/// One way on its way through the rounds.
struct Lane<'i> {
    way: &'static Way,
    run: Run<'i>,
    work: Work,
    allocations: u64,
    /// Runs in a turn, so that a turn is long enough for the clock.
    repeats: u32,
    /// Nanoseconds per run, by round.
    times: Vec<f64>,
}

/// Measures the ways of `suite` that `wanted` names, and always the limit, on one input.
pub(crate) fn rows(
    suite: &Suite,
    input: &Input,
    wanted: impl Fn(&Way) -> bool,
    effort: Effort,
) -> Result<Vec<Row>, Fault> {
    let chosen = suite.ways.iter().enumerate().filter(|(at, way)| *at == 0 || wanted(way));
    let mut lanes = chosen.map(|(_, way)| Lane::new(way, input, effort)).collect::<Result<Vec<_>, _>>()?;
    let count = lanes.len();
    for round in 0..effort.rounds {
        // Whoever runs first finds other caches than the last did, so the order turns too.
        for turn in 0..count {
            if let Some(lane) = lanes.get_mut((round + turn) % count) {
                lane.turn()?;
            }
        }
    }
    let limit = lanes.first().map(|lane| lane.times.clone()).unwrap_or_default();
    Ok(lanes.iter().map(|lane| lane.row(suite, input, &limit)).collect())
}

impl<'i> Lane<'i> {
    fn new(way: &'static Way, input: &'i Input, effort: Effort) -> Result<Self, Fault> {
        let mut run = (way.prepare)(input)?;
        let work = run()?;
        if work.units != input.holds.units || work.bytes < input.holds.bytes {
            return Err(format!("{}: found {} of {} units", way.name, work.units, input.holds.units).into());
        }
        let mut again = Ok(work);
        let allocations = heap::allocations(|| again = run());
        if again? != work {
            return Err(format!("{}: two runs gave two results", way.name).into());
        }
        let begun = Instant::now();
        run()?;
        let once = begun.elapsed().max(Duration::from_nanos(1));
        let repeats = u32::try_from(effort.turn.as_nanos() / once.as_nanos())?.max(1);
        Ok(Self { way, run, work, allocations, repeats, times: Vec::new() })
    }

    fn turn(&mut self) -> Result<(), Fault> {
        let begun = Instant::now();
        for _ in 0..self.repeats {
            black_box((self.run)()?);
        }
        self.times.push(begun.elapsed().as_nanos() as f64 / f64::from(self.repeats));
        Ok(())
    }

    fn row(&self, suite: &Suite, input: &Input, limit: &[f64]) -> Row {
        let units = self.work.units as f64;
        Row {
            suite: suite.name.to_owned(),
            chunk: input.label.clone(),
            way: self.way.name.to_owned(),
            unit: suite.unit.to_owned(),
            units: self.work.units,
            bytes_per_unit: self.work.bytes as f64 / units,
            allocations_per_unit: Some(self.allocations as f64 / units),
            ratio_to_limit: median(self.times.iter().zip(limit).map(|(mine, limit)| mine / limit).collect()),
            ns_per_unit: median(self.times.clone()) / units,
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
