//! Fault cards in containers: what a card says is done, as parts of a request. Cards name services as `compose/` does,
//! or parts ([`roles`](super::roles)) that a plan gives to whoever has them.

use super::DockerError;
use super::plan::Part;
use super::target::Selection;
use operator_sim::fault::{self, Direction, DockerAction, DockerStep, Target};
use std::collections::BTreeMap;

/// The parts of a card.
///
/// # Errors
/// There is no such card, or it cannot be made in containers.
pub fn parts(name: &str) -> Result<Vec<Part>, DockerError> {
    let card = fault::by_id(name).ok_or_else(|| DockerError::Refused(unknown(name)))?;
    if !card.runs_on(Target::Docker) {
        let message = format!(
            "{name} cannot be made in containers; `operator chaos run {name} --target sim --serve` shows it"
        );
        return Err(DockerError::Refused(message));
    }
    Ok(card.docker_steps().iter().map(part).collect())
}

fn unknown(name: &str) -> String {
    format!("there is no fault {name:?}: see `operator chaos list`")
}

fn part(step: &DockerStep) -> Part {
    let (fault, settings) = translated(&step.action);
    let peers = match &step.action {
        DockerAction::Partition { from, .. } => from.clone(),
        _ => Vec::new(),
    };
    // Load comes from beside a member; which one makes no difference.
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

/// The fault of the catalogue, and its numbers.
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
            // A card says middle and spread, the fault least and how much more.
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

/// Docker is not waited for longer than a call may take.
fn grace_ms(seconds: u64) -> u64 {
    seconds.saturating_mul(1_000).min(10_000)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float casts saturate, and cards are checked"
)]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn every_card_for_containers_is_made_of_faults_and_settings_that_exist() {
        let cards: Vec<_> = fault::all()
            .iter()
            .filter(|card| card.runs_on(Target::Docker))
            .collect();
        assert!(cards.len() > 20, "{} cards", cards.len());
        for card in cards {
            for part in parts(&card.id).unwrap() {
                let fault = catalogue::find(&part.fault)
                    .unwrap_or_else(|| panic!("{}: {}", card.id, part.fault));
                for (name, value) in &part.settings {
                    let setting = fault.settings.iter().find(|setting| setting.name == name);
                    assert!(
                        setting.is_some_and(|setting| *value <= setting.max),
                        "{}: {name}={value}",
                        card.id
                    );
                }
            }
        }
    }

    #[test]
    fn a_card_of_the_simulator_alone_is_refused_with_the_way_to_see_it() {
        let message = parts("clock-jitter").unwrap_err().to_string();
        assert!(message.contains("--target sim"), "{message}");
        assert!(parts("nothing-like-it").is_err());
    }
}
