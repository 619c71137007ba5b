//! Durations on the command line.

use std::time::Duration;

/// Parses a duration such as `90s`, `1m 30s` or `500ms`, for clap.
///
/// # Errors
/// The text is not a duration, or it is zero.
pub fn positive(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration.is_zero() {
        return Err("duration must be greater than zero".to_owned());
    }
    Ok(duration)
}

/// Whole milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit_and_is_greater_than_zero() {
        assert_eq!(positive("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(positive("1m 30s"), Ok(Duration::from_secs(90)));
        for text in ["90", "0s", "", "-5s", "99999999999999999999h"] {
            assert!(positive(text).is_err(), "{text:?}");
        }
    }
}
