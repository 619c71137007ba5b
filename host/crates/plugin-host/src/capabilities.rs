//! What plugins may ask of the host: thin adapters from the contract to the host's own parts. Each
//! enforces the bounds that only it can see; none of them can change anything outside.

mod clock;
mod http;
mod knowledge;
mod log;
mod logs;
mod scraping;
mod series;
mod snapshots;
mod tables;

use crate::bindings::checks::findings;
use crate::bindings::knowledge::{commands, vocabulary};
use crate::bindings::observe::{observations, topology};
use crate::bindings::probe::probes;
use crate::bindings::telemetry::http_types;
use crate::bindings::types::{gaps, selectors, types};
use crate::state::GuestState;

pub(crate) use knowledge::KnowledgeSize;

// Interfaces that hold types only.
impl types::Host for GuestState {}
impl gaps::Host for GuestState {}
impl selectors::Host for GuestState {}
impl vocabulary::Host for GuestState {}
impl commands::Host for GuestState {}
impl topology::Host for GuestState {}
impl probes::Host for GuestState {}
impl observations::Host for GuestState {}
impl http_types::Host for GuestState {}
impl findings::Host for GuestState {}
