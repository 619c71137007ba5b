//! The policy between plugins and the network: named targets, discovery, limits.
