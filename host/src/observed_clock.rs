//! The clock of the observed system, as its answers tell it.
