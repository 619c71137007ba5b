//! A cluster that breaks on demand.
//!
//! [`scenario`] names the faults that it can suffer,
//! and [`world`] is the face that both the model and a served recording show to whoever watches.

pub mod world;
pub mod scenario;
pub mod cassette;
pub mod serve;
pub mod sim;
pub mod calendar;
pub mod test_data;
