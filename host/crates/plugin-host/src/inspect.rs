//! What a component is and what it may do, for a person who is asked to trust it.

use crate::admit::{Admitted, CONTRACT_VERSION, World};
use crate::engine::Engine;
use crate::info::PluginInfo;
use crate::invariant::InvariantModule;
use crate::limits::{CallLimits, PluginLimits};
use crate::load::LoadError;
use crate::subject;
use crate::trust::Trust;
use operator_model::{CheckDeclaration, Digest};
use serde::Serialize;

/// The permission sheet of a component.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// sha256 of the bytes.
    pub digest: Digest,
    /// Their number.
    pub size_bytes: usize,
    /// Which world it implements.
    pub world: World,
    /// Version of the contract that it was built for.
    pub contract_version: String,
    /// Everything that it can ask of the host, sorted.
    pub imports: Vec<String>,
    /// Everything that the host can ask of it, sorted.
    pub exports: Vec<String>,
    /// One sentence for each thing that it may do.
    pub permissions: Vec<String>,
    /// It imports WASI, and gets an empty stand-in.
    pub wasi: bool,
    /// What it says about itself, where asking was possible.
    pub info: Option<PluginInfo>,
    /// Its checks, for modules of checks.
    pub checks: Vec<CheckDeclaration>,
    /// Number of its failure cards, for subjects that tell them without a configuration.
    pub cards: Option<usize>,
    /// Why it may run; absent when the configuration does not trust it.
    pub trust: Option<Trust>,
    /// What each call may use.
    pub limits: CallLimits,
}

/// Looks at a component without compiling or running it.
///
/// # Errors
/// It would not be admitted; the error says why.
pub fn inspect(name: &str, bytes: &[u8], limits: &PluginLimits) -> Result<Inspection, LoadError> {
    let admitted = Admitted::new(name, bytes, limits)?;
    Ok(Inspection {
        digest: admitted.digest().clone(),
        size_bytes: bytes.len(),
        world: admitted.world(),
        contract_version: CONTRACT_VERSION.to_owned(),
        permissions: permissions(&admitted),
        wasi: admitted.imports_wasi(),
        imports: admitted.imports().to_vec(),
        exports: admitted.exports().to_vec(),
        info: None,
        checks: Vec::new(),
        cards: None,
        trust: None,
        limits: limits.of(admitted.world()).clone(),
    })
}

/// As [`inspect`], and asks the component who it is and, if it has checks, which. Runs it, inside all
/// limits, without anything that it could reach.
///
/// # Errors
/// As [`inspect`], or it is not trusted, cannot be compiled, or fails when it is asked.
pub async fn interview(engine: &Engine, name: &str, bytes: &[u8]) -> Result<Inspection, LoadError> {
    let mut inspection = inspect(name, bytes, engine.limits())?;
    if inspection.world.base() == World::Subject {
        let introduced = subject::introduce(engine, name, bytes).await?;
        (inspection.info, inspection.cards) = (Some(introduced.info), introduced.cards);
        inspection.trust = Some(introduced.trust);
    } else {
        let module = InvariantModule::load(engine, name, bytes, "{}").await?;
        inspection.info = Some(module.info().clone());
        inspection.checks = module.checks().to_vec();
        inspection.trust = Some(module.trust().clone());
    }
    Ok(inspection)
}

/// What each import means to a person. Interfaces of types only grant nothing and are not listed.
fn permissions(admitted: &Admitted<'_>) -> Vec<String> {
    let sentence = |import: &str| match import.split(['/', '@']).nth(1)? {
        "log" => Some("writes lines to the operator's log, escaped and rate-limited"),
        "clock" => Some("reads the time of the tick"),
        "http" => Some(
            "sends GET and HEAD requests to targets that the configuration grants by name, and POST requests where the configuration marks the path as read-only",
        ),
        "scraping" => Some("has the host collect metrics from those targets"),
        "scraped-series" | "frozen-series" => Some("reads collected time series"),
        "promql" => Some("queries the configured Prometheus"),
        "logs" => Some("reads log files that the configuration grants by name"),
        "snapshots" => Some("reads the frozen snapshot"),
        _ => None,
    };
    let mut sentences: Vec<String> = admitted
        .imports()
        .iter()
        .filter(|import| import.starts_with("operator:"))
        .filter_map(|import| sentence(import).map(str::to_owned))
        .collect();
    if admitted.imports_wasi() {
        sentences.push(
            "imports WASI and gets an empty stand-in: no files, no network, no environment"
                .to_owned(),
        );
    }
    sentences.push("cannot write anything outside of the operator".to_owned());
    sentences
}
