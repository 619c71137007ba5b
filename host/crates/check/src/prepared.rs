//! A version that is prepared once and offered many times: how the soak test swaps by the thousand
//! without compiling by the thousand.

use crate::CheckSet;
use crate::swap::Candidate;
use crate::version::Version;
use operator_plugin_host::{Engine, LoadError};
use std::sync::Arc;

/// A compiled version of one source.
#[doc(hidden)]
pub struct PreparedVersion(Arc<Version>);

impl PreparedVersion {
    /// Compiles the component, as the source `source`.
    ///
    /// # Errors
    /// The component is not admitted, or cannot be compiled or configured.
    pub async fn load(
        engine: &Engine,
        source: &str,
        component: Vec<u8>,
    ) -> Result<Self, LoadError> {
        let version = Version::load(engine, source, component, "{}").await?;
        Ok(Self(Arc::new(version)))
    }
}

impl CheckSet {
    /// Takes over at the next tick boundary, as a changed file would.
    #[doc(hidden)]
    pub fn offer(&self, source: &str, version: &PreparedVersion) {
        let candidate = Candidate::Ready(Arc::clone(&version.0));
        self.swaps().candidates.insert(source.to_owned(), candidate);
    }
}
