//! What plugins may ask of the host: thin adapters from the contract to the host's own parts. Each
//! enforces the bounds that only it can see; none of them can change anything outside.

mod clock;
mod http;
mod log;
mod logs;
mod metrics;
mod scraping;
mod snapshots;
mod tables;

use crate::bindings::contract::{http_types, knowledge, observations, types};
use crate::bindings::invariant::operator::plugin::checks;
use crate::state::GuestState;

// Interfaces that hold types only.
impl types::Host for GuestState {}
impl knowledge::Host for GuestState {}
impl observations::Host for GuestState {}
impl http_types::Host for GuestState {}
impl checks::Host for GuestState {}
