//! When a quota comes back if the service did not say.

use crate::host::Millis;

/// The first instant of the next month, UTC.
///
/// Days are counted in years that begin on March 1st, where the leap day is the last one (the usual
/// civil-from-days reckoning, proleptic Gregorian).
pub(super) fn next_month(now: Millis) -> Millis {
    let day = now.0 / DAY;
    let (year, month, _) = civil(day);
    let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    Millis(days_from_civil(year, month).saturating_mul(DAY))
}

/// The next midnight, UTC.
pub(super) fn next_day(now: Millis) -> Millis {
    Millis((now.0 / DAY + 1).saturating_mul(DAY))
}

fn civil(day: u64) -> (u64, u64, u64) {
    let days = day + TO_MARCH_YEAR_ZERO;
    let era_day = days % DAYS_IN_ERA;
    let era_year = (era_day - era_day / 1460 + era_day / 36_524 - era_day / 146_096) / 365;
    let year_day = era_day - (365 * era_year + era_year / 4 - era_year / 100);
    let march_month = (5 * year_day + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = days / DAYS_IN_ERA * 400 + era_year + u64::from(month <= 2);
    (year, month, year_day - (153 * march_month + 2) / 5 + 1)
}

fn days_from_civil(year: u64, month: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let era_year = year % 400;
    let year_day = (153 * march_month + 2) / 5;
    let era_day = era_year * 365 + era_year / 4 - era_year / 100 + year_day;
    (year / 400 * DAYS_IN_ERA + era_day).saturating_sub(TO_MARCH_YEAR_ZERO)
}

const DAY: u64 = 86_400_000;
const DAYS_IN_ERA: u64 = 146_097;
/// From March 1st of the year 0 to January 1st, 1970.
const TO_MARCH_YEAR_ZERO: u64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_month_begins_at_midnight_utc() {
        // Values of `date -u -d … +%s`.
        for (now, expected) in [
            (1_795_284_000, 1_796_083_200), // 2026-11-21 18:00 -> 2026-12-01
            (1_796_083_199, 1_796_083_200), // the last second of November
            (1_796_083_200, 1_798_761_600), // 2026-12-01 -> 2027-01-01
            (1_835_308_800, 1_835_481_600), // 2028-02-28, a leap year -> 2028-03-01
            (1_835_395_200, 1_835_481_600), // 2028-02-29 -> 2028-03-01
            (4_107_456_000, 4_107_542_400), // 2100-02-28, no leap year -> 2100-03-01
            (0, 2_678_400),                 // 1970-01-01 -> 1970-02-01
        ] {
            assert_eq!(next_month(Millis::secs(now)), Millis::secs(expected), "{now}");
        }
    }
}
