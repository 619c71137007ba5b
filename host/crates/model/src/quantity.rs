//! Formats values with their units, and escapes text of the observed system.

use crate::Scalar;

/// A scalar with its unit: `1.5 GiB`, `12 ms`, `87 %`, `“Down”`.
#[must_use]
pub fn human(value: &Scalar, unit: Option<&str>) -> String {
    match value {
        Scalar::Text(text) => format!("“{}”", escape(text, TEXT_CHARS_MAX)),
        Scalar::Boolean(_) | Scalar::Null => value.to_string(),
        Scalar::Integer(_) | Scalar::Float(_) => value
            .as_f64()
            .map_or_else(String::new, |v| measure(v, unit)),
    }
}

/// Longest quoted text in a sentence: two lines of a terminal, so one value cannot bury a ticket.
pub const TEXT_CHARS_MAX: usize = 160;

/// A number with its UCUM-like unit. `ratio` is shown as a percentage; `1` and no unit as it is.
#[must_use]
pub fn measure(value: f64, unit: Option<&str>) -> String {
    match unit.unwrap_or("1") {
        "By" => bytes(value),
        "By/s" => format!("{}/s", bytes(value)),
        "s" => duration(value),
        "ms" => duration(value / 1e3),
        "us" => duration(value / 1e6),
        "ns" => duration(value / 1e9),
        "ratio" => format!("{} %", number(value * 100.0)),
        "1" | "" => number(value),
        other if other.starts_with("1/") => {
            format!(
                "{}{}",
                number(value),
                escape(&other.replacen('1', "", 1), 32)
            )
        }
        other => format!(
            "{} {}",
            number(value),
            escape(other.trim_matches(['{', '}']), 32)
        ),
    }
}

/// Bytes with a binary prefix: `512 B`, `1.5 GiB`.
#[must_use]
pub fn bytes(value: f64) -> String {
    const PREFIXES: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut scaled = value;
    let mut prefix = "B";
    for next in PREFIXES {
        prefix = next;
        if scaled.abs() < 1024.0 {
            break;
        }
        if next != "PiB" {
            scaled /= 1024.0;
        }
    }
    format!("{} {prefix}", number(scaled))
}

/// Seconds as `850 ns`, `12 ms`, `3.2 s`, `4 min 5 s`, `2 h 10 min`, `3 d 4 h`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let size = seconds.abs();
    match size {
        _ if size == 0.0 => "0 s".to_owned(),
        _ if size < 0.999_5e-6 => format!("{} ns", number(seconds * 1e9)),
        _ if size < 0.999_5e-3 => format!("{} µs", number(seconds * 1e6)),
        _ if size < 0.999_5 => format!("{} ms", number(seconds * 1e3)),
        _ if size < 119.5 => format!("{} s", number(seconds)),
        _ if size < 7_199.5 => two_parts(seconds, 60.0, "min", 1.0, "s"),
        _ if size < 172_799.5 => two_parts(seconds, 3_600.0, "h", 60.0, "min"),
        _ => two_parts(seconds, 86_400.0, "d", 3_600.0, "h"),
    }
}

fn two_parts(seconds: f64, large: f64, large_unit: &str, small: f64, small_unit: &str) -> String {
    let total = (seconds.abs() / small).round() * small;
    let whole = (total / large).floor();
    let rest = (total % large / small).round();
    let sign = if seconds < 0.0 { "-" } else { "" };
    if rest == 0.0 {
        format!("{sign}{whole} {large_unit}")
    } else {
        format!("{sign}{whole} {large_unit} {rest} {small_unit}")
    }
}

/// Three significant digits, thousands grouped by commas, no trailing zeros.
#[must_use]
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let size = value.abs();
    let decimals = match size {
        _ if size >= 100.0 || value.fract() == 0.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 1.0 => 2,
        _ if size >= 0.1 => 3,
        _ if size >= 0.000_1 => 6,
        _ => return format!("{value:.2e}"),
    };
    let text = format!("{value:.decimals$}");
    if decimals > 0 {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        group_thousands(&text)
    }
}

fn group_thousands(digits: &str) -> String {
    let (sign, body) = digits
        .strip_prefix('-')
        .map_or(("", digits), |rest| ("-", rest));
    let mut grouped = String::new();
    for (position, digit) in body.chars().enumerate() {
        if position > 0 && (body.len() - position) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}")
}

/// Text of the observed system, safe for a terminal: control, bidirectional and invisible characters
/// are written as `\u{…}`, and it is cut to `chars_max` with an ellipsis.
#[must_use]
pub fn escape(text: &str, chars_max: usize) -> String {
    let mut safe = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == chars_max {
            safe.push('…');
            break;
        }
        match character {
            '\n' => safe.push_str("\\n"),
            '\t' => safe.push_str("\\t"),
            '\r' => safe.push_str("\\r"),
            _ if is_unsafe_to_show(character) => safe.extend(character.escape_unicode()),
            _ => safe.push(character),
        }
    }
    safe
}

/// Characters that change how their surroundings are displayed, or that are invisible.
fn is_unsafe_to_show(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_read_as_people_write_them() {
        let cases: [(f64, Option<&str>, &str); 18] = [
            (0.0, Some("By"), "0 B"),
            (1536.0, Some("By"), "1.5 KiB"),
            (5.0 * 1024.0 * 1024.0 * 1024.0, Some("By/s"), "5 GiB/s"),
            (1e18, Some("By"), "888 PiB"),
            (0.012, Some("s"), "12 ms"),
            (0.000_85, Some("s"), "850 µs"),
            (250.0, Some("ms"), "250 ms"),
            (61.0, Some("s"), "61 s"),
            (245.0, Some("s"), "4 min 5 s"),
            (7_800.0, Some("s"), "2 h 10 min"),
            (273_600.0, Some("s"), "3 d 4 h"),
            (0.874, Some("ratio"), "87.4 %"),
            (12_345.0, Some("1"), "12,345"),
            (1.0, None, "1"),
            (0.0312, None, "0.0312"),
            (-1_234_567.0, None, "-1,234,567"),
            (4.0, Some("{peers}"), "4 peers"),
            (f64::NAN, None, "NaN"),
        ];
        for (value, unit, expected) in cases {
            assert_eq!(measure(value, unit), expected, "{value} {unit:?}");
        }
    }

    #[test]
    fn text_of_the_observed_system_cannot_steer_the_terminal() {
        assert_eq!(
            escape("a\u{1b}[31mred\u{202e}\n", 99),
            "a\\u{1b}[31mred\\u{202e}\\n"
        );
        assert_eq!(escape("abcdef", 3), "abc…");
        assert_eq!(human(&Scalar::Text("Down".into()), None), "“Down”");
    }
}
