//! Reports as Markdown (CommonMark with tables).

use super::{Block, Document, Map, Plot};
use crate::console::render::sparkline;
use operator_model::quantity::{escape, measure};
use std::fmt::Write as _;

/// Longest single text, in characters.
const TEXT_CHARS_MAX: usize = 4_000;

/// Columns of a sparkline.
const SPARK_COLUMNS: usize = 40;

/// The report as Markdown that ends with a line feed.
#[must_use]
pub fn markdown(document: &Document) -> String {
    let mut text = format!("# {}\n", plain(&document.title));
    for block in &document.blocks {
        text.push('\n');
        write_block(&mut text, block);
    }
    text
}

fn write_block(text: &mut String, block: &Block) {
    // Writing to a string cannot fail.
    let _ = match block {
        Block::Heading(heading) => writeln!(text, "## {}", plain(heading)),
        Block::Paragraph(paragraph) => writeln!(text, "{}", plain(paragraph)),
        Block::List(items) => items
            .iter()
            .try_for_each(|item| writeln!(text, "- {}", plain(item))),
        Block::Table { head, rows } => write_table(text, head, rows),
        Block::Commands(commands) => {
            let lines: Vec<String> = commands.iter().map(|one| code(one)).collect();
            writeln!(text, "```sh\n{}\n```", lines.join("\n"))
        }
        Block::Plot(plot) => writeln!(text, "{}", plot_line(plot)),
        Block::Map(map) => write_map(text, map),
    };
}

fn write_table(text: &mut String, head: &[String], rows: &[Vec<String>]) -> std::fmt::Result {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| plain(cell)).collect();
        format!("| {} |", cells.join(" | "))
    };
    writeln!(text, "{}", line(head))?;
    writeln!(text, "|{}", "---|".repeat(head.len()))?;
    rows.iter()
        .try_for_each(|row| writeln!(text, "{}", line(row)))
}

fn plot_line(plot: &Plot) -> String {
    let usual = plot.usual.map_or_else(String::new, |usual| {
        format!(", usually {}", measure(usual, plot.unit.as_deref()))
    });
    let newest = plot.values.last().map_or_else(String::new, |newest| {
        format!(" {}", measure(*newest, plot.unit.as_deref()))
    });
    format!(
        "{}: `{}`{}{}",
        plain(&plot.title),
        sparkline(&plot.values, SPARK_COLUMNS),
        plain(&newest),
        plain(&usual)
    )
}

fn write_map(text: &mut String, map: &Map) -> std::fmt::Result {
    writeln!(text, "- **{}** (suspect)", plain(&map.suspect))?;
    map.affected
        .iter()
        .try_for_each(|(name, seen)| writeln!(text, "  - {}: {}", plain(name), plain(seen)))
}

/// Text without markup: what the observed system wrote is never a link, a heading or a tag.
fn plain(text: &str) -> String {
    let mut shown = String::new();
    for character in escape(text, TEXT_CHARS_MAX).chars() {
        let is_markup = matches!(
            character,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '&' | '!'
        );
        if is_markup {
            shown.push('\\');
        }
        shown.push(character);
    }
    shown
}

/// A command within a fence: it cannot end the fence.
fn code(text: &str) -> String {
    escape(text, TEXT_CHARS_MAX).replace("```", "` ` `")
}
