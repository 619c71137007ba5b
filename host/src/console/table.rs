//! Tables for the terminal, without borders.

use comfy_table::{ContentArrangement, Table, presets};

/// Columns between two cells.
const GAP: u16 = 2;

/// Rows in aligned columns, indented, without a final line feed. Cells are never wrapped: lists are piped into
/// `grep` and `awk`.
pub(crate) fn aligned<const N: usize>(
    indent: usize,
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    let margin = " ".repeat(indent);
    let lines: Vec<String> = table
        .lines()
        .map(|line| format!("{margin}{}", line.trim_end()))
        .collect();
    lines.join("\n")
}

/// A table with a header that wraps its cells to the width of the terminal.
pub(crate) fn wrapped<const N: usize>(
    columns: usize,
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(columns).unwrap_or(u16::MAX))
        .set_header(header);
    for row in rows {
        table.add_row(row);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_trailing_space() {
        let rows = [["a", "bb", ""], ["aaa", "b", "c"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(2, rows), "  a    bb\n  aaa  b   c");
    }
}
