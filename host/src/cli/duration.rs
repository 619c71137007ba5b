//! Durations on the command line.
//!
//! The chaos toolkit accepts the same syntax; it has its own copy, because the observe-only build does not contain it.

use std::time::Duration;

/// Parses a duration such as `90s`, `1m 30s` or `500ms`, for clap.
pub(super) fn positive(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write a number and a unit, such as 90s or 5m"))?;
    if duration.is_zero() {
        return Err("duration must be greater than zero".to_owned());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit_and_is_greater_than_zero() {
        for (text, ms) in [
            ("500ms", 500),
            ("90s", 90_000),
            ("1m 30s", 90_000),
            ("2h", 7_200_000),
        ] {
            assert_eq!(positive(text), Ok(Duration::from_millis(ms)));
        }
        for wrong in ["", "90", "s", "-5s", "0s", "99999999999999999999h"] {
            assert!(positive(wrong).is_err(), "{wrong}");
        }
    }
}
