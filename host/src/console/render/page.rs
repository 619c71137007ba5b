//! A page of text: wrapped by display columns, optionally colored, always escaped.

use super::RenderStyle;
use operator_model::quantity::escape;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};
use unicode_width::UnicodeWidthStr as _;

/// Narrower pages cannot hold the labels; wider lines are hard to read.
const COLUMNS: std::ops::RangeInclusive<usize> = 40..=110;

/// Longest single text on a page, in characters: about forty lines.
const TEXT_CHARS_MAX: usize = 4_000;

/// A color or weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Bold,
    Dim,
    Red,
    Yellow,
    Green,
    Blue,
    Cyan,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Red => "1;31",
            Self::Yellow => "1;33",
            Self::Green => "32",
            Self::Blue => "1;34",
            Self::Cyan => "36",
        }
    }
}

#[derive(Debug)]
pub(super) struct Page {
    columns: usize,
    color: bool,
    text: String,
}

impl Page {
    pub(super) fn new(style: &RenderStyle) -> Self {
        Self {
            columns: style.width.clamp(*COLUMNS.start(), *COLUMNS.end()),
            color: style.color,
            text: String::new(),
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// `━━ a ━━ b ━━━━━━━━ c ━━`: the last word is right-aligned.
    pub(super) fn rule(&mut self, words: &[&str], ink: Ink) {
        let words: Vec<String> = words.iter().map(|word| escape(word, 40)).collect();
        let (last, first) = words
            .split_last()
            .map_or(("", [].as_slice()), |(last, first)| (last.as_str(), first));
        let left = first.iter().fold(String::from("━━"), |line, word| {
            format!("{line} {word} ━━")
        });
        let right = format!(" {last} ━━");
        let between = self.columns.saturating_sub(width(&left) + width(&right));
        let line = format!("{left}{}{right}", "━".repeat(between));
        self.push(0, &line, ink);
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.blank();
        self.push(0, text, Ink::Bold);
    }

    /// Text with separate indents for the first and the other lines.
    pub(super) fn wrapped(&mut self, first: usize, rest: usize, text: &str, ink: Ink) {
        let text = escape(text, TEXT_CHARS_MAX);
        for (number, line) in wrap(&text, self.columns, first, rest).iter().enumerate() {
            self.push(if number == 0 { first } else { rest }, line, ink);
        }
    }

    /// A mark followed by text with a hanging indent.
    pub(super) fn item(&mut self, indent: usize, mark: &str, text: &str, ink: Ink) {
        self.marked(
            indent,
            &[(mark, if ink == Ink::Dim { Ink::Dim } else { Ink::Cyan })],
            text,
            ink,
        );
    }

    /// A mark in several inks followed by text with a hanging indent.
    pub(super) fn marked(&mut self, indent: usize, mark: &[(&str, Ink)], text: &str, ink: Ink) {
        let hang = indent + mark.iter().map(|(part, _)| width(part)).sum::<usize>() + 1;
        let text = escape(text, TEXT_CHARS_MAX);
        for (number, line) in wrap(&text, self.columns, hang, hang).iter().enumerate() {
            if number == 0 {
                self.text.push_str(&" ".repeat(indent));
                mark.iter().for_each(|(part, ink)| self.put(0, part, *ink));
                self.text.push(' ');
                self.put(0, line, ink);
                self.text.push('\n');
            } else {
                self.push(hang, line, ink);
            }
        }
    }

    /// Parts of one line, each in its ink; never wrapped.
    pub(super) fn parts(&mut self, indent: usize, parts: &[(&str, Ink)]) {
        self.text.push_str(&" ".repeat(indent));
        for (text, ink) in parts {
            self.put(0, &escape(text, TEXT_CHARS_MAX), *ink);
        }
        self.text.push('\n');
    }

    /// Never wrapped, so it can be copied.
    pub(super) fn command(&mut self, indent: usize, command: &str) {
        self.text.push_str(&" ".repeat(indent));
        self.put(0, "$ ", Ink::Dim);
        self.put(0, &escape(command, TEXT_CHARS_MAX), Ink::Cyan);
        self.text.push('\n');
    }

    fn push(&mut self, indent: usize, text: &str, ink: Ink) {
        self.put(indent, text, ink);
        self.text.push('\n');
    }

    fn put(&mut self, indent: usize, text: &str, ink: Ink) {
        self.text.push_str(&" ".repeat(indent));
        if self.color && ink != Ink::Plain {
            self.text
                .push_str(&format!("\u{1b}[{}m{text}\u{1b}[0m", ink.code()));
        } else {
            self.text.push_str(text);
        }
    }
}

/// Wraps text to `columns` including the indents, which the returned lines do not contain. A word that is longer
/// than a line is cut; nothing is hyphenated, because commands and addresses are copied from the page.
fn wrap(text: &str, columns: usize, first: usize, rest: usize) -> Vec<String> {
    let first_indent = " ".repeat(first);
    let rest_indent = " ".repeat(rest);
    let options = Options::new(columns)
        .initial_indent(&first_indent)
        .subsequent_indent(&rest_indent)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    let unindented = |(number, line): (usize, &std::borrow::Cow<'_, str>)| {
        let indent = if number == 0 { first } else { rest };
        line.get(indent..).unwrap_or_default().to_owned()
    };
    textwrap::wrap(text, options)
        .iter()
        .enumerate()
        .map(unindented)
        .collect()
}

/// Display columns of a text.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_no_word_is_lost() {
        let text = "one two-three four 一二三四五六七八九十 averyveryverylongwordthatdoesnotfitintoaline end";
        let lines = wrap(text, 20, 2, 4);
        assert!(
            lines
                .iter()
                .enumerate()
                .all(|(n, line)| width(line) + if n == 0 { 2 } else { 4 } <= 20),
            "{lines:?}"
        );
        assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
    }
}
