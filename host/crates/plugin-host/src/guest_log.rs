//! What one instance had to say: cleaned, cut, counted.

use crate::bindings::types::types::Level;
use crate::limits::CallLimits;
use crate::text;

/// Fields of one line.
const FIELDS_MAX: usize = 32;

/// One cleaned line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogLine {
    /// As the plugin chose it.
    pub(crate) level: tracing::Level,
    /// One line, whatever the plugin wrote.
    pub(crate) message: String,
}

/// The lines of one call.
pub(crate) struct GuestLog {
    lines: Vec<LogLine>,
    suppressed: u64,
    lines_max: u32,
    line_bytes_max: usize,
}

impl GuestLog {
    pub(crate) fn new(limits: &CallLimits) -> Self {
        let (lines_max, line_bytes_max) = (limits.log_lines_max, limits.log_line_bytes_max);
        Self {
            lines: Vec::new(),
            suppressed: 0,
            lines_max,
            line_bytes_max,
        }
    }

    pub(crate) fn begin_call(&mut self) {
        self.lines.clear();
        self.suppressed = 0;
    }

    /// Keeps a line, or counts it when there are too many.
    pub(crate) fn push(&mut self, level: Level, message: &str, fields: &[(String, String)]) {
        if self.lines.len() >= self.lines_max as usize {
            self.suppressed += 1;
            return;
        }
        let mut line = message.to_owned();
        for (key, value) in fields.iter().take(FIELDS_MAX) {
            line.push_str(&format!(" {key}={value:?}"));
        }
        self.lines.push(LogLine {
            level: level.into(),
            message: text::clean(&line, self.line_bytes_max),
        });
    }

    /// Hands over what was said, and how many lines were not kept.
    pub(crate) fn take(&mut self) -> (Vec<LogLine>, u64) {
        (
            std::mem::take(&mut self.lines),
            std::mem::take(&mut self.suppressed),
        )
    }

    /// Passes everything on to the operator's own log, under the plugin's name.
    pub(crate) fn emit(&mut self, plugin: &str) {
        let (lines, suppressed) = self.take();
        for LogLine { level, message } in lines {
            match level {
                tracing::Level::TRACE => tracing::trace!(target: "plugin", plugin, "{message}"),
                tracing::Level::DEBUG => tracing::debug!(target: "plugin", plugin, "{message}"),
                tracing::Level::INFO => tracing::info!(target: "plugin", plugin, "{message}"),
                tracing::Level::WARN => tracing::warn!(target: "plugin", plugin, "{message}"),
                tracing::Level::ERROR => tracing::error!(target: "plugin", plugin, "{message}"),
            }
        }
        if suppressed > 0 {
            tracing::warn!(target: "plugin", plugin, suppressed, "Log lines were suppressed.");
        }
    }
}

impl From<Level> for tracing::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::TRACE,
            Level::Debug => Self::DEBUG,
            Level::Info => Self::INFO,
            Level::Warn => Self::WARN,
            Level::Error => Self::ERROR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines_max: u32) -> GuestLog {
        GuestLog::new(&CallLimits {
            log_lines_max: lines_max,
            log_line_bytes_max: 40,
            ..CallLimits::default()
        })
    }

    #[test]
    fn a_plugin_cannot_forge_a_line_of_the_operator() {
        let mut log = log(10);
        let field = ("key".to_owned(), "a\nERROR all is lost".to_owned());
        log.push(Level::Info, "hello\u{1b}[31m", &[field]);
        let (lines, suppressed) = log.take();
        assert_eq!(
            lines[0].message,
            "hello\\u{1b}[31m key=\"a\\nERROR all is …"
        );
        assert_eq!((lines[0].level, suppressed), (tracing::Level::INFO, 0));
    }

    #[test]
    fn lines_above_the_limit_are_counted_and_a_new_call_may_speak_again() {
        let mut log = log(2);
        (0..5).for_each(|_| log.push(Level::Error, "x", &[]));
        let (lines, suppressed) = log.take();
        assert_eq!((lines.len(), suppressed), (2, 3));
        log.begin_call();
        log.push(Level::Error, "x", &[]);
        assert_eq!(log.take().0.len(), 1);
    }
}
