//! How fast an account's quota is used, and when it will be used up at that rate.

use serde::{Deserialize, Serialize};

use super::quota::Credits;
use crate::host::Millis;

/// What is used in a day, as a mean in which use counts half as much every [`HALF_LIFE`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug, Serialize, Deserialize)]
pub(super) struct Rate {
    per_day: Credits,
    /// How much of the past the mean knows, in millionths: without it the time before the first reading would count as
    /// time in which nothing was used.
    known: u64,
}

impl Rate {
    /// The rate after so much was used in the last `span`.
    #[must_use]
    pub(super) fn after(self, spent: Credits, span: Millis) -> Self {
        if span == Millis(0) {
            return self;
        }
        let kept = (-days(span) / days(HALF_LIFE)).exp2();
        let mean = self.per_day.units() * kept + spent.units() / days(span) * (1.0 - kept);
        let known = Credits(self.known).units() * kept + (1.0 - kept);
        Self { per_day: Credits::of(mean), known: Credits::of(known).0 }
    }

    /// How long so much lasts. `None`: nothing is used, or too little is known.
    pub(super) fn lasts(self, remaining: Credits) -> Option<Millis> {
        let known = Rate::default().after(Credits::default(), KNOWN_FROM).known;
        if self.known < known || self.per_day == Credits::default() {
            return None;
        }
        let per_day = self.per_day.units() / Credits(self.known).units();
        let span = remaining.units() / per_day * days_to_millis();
        Some(Millis(Credits::of(span / MILLION).0))
    }
}

#[expect(clippy::cast_precision_loss, reason = "no span has so many digits")]
fn days(span: Millis) -> f64 {
    span.0 as f64 / days_to_millis()
}

const fn days_to_millis() -> f64 {
    86_400_000.0
}

const MILLION: f64 = 1e6;
/// Long enough for a working day's pauses, short enough to see that somebody has begun to work.
const HALF_LIFE: Millis = Millis::mins(6 * 60);
/// Nothing is foretold from less than this.
const KNOWN_FROM: Millis = Millis::mins(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(hours: u64) -> Millis {
        Millis::mins(60 * hours)
    }

    /// Within a thousandth.
    fn near(lasts: Option<Millis>, expected: Millis) -> bool {
        lasts.is_some_and(|lasts| lasts.0.abs_diff(expected.0) <= expected.0 / 1000)
    }

    #[test]
    fn a_steady_use_is_foretold_from_the_first_pair_of_readings_on() {
        let mut rate = Rate::default();
        for _ in 0..50 {
            rate = rate.after(Credits::of(2.0), hours(1));
            assert!(near(rate.lasts(Credits::of(100.0)), hours(50)), "{rate:?}");
        }
    }

    #[test]
    fn half_of_what_is_known_is_forgotten_in_six_hours() {
        let busy = Rate::default().after(Credits::of(1000.0), hours(200));
        let then_idle = busy.after(Credits::default(), hours(6));
        assert!(near(busy.lasts(Credits::of(100.0)), hours(20)));
        assert!(near(then_idle.lasts(Credits::of(100.0)), hours(40)), "{then_idle:?}");
    }

    #[test]
    fn nothing_is_foretold_from_nothing_from_minutes_or_for_the_idle() {
        let left = Credits::of(100.0);
        assert_eq!(Rate::default().lasts(left), None);
        assert_eq!(Rate::default().after(Credits::of(9.0), Millis::mins(9)).lasts(left), None);
        assert_eq!(Rate::default().after(Credits::default(), hours(9)).lasts(left), None);
        assert_eq!(Rate::default().after(Credits::of(9.0), Millis(0)), Rate::default());
    }
}
