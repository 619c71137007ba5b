//! Bytes to whole lines, with every length bounded.

use crate::ports::LogLines;

/// Longest line that is passed on, in bytes; a longer one is cut and marked.
pub(super) const LINE_BYTES_MAX: usize = 64 << 10;

const CUT_MARK: &str = " [cut]";

/// Collects lines from pieces of a file.
#[derive(Debug, Default)]
pub(super) struct LineReader {
    /// The beginning of a line whose end was not written yet, at most `LINE_BYTES_MAX`.
    begun: Vec<u8>,
    /// The line that is being read is too long, or was begun before the operator: its rest is not
    /// kept.
    dropping: bool,
    was_cut: bool,
}

impl LineReader {
    /// What comes first belongs to a line whose beginning was not seen.
    pub(super) fn drop_first(&mut self) {
        self.dropping = true;
    }

    /// Takes a piece of the file. At most `lines_max` lines are kept in `out`, the others counted.
    pub(super) fn feed(&mut self, piece: &[u8], lines_max: usize, out: &mut LogLines) {
        let mut parts = piece.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            self.extend(part);
            if parts.peek().is_some() {
                self.finish(lines_max, out);
            }
        }
    }

    /// The line ends here.
    pub(super) fn finish(&mut self, lines_max: usize, out: &mut LogLines) {
        let unseen = self.dropping && !self.was_cut;
        let line = std::mem::take(&mut self.begun);
        let cut = std::mem::take(&mut self.was_cut);
        self.dropping = false;
        if unseen {
            return;
        }
        if out.lines.len() >= lines_max {
            out.skipped += 1;
            return;
        }
        let text = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line)).into_owned();
        out.lines.push(if cut { text + CUT_MARK } else { text });
    }

    /// Whether a line was begun and not ended.
    pub(super) fn has_begun(&self) -> bool {
        !self.begun.is_empty()
    }

    fn extend(&mut self, part: &[u8]) {
        if self.dropping {
            return;
        }
        let room = LINE_BYTES_MAX - self.begun.len();
        self.begun.extend(part.iter().take(room));
        if part.len() > room {
            self.dropping = true;
            self.was_cut = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]], lines_max: usize) -> LogLines {
        let mut reader = LineReader::default();
        let mut out = LogLines::default();
        pieces
            .iter()
            .for_each(|piece| reader.feed(piece, lines_max, &mut out));
        out
    }

    #[test]
    fn only_whole_lines_are_given() {
        assert_eq!(read(&[b"a\nb"], 9).lines, ["a"]);
        assert_eq!(read(&[b"a\nb", b"c\r\n\n"], 9).lines, ["a", "bc", ""]);
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_once_and_marked() {
        let long = vec![b'x'; LINE_BYTES_MAX + 10];
        let out = read(&[&long, &long, b"\nnext\n"], 9);
        assert_eq!(out.lines[0].len(), LINE_BYTES_MAX + CUT_MARK.len());
        assert_eq!(out.lines[1], "next");
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(read(&[b"a\xffb\0\n"], 9).lines, ["a\u{fffd}b\0"]);
    }

    #[test]
    fn lines_beyond_the_limit_are_counted() {
        let out = read(&[b"a\nb\nc\n"], 1);
        assert_eq!((out.lines, out.skipped), (vec!["a".to_owned()], 2));
    }

    #[test]
    fn the_rest_of_a_line_that_began_before_is_dropped() {
        let mut reader = LineReader::default();
        let mut out = LogLines::default();
        reader.drop_first();
        reader.feed(b"tail of an old line\nnew\n", 9, &mut out);
        assert_eq!(out.lines, ["new"]);
    }

    proptest! {
        #[test]
        fn where_the_pieces_are_cut_does_not_matter(text in "[a-c\n\r]{0,60}", cut in 0_usize..60) {
            let (first, second) = text.split_at(cut.min(text.len()));
            prop_assert_eq!(read(&[first.as_bytes(), second.as_bytes()], 99), read(&[text.as_bytes()], 99));
        }
    }
}
