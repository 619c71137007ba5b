//! A page of a terminal: wraps by columns, paints when asked to, lets nothing through unescaped.

use super::RenderStyle;
use operator_model::quantity::escape;

/// Narrower than this nothing can be laid out, wider than this nobody reads a line to its end.
const COLUMNS: std::ops::RangeInclusive<usize> = 40..=110;

/// Longest text that goes on a page in one piece, in characters: forty lines.
const TEXT_CHARS_MAX: usize = 4_000;

/// A colour or weight.
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

    /// `━━ a ━━ b ━━━━━━━━ c ━━`: the last word stands at the right edge.
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

    /// Text with an indent of its first line and one of the others.
    pub(super) fn wrapped(&mut self, first: usize, rest: usize, text: &str, ink: Ink) {
        let text = escape(text, TEXT_CHARS_MAX);
        for (number, line) in wrap(&text, self.columns, first, rest).iter().enumerate() {
            self.push(if number == 0 { first } else { rest }, line, ink);
        }
    }

    /// A mark, and text that hangs behind it.
    pub(super) fn item(&mut self, indent: usize, mark: &str, text: &str, ink: Ink) {
        self.marked(
            indent,
            &[(mark, if ink == Ink::Dim { Ink::Dim } else { Ink::Cyan })],
            text,
            ink,
        );
    }

    /// A mark of several inks, and text that hangs behind it.
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

    /// Parts of one line, each in its ink, cut at nothing.
    pub(super) fn parts(&mut self, indent: usize, parts: &[(&str, Ink)]) {
        self.text.push_str(&" ".repeat(indent));
        for (text, ink) in parts {
            self.put(0, &escape(text, TEXT_CHARS_MAX), *ink);
        }
        self.text.push('\n');
    }

    /// Never wrapped: it is copied.
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

/// Lines of words; a word that is longer than a line is cut.
fn wrap(text: &str, columns: usize, first: usize, rest: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let room = columns
            .saturating_sub(if lines.len() == 1 { first } else { rest })
            .max(8);
        let last = lines.last().map_or(0, |line| width(line));
        if last > 0 && last + 1 + width(word) > room {
            lines.push(String::new());
        }
        let room = columns
            .saturating_sub(if lines.len() == 1 { first } else { rest })
            .max(8);
        for (number, piece) in cut(word, room, columns.saturating_sub(rest).max(8))
            .into_iter()
            .enumerate()
        {
            if number > 0 {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(&piece);
            }
        }
    }
    lines
}

fn cut(word: &str, first: usize, rest: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for character in word.chars() {
        let room = if pieces.len() == 1 { first } else { rest };
        if used + columns_of(character) > room {
            pieces.push(String::new());
            used = 0;
        }
        used += columns_of(character);
        if let Some(piece) = pieces.last_mut() {
            piece.push(character);
        }
    }
    pieces
}

/// Columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// East Asian wide characters and pictographs take two columns (Unicode Standard Annex 11, coarsely).
fn columns_of(character: char) -> usize {
    match character {
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{1f300}'..='\u{1faff}' => 2,
        _ => 1,
    }
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
