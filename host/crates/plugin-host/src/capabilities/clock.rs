//! `clock`: the time of the tick, constant during one call.

use crate::bindings::telemetry::clock::Host;
use crate::convert;
use crate::state::GuestState;

impl Host for GuestState {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(convert::instant_of(self.clock.now()))
    }
}
