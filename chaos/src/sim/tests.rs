//! The simulator is judged by what an observer sees.

mod determinism;
mod fault_effects;
mod observer;
mod rules;
mod signs;
