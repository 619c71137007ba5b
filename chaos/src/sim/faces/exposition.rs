//! The text format of Prometheus, as the two client libraries write it.

use crate::sim::histogram::Histogram;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Who writes. Rust and Go print numbers differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// TiKV.
    Rust,
    /// PD and etcd.
    Go,
}

/// Families by name; both libraries sort them.
pub(super) struct Exposition {
    dialect: Dialect,
    families: BTreeMap<&'static str, String>,
}

/// One family that is being written.
pub(super) struct Family<'a> {
    name: &'static str,
    dialect: Dialect,
    out: &'a mut String,
}

impl Exposition {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            families: BTreeMap::new(),
        }
    }

    /// Begins a counter family.
    pub(super) fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "counter", help)
    }

    /// Begins a gauge family.
    pub(super) fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "gauge", help)
    }

    /// Begins a histogram family.
    pub(super) fn histogram(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "histogram", help)
    }

    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        let dialect = self.dialect;
        let out = self
            .families
            .entry(name)
            .or_insert_with(|| format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        Family { name, dialect, out }
    }

    /// The whole body. A family without series is not shown.
    pub(super) fn finish(self) -> Vec<u8> {
        let shown = self
            .families
            .into_values()
            .filter(|text| text.lines().nth(2).is_some());
        shown.collect::<String>().into_bytes()
    }
}

// Writing to a String cannot fail, so results of `write!` are dropped here.
impl Family<'_> {
    /// A series without labels.
    pub(super) fn plain(&mut self, value: f64) -> &mut Self {
        let _ = write!(self.out, "{} ", self.name);
        self.number(value);
        self
    }

    /// A series with labels, given as `a="b",c="d"` in alphabetical order.
    pub(super) fn series(&mut self, labels: &str, value: f64) -> &mut Self {
        let _ = write!(self.out, "{}{{{labels}}} ", self.name);
        self.number(value);
        self
    }

    /// One series of a label for each pair.
    pub(super) fn each<'k>(
        &mut self,
        label: &str,
        values: impl IntoIterator<Item = (&'k str, f64)>,
    ) -> &mut Self {
        for (key, value) in values {
            let _ = write!(self.out, "{}{{{label}=\"{key}\"}} ", self.name);
            self.number(value);
        }
        self
    }

    /// The buckets, sum and count of one histogram.
    pub(super) fn buckets(&mut self, labels: &str, histogram: &Histogram) -> &mut Self {
        let comma = if labels.is_empty() { "" } else { "," };
        for (bound, count) in histogram.cumulative() {
            let _ = write!(
                self.out,
                "{}_bucket{{{labels}{comma}le=\"{bound}\"}} ",
                self.name
            );
            self.number(count);
        }
        let braces = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{labels}}}")
        };
        let _ = write!(self.out, "{}_sum{braces} ", self.name);
        self.number(histogram.sum());
        let _ = write!(self.out, "{}_count{braces} ", self.name);
        self.number(histogram.count());
        self
    }

    fn number(&mut self, value: f64) {
        match self.dialect {
            Dialect::Rust => {
                let _ = writeln!(self.out, "{value}");
            }
            Dialect::Go => {
                let _ = writeln!(self.out, "{}", go_number(value));
            }
        }
    }
}

/// Go's `%g` with the shortest digits: scientific below 10^-4 and from 10^6 on.
fn go_number(value: f64) -> String {
    let magnitude = value.abs();
    if value != 0.0 && !(1e-4..1e6).contains(&magnitude) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent
            .strip_prefix('-')
            .map_or(('+', exponent), |exponent| ('-', exponent));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_as_go_prints_them() {
        // Each of these is in the recordings.
        for (value, text) in [
            (8_589_934_592.0, "8.589934592e+09"),
            (1_919_825.0, "1.919825e+06"),
            (604_198.0, "604198"),
            (0.1, "0.1"),
            (0.0, "0"),
            (0.000_05, "5e-05"),
            (1_795_230_434.0, "1.795230434e+09"),
        ] {
            assert_eq!(go_number(value), text);
        }
    }

    #[test]
    fn families_are_sorted_and_empty_ones_are_left_out() {
        let mut exposition = Exposition::new(Dialect::Rust);
        exposition.gauge("b", "second").plain(2.0);
        exposition.counter("a", "first").each("type", [("x", 1.5)]);
        exposition.counter("c", "nothing").each("type", []);
        let text = String::from_utf8(exposition.finish()).unwrap();
        assert_eq!(
            text,
            "# HELP a first\n# TYPE a counter\na{type=\"x\"} 1.5\n# HELP b second\n# TYPE b gauge\nb 2\n"
        );
    }
}
