//! From settings to something that can tick: compiling, linking, asking plugins for their identity.

use super::observer::Observer;
use super::subject_file::{State, SubjectFile, SubjectVersion};
use crate::settings::Settings;
use operator_check::{CheckSet, CheckSetError, ModuleConfigs, Rollout};
use operator_data::SeriesStore;
use operator_model::knowledge::validate;
use operator_net::egress::{Egress, EgressPolicy};
use operator_net::observed_clock::{DatedHttp, ObservedClock};
use operator_net::ports::{Clock, Http, Ports};
use operator_net::prometheus::Prometheus;
use operator_plugin_host::{Engine, LoadError, Subject, SubjectWorld, read_component};
use operator_recording::RecordingPorts;
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, Mutex};

/// Everything that is loaded.
pub struct Assembly {
    /// The subject and its doors.
    pub observer: Observer,
    /// The checks.
    pub checks: Arc<CheckSet>,
    /// The subject's component.
    pub subject_bytes: Arc<[u8]>,
    /// Check plugins that were left out, and why.
    pub unusable: Vec<LoadError>,
}

/// Why there is nothing that can tick. A person must change something.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// The subject.
    #[error(transparent)]
    Subject(#[from] LoadError),
    /// The check plugins.
    #[error(transparent)]
    Checks(#[from] CheckSetError),
}

/// Loads the subject and the checks. `progress` reports what takes time; times come from the clock
/// of the machine (`stopwatch`), also in virtual time.
///
/// # Errors
/// A plugin cannot be used.
pub async fn assemble(
    settings: &Settings,
    policy: EgressPolicy,
    ports: &Ports,
    engine: &Engine,
    stopwatch: &dyn Clock,
    progress: &mut (dyn FnMut(String) + Send),
) -> Result<Assembly, AssemblyError> {
    let name = settings.plugin.display().to_string();
    let bytes = read_component(&settings.plugin, engine.limits())?;
    let recording_ports = settings
        .record
        .is_some()
        .then(Arc::<RecordingPorts>::default);
    let ports = &recording_ports.as_ref().map_or_else(
        || ports.clone(),
        |recording_ports| recording_ports.around(ports),
    );
    let observed_clock = Arc::new(ObservedClock::new());
    let http: Arc<dyn Http> = Arc::new(DatedHttp::new(
        Arc::clone(&ports.http),
        Arc::clone(&ports.clock),
        Arc::clone(&observed_clock),
    ));
    let egress = Arc::new(Egress::new(policy, http, Arc::clone(&ports.clock)));
    let series: Arc<Mutex<SeriesStore>> = Arc::default();
    let world = subject_world(settings, ports, &egress, &series);
    let begun = stopwatch.now();
    let config_json = settings.plugin_config.to_string();
    let subject = Subject::load(engine, &name, &bytes, &config_json, world.clone()).await?;
    let bytes: Arc<[u8]> = bytes.into();
    let acted_on = State {
        acted_on: subject.digest().0.clone(),
        ..State::default()
    };
    let file = SubjectFile {
        engine: engine.in_background(),
        path: settings.plugin.clone(),
        config_json,
        world,
        state: parking_lot::Mutex::new(acted_on),
    };
    progress(loaded(
        &name,
        subject.digest().as_str(),
        stopwatch.now().since_ms(begun),
    ));
    let (checks, unusable) = load_checks(settings, engine, stopwatch, progress).await?;
    warn_of_unknown_checks(&subject, &checks, progress);
    let observer = Observer {
        versions: Rollout::new(SubjectVersion::new(subject, Arc::clone(&bytes))),
        egress,
        series,
        clock: Arc::clone(&ports.clock),
        observed_clock,
        past: Vec::new(),
        history_ticks: settings.limits.history_ticks,
        deadline_ms: settings.limits.tick_deadline_ms,
        recording_ports,
        file: Arc::new(file),
        changes: Vec::new(),
        tick_at: None,
    };
    Ok(Assembly {
        observer,
        checks: Arc::new(checks),
        subject_bytes: bytes,
        unusable,
    })
}

/// What the subject may reach.
fn subject_world(
    settings: &Settings,
    ports: &Ports,
    egress: &Arc<Egress>,
    series: &Arc<Mutex<SeriesStore>>,
) -> SubjectWorld {
    SubjectWorld {
        egress: Arc::clone(egress),
        series: Arc::clone(series),
        series_limits: settings.limits.series.clone(),
        logs: Arc::clone(&ports.logs),
        // Not through the dated port: its clock is not that of the observed system.
        prometheus: settings
            .prometheus
            .clone()
            .map(|origin| Prometheus::new(origin, Arc::clone(&ports.http))),
        clock: Arc::clone(&ports.clock),
    }
}

/// Knowledge may refer to checks that nobody declares: their rules never hold, and nobody would miss them.
fn warn_of_unknown_checks(
    subject: &Subject,
    checks: &CheckSet,
    progress: &mut (dyn FnMut(String) + Send),
) {
    let declared = checks.declarations().into_iter().map(|(_, check)| check.id);
    for mistake in validate::unknown_checks(subject.knowledge(), &declared.collect()) {
        progress(format!("  warning  {mistake}"));
    }
}

/// Loads the check plugins; returns those that cannot be used apart, if the settings allow that.
async fn load_checks(
    settings: &Settings,
    engine: &Engine,
    stopwatch: &dyn Clock,
    progress: &mut (dyn FnMut(String) + Send),
) -> Result<(CheckSet, Vec<LoadError>), AssemblyError> {
    let begun = stopwatch.now();
    let (checks, unusable) =
        CheckSet::load_usable(engine, &settings.invariants, ModuleConfigs::new()).await?;
    if !unusable.is_empty() && !settings.leave_out_unusable_modules {
        return Err(CheckSetError::Modules(unusable).into());
    }
    for (module, digest) in checks.modules() {
        progress(format!("  module   {module} {}", short(&digest)));
    }
    let took = stopwatch.now().since_ms(begun);
    progress(format!(
        "  modules  {} with {} checks, {took} ms",
        checks.modules().len(),
        checks.declarations().len()
    ));
    Ok((checks, unusable))
}

fn loaded(name: &str, digest: &str, took_ms: u64) -> String {
    format!("  subject  {name} {}, {took_ms} ms", short(digest))
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// sha256 of everything in the settings that can change a result, in a fixed JSON form. Paths of
/// this machine cannot.
#[must_use]
pub fn config_digest(settings: &Settings) -> String {
    let egress = settings.egress_policy();
    let logs: Vec<&String> = settings.logs.keys().collect();
    let text = serde_json::json!({
        "plugin_config": settings.plugin_config,
        "targets": egress.targets,
        "discovered": egress.rules,
        "discovery": settings.discovery,
        "prometheus": settings.prometheus,
        "logs": logs,
        "limits": settings.limits,
        "plugin_limits": settings.plugin_limits,
        "tick_interval_ms": settings.tick_interval_ms,
    });
    hex::encode(Sha256::digest(text.to_string()))
}

#[cfg(test)]
mod config_digest_tests {
    use super::*;

    /// The digest is in every ticket and log: it may only change with the configuration.
    #[test]
    fn the_configuration_digest_is_stable_and_changes_with_the_configuration() {
        let settings = Settings::new("subject.wasm".into());
        let mut elsewhere = settings.clone();
        elsewhere.data = "other".into();
        assert_eq!(config_digest(&settings), config_digest(&elsewhere));
        let mut slower = settings.clone();
        slower.tick_interval_ms += 1;
        assert_ne!(config_digest(&settings), config_digest(&slower));
    }
}
