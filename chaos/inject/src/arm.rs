//! Arming: faults are injected only into a project that allows them, with an expiry.
//!
//! The labels of a container cannot change during its life. The arm is therefore either a label that a container
//! was created with, or a label of an empty volume of the project: `operator chaos arm` creates it, `disarm` removes it.

use super::{Container, DockerError, Engine, clock};
use jiff::Timestamp;
use std::collections::HashMap;

/// The label that arms: a time in UTC, as `2026-11-21T10:00:00Z` or in Unix seconds.
pub const ARMED_UNTIL: &str = "operator.chaos.armed-until";

/// With the value `never` on a container, no fault affects it, armed or not.
pub const CONSENT: &str = "operator.chaos";

/// The label by which Compose names the project.
pub const COMPOSE_PROJECT: &str = "com.docker.compose.project";

/// The label by which Compose names the service.
pub const COMPOSE_SERVICE: &str = "com.docker.compose.service";

/// An arm is for an experiment under observation, so it lasts a day at most.
const ARM_MS_MAX: u64 = 24 * 3_600_000;

/// Arms a project for some time, instead of an earlier arm; returns the end in Unix milliseconds.
///
/// # Errors
/// The project does not exist, the time is too long, or Docker does not respond.
pub async fn arm(engine: &Engine, project: &str, for_ms: u64) -> Result<u64, DockerError> {
    if for_ms > ARM_MS_MAX {
        return Err(DockerError::Refused(format!(
            "a project can be armed for at most 24 h, not for {} s",
            for_ms / 1_000
        )));
    }
    if engine
        .containers_with(COMPOSE_PROJECT, project)
        .await?
        .is_empty()
    {
        return Err(no_project(project));
    }
    disarm(engine, project).await?;
    let until_ms = clock::now_ms().saturating_add(for_ms);
    let labels = HashMap::from([
        (COMPOSE_PROJECT.to_owned(), project.to_owned()),
        (ARMED_UNTIL.to_owned(), utc_time(until_ms)),
    ]);
    engine.make_volume(&volume(project), labels).await?;
    Ok(until_ms)
}

/// Disarms a project. Labels of the containers themselves stay: they cannot be changed.
///
/// # Errors
/// Docker does not respond.
pub async fn disarm(engine: &Engine, project: &str) -> Result<(), DockerError> {
    engine.remove_volume(&volume(project)).await
}

/// When the arm of a project's volume expires, in Unix milliseconds.
pub(super) async fn project_until(
    engine: &Engine,
    project: &str,
) -> Result<Option<u64>, DockerError> {
    let volumes = engine
        .volumes_with(&format!("{COMPOSE_PROJECT}={project}"))
        .await?;
    Ok(volumes
        .iter()
        .filter_map(|(_, labels)| labels.get(ARMED_UNTIL))
        .filter_map(|text| parsed(text))
        .max())
}

/// When the arm of a container expires, by its own label or by that of its project; `None` when it is not armed now.
pub(super) fn container_until(
    container: &Container,
    project_until_ms: Option<u64>,
    now_ms: u64,
) -> Option<u64> {
    let own = container
        .labels
        .get(ARMED_UNTIL)
        .and_then(|text| parsed(text));
    own.into_iter()
        .chain(project_until_ms)
        .max()
        .filter(|until_ms| *until_ms > now_ms)
}

pub(super) fn no_project(project: &str) -> DockerError {
    DockerError::Refused(format!(
        "no container has the label {COMPOSE_PROJECT}={project}"
    ))
}

fn volume(project: &str) -> String {
    format!("operator-chaos-arm-{project}")
}

/// `2026-11-21T10:00:00Z`.
#[must_use]
pub fn utc_time(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1_000).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds)
        .unwrap_or(Timestamp::MAX)
        .to_string()
}

/// Unix milliseconds of a label; `None` when it is not a time in UTC.
fn parsed(label: &str) -> Option<u64> {
    if let Ok(seconds) = label.parse::<u64>() {
        return seconds.checked_mul(1_000);
    }
    let time: Timestamp = label.ends_with('Z').then(|| label.parse().ok())??;
    u64::try_from(time.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_it_is_utc_time() {
        for unix_ms in [0, 951_782_400_000, 1_795_255_200_000, 1_709_164_799_000] {
            assert_eq!(
                parsed(&utc_time(unix_ms)),
                Some(unix_ms),
                "{}",
                utc_time(unix_ms)
            );
        }
        assert_eq!(parsed("1795255200"), Some(1_795_255_200_000));
        for wrong in [
            "",
            "soon",
            "2026-11-21",
            "2026-13-21T10:00:00Z",
            "2026-11-21T10:00:00+01:00",
            "-5",
        ] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_expired_arm_is_not_active() {
        let mut container = Container::default();
        assert_eq!(container_until(&container, None, 5_000), None);
        assert_eq!(container_until(&container, Some(5_000), 5_000), None);
        assert_eq!(container_until(&container, Some(5_001), 5_000), Some(5_001));
        container
            .labels
            .insert(ARMED_UNTIL.to_owned(), "9".to_owned());
        assert_eq!(container_until(&container, None, 5_000), Some(9_000));
        container
            .labels
            .insert(ARMED_UNTIL.to_owned(), "forever".to_owned());
        assert_eq!(container_until(&container, None, 5_000), None);
    }
}
