//! The formats of strings that are verified. Others say nothing, as the specification has it.

/// Whether `text` has this format; true for formats that are not known.
pub(super) fn fits(format: &str, text: &str) -> bool {
    match format {
        "date-time" => is_date_time(text),
        "date" => is_date(text),
        "time" => is_time(text),
        "duration" => is_duration(text),
        "email" => is_email(text),
        "hostname" => is_hostname(text),
        "uuid" => is_uuid(text),
        "ipv4" => text.parse::<core::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<core::net::Ipv6Addr>().is_ok(),
        "uri" => is_uri(text),
        _ => true,
    }
}

/// RFC 3339: a date, `T` and a time.
fn is_date_time(text: &str) -> bool {
    text.split_once(['T', 't']).is_some_and(|(date, time)| is_date(date) && is_time(time))
}

fn is_date(text: &str) -> bool {
    let Some([year, month, day]) = numbers(text, '-', [4, 2, 2]) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=last).contains(&day)
}

/// A time of day with its offset. The 60th second of a leap second is taken in any minute.
fn is_time(text: &str) -> bool {
    let Some(at) = text.find(['Z', 'z', '+', '-']) else { return false };
    let (clock, offset) = text.split_at(at);
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let fine = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let in_day =
        numbers(whole, ':', [2, 2, 2]).is_some_and(|[hour, minute, second]| hour < 24 && minute < 60 && second <= 60);
    let zoned = matches!(offset, "Z" | "z")
        || offset.get(1..).and_then(|offset| numbers(offset, ':', [2, 2])).is_some_and(|[h, m]| h < 24 && m < 60);
    fine && in_day && zoned
}

/// ISO 8601: `P3Y6M4DT12H30M5S`, `P4W`; units in their order, at least one.
fn is_duration(text: &str) -> bool {
    let Some(text) = text.strip_prefix('P') else { return false };
    if let Some(weeks) = text.strip_suffix('W') {
        return is_digits(weeks);
    }
    let (days, clock) = match text.split_once('T') {
        Some((_, "")) => return false,
        Some((days, clock)) => (days, clock),
        None => (text, ""),
    };
    !text.is_empty() && units(days, "YMD") && units(clock, "HMS")
}

fn units(mut text: &str, mut units: &str) -> bool {
    while !text.is_empty() {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let mut rest = text.get(digits..).unwrap_or("").chars();
        let Some(at) = rest.next().and_then(|unit| units.find(unit)) else { return false };
        if digits == 0 {
            return false;
        }
        units = units.get(at + 1..).unwrap_or("");
        text = rest.as_str();
    }
    true
}

/// One `@` outside of quotes with a name before and a domain or an address literal behind it.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-.".contains(&byte) || byte >= 0x80;
    let dotted = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
    !local.is_empty() && local.len() <= 64 && dotted && local.bytes().all(atom) && is_hostname(domain)
}

fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

fn is_uuid(text: &str) -> bool {
    let bytes = text.bytes().enumerate();
    text.len() == 36
        && bytes.into_iter().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A scheme, a colon, and only characters that RFC 3986 allows.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let named = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    let escaped = rest
        .split('%')
        .skip(1)
        .all(|tail| tail.get(..2).is_some_and(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit())));
    named && rest.bytes().all(allowed) && escaped
}

/// Numbers of exactly these many digits with `between` between them.
fn numbers<const N: usize>(text: &str, between: char, digits: [usize; N]) -> Option<[u32; N]> {
    let mut parts = text.split(between);
    let mut numbers = [0; N];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits && is_digits(part))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn each_format_takes_its_own_and_nothing_else() {
        let table: &[(&str, &[&str], &[&str])] = &[
            (
                "date-time",
                &["2024-02-29T23:59:60Z", "2024-01-01t00:00:00.123+05:30"],
                &["2024-01-01", "2024-01-01 00:00:00Z", "2024-01-01T00:00:00", "2023-02-29T00:00:00Z", "T", "é"],
            ),
            (
                "date",
                &["2000-02-29", "1999-12-31"],
                &["1900-02-29", "2024-13-01", "2024-1-1", "2024-04-31", "+024-01-01"],
            ),
            (
                "time",
                &["12:00:00Z", "12:00:00.5-01:00"],
                &["24:00:00Z", "12:00Z", "12:00:00", "12:00:00.Z", "12:00:00+1"],
            ),
            ("duration", &["P1Y2M3DT4H5M6S", "P2W", "PT1S", "P1D"], &["P", "PT", "P1S", "1D", "P1DT", "P1D2Y", "PW"]),
            ("email", &["a.b+c@example.org", "x@localhost"], &["a", "@b", "a@", ".a@b", "a..b@c", "a b@c", "a@-b"]),
            ("hostname", &["example.org", "a-b.c"], &["", "-a", "a..b", "a_b", "é.org"]),
            (
                "uuid",
                &["123e4567-e89b-12d3-a456-426614174000"],
                &["123e4567e89b12d3a456426614174000", "g23e4567-e89b-12d3-a456-426614174000"],
            ),
            ("ipv4", &["127.0.0.1"], &["256.0.0.1", "1.2.3", "::1"]),
            ("ipv6", &["::1", "2001:db8::8a2e:370:7334"], &["127.0.0.1", ":::"]),
            ("uri", &["https://example.org/a?b=%20#c", "urn:x:y"], &["/a", "a b:c", "http://a b", "x:%2", "://a"]),
            ("never-heard-of", &["anything"], &[]),
        ];
        for (format, good, bad) in table {
            good.iter().for_each(|text| assert!(fits(format, text), "{format}: {text}"));
            bad.iter().for_each(|text| assert!(!fits(format, text), "{format}: {text}"));
        }
    }
}
