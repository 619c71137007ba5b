//! Arming: nothing is broken in a project that does not say, with an expiry, that it may be.
//!
//! Labels of containers cannot change while they live. So the arm is either a label that a container was created
//! with, or labels on an empty volume that belongs to the project: `operator chaos arm` makes it, `disarm` removes it.

use super::{Container, DockerError, Engine, clock};
use crate::calendar::Civil;
use std::collections::HashMap;

/// The label that arms: a moment in UTC, as `2026-11-21T10:00:00Z` or in Unix seconds.
pub const ARMED_UNTIL: &str = "operator.chaos.armed-until";

/// On a container, `never` keeps every fault away, armed or not.
pub const CONSENT: &str = "operator.chaos";

/// The label by which Compose names the project.
pub const COMPOSE_PROJECT: &str = "com.docker.compose.project";

/// The label by which Compose names the service.
pub const COMPOSE_SERVICE: &str = "com.docker.compose.service";

/// An arm is for an experiment that someone watches, not for a quarter.
const ARM_MS_MAX: u64 = 24 * 3_600_000;

/// Arms a project for some time; an older arm is replaced.
///
/// # Errors
/// There is no such project, the time is too long, Docker does not answer.
pub async fn arm(engine: &Engine, project: &str, for_ms: u64) -> Result<u64, DockerError> {
    if for_ms > ARM_MS_MAX {
        return Err(DockerError::Refused(format!(
            "a project is armed for 24 h at most, not for {} s",
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
        (ARMED_UNTIL.to_owned(), written(until_ms)),
    ]);
    engine.make_volume(&volume(project), labels).await?;
    Ok(until_ms)
}

/// Takes the arm back. A label on the containers themselves stays: it was made with them.
///
/// # Errors
/// Docker does not answer.
pub async fn disarm(engine: &Engine, project: &str) -> Result<(), DockerError> {
    engine.remove_volume(&volume(project)).await
}

/// Until when faults may be made in a project by way of its volume, in Unix milliseconds.
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
        .filter_map(|text| moment(text))
        .max())
}

/// Until when a container may be hit: by its own label, or by its project's arm. Nothing when it is not armed now.
pub(super) fn container_until(
    container: &Container,
    project_until_ms: Option<u64>,
    now_ms: u64,
) -> Option<u64> {
    let own = container
        .labels
        .get(ARMED_UNTIL)
        .and_then(|text| moment(text));
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
pub fn written(unix_ms: u64) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        ..
    } = Civil::from_unix_ms(unix_ms);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Unix milliseconds of a label; nothing when it is not a moment.
fn moment(text: &str) -> Option<u64> {
    if let Ok(seconds) = text.parse::<u64>() {
        return seconds.checked_mul(1_000);
    }
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let plausible = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    plausible
        .then(|| (days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000)
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let parts: Option<Vec<u64>> = text
        .split(separator)
        .map(|part| part.parse().ok())
        .collect();
    parts?.try_into().ok()
}

/// Days since 1970-01-01: the reverse of [`Civil::from_unix_ms`], counted from 1 March.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let march_month = (month + 9) % 12;
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let era = year / 400;
    let year_of_era = year % 400;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_it_is_written() {
        for unix_ms in [0, 951_782_400_000, 1_795_255_200_000, 1_709_164_799_000] {
            assert_eq!(
                moment(&written(unix_ms)),
                Some(unix_ms),
                "{}",
                written(unix_ms)
            );
        }
        assert_eq!(moment("1795255200"), Some(1_795_255_200_000));
        for wrong in [
            "",
            "soon",
            "2026-11-21",
            "2026-13-21T10:00:00Z",
            "2026-11-21T10:00:00+01:00",
            "-5",
        ] {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_arm_that_has_expired_is_none() {
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
