//! From a fault and a container to steps: inspects the container, and acts on nothing.

pub(crate) mod files;
pub(crate) mod load;
pub(crate) mod network;
pub(crate) mod processes;
pub(crate) mod resources;

use super::capability::Capabilities;
use super::step::Run;
use super::{Container, Request};
use std::collections::BTreeMap;

/// What a fault needs to know to make its steps for one target.
pub(crate) struct Context<'a> {
    pub(crate) container: &'a Container,
    pub(crate) run: Run,
    pub(crate) peers: &'a [Container],
    pub(crate) peers_named: bool,
    pub(crate) settings: BTreeMap<&'static str, u64>,
    pub(crate) request: &'a Request,
    pub(crate) directory: Option<&'a str>,
    pub(crate) capabilities: &'a Capabilities,
    pub(crate) injection: &'a str,
}

impl Context<'_> {
    /// A number of the fault. The catalogue declares every one that is asked for.
    pub(crate) fn setting(&self, name: &str) -> u64 {
        self.settings.get(name).copied().unwrap_or_default()
    }
}
