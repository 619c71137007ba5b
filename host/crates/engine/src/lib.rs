//! Turns the stages into a running operator: snapshot source, pipeline, daemon, replay, telemetry.

pub mod daemon;
pub mod event;
pub mod replay;
pub mod settings;
pub mod telemetry;
pub mod tick;
