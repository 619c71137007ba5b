//! The policy between plugins and the network: named targets, discovery, limits, and a log of every
//! request.
//!
//! A plugin names a target and a path; everything else is decided here. What is refused is counted
//! by its reason, and a refusal is an answer, never a trap.

mod address;
mod audit;
mod budget;
mod header;
mod network;
mod origin;
mod path;
mod policy;
mod refusal;
mod rule;
mod send;
mod targets;

pub use address::AddressPolicy;
pub use audit::{AUDIT_FILE_NAME, Audit, AuditEntry, AuditError, Decision, FileAudit, read_audit};
pub use header::{can_be_allowed, is_hidden};
pub use network::Network;
pub use origin::Origin;
pub use policy::{
    DiscoveryPolicy, DiscoveryRule, EgressLimits, EgressPolicy, Grant, Rate, TargetPolicy,
};
pub use refusal::RefusalReason;
pub use rule::PathRule;
pub use send::{Egress, EgressCounters, TargetRequest};
