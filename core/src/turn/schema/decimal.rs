//! Numbers of JSON as decimals: compared and divided without binary floating point.

use core::cmp::Ordering;
use core::fmt;

/// `±0.d₁d₂…dₙ × 10^magnitude`, without zeros at either end of the digits.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Decimal {
    negative: bool,
    /// The digits' values; empty for zero.
    digits: Vec<u8>,
    magnitude: i64,
}

impl Decimal {
    /// Reads a JSON number. An exponent beyond ±10¹² is taken for that bound.
    pub(super) fn read(text: &str) -> Self {
        let (text, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let far = if exponent.starts_with('-') { -FAR } else { FAR };
        let exponent = exponent.parse::<i64>().map_or(far, |exponent| exponent.clamp(-FAR, FAR));
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let all = whole.bytes().chain(fraction.bytes()).map(|byte| byte.wrapping_sub(b'0'));
        let zeros = all.clone().take_while(|&digit| digit == 0).count();
        let mut digits: Vec<u8> = all.skip(zeros).collect();
        while digits.last() == Some(&0) {
            digits.pop();
        }
        if digits.is_empty() {
            return Self::default();
        }
        let count = |length: usize| i64::try_from(length).unwrap_or(FAR);
        Self { negative: text.starts_with('-'), digits, magnitude: count(whole.len()) - count(zeros) + exponent }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.unit() >= 0
    }

    pub(super) fn is_positive(&self) -> bool {
        !self.negative && !self.digits.is_empty()
    }

    /// Whether it can be a divisor: at most 36 digits.
    pub(super) fn is_handy(&self) -> bool {
        self.digits.len() <= 36
    }

    /// A length or count; `None` where it is none.
    pub(super) fn count(&self) -> Option<usize> {
        if self.negative || !self.is_whole() || self.magnitude > 15 {
            return None;
        }
        let zeros = usize::try_from(self.unit()).unwrap_or(0);
        let digits = self.digits.iter().chain(core::iter::repeat_n(&0, zeros));
        Some(digits.fold(0, |sum, &digit| sum * 10 + usize::from(digit)))
    }

    /// Whether it is a whole number of times `divisor`. `None` where that cannot be told: a divisor of more than
    /// 36 digits, or numbers more than 4,000 digits apart.
    pub(super) fn is_multiple_of(&self, divisor: &Self) -> Option<bool> {
        if self.digits.is_empty() {
            return Some(true);
        }
        if divisor.digits.is_empty() || !divisor.is_handy() {
            return None;
        }
        let zeros = self.unit() - divisor.unit();
        // Its last digit is not zero, so it cannot be a multiple of something that is one of ten.
        let Ok(zeros) = usize::try_from(zeros) else { return Some(false) };
        if zeros > 4000 {
            return None;
        }
        let by = divisor.digits.iter().fold(0_u128, |sum, &digit| sum * 10 + u128::from(digit));
        let digits = self.digits.iter().chain(core::iter::repeat_n(&0, zeros));
        Some(digits.fold(0_u128, |rest, &digit| (rest * 10 + u128::from(digit)) % by.max(1)) == 0)
    }

    /// The power of ten of its last digit.
    fn unit(&self) -> i64 {
        self.magnitude - i64::try_from(self.digits.len()).unwrap_or(FAR)
    }

    fn cmp_size(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (false, false) => self.magnitude.cmp(&other.magnitude).then_with(|| self.digits.cmp(&other.digits)),
            (left, right) => right.cmp(&left),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.cmp_size(other),
            (true, true) => other.cmp_size(self),
            (left, right) => right.cmp(&left),
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        let digits: String = self.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        let unit = self.unit();
        match usize::try_from(self.magnitude) {
            _ if digits.is_empty() => f.write_str("0"),
            Ok(whole) if whole <= 21 && unit >= 0 => write!(f, "{sign}{digits:0<whole$}"),
            Ok(whole) if (1..=21).contains(&whole) => {
                let (whole, fraction) = digits.split_at_checked(whole).unwrap_or((&digits, ""));
                write!(f, "{sign}{whole}.{fraction}")
            }
            Ok(0) => write!(f, "{sign}0.{digits}"),
            _ => write!(f, "{sign}{digits}e{unit}"),
        }
    }
}

/// Exponents beyond this are all alike.
const FAR: i64 = 1_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Decimal {
        Decimal::read(text)
    }

    #[test]
    fn numbers_stand_in_their_order() {
        let rising = ["-1e99", "-100", "-1.5", "-0.1", "0", "1e-400", "0.1", "0.11", "1", "9", "10", "1e2", "1e400"];
        for (at, low) in rising.iter().enumerate() {
            assert_eq!(read(low), read(low));
            for high in rising.iter().skip(at + 1) {
                assert!(read(low) < read(high), "{low} < {high}");
                assert!(read(high) > read(low), "{high} > {low}");
            }
        }
        assert!(read("9007199254740993") > read("9007199254740992"));
        assert_eq!(read("1.50e1"), read("15"));
        assert_eq!(read("-0.0"), read("0"));
    }

    #[test]
    fn multiples_are_exact() {
        for (number, divisor, expected) in [
            ("0.3", "0.1", Some(true)),
            ("0.35", "0.1", Some(false)),
            ("19.99", "0.01", Some(true)),
            ("12345678901234567890123", "3", Some(true)),
            ("1e30", "7", Some(false)),
            ("49e30", "7", Some(true)),
            ("15", "10", Some(false)),
            ("20", "10", Some(true)),
            ("0", "3", Some(true)),
            ("-9", "3", Some(true)),
            ("1e999999999999999", "3", None),
        ] {
            assert_eq!(read(number).is_multiple_of(&read(divisor)), expected, "{number} of {divisor}");
        }
    }

    #[test]
    fn numbers_are_shown_as_one_writes_them() {
        for (text, shown) in
            [("1.50", "1.5"), ("-120", "-120"), ("0.25", "0.25"), ("1e3", "1000"), ("1e-9", "1e-9"), ("-0", "0")]
        {
            assert_eq!(read(text).to_string(), shown);
        }
    }

    #[test]
    fn whole_numbers_and_counts() {
        assert!(read("1.0").is_whole() && read("1e3").is_whole() && !read("1.5").is_whole() && read("0").is_whole());
        assert_eq!((read("12e1").count(), read("0").count(), read("-1").count()), (Some(120), Some(0), None));
        assert_eq!((read("0.5").count(), read("1e99").count()), (None, None));
    }
}
