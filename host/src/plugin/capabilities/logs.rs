//! `logs`: new lines of granted log files. The port keeps the position.

use crate::plugin::bindings::contract::logs::{Host, LogChunk, LogError};
use crate::plugin::subject::SubjectState;
use wasmtime::Result;

impl Host for SubjectState {
    fn sources(&mut self) -> Result<Vec<String>> {
        Ok(self.world.logs.sources())
    }

    fn read(&mut self, source: String, max_lines: u32) -> Result<std::result::Result<LogChunk, LogError>> {
        if !self.world.logs.sources().contains(&source) {
            return Ok(Err(LogError::UnknownSource(source)));
        }
        let lines_max = max_lines.min(self.log_lines_left);
        let read = self.world.logs.read(&source, lines_max as usize);
        Ok(read.map_err(LogError::Unreadable).map(|read| {
            self.log_lines_left -= u32::try_from(read.lines.len()).unwrap_or(lines_max).min(self.log_lines_left);
            LogChunk { lines: read.lines, skipped: read.skipped }
        }))
    }
}
