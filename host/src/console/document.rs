//! A report as blocks of text, tables and pictures, written as Markdown or as one self-contained HTML page.
//!
//! All text is data: control characters are escaped where blocks are written, and each format escapes its own markup.

mod html;
mod markdown;
pub mod review;
pub mod ticket;

pub use html::html;
pub use markdown::markdown;

/// A report.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// One line.
    pub title: String,
    /// From top to bottom.
    pub blocks: Vec<Block>,
}

/// A part of a report.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// A section begins.
    Heading(String),
    /// One paragraph.
    Paragraph(String),
    /// A list without numbers.
    List(Vec<String>),
    /// A table; every row has as many cells as the head.
    Table {
        /// Names of the columns.
        head: Vec<String>,
        /// Cells.
        rows: Vec<Vec<String>>,
    },
    /// Commands to copy, one a line.
    Commands(Vec<String>),
    /// A signal over time.
    Plot(Plot),
    /// A suspect, and what is affected.
    Map(Map),
}

/// A signal over time, with its usual range.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// What is plotted.
    pub title: String,
    /// Unit of the values.
    pub unit: Option<String>,
    /// Oldest first, equally spaced.
    pub values: Vec<f64>,
    /// The usual value.
    pub usual: Option<f64>,
    /// Half the width of the usual range.
    pub spread: Option<f64>,
}

/// A suspect, and what is affected.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Name of the suspect.
    pub suspect: String,
    /// Names of the affected, with what is seen there, by onset.
    pub affected: Vec<(String, String)>,
}

impl Document {
    /// A report without blocks.
    #[must_use]
    pub fn new(title: String) -> Self {
        Self {
            title,
            blocks: Vec::new(),
        }
    }

    pub(crate) fn heading(&mut self, text: &str) {
        self.blocks.push(Block::Heading(text.to_owned()));
    }

    pub(crate) fn paragraph(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Paragraph(text.into()));
    }

    /// A list, unless it is empty.
    pub(crate) fn list(&mut self, items: Vec<String>) {
        if !items.is_empty() {
            self.blocks.push(Block::List(items));
        }
    }

    /// A table, unless it has no rows.
    pub(crate) fn table(&mut self, head: &[&str], rows: Vec<Vec<String>>) {
        if !rows.is_empty() {
            self.blocks.push(Block::Table {
                head: head.iter().map(|&cell| cell.to_owned()).collect(),
                rows,
            });
        }
    }
}

#[cfg(test)]
mod tests;
