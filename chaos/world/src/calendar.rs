//! Dates as servers write them. Time itself comes from the world; nothing here reads a clock.

use jiff::Timestamp;
use jiff::fmt::strtime;

/// Milliseconds since the Unix epoch as a moment; the last representable one when there is none so late.
fn moment(unix_ms: u64) -> Timestamp {
    let ms = i64::try_from(unix_ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

/// `Fri, 21 Nov 2025 04:27:00 GMT`, for the `Date` header (RFC 9110).
#[must_use]
pub fn http_date(unix_ms: u64) -> String {
    formatted("%a, %d %b %Y %H:%M:%S GMT", unix_ms)
}

/// `2025/11/21 04:27:00.123 +00:00`, for log lines.
#[must_use]
pub fn log_time(unix_ms: u64) -> String {
    formatted("%Y/%m/%d %H:%M:%S.%3f +00:00", unix_ms)
}

/// `2025-11-21T04:27:00.123Z`, as Go writes it: the fraction has no trailing zeros, and is missing when it is zero.
///
/// `nanoseconds` are added to the milliseconds.
#[must_use]
pub fn rfc3339(unix_ms: u64, nanoseconds: u64) -> String {
    let below_ms = i64::try_from(nanoseconds % 1_000_000).unwrap_or_default();
    let moment = moment(unix_ms);
    let added = moment.checked_add(jiff::SignedDuration::from_nanos(below_ms));
    added.unwrap_or(moment).to_string()
}

/// The formats above are constant and know their moment, so formatting cannot fail.
fn formatted(format: &str, unix_ms: u64) -> String {
    strtime::format(format, moment(unix_ms)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    // `date -u -d @…` printed the expected texts.
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
    fn fractions_have_no_trailing_zeros() {
        assert_eq!(rfc3339(LEAP_DAY_MS, 0), "2024-02-29T12:30:45.12Z");
        assert_eq!(rfc3339(LEAP_DAY_MS, 5), "2024-02-29T12:30:45.120000005Z");
        assert_eq!(rfc3339(1_709_209_845_000, 0), "2024-02-29T12:30:45Z");
    }

    #[test]
    fn a_time_that_no_calendar_has_does_not_panic() {
        assert!(http_date(u64::MAX).ends_with("GMT"));
    }
}
