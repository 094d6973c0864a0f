//! Points in time as texts of RFC 3339.

use super::Millis;

impl Millis {
    /// UTC, to the millisecond. Days to a civil date by counting 400-year eras from March.
    pub fn rfc3339(self) -> String {
        let (days, rest) = (self.0 / DAY, self.0 % DAY);
        let shifted = days + 719_468;
        let (era, of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        let (hour, minute, second, milli) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60, rest % 1_000);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }

    /// Reads a time of RFC 3339 from 1970 on, or a day, which is its first instant in UTC. Fractions of a second are
    /// cut to milliseconds, and a leap second is the one after it.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let (date, time) = text.split_at_checked(10)?;
        let [year, month, day] = numbers(date, b'-', [4, 2, 2])?;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            2 => 28 + u64::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if year < 1970 || !(1..=12).contains(&month) || !(1..=length).contains(&day) {
            return None;
        }
        // Years begin in March, so that a leap day is the last one.
        let (year, shifted) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * shifted + 2) / 5 + day - 1 - 719_468;
        let (of_day, ahead) = if time.is_empty() { (0, 0) } else { clock(time)? };
        (days * DAY + of_day).checked_add_signed(-ahead).map(Self)
    }
}

/// Milliseconds of the day, and how many its place is ahead of UTC.
fn clock(text: &str) -> Option<(u64, i64)> {
    let (time, rest) = text.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
    let [hour, minute, second] = numbers(time, b':', [2, 2, 2])?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at_checked(rest.bytes().take_while(u8::is_ascii_digit).count())?,
        None => ("0", rest),
    };
    let millis = fraction.bytes().chain(*b"00").take(3).fold(0, |sum, digit| sum * 10 + u64::from(digit & 15));
    let fits = hour < 24 && minute < 60 && second < 61 && !fraction.is_empty();
    let of_day = ((hour * 60 + minute) * 60 + second) * 1000 + millis;
    let ahead = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => 0,
        (sign @ ("+" | "-"), offset) => {
            let [hours, minutes] = numbers(offset, b':', [2, 2])?;
            let span = i64::try_from((hours * 60 + minutes) * 60_000).ok().filter(|_| hours < 24 && minutes < 60)?;
            if sign == "+" { span } else { -span }
        }
        _ => return None,
    };
    fits.then_some((of_day, ahead))
}

/// Numbers of so many digits each.
fn numbers<const N: usize>(text: &str, between: u8, digits: [usize; N]) -> Option<[u64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(char::from(between));
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

const DAY: u64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days_in_both_directions() {
        for (at, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (1_735_689_599_999, "2024-12-31T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(Millis(at).rfc3339(), text);
            assert_eq!(Millis::from_rfc3339(text), Some(Millis(at)), "{text}");
        }
    }

    #[test]
    fn days_zones_and_fractions_are_read() {
        for (text, same) in [
            ("2024-02-29", "2024-02-29T00:00:00.000Z"),
            ("2024-02-29T12:30:00z", "2024-02-29T12:30:00.000Z"),
            ("2024-02-29 12:30:00+01:00", "2024-02-29T11:30:00.000Z"),
            ("2024-02-29t12:30:00.5-00:30", "2024-02-29T13:00:00.500Z"),
            ("2024-02-29T12:30:00.123456789Z", "2024-02-29T12:30:00.123Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(Millis::from_rfc3339(text).map(Millis::rfc3339).as_deref(), Some(same), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2024",
            "2024-2-29",
            "2023-02-29",
            "2100-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-01-00",
            "2024-01-32",
            "1969-12-31",
            "29-02-2024",
            "2024-02-29T",
            "2024-02-29T12:30",
            "2024-02-29T12:30:00",
            "2024-02-29T24:00:00Z",
            "2024-02-29T12:60:00Z",
            "2024-02-29T12:30:00.Z",
            "2024-02-29T12:30:00+1:00",
            "2024-02-29T12:30:00+24:00",
            "2024-02-29T12:30:00Z ",
            "2024-02-29Z",
            "２024-02-29",
            "+024-02-29",
            "1970-01-01T00:00:00+01:00",
            "tomorrow",
        ] {
            assert_eq!(Millis::from_rfc3339(text), None, "{text}");
        }
    }
}
