//! Dates as servers write them. Time itself comes from the world; nothing here reads a clock.

use std::fmt::Write as _;

/// A moment in the civil calendar, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// Years of our era.
    pub year: u64,
    /// 1 to 12.
    pub month: u64,
    /// 1 to 31.
    pub day: u64,
    /// 0 to 23.
    pub hour: u64,
    /// 0 to 59.
    pub minute: u64,
    /// 0 to 59.
    pub second: u64,
    /// 0 to 999.
    pub millisecond: u64,
    /// 0 is Sunday.
    pub weekday: u64,
}

impl Civil {
    /// The civil date of a Unix time.
    ///
    /// Days are counted in 400-year eras that begin on 1 March, so that the leap day is the last of its year.
    #[must_use]
    pub fn from_unix_ms(unix_ms: u64) -> Self {
        let days = unix_ms / 86_400_000;
        let rest = unix_ms % 86_400_000;
        let shifted = days + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        Self {
            year: year_of_era + era * 400 + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * march_month + 2) / 5 + 1,
            hour: rest / 3_600_000,
            minute: rest / 60_000 % 60,
            second: rest / 1_000 % 60,
            millisecond: rest % 1_000,
            // 1 January 1970 was a Thursday.
            weekday: (days + 4) % 7,
        }
    }
}

/// `Fri, 21 Nov 2025 04:27:00 GMT`, for the `Date` header.
#[must_use]
pub fn http_date(unix_ms: u64) -> String {
    let civil = Civil::from_unix_ms(unix_ms);
    let weekday = name(
        &["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"],
        civil.weekday,
    );
    let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = name(&months, civil.month - 1);
    let Civil {
        year,
        day,
        hour,
        minute,
        second,
        ..
    } = civil;
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

/// `2025/11/21 04:27:00.123 +00:00`, for log lines.
#[must_use]
pub fn log_time(unix_ms: u64) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        millisecond,
        ..
    } = Civil::from_unix_ms(unix_ms);
    format!("{year}/{month:02}/{day:02} {hour:02}:{minute:02}:{second:02}.{millisecond:03} +00:00")
}

/// `2025-11-21T04:27:00.123Z`, without the fraction when it is zero and without its trailing zeros, as Go writes it.
#[must_use]
pub fn rfc3339(unix_ms: u64, nanoseconds: u64) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        millisecond,
        ..
    } = Civil::from_unix_ms(unix_ms);
    let mut text = format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    let fraction = millisecond * 1_000_000 + nanoseconds % 1_000_000;
    if fraction > 0 {
        let digits = format!("{fraction:09}");
        // Writing to a String cannot fail.
        let _ = write!(text, ".{}", digits.trim_end_matches('0'));
    }
    text.push('Z');
    text
}

fn name(names: &[&'static str], index: u64) -> &'static str {
    usize::try_from(index)
        .ok()
        .and_then(|index| names.get(index).copied())
        .unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    // `date -u -d @…` gave the expected texts.
    const LEAP_DAY_MS: u64 = 1_709_209_845_120;

    #[test]
    fn http_dates_follow_rfc_9110() {
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(LEAP_DAY_MS), "Thu, 29 Feb 2024 12:30:45 GMT");
    }

    #[test]
    fn log_times_carry_milliseconds_and_the_offset() {
        assert_eq!(log_time(LEAP_DAY_MS), "2024/02/29 12:30:45.120 +00:00");
    }

    #[test]
    fn fractions_lose_their_trailing_zeros() {
        assert_eq!(rfc3339(LEAP_DAY_MS, 0), "2024-02-29T12:30:45.12Z");
        assert_eq!(rfc3339(LEAP_DAY_MS, 5), "2024-02-29T12:30:45.120000005Z");
        assert_eq!(rfc3339(1_709_209_845_000, 0), "2024-02-29T12:30:45Z");
    }
}
