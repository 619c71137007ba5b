//! What diagnosis promises, on the three-node example system.

mod causes;
mod identity;
mod observation_gaps;
mod pending;
mod recovery;
