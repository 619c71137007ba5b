//! Everything that reaches out: ports, address policy, egress, and the Prometheus client.

pub mod egress;
pub mod observed_clock;
pub mod ports;
pub mod prometheus;
