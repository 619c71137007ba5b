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
    value: f64,
    target: Option<f64>,
    /// The target is a lower bound.
    at_least: bool,
}

impl Number {
    fn verdict(&self) -> &'static str {
        match self.target {
            None => "",
            Some(target) if self.at_least && self.value >= target => "met",
            Some(target) if !self.at_least && self.value <= target => "met",
            Some(_) => "missed",
        }
    }
}

impl Report {
    pub(crate) fn at_most(
        &mut self,
        name: &'static str,
        unit: &'static str,
        value: f64,
        target: f64,
    ) {
        self.numbers.push(Number {
            name,
            unit,
            value,
            target: Some(target),
            at_least: false,
        });
    }

    pub(crate) fn at_least(
        &mut self,
        name: &'static str,
        unit: &'static str,
        value: f64,
        target: f64,
    ) {
        self.numbers.push(Number {
            name,
            unit,
            value,
            target: Some(target),
            at_least: true,
        });
    }

    /// A number that others are measured against.
    pub(crate) fn told(&mut self, name: &'static str, unit: &'static str, value: f64) {
        self.numbers.push(Number {
            name,
            unit,
            value,
            target: None,
            at_least: false,
        });
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!(
            "{:<66} {:>14} {:>14}  verdict\n",
            "number", "measured", "target"
        );
        for number in &self.numbers {
            let value = format!("{:.2} {}", number.value, number.unit);
            let bound = if number.at_least { "≥" } else { "≤" };
            let target = number.target.map_or_else(String::new, |target| {
                format!("{bound} {target} {}", number.unit)
            });
            let _ = writeln!(
                text,
                "{:<66} {value:>14} {target:>14}  {}",
                number.name,
                number.verdict()
            );
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
        json!({ "optimised": !cfg!(debug_assertions), "numbers": numbers.collect::<Vec<_>>() })
            .to_string()
    }
}

/// The value below which this share of them lies, in microseconds.
pub(crate) fn percentile_us(times: &mut [Duration], share: usize) -> f64 {
    times.sort_unstable();
    let index = (times.len() * share / 100).min(times.len() - 1);
    times[index].as_secs_f64() * 1e6
}
