//! The plugins of a recording, loaded from its own bytes.

use operator_check::{Arrived, CheckSet, CheckSetError, LoadedModule};
use operator_data::SeriesStore;
use operator_data::series::SeriesLimits;
use operator_journal::store::TicketLogError;
use operator_net::egress::{
    DiscoveryPolicy, Egress, EgressLimits, EgressPolicy, Network, TargetPolicy,
};
use operator_net::ports::{Clock, Http, Logs};
use operator_plugin_host::{Engine, LoadError, PluginLimits, Subject, SubjectWorld};
use operator_recording::{Arrival, Begin, Component, PlayedWorld, Recording, RecordingError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Why a recording cannot be decided again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// A plugin that it needs is not in it.
    #[error(
        "{path} does not contain {source_name} (sha256 {digest}): it cannot be replayed without that component"
    )]
    NoComponent {
        /// The recording.
        path: String,
        /// Path or name under which it was loaded.
        source_name: String,
        /// What it must be.
        digest: String,
    },
    /// A plugin cannot be loaded here.
    #[error(transparent)]
    Plugin(#[from] LoadError),
    /// The checks cannot be loaded here.
    #[error(transparent)]
    Checks(#[from] CheckSetError),
    /// The directory for the log that is written again cannot be used.
    #[error(transparent)]
    TicketLog(#[from] TicketLogError),
    /// The bounds that were in force mean nothing here.
    #[error("the recording has plugin limits that this operator does not support: {0}")]
    Limits(serde_json::Error),
}

/// The bounds under which it was recorded; fuel and failures depend on them.
pub fn limits(begin: &Begin) -> Result<PluginLimits, ReplayError> {
    serde_json::from_value(begin.plugin_limits.clone()).map_err(ReplayError::Limits)
}

/// The bytes of a component that the recording names.
pub(super) fn bytes(recording: &Recording, component: &Component) -> Result<Vec<u8>, ReplayError> {
    let missing = || ReplayError::NoComponent {
        path: recording.path().display().to_string(),
        source_name: component.source.clone(),
        digest: component.digest.clone(),
    };
    recording
        .component(&component.digest)
        .map(<[u8]>::to_vec)
        .ok_or_else(missing)
}

/// What arrived before a tick, with its bytes.
pub(super) fn arrived(
    recording: &Recording,
    arrivals: &[Arrival],
) -> Result<Vec<Arrived>, ReplayError> {
    let arrived = |arrival: &Arrival| {
        Ok(Some(match arrival.clone() {
            // Subjects do not look again; see `again.rs`.
            Arrival::Subject { .. } => return Ok(None),
            Arrival::Gone { source } => Arrived::Gone(source),
            Arrival::Unfit {
                source,
                digest,
                reason,
            } => Arrived::Unfit(source, digest, reason),
            Arrival::Back { source, reason } => Arrived::Back(source, reason),
            Arrival::Module(component) => {
                let bytes = bytes(recording, &component)?.into();
                let Component {
                    source,
                    name,
                    version,
                    digest,
                    config,
                } = component;
                Arrived::Ready(LoadedModule {
                    source,
                    name,
                    version,
                    digest,
                    config,
                    bytes,
                })
            }
        }))
    };
    arrivals
        .iter()
        .filter_map(|arrival| arrived(arrival).transpose())
        .collect()
}

/// The checks with which it began.
pub(super) async fn checks(
    engine: &Engine,
    recording: &Recording,
) -> Result<CheckSet, ReplayError> {
    let mut modules = Vec::new();
    let mut configs = BTreeMap::new();
    for component in &recording.begin().modules {
        modules.push((component.source.clone(), bytes(recording, component)?));
        configs.insert(stem(&component.source), component.config.clone());
    }
    Ok(CheckSet::from_modules(engine, modules, configs).await?)
}

pub(super) fn stem(source: &str) -> String {
    let stem = std::path::Path::new(source).file_stem();
    stem.map_or_else(
        || source.to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

/// The subject of the recording, or other bytes in its place, looking at what was recorded.
pub(super) async fn subject(
    engine: &Engine,
    begin: &Begin,
    name: &str,
    bytes: &[u8],
    played: &Arc<PlayedWorld>,
) -> Result<(Subject, Arc<Mutex<SeriesStore>>), ReplayError> {
    let series: Arc<Mutex<SeriesStore>> = Arc::default();
    let (http, clock, logs): (Arc<dyn Http>, Arc<dyn Clock>, Arc<dyn Logs>) = (
        Arc::clone(played) as _,
        Arc::clone(played) as _,
        Arc::clone(played) as _,
    );
    let world = SubjectWorld {
        egress: Arc::new(Egress::new(policy(begin), http, Arc::clone(&clock))),
        series: Arc::clone(&series),
        series_limits: SeriesLimits {
            samples_per_series_max: begin.samples_per_series_max,
            ..SeriesLimits::default()
        },
        logs,
        prometheus: None,
        clock,
    };
    let subject = Subject::load(engine, name, bytes, &begin.subject_config, world).await?;
    Ok((subject, series))
}

/// Everything that was asked is allowed: there is no network behind it.
fn policy(begin: &Begin) -> EgressPolicy {
    let limits = EgressLimits::default();
    let targets = begin.targets.iter().filter_map(|(name, origin)| {
        Some((
            name.clone(),
            TargetPolicy::new(origin.parse().ok()?, &limits),
        ))
    });
    let everywhere: Vec<Network> = ["0.0.0.0/0", "::/0"]
        .iter()
        .filter_map(|text| text.parse().ok())
        .collect();
    let discovery = DiscoveryPolicy {
        networks: everywhere,
        ports: 1..=u16::MAX,
    };
    EgressPolicy::new(targets.collect(), discovery, limits)
}
