//! Parses sizes, durations and times in the notations of PD, TiKV and Go.

/// `97.66GiB` as bytes; PD prints four significant digits.
pub(crate) fn size_bytes(text: &str) -> Option<f64> {
    let text = text.trim();
    let split = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (digits, unit) = text.split_at_checked(split)?;
    let factor = match unit {
        "B" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        "TiB" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "PiB" => 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "EiB" => 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let value: f64 = digits.trim().parse().ok()?;
    (value.is_finite() && value >= 0.0).then_some(value * factor)
}

/// Go's `10m0.509671141s` as seconds.
pub(crate) fn go_duration_s(text: &str) -> Option<f64> {
    let (negative, mut rest) = text
        .strip_prefix('-')
        .map_or((false, text), |rest| (true, rest));
    if rest.is_empty() {
        return None;
    }
    let mut seconds = 0.0;
    while !rest.is_empty() && rest != "0" {
        let digits_end = rest.find(|letter: char| !(letter.is_ascii_digit() || letter == '.'))?;
        let (digits, tail) = rest.split_at_checked(digits_end)?;
        let unit_end = tail
            .find(|letter: char| letter.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end)?;
        let factor = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += digits.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    Some(if negative { -seconds } else { seconds })
}

/// `2026/11/21 03:18:13.949 +00:00`, `2026-11-21 03:18:13.949161187 +0000 UTC …` or RFC 3339 as
/// nanoseconds since the epoch. `None` for times before 1970, such as Go's zero time.
pub(crate) fn time_ns(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| {
        let digits = bytes.get(from..to)?;
        digits.iter().try_fold(0_i64, |sum, digit| {
            digit
                .is_ascii_digit()
                .then(|| sum * 10 + i64::from(digit - b'0'))
        })
    };
    let year = number(0, 4)?;
    let month = number(5, 7)?;
    let day = number(8, 10)?;
    let hour = number(11, 13)?;
    let minute = number(14, 16)?;
    let second = number(17, 19)?;
    if !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let rest = bytes.get(19..)?;
    let (fraction_ns, rest) = fraction(rest);
    let offset_s = offset(rest)?;
    let seconds =
        days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset_s;
    u64::try_from(seconds)
        .ok()?
        .checked_mul(1_000_000_000)?
        .checked_add(fraction_ns)
}

/// Splits off a fraction such as `.949`, in nanoseconds.
fn fraction(rest: &[u8]) -> (u64, &[u8]) {
    let Some(digits) = rest.strip_prefix(b".").or_else(|| rest.strip_prefix(b",")) else {
        return (0, rest);
    };
    let length = digits
        .iter()
        .take_while(|digit| digit.is_ascii_digit())
        .count();
    let nanos = (0..9).fold(0_u64, |sum, place| {
        let digit = digits
            .get(place)
            .filter(|_| place < length)
            .map_or(0, |digit| u64::from(digit - b'0'));
        sum * 10 + digit
    });
    (nanos, digits.get(length..).unwrap_or_default())
}

/// ` +00:00`, ` -0700 MST`, `Z` or nothing, as seconds east of UTC.
fn offset(rest: &[u8]) -> Option<i64> {
    let rest = rest.trim_ascii_start();
    let (sign, digits) = match rest.split_first() {
        None => return Some(0),
        Some((b'Z' | b'z', _)) => return Some(0),
        Some((b'+', digits)) => (1, digits),
        Some((b'-', digits)) => (-1, digits),
        Some(_) => return None,
    };
    let mut places = digits
        .iter()
        .filter(|byte| **byte != b':')
        .map_while(|byte| byte.is_ascii_digit().then(|| i64::from(byte - b'0')));
    let mut two = || Some(places.next()? * 10 + places.next()?);
    let hours = two()?;
    let minutes = two().unwrap_or(0);
    Some(sign * (hours * 3600 + minutes * 60))
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant's algorithm).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Nanoseconds as seconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "millisecond precision is enough for time differences"
)]
pub(crate) fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

/// `left - right` in seconds, negative if `left` is earlier.
pub(crate) fn seconds_between(left: u64, right: u64) -> f64 {
    if left >= right {
        seconds(left - right)
    } else {
        -seconds(right - left)
    }
}

/// A count as a table column stores it.
pub(crate) fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The median; of an even number of values, the mean of the middle two.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 {
        Some(upper)
    } else {
        values
            .get(values.len() / 2 - 1)
            .map(|lower| f64::midpoint(*lower, upper))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_parse_with_binary_units() {
        assert_eq!(
            size_bytes("97.66GiB"),
            Some(97.66 * 1024.0 * 1024.0 * 1024.0)
        );
        assert_eq!(size_bytes("0B"), Some(0.0));
        assert_eq!(size_bytes("1TiB"), Some(1_099_511_627_776.0));
        for wrong in ["", "GiB", "12", "1.5GB", "-1B", "NaNB"] {
            assert_eq!(size_bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn go_durations_parse_in_every_unit() {
        assert_eq!(go_duration_s("10m0.5s"), Some(600.5));
        assert_eq!(
            go_duration_s("498674h22m27s"),
            Some(498_674.0 * 3600.0 + 22.0 * 60.0 + 27.0)
        );
        assert_eq!(go_duration_s("250ms"), Some(0.25));
        assert_eq!(go_duration_s("0s"), Some(0.0));
        assert_eq!(go_duration_s("-1m"), Some(-60.0));
        for wrong in ["", "-", "5", "3x", "s"] {
            assert_eq!(go_duration_s(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_parse_with_their_offset() {
        let utc = time_ns("2026/11/21 03:18:13.949 +00:00");
        assert_eq!(utc, Some(1_795_231_093_949_000_000));
        assert_eq!(time_ns("2026/11/21 11:18:13.949 +08:00"), utc);
        assert_eq!(time_ns("2026-11-21 03:18:13.949 +0000 UTC m=+662.1"), utc);
        assert_eq!(time_ns("2026-11-21T03:18:13.949Z"), utc);
        assert_eq!(time_ns("0001-01-01T00:00:00Z"), None);
        assert_eq!(time_ns("2026/13/21 03:18:13.949 +00:00"), None);
    }

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&mut []), None);
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in ".*") {
            let _ = (size_bytes(&text), go_duration_s(&text), time_ns(&text));
        }

        #[test]
        fn near_misses_of_times_never_panic(text in "[0-9]{0,4}[/-]?[0-9]{0,2}[/-]?[0-9]{0,2}[ T]?[0-9:]{0,9}[.,]?[0-9]{0,12} ?[+Z-]?[0-9:]{0,6}") {
            let _ = time_ns(&text);
        }
    }
}
