//! Incidents about plugins: while a check does not run, the operator does not observe what it covers, and
//! the plugin needs a fix. They have no hypotheses: the fault states what happened.

use super::assemble::{rounded, unknown_cause};
use operator_model::quantity::escape;
use operator_model::title::title;
use operator_model::{
    Diagnosis, EntityId, Evidence, EvidenceId, EvidenceSource, Incident, IncidentKey, IncidentKind,
    PluginFault, PluginTrouble, Scalar, Severity, Symptom, SymptomKind, Timestamp,
};
use std::collections::BTreeMap;

/// Faults that one incident lists: when all checks of a plugin fail, they fail for one reason.
const FAULTS_MAX: usize = 8;

/// The key of the incident about a plugin.
#[must_use]
pub fn plugin_key(module: &str) -> IncidentKey {
    IncidentKey::plugin(module)
}

/// Whether an incident is about a plugin.
#[must_use]
pub fn is_about_plugin(key: &IncidentKey) -> bool {
    key.kind() == IncidentKind::Plugin
}

/// The incident about a plugin that has been failing since `since`.
#[must_use]
pub fn plugin_incident(trouble: &PluginTrouble, since: Timestamp, now: Timestamp) -> Incident {
    let entity = EntityId::new("source", &format!("plugin {}", trouble.module));
    let faults: Vec<&PluginFault> = trouble.faults.iter().take(FAULTS_MAX).collect();
    let evidence: Vec<Evidence> = (1..)
        .zip(&faults)
        .map(|(number, fault)| evidence(number, fault, &entity, (since, now)))
        .collect();
    let symptoms = vec![Symptom {
        kind: SymptomKind::Blind,
        entity,
        onset: (since, since),
        severity: Severity::Warning,
        summary: summary(trouble),
        evidence: evidence
            .iter()
            .map(|evidence| evidence.id.clone())
            .collect(),
        ended_at: None,
    }];
    let hypotheses = vec![unknown_cause(rounded(1.0))];
    let gaps = faults
        .iter()
        .map(|fault| escape(&fault.to_string(), 600))
        .collect();
    let diagnosis = Diagnosis {
        hypotheses,
        gaps,
        abstained: true,
        ..Diagnosis::default()
    };
    Incident {
        key: plugin_key(&trouble.module),
        title: title(&symptoms, &diagnosis.hypotheses, true, &BTreeMap::new()),
        started_at: since,
        severity: Severity::Warning,
        names: BTreeMap::new(),
        located: Vec::new(),
        symptoms,
        evidence,
        diagnosis,
        confirmed: true,
        awaits_ms: 0,
        recovering_since: None,
    }
}

fn summary(trouble: &PluginTrouble) -> String {
    let checks: Vec<&str> = trouble
        .faults
        .iter()
        .map(|fault| fault.check.as_str())
        .collect();
    let checks = escape(&checks.join(", "), 120);
    format!("keeps failing; {checks} cannot be evaluated and are reported as inconclusive")
}

/// The recorded text of the fault; it may quote the plugin.
fn evidence(
    number: usize,
    fault: &PluginFault,
    entity: &EntityId,
    window: (Timestamp, Timestamp),
) -> Evidence {
    Evidence {
        id: EvidenceId(format!("e{number}")),
        source: EvidenceSource::Operator,
        query: format!(
            "plugin {}: {} in tick {}",
            fault.module, fault.check, fault.tick.0
        ),
        entity: Some(entity.clone()),
        window,
        seen_at: None,
        value: Scalar::Text(escape(&format!("it {}", fault.cause), 400)),
        unit: None,
        baseline: None,
        robust_z: None,
        recent: Vec::new(),
        tainted: true,
    }
}
