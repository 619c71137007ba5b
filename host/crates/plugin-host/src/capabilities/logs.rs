//! `logs`: new lines of granted log files. The port keeps the position.

use crate::bindings::telemetry::logs::{Host, LogChunk, LogError};
use crate::subject::SubjectState;
use wasmtime::Result;

impl Host for SubjectState {
    fn sources(&mut self) -> Result<Vec<String>> {
        Ok(self.world.logs.sources())
    }

    fn read(
        &mut self,
        source: String,
        max_lines: u32,
    ) -> Result<std::result::Result<LogChunk, LogError>> {
        if !self.world.logs.sources().contains(&source) {
            return Ok(Err(LogError::UnknownSource(source)));
        }
        let lines_max = max_lines.min(self.log_lines_left);
        let read = self.world.logs.read(&source, lines_max as usize);
        Ok(read.map_err(LogError::Unreadable).map(|read| {
            self.log_lines_left -= u32::try_from(read.lines.len())
                .unwrap_or(lines_max)
                .min(self.log_lines_left);
            LogChunk {
                lines: read.lines,
                skipped: read.skipped,
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SubjectWorld;
    use operator_net::ports::{LogLines, Logs};
    use std::sync::Arc;

    /// A log that always has as many lines as anyone wants.
    struct Endless;

    impl Logs for Endless {
        fn sources(&self) -> Vec<String> {
            vec!["a".to_owned()]
        }

        fn read(&self, _: &str, lines_max: usize) -> std::result::Result<LogLines, String> {
            Ok(LogLines {
                lines: vec!["x".to_owned(); lines_max],
                skipped: 1,
            })
        }
    }

    #[test]
    fn one_tick_reads_no_more_lines_than_its_allowance_whoever_asks_how_often() {
        let world = SubjectWorld {
            logs: Arc::new(Endless),
            ..SubjectWorld::nothing()
        };
        let mut state = SubjectState::new(world, &crate::CallLimits::default());
        state.log_lines_left = 10;
        let mut read = |lines| {
            state
                .read("a".to_owned(), lines)
                .unwrap()
                .unwrap()
                .lines
                .len()
        };
        assert_eq!([read(6), read(6), read(6)], [6, 4, 0]);
    }

    #[test]
    fn a_source_that_is_not_granted_is_an_answer() {
        let mut state = SubjectState::new(SubjectWorld::nothing(), &crate::CallLimits::default());
        let answer = state.read("/etc/passwd".to_owned(), 1).unwrap();
        assert!(
            matches!(answer, Err(LogError::UnknownSource(_))),
            "{answer:?}"
        );
    }
}
