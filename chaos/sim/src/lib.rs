//! A deterministic model of a TiKV cluster, and the faults that it can suffer.
//!
//! [`Simulator`] is the cluster as a [`World`](operator_world::World): it responds to HTTP requests and writes logs as
//! virtual time passes. One seed decides everything that is left to chance, and observing changes nothing,
//! so the same seed always shows the same bytes.
//!
//! - [`fault`]: every fault that can be injected, from the files in `chaos/sim/faults`;
//! - [`scenario`]: the incidents of the demo, each with the correct diagnosis;
//! - [`noise`]: how much a healthy cluster varies;
//! - [`prometheus`]: a simulated Prometheus in front of a world.

pub mod config;
mod embedded;
mod endpoints;
pub mod fault;
mod model;
pub mod noise;
pub mod prometheus;
pub mod scenario;
mod simulator;

pub use simulator::Simulator;

#[cfg(test)]
mod tests;
