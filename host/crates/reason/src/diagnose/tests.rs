//! What diagnosis promises, told on a system that does not exist.

mod causes;
mod holds;
mod identity;
mod sight;
