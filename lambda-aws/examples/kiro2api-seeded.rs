//! The function with a clock and randomness that repeat themselves, so that its answers can be compared byte for byte
//! with another platform's. No artefact that is deployed holds it; `tests/clients/support/seeded_worker.mjs` is its twin.
//!
//! Each exchange draws once, at its beginning, and always draws the same bytes. With that the clock goes back to its
//! start, stands there until it is looked at, and then runs: timers elapse, and the seconds in answers repeat.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use kiro2api_core::Millis;
use kiro2api_lambda::environment::Environment;
use kiro2api_lambda::machine::Machine;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let machine = Machine { now, fill };
    let environment = Environment::start(machine, |name| std::env::var(name).ok()).await;
    kiro2api_lambda::serve(environment).await
}

/// When the clock was first looked at since the last draw.
static STARTED: Mutex<Option<Instant>> = Mutex::new(None);

fn now() -> Millis {
    let started = *STARTED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
    START + Millis(u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX))
}

fn fill(buffer: &mut [u8]) {
    *STARTED.lock().unwrap_or_else(PoisonError::into_inner) = None;
    let mut state = SEED;
    for chunk in buffer.chunks_mut(8) {
        state = mix(state);
        for (byte, value) in chunk.iter_mut().zip(state.to_le_bytes()) {
            *byte = value;
        }
    }
}

/// One step of splitmix64.
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// As in the worlds that wrote the goldens: 2026-11-21 12:00 UTC, and the same bytes.
const START: Millis = Millis(1_795_262_400_000);
const SEED: u64 = 1;
