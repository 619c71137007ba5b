//! `operator demo`: a simulated system, a fault, and the same code as `run`.
