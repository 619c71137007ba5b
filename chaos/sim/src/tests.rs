//! The simulator is tested through what an observer sees.

mod determinism;
mod fault_effects;
mod hibernation;
mod hot_regions;
mod merges;
mod noise;
mod observer;
mod rules;
mod signs;
