//! The container steps of fault files, as parts of a request. Fault files name services as `compose/` does,
//! or roles ([`roles`](super::roles)) that a plan resolves.

use super::DockerError;
use super::Part;
use super::target::Selection;
use operator_sim::fault::{self, Direction, DockerAction, DockerStep, Target};
use std::collections::BTreeMap;

/// The parts of a fault file.
///
/// # Errors
/// There is no such fault, or it cannot be injected into containers.
pub fn parts(name: &str) -> Result<Vec<Part>, DockerError> {
    let fault = fault::by_id(name).ok_or_else(|| DockerError::Refused(unknown(name)))?;
    if !fault.runs_on(Target::Docker) {
        let message = format!(
            "{name} cannot be injected into containers; run `operator chaos run {name} --target sim --serve` to simulate it"
        );
        return Err(DockerError::Refused(message));
    }
    Ok(fault.docker_steps().iter().map(part).collect())
}

fn unknown(name: &str) -> String {
    format!("there is no fault {name:?}; see `operator chaos list`")
}

fn part(step: &DockerStep) -> Part {
    let (fault, settings) = translated(&step.action);
    let peers = match &step.action {
        DockerAction::Partition { from, .. } => from.clone(),
        _ => Vec::new(),
    };
    // Load is generated next to a PD member; which one makes no difference.
    let service = step.action.service().unwrap_or("pd-0");
    let selection = Selection {
        services: vec![service.to_owned()],
        count_max: 1,
        peers,
        ..Selection::default()
    };
    let settings = settings
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect::<BTreeMap<_, _>>();
    Part {
        after_ms: step.after_s.saturating_mul(1_000),
        fault: fault.to_owned(),
        selection,
        settings,
        directory: None,
    }
}

/// The fault of the catalogue, and its parameters.
#[expect(
    clippy::too_many_lines,
    reason = "one arm for each action: a match that the compiler keeps complete"
)]
fn translated(action: &DockerAction) -> (&'static str, Vec<(&'static str, u64)>) {
    match action {
        DockerAction::Kill { .. } => ("kill", vec![]),
        DockerAction::Stop { grace_s, .. } => ("stop", vec![("grace-ms", grace_ms(*grace_s))]),
        DockerAction::Pause { .. } => ("pause", vec![]),
        DockerAction::Restart { grace_s, .. } => {
            ("restart", vec![("grace-ms", grace_ms(*grace_s))])
        }
        DockerAction::Start { .. } => ("start", vec![]),
        DockerAction::NetworkDisconnect { .. } => ("network-disconnect", vec![]),
        DockerAction::Partition { direction, .. } => (
            match direction {
                Direction::Both => "partition",
                Direction::In => "partition-in",
                Direction::Out => "partition-out",
            },
            vec![],
        ),
        DockerAction::Latency { delay_ms, .. } => ("latency", vec![("delay-ms", *delay_ms)]),
        DockerAction::Jitter {
            delay_ms,
            jitter_ms,
            ..
        } => (
            "jitter",
            // A fault file states mean and spread; the fault takes the minimum and the additional range.
            vec![
                ("delay-ms", delay_ms.saturating_sub(*jitter_ms)),
                ("jitter-ms", jitter_ms.saturating_mul(2)),
            ],
        ),
        DockerAction::Loss { percent, .. } => ("loss", vec![("percent", whole(*percent))]),
        DockerAction::Duplicate { percent, .. } => {
            ("duplicate", vec![("percent", whole(*percent))])
        }
        DockerAction::RateLimit {
            kilobits_per_second,
            ..
        } => ("rate-limit", vec![("kbit", *kilobits_per_second)]),
        DockerAction::CpuStress { workers, .. } => {
            ("cpu-stress", vec![("threads", u64::from(*workers))])
        }
        DockerAction::CpuLimit { cpus, .. } => {
            ("cpu-limit", vec![("percent", whole(cpus * 100.0))])
        }
        DockerAction::MemoryStress { mebibytes, .. } => (
            "memory-stress",
            vec![("percent", 100), ("mib-max", *mebibytes)],
        ),
        DockerAction::MemoryLimit { mebibytes, .. } => ("memory-limit", vec![("mib", *mebibytes)]),
        DockerAction::IoStress { .. } => ("io-stress", vec![]),
        DockerAction::IoLimit {
            write_bytes_per_second,
            ..
        } => ("io-limit", vec![("kib", write_bytes_per_second / 1_024)]),
        DockerAction::DiskFill { free_mebibytes, .. } => {
            ("disk-fill", vec![("free-mib", *free_mebibytes)])
        }
        DockerAction::ReadOnly { .. } => ("read-only", vec![]),
        DockerAction::ClockSkew { .. } => ("clock-skew", vec![]),
        DockerAction::FdExhaust { limit, .. } => ("fd-exhaust", vec![("files", *limit)]),
        DockerAction::HotKeys {
            keys,
            writes_per_second,
            value_bytes,
        } => (
            "hot-keys",
            vec![
                ("keys", *keys),
                ("rate", *writes_per_second),
                ("value-bytes", *value_bytes),
            ],
        ),
        DockerAction::HeavyScan {
            scans_per_second,
            keys,
        } => (
            "heavy-scan",
            vec![("rate", *scans_per_second), ("keys", *keys)],
        ),
    }
}

/// Limited by how long a call to Docker may take.
fn grace_ms(seconds: u64) -> u64 {
    seconds.saturating_mul(1_000).min(10_000)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float casts saturate, and fault files are checked"
)]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn every_container_step_names_an_existing_fault_and_its_settings() {
        let faults: Vec<_> = fault::all()
            .iter()
            .filter(|fault| fault.runs_on(Target::Docker))
            .collect();
        assert!(faults.len() > 20, "{} faults", faults.len());
        for fault in faults {
            for part in parts(&fault.id).unwrap() {
                let fault = catalogue::find(&part.fault)
                    .unwrap_or_else(|| panic!("{}: {}", fault.id, part.fault));
                for (name, value) in &part.settings {
                    let setting = fault.settings.iter().find(|setting| setting.name == name);
                    assert!(
                        setting.is_some_and(|setting| *value <= setting.max),
                        "{}: {name}={value}",
                        fault.id
                    );
                }
            }
        }
    }

    #[test]
    fn a_fault_of_the_simulator_alone_is_refused_with_the_command_for_it() {
        let message = parts("clock-jitter").unwrap_err().to_string();
        assert!(message.contains("--target sim"), "{message}");
        assert!(parts("nothing-like-it").is_err());
    }
}
