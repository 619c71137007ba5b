//! A loaded version of a check plugin, with everything that is needed to load it again somewhere
//! else.

use operator_plugin_host::{Engine, InvariantModule, LoadError};
use std::ops::Deref;
use std::sync::Arc;

/// One version of a check plugin: a component and its configuration. Each of the two makes another
/// version.
pub(super) struct Version {
    module: InvariantModule,
    bytes: Arc<[u8]>,
    config: String,
}

/// What a version is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedModule {
    /// Path or name under which it was loaded.
    pub source: String,
    /// Name that it declares.
    pub name: String,
    /// Version that it declares.
    pub version: String,
    /// sha256 of its component.
    pub digest: String,
    /// Its configuration, a JSON object.
    pub config: String,
    /// Its component.
    pub bytes: Arc<[u8]>,
}

impl Version {
    /// Compiles and links, which takes long, and asks the check plugin for its checks.
    pub(super) async fn load(
        engine: &Engine,
        source: &str,
        bytes: Vec<u8>,
        config: &str,
    ) -> Result<Self, LoadError> {
        let module = InvariantModule::load(engine, source, &bytes, config).await?;
        Ok(Self {
            module,
            bytes: bytes.into(),
            config: config.to_owned(),
        })
    }

    pub(super) fn config(&self) -> &str {
        &self.config
    }

    pub(super) fn parts(&self, source: &str) -> LoadedModule {
        LoadedModule {
            source: source.to_owned(),
            name: self.info().name.clone(),
            version: self.info().version.clone(),
            digest: self.digest().0.clone(),
            config: self.config.clone(),
            bytes: Arc::clone(&self.bytes),
        }
    }
}

impl Deref for Version {
    type Target = InvariantModule;

    fn deref(&self) -> &InvariantModule {
        &self.module
    }
}
