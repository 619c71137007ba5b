//! Operator: watches a distributed system, finds what is wrong, explains why with evidence, and
//! writes a ticket that a person can act on.
//!
//! `observe → snapshot → check → diagnose → decide → ticket`, one direction. A stage never imports
//! another stage; only [`tick`] knows the order. The modules below stand in the order of the flow.

pub mod model;

pub mod ports;

pub mod config;
pub mod egress;
pub mod observed_clock;
pub mod prometheus;
pub mod series;
pub mod tables;

pub mod plugin;

pub mod check;
pub mod decide;
pub mod detect;
pub mod diagnose;
pub mod observe;
pub mod snapshot;
pub mod ticket;
pub mod verify;

pub mod event;
pub mod journal;
pub mod recording;
pub mod store;

pub mod authoring;

pub mod daemon;
pub mod demo;
pub mod replay;
pub mod tick;

pub mod cli;
pub mod exit;
pub mod render;
pub mod telemetry;
