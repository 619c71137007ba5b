//! The policy between plugins and the network: named targets, discovery, limits.
//!
//! A plugin names a target and a path; everything else is decided here. What is refused is counted
//! by its reason, and a refusal is an answer, never a trap.

mod address;
mod budget;
mod header;
mod network;
mod origin;
mod path;
mod policy;
mod send;

pub use address::AddressPolicy;
pub(crate) use header::can_be_allowed;
pub use network::Network;
pub use origin::Origin;
pub use policy::{DiscoveryPolicy, EgressLimits, EgressPolicy, TargetPolicy};
pub use send::{Egress, EgressCounters, RefusalReason, TargetRequest};
