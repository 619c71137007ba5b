//! Writing to stdout and stderr.

use crate::console::render::RenderStyle;
use crate::exit::{Exit, Failure};
use std::io::{IsTerminal as _, Write as _};

/// Columns when stdout is not a terminal.
const WIDTH_DEFAULT: usize = 100;

/// Beyond this, lines of text are hard to read.
const WIDTH_MAX: usize = 120;

/// How this command writes.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    /// Print JSON.
    pub json: bool,
    /// Stdout is a terminal.
    pub terminal: bool,
    /// Width and colour.
    pub style: RenderStyle,
}

impl Console {
    /// Detects whether stdout is a terminal, and its width.
    #[must_use]
    pub fn new(json: bool, no_color: bool) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let columns = terminal_size::terminal_size()
            .map(|(width, _)| usize::from(width.0))
            .filter(|_| terminal);
        let width = columns.unwrap_or(WIDTH_DEFAULT).min(WIDTH_MAX);
        Self {
            json,
            terminal,
            style: RenderStyle {
                width,
                color: terminal && !no_color,
            },
        }
    }

    /// Writes text with a line feed. A closed pipe is not an error: `operator log show | head` is fine.
    ///
    /// # Errors
    /// The output cannot be written, for example because the disk is full.
    pub fn line(&self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::new(
                Exit::Io,
                format!("cannot write to stdout: {error}"),
            )),
            _ => Ok(()),
        }
    }

    /// Writes a value as JSON: indented for a person, compact otherwise.
    ///
    /// # Errors
    /// As [`Console::line`].
    pub fn value(&self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text = if self.terminal {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        self.line(
            &text.map_err(|error| {
                Failure::new(Exit::Internal, format!("cannot write JSON: {error}"))
            })?,
        )
    }
}

/// One message on stderr.
pub(super) fn complain(message: &str) {
    // When stderr is closed there is no other place to report to.
    let _ = writeln!(std::io::stderr(), "operator: {message}");
}

/// A progress line on stderr.
pub(super) fn note(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
