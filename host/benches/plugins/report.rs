//! Numbers with their targets.

use serde_json::json;
use std::fmt::Write as _;
use std::time::Duration;

/// All numbers of one run.
#[derive(Default)]
pub(crate) struct Report {
    numbers: Vec<Number>,
}

struct Number {
    name: &'static str,
    unit: &'static str,
    value: Option<f64>,
    target: f64,
    /// The target is a lower bound.
    at_least: bool,
}

impl Number {
    fn verdict(&self) -> &'static str {
        match self.value {
            None => "not measured",
            Some(value) if (value <= self.target) != self.at_least || value.to_bits() == self.target.to_bits() => "met",
            Some(_) => "missed",
        }
    }
}

impl Report {
    pub(crate) fn at_most(&mut self, name: &'static str, unit: &'static str, value: f64, target: f64) {
        self.numbers.push(Number { name, unit, value: Some(value), target, at_least: false });
    }

    pub(crate) fn at_least(&mut self, name: &'static str, unit: &'static str, value: f64, target: f64) {
        self.numbers.push(Number { name, unit, value: Some(value), target, at_least: true });
    }

    pub(crate) fn missing(&mut self, name: &'static str, unit: &'static str, target: f64) {
        self.numbers.push(Number { name, unit, value: None, target, at_least: false });
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!("{:<62} {:>12} {:>12}  verdict\n", "number", "measured", "target");
        for number in &self.numbers {
            let value = number.value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2} {}", number.unit));
            let bound = if number.at_least { "≥" } else { "≤" };
            let target = format!("{bound} {} {}", number.target, number.unit);
            let _ = writeln!(text, "{:<62} {value:>12} {target:>12}  {}", number.name, number.verdict());
        }
        text
    }

    pub(crate) fn json(&self) -> String {
        let numbers = self.numbers.iter().map(|number| {
            json!({
                "name": number.name,
                "unit": number.unit,
                "measured": number.value,
                "target": number.target,
                "bound": if number.at_least { "at-least" } else { "at-most" },
                "verdict": number.verdict(),
            })
        });
        json!({ "optimised": !cfg!(debug_assertions), "numbers": numbers.collect::<Vec<_>>() }).to_string()
    }
}

/// The value below which this share of them lies, in microseconds.
pub(crate) fn percentile_us(times: &mut [Duration], share: usize) -> f64 {
    times.sort_unstable();
    let index = (times.len() * share / 100).min(times.len() - 1);
    times[index].as_secs_f64() * 1e6
}
