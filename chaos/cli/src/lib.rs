//! The command line of faults, the simulator and captures: `operator-chaos`, and `operator chaos` of the host.
//!
//! [`faults`] has the arguments and commands of faults, which the host embeds; [`captures`] those of captures.

pub mod captures;
pub mod duration;
pub mod faults;
