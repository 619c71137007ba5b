//! A cluster that breaks on demand.
//!
//! [`sim`] is a deterministic model of a cluster, [`cassette`] plays a recorded one, [`scenario`] names the faults
//! that the model can suffer, and [`world`] is the face that both show to whoever watches, in process or through [`serve`].

pub mod calendar;
pub mod cards;
pub mod cassette;
pub mod commands;
pub mod docker;
pub mod noise;
pub mod prometheus;
pub mod scenario;
pub mod serve;
pub mod sim;
pub mod test_data;
pub mod world;
