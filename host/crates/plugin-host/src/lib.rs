//! Hosting of wasm components: load, limit, call.
//!
//! A plugin can hurt only its own result. What it may do is what `wit/` lists, every capability is
//! one file in `capabilities/`, every bound is one field in `limits.rs`, and every way in which a
//! call can end is one variant of [`PluginFailure`]. Bytes become running code in five steps of which
//! none can be skipped, because each takes the result of the one before: admitted (`admit.rs`),
//! trusted (`trust.rs`), compiled (`compile.rs`), linked (`link.rs`), active (`active.rs`).

mod active;
mod admit;
mod bindings;
mod cache;
mod call;
mod capabilities;
mod circuit_breaker;
mod compile;
mod convert;
mod engine;
mod explain;
mod failure;
mod guest_log;
mod info;
mod inspect;
mod invariant;
mod join;
mod limits;
mod link;
mod load;
mod meter;
mod observation;
pub mod observe;
mod outcome;
mod place;
mod question;
mod read_set;
mod resources;
mod state;
mod subject;
mod text;
mod trust;
mod wasi;

pub use admit::{CONTRACT_VERSION, World};
pub use cache::WarmCode;
pub use circuit_breaker::CircuitBreaker;
pub use engine::{Allocation, Engine, EngineError};
pub use failure::{ErrorKind, PluginFailure};
pub use info::PluginInfo;
pub use info::is_identifier;
pub use inspect::{Inspection, inspect, interview};
pub use invariant::{Evaluated, InvariantModule};
pub use limits::{CallLimits, PluginLimits};
pub use load::{LoadError, read_component};
pub use outcome::Outcome;
pub use place::Place;
pub use read_set::ReadSet;
pub use subject::{Subject, SubjectWorld};
pub use text::clean;
pub use trust::{
    KeyError, LOCK_FILE, LockError, LockFile, PluginRule, PrivateKey, PublicKey, Requirement,
    Rules, Signature, Trust, TrustError, TrustPolicy, plugin_name, signature_path,
};
