//! The model: the cluster as it is, and what PD believes of it.
//!
//! `cluster` holds the truth, with its stores, disks, links and clients. `pd::view` holds what PD believes,
//! which only heartbeats change. Nothing here renders responses; `endpoints` does.

pub(crate) mod actions;
pub(crate) mod clients;
pub(crate) mod cluster;
pub(crate) mod disk;
pub(crate) mod histogram;
pub(crate) mod ids;
pub(crate) mod key;
pub(crate) mod layouts;
pub(crate) mod links;
pub(crate) mod log_book;
pub(crate) mod number;
pub(crate) mod pd;
pub(crate) mod queue;
pub(crate) mod region;
pub(crate) mod rng;
pub(crate) mod slow_score;
pub(crate) mod stages;
pub(crate) mod store;
