//! The last step: a plugin that can be instantiated and has said who it is. While one lives it is
//! *hot*; `operator plugin list` shows it.

use crate::model::Digest;
use crate::plugin::engine::Engine;
use crate::plugin::info::PluginInfo;
use crate::plugin::link::Linked;
use crate::plugin::trust::{Trust, plugin_name};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A linked plugin that answered. Only [`Active::new`] makes one.
pub(crate) struct Active<P> {
    linked: Linked<P>,
    info: PluginInfo,
    heat: Arc<Heat>,
}

/// A plugin that can be instantiated at this moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HotPlugin {
    /// Stem of the plugin's file.
    pub plugin: String,
    /// sha256 of its component.
    pub digest: Digest,
    /// Instances that were made of it so far.
    pub instances: u64,
}

/// What is hot: by plugin and digest. Entries of plugins that are gone are dropped when somebody looks.
#[derive(Default)]
pub(crate) struct HotPlugins {
    heats: Mutex<BTreeMap<(String, Digest), Arc<Heat>>>,
}

#[derive(Debug, Default)]
struct Heat {
    instances: AtomicU64,
}

impl<P> Active<P> {
    /// Takes a linked plugin that answered for itself into use; `name` is its path.
    pub(crate) fn new(engine: &Engine, name: &str, linked: Linked<P>, info: PluginInfo) -> Self {
        let heat = engine.hot().enter(plugin_name(name), linked.digest());
        Self { linked, info, heat }
    }

    /// What an instance is made of; each one is counted.
    pub(crate) fn instantiable(&self) -> &P {
        self.heat.instances.fetch_add(1, Ordering::Relaxed);
        self.linked.world()
    }

    pub(crate) fn info(&self) -> &PluginInfo {
        &self.info
    }

    pub(crate) fn digest(&self) -> &Digest {
        self.linked.digest()
    }

    pub(crate) fn trust(&self) -> &Trust {
        self.linked.trust()
    }
}

impl HotPlugins {
    /// Sorted by plugin.
    pub(crate) fn list(&self) -> Vec<HotPlugin> {
        let mut heats = self.heats.lock().unwrap_or_else(PoisonError::into_inner);
        heats.retain(|_, heat| Arc::strong_count(heat) > 1);
        let hot = heats.iter().map(|((plugin, digest), heat)| HotPlugin {
            plugin: plugin.clone(),
            digest: digest.clone(),
            instances: heat.instances.load(Ordering::Relaxed),
        });
        hot.collect()
    }

    fn enter(&self, plugin: &str, digest: &Digest) -> Arc<Heat> {
        let mut heats = self.heats.lock().unwrap_or_else(PoisonError::into_inner);
        heats.retain(|_, heat| Arc::strong_count(heat) > 1);
        Arc::clone(heats.entry((plugin.to_owned(), digest.clone())).or_default())
    }
}
