//! The last step: a plugin that can be instantiated and has said who it is.

use crate::info::PluginInfo;
use crate::link::Linked;
use crate::trust::Trust;
use operator_model::Digest;
use std::sync::atomic::{AtomicU64, Ordering};

/// A linked plugin that answered. Only [`Active::new`] makes one.
pub(crate) struct Active<P> {
    linked: Linked<P>,
    info: PluginInfo,
    instances: AtomicU64,
}

impl<P> Active<P> {
    /// Takes a linked plugin that answered for itself into use.
    pub(crate) fn new(linked: Linked<P>, info: PluginInfo) -> Self {
        Self {
            linked,
            info,
            instances: AtomicU64::default(),
        }
    }

    /// What an instance is made of; each one is counted.
    pub(crate) fn instantiable(&self) -> &P {
        self.instances.fetch_add(1, Ordering::Relaxed);
        self.linked.world()
    }

    /// Instances that were made so far.
    pub(crate) fn instances(&self) -> u64 {
        self.instances.load(Ordering::Relaxed)
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
