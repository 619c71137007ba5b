//! Parsing.
//!
//! A server exposes twenty thousand lines, of which a reader wants a few hundred.
//! A line is therefore parsed only up to its name unless that name is wanted.
//! Parsing cannot fail: a line that is not exposition format is counted and skipped.

use std::borrow::Cow;

/// Labels of one series; a line with more is malformed. The largest known series has 12.
pub const LABELS_MAX: usize = 64;

/// Suffixes that client libraries append to the name of a family.
const SUFFIXES: [&str; 4] = ["_bucket", "_sum", "_count", "_total"];

/// One sample, borrowed from the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<'t> {
    /// Name of the metric, with its suffix (`_bucket`, `_total`, …).
    pub name: &'t str,
    /// Label names and unescaped values, sorted by name; names are unique.
    pub labels: Vec<(&'t str, Cow<'t, str>)>,
    /// The value: any float, including NaN and the infinities.
    pub value: f64,
}

impl Sample<'_> {
    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        let found = self.labels.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_ref())
    }
}

/// Iterates over the samples of `text` whose metric name `is_wanted` accepts, in the order of the text.
///
/// `is_wanted` is called once for each run of lines with the same name.
/// Timestamps and exemplars are ignored, and parsing stops at `# EOF`.
pub fn parse<F: FnMut(&str) -> bool>(text: &str, is_wanted: F) -> Parser<'_, F> {
    Parser {
        lines: text.split('\n'),
        is_wanted,
        last_name: "",
        last_is_wanted: false,
        seen: 0,
        malformed: 0,
    }
}

/// The names under which a reader may want a metric: its own, and that of its family.
///
/// `x_bucket`, `x_sum`, `x_count` and `x_total` belong to the family `x`.
pub fn family_names(name: &str) -> impl Iterator<Item = &str> {
    let bases = SUFFIXES.iter();
    std::iter::once(name).chain(bases.filter_map(move |suffix| name.strip_suffix(suffix)))
}

/// The declared families and their types, in the order of the text: `("up", "gauge")`.
pub fn types(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let declarations = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    declarations.filter_map(|declaration| {
        let (name, kind) = declaration.split_once(' ')?;
        Some((name, kind.trim_ascii()))
    })
}

/// The iterator that [`parse`] returns; it counts the lines it has passed.
#[derive(Debug, Clone)]
pub struct Parser<'t, F> {
    lines: std::str::Split<'t, char>,
    is_wanted: F,
    /// Lines of one metric are adjacent, and comparing a prefix is far cheaper than a look-up.
    last_name: &'t str,
    last_is_wanted: bool,
    seen: u32,
    malformed: u32,
}

impl<F> Parser<'_, F> {
    /// Lines with a sample so far, wanted or not.
    #[must_use]
    pub fn seen(&self) -> u32 {
        self.seen
    }

    /// Lines so far that are not exposition format.
    ///
    /// Only the name of an unwanted line is checked.
    #[must_use]
    pub fn malformed(&self) -> u32 {
        self.malformed
    }
}

impl<'t, F: FnMut(&str) -> bool> Iterator for Parser<'t, F> {
    type Item = Sample<'t>;

    fn next(&mut self) -> Option<Sample<'t>> {
        loop {
            let line = self.lines.next()?.trim_ascii();
            if line == "# EOF" {
                self.lines = "".split('\n');
                return None;
            }
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((name, rest)) = self.split_name(line) else {
                self.malformed = self.malformed.saturating_add(1);
                continue;
            };
            self.seen = self.seen.saturating_add(1);
            if !self.last_is_wanted {
                continue;
            }
            match read_sample(name, rest) {
                Some(sample) => return Some(sample),
                None => self.malformed = self.malformed.saturating_add(1),
            }
        }
    }
}

impl<'t, F: FnMut(&str) -> bool> Parser<'t, F> {
    /// Splits a sample line after its name; `None` when it has none.
    fn split_name(&mut self, line: &'t str) -> Option<(&'t str, &'t str)> {
        if let Some(rest) = line.strip_prefix(self.last_name)
            && rest.starts_with(['{', ' '])
        {
            return line.split_at_checked(self.last_name.len());
        }
        let is_end = |byte: u8| matches!(byte, b'{' | b' ' | b'\t');
        let (name, rest) = line.split_at_checked(line.bytes().position(is_end)?)?;
        if !is_metric_name(name) {
            return None;
        }
        self.last_name = name;
        self.last_is_wanted = (self.is_wanted)(name);
        Some((name, rest))
    }
}

fn is_metric_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || matches!(first, b'_' | b':'))
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'))
}

/// `{labels} value [timestamp] [# exemplar]`
fn read_sample<'t>(name: &'t str, rest: &'t str) -> Option<Sample<'t>> {
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => read_labels(inside)?,
        None => (Vec::new(), rest),
    };
    let mut words = rest.split_ascii_whitespace();
    let value = words.next()?.parse::<f64>().ok()?;
    let is_trailer = |word: &str| word.starts_with('#') || word.parse::<f64>().is_ok();
    if !words.next().is_none_or(is_trailer) {
        return None;
    }
    Some(Sample {
        name,
        labels,
        value,
    })
}

type Labels<'t> = Vec<(&'t str, Cow<'t, str>)>;

/// Labels up to the closing brace, sorted by name, and the text after the brace.
fn read_labels(mut rest: &str) -> Option<(Labels<'_>, &str)> {
    let mut labels = Labels::new();
    loop {
        rest = rest.trim_ascii_start();
        if let Some(after) = rest.strip_prefix('}') {
            labels.sort();
            let is_unique = labels.windows(2).all(|pair| match pair {
                [(first, _), (second, _)] => first != second,
                _ => true,
            });
            return is_unique.then_some((labels, after));
        }
        let (name, after) = rest.split_once('=')?;
        let name = name.trim_ascii();
        if !is_metric_name(name) || name.contains(':') || labels.len() >= LABELS_MAX {
            return None;
        }
        let (value, after) = read_quoted(after.trim_ascii_start().strip_prefix('"')?)?;
        labels.push((name, value));
        rest = after.trim_ascii_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.starts_with('}') => {}
            None => return None,
        }
    }
}

/// A value up to the closing quote, and the text after the quote. Unknown escapes stay as they are.
fn read_quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut value = Cow::Borrowed("");
    let mut rest = text;
    loop {
        let end = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\'))?;
        let (plain, special) = rest.split_at_checked(end)?;
        value += plain;
        if let Some(after) = special.strip_prefix('"') {
            return Some((value, after));
        }
        let mut characters = special.chars();
        characters.next();
        match characters.next()? {
            'n' => value.to_mut().push('\n'),
            escaped @ ('"' | '\\') => value.to_mut().push(escaped),
            other => value.to_mut().extend(['\\', other]),
        }
        rest = characters.as_str();
    }
}

#[cfg(test)]
mod tests;
