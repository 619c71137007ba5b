//! The `Date` header: the observed system's own clock.

use operator_model::Timestamp;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Reads an IMF-fixdate such as `Sun, 06 Nov 1994 08:49:37 GMT`, the only form that RFC 9110 lets
/// servers send. Any other form is `None`.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let (weekday, rest) = text.split_once(", ")?;
    let [day, month, year, time, "GMT"] = rest.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    let [hour, minute, second] = time.split(':').collect::<Vec<_>>()[..] else {
        return None;
    };
    if !matches!(
        weekday,
        "Mon" | "Tue" | "Wed" | "Thu" | "Fri" | "Sat" | "Sun"
    ) {
        return None;
    }
    let month = u64::try_from(MONTHS.iter().position(|name| *name == month)?).ok()? + 1;
    let day = digits(day, 2)?;
    let year = digits(year, 4)?;
    let hour = digits(hour, 2)?;
    let minute = digits(minute, 2)?;
    let second = digits(second, 2)?;
    // 60 is a leap second.
    if !(1..=days_in(month, year)).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
        || year < 1970
    {
        return None;
    }
    let days = days_before_year(year) + days_before_month(month, year) + day - 1;
    Some(Timestamp(
        (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000,
    ))
}

fn digits(text: &str, len: usize) -> Option<u64> {
    (text.len() == len && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(month: u64, year: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970 to the beginning of `year`, which is not before it.
fn days_before_year(year: u64) -> u64 {
    let leap_days = |before: u64| before / 4 - before / 100 + before / 400;
    (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969)
}

fn days_before_month(month: u64, year: u64) -> u64 {
    (1..month).map(|earlier| days_in(earlier, year)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_standard_is_read() {
        assert_eq!(
            parse("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Timestamp(784_111_777_000))
        );
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Timestamp(0)));
        assert_eq!(
            parse("Thu, 29 Feb 2024 12:34:56 GMT"),
            Some(Timestamp(1_709_210_096_000))
        );
    }

    #[test]
    fn every_other_form_is_no_date() {
        for wrong in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 29 Feb 2023 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
            "Xxx, 06 Nov 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    /// The same date by way of RFC 3339, which `Timestamp` writes with an algorithm of its own.
    fn written(at: Timestamp) -> String {
        let text = at.to_string();
        let part = |range: std::ops::Range<usize>| text.get(range).unwrap();
        let month = MONTHS[part(5..7).parse::<usize>().unwrap() - 1];
        format!(
            "Mon, {} {month} {} {} GMT",
            part(8..10),
            part(0..4),
            part(11..19)
        )
    }

    proptest! {
        #[test]
        fn every_second_until_the_year_9999_survives(seconds in 0_u64..253_402_300_800) {
            let at = Timestamp(seconds * 1_000);
            prop_assert_eq!(parse(&written(at)), Some(at));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,40}|[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT") {
            let _ = parse(&text);
        }
    }
}
