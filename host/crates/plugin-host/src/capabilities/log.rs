//! `log`: see [`crate::guest_log`].

use crate::bindings::telemetry::log::Host;
use crate::bindings::types::types::{Label, Level};
use crate::read_set::ReadSet;
use crate::state::GuestState;

impl Host for GuestState {
    fn emit(&mut self, level: Level, message: String, fields: Vec<Label>) -> wasmtime::Result<()> {
        // Who wrote a line would write it again.
        self.note(ReadSet::never_hold);
        let fields: Vec<_> = fields
            .into_iter()
            .map(|field| (field.key, field.value))
            .collect();
        self.log.push(level, &message, &fields);
        Ok(())
    }
}
