//! Writing, as the client libraries of the two languages do.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

/// How numbers are printed: the Rust and the Go client library differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberFormat {
    /// Shortest decimal digits, never an exponent: `2000000`.
    Rust,
    /// Shortest digits of Go's `%g`, with an exponent for small and large numbers: `2e+06`.
    Go,
}

/// A page of metric families. Families are sorted by name, as both client libraries sort them.
#[derive(Debug, Clone)]
pub struct Writer {
    format: NumberFormat,
    families: BTreeMap<&'static str, String>,
}

/// One family of a page, to which series are added.
#[derive(Debug)]
pub struct FamilyWriter<'a> {
    name: &'static str,
    format: NumberFormat,
    out: &'a mut String,
}

/// A histogram that [`FamilyWriter::buckets`] can write.
pub trait Buckets {
    /// Upper bounds as the page names them, with cumulative counts; `+Inf` comes last.
    fn cumulative(&self) -> impl Iterator<Item = (&str, f64)>;

    /// The sum of all samples.
    fn sum(&self) -> f64;
}

impl Writer {
    /// An empty page.
    #[must_use]
    pub fn new(format: NumberFormat) -> Self {
        Self {
            format,
            families: BTreeMap::new(),
        }
    }

    /// Starts a family of type `counter`, or continues it.
    pub fn counter(&mut self, name: &'static str, help: &str) -> FamilyWriter<'_> {
        self.family(name, "counter", help)
    }

    /// Starts a family of type `gauge`, or continues it.
    pub fn gauge(&mut self, name: &'static str, help: &str) -> FamilyWriter<'_> {
        self.family(name, "gauge", help)
    }

    /// Starts a family of type `histogram`, or continues it.
    pub fn histogram(&mut self, name: &'static str, help: &str) -> FamilyWriter<'_> {
        self.family(name, "histogram", help)
    }

    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> FamilyWriter<'_> {
        let format = self.format;
        let header = || format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        let out = self.families.entry(name).or_insert_with(header);
        FamilyWriter { name, format, out }
    }

    /// The whole page. A family without series is left out.
    #[must_use]
    pub fn finish(self) -> String {
        let families = self.families.into_values();
        families
            .filter(|text| text.lines().nth(2).is_some())
            .collect()
    }
}

// Writing to a `String` cannot fail, so results of `write!` are dropped here.
impl FamilyWriter<'_> {
    /// Adds a series without labels.
    pub fn plain(&mut self, value: f64) -> &mut Self {
        let _ = write!(self.out, "{} ", self.name);
        self.number(value);
        self
    }

    /// Adds a series whose labels are given as they are written: `a="b",c="d"`, in alphabetical order.
    pub fn series(&mut self, labels: &str, value: f64) -> &mut Self {
        let _ = write!(self.out, "{}{{{labels}}} ", self.name);
        self.number(value);
        self
    }

    /// Adds one series for each value of one label. The values must not need escaping.
    pub fn each<'k>(
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

    /// Adds a series with any labels, whose values are escaped. The value is printed as it displays,
    /// so integers stay exact.
    pub fn labelled(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        self.suffixed("", labels, value)
    }

    /// As [`FamilyWriter::labelled`], for a series whose name has a suffix such as `_bucket`.
    pub fn suffixed(
        &mut self,
        suffix: &str,
        labels: &[(&str, &str)],
        value: impl Display,
    ) -> &mut Self {
        let pair = |(name, value): &(&str, &str)| format!("{name}=\"{}\"", escaped(value));
        let inside: Vec<String> = labels.iter().map(pair).collect();
        let braces = braces(&inside.join(","));
        let _ = writeln!(self.out, "{}{suffix}{braces} {value}", self.name);
        self
    }

    /// Adds the buckets, sum and count of one histogram. Labels are as in [`FamilyWriter::series`].
    pub fn buckets(&mut self, labels: &str, histogram: &impl Buckets) -> &mut Self {
        let comma = if labels.is_empty() { "" } else { "," };
        let name = self.name;
        let mut total = 0.0;
        for (bound, count) in histogram.cumulative() {
            let _ = write!(self.out, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} ");
            self.number(count);
            total = count;
        }
        let braces = braces(labels);
        let _ = write!(self.out, "{name}_sum{braces} ");
        self.number(histogram.sum());
        let _ = write!(self.out, "{name}_count{braces} ");
        self.number(total);
        self
    }

    fn number(&mut self, value: f64) {
        let _ = match self.format {
            NumberFormat::Rust => writeln!(self.out, "{value}"),
            NumberFormat::Go => writeln!(self.out, "{}", go_number(value)),
        };
    }
}

fn braces(labels: &str) -> String {
    if labels.is_empty() {
        String::new()
    } else {
        format!("{{{labels}}}")
    }
}

/// The escapes that the format knows.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// Go's `%g` with the shortest digits: an exponent below 10^-4 and from 10^6 on.
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
        // Each of these was exposed by a real PD.
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
        let mut page = Writer::new(NumberFormat::Rust);
        page.gauge("b", "second").plain(2.0);
        page.counter("a", "first").each("type", [("x", 1.5)]);
        page.counter("c", "nothing").each("type", []);
        assert_eq!(
            page.finish(),
            "# HELP a first\n# TYPE a counter\na{type=\"x\"} 1.5\n# HELP b second\n# TYPE b gauge\nb 2\n"
        );
    }

    #[test]
    fn label_values_are_escaped_and_integers_stay_exact() {
        let mut page = Writer::new(NumberFormat::Go);
        page.counter("a_total", "h")
            .labelled(&[("k", "x\"\\\n")], u64::MAX);
        let expected = "a_total{k=\"x\\\"\\\\\\n\"} 18446744073709551615";
        assert_eq!(page.finish().lines().last(), Some(expected));
    }

    struct Known;

    impl Buckets for Known {
        fn cumulative(&self) -> impl Iterator<Item = (&str, f64)> {
            [("0.5", 1.0), ("+Inf", 3.0)].into_iter()
        }

        fn sum(&self) -> f64 {
            4.5
        }
    }

    #[test]
    fn a_histogram_ends_with_its_sum_and_count() {
        let mut page = Writer::new(NumberFormat::Rust);
        page.histogram("h", "x").buckets("a=\"b\"", &Known);
        let expected = "h_bucket{a=\"b\",le=\"0.5\"} 1\nh_bucket{a=\"b\",le=\"+Inf\"} 3\nh_sum{a=\"b\"} 4.5\nh_count{a=\"b\"} 3\n";
        assert!(page.finish().ends_with(expected));
    }
}
