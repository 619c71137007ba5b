//! The target containers of a fault: those of one armed project, by service, name or label, and never more than requested.

use super::arm::{self, COMPOSE_PROJECT, COMPOSE_SERVICE};
use super::{Container, DockerError, Engine, clock};

/// Selects target containers.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Compose services.
    pub services: Vec<String>,
    /// Names of containers.
    pub names: Vec<String>,
    /// `KEY=VALUE`; all must fit.
    pub labels: Vec<String>,
    /// At most this many; more that fit are an error, not a lottery.
    pub count_max: usize,
    /// Services on the other side of a network fault; all of the project when empty.
    pub peers: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Targets {
    /// The target containers.
    pub hit: Vec<Container>,
    /// The others of the project that run: the far end of network faults.
    pub peers: Vec<Container>,
    /// When the arm of the targets expires, in Unix milliseconds.
    pub armed_until_ms: u64,
}

/// Finds the targets in a project and checks that each is armed until `until_ms`. No container outside the project is ever a target.
///
/// # Errors
/// No container or too many match, one is not armed for long enough, or Docker does not respond.
pub async fn find(
    engine: &Engine,
    project: &str,
    selection: &Selection,
    until_ms: u64,
) -> Result<Targets, DockerError> {
    let all = engine.containers_with(COMPOSE_PROJECT, project).await?;
    let project_until = arm::project_until(engine, project).await?;
    let hit = choose(&all, project, selection)?;
    let mut armed_until_ms = u64::MAX;
    for container in &hit {
        let armed = allowed(container, project, project_until, clock::now_ms())?;
        armed_until_ms = armed_until_ms.min(armed);
    }
    if armed_until_ms < until_ms {
        let armed = arm::utc_time(armed_until_ms);
        let asked = arm::utc_time(until_ms);
        let message = format!(
            "the project is armed until {armed}, but the fault would end at {asked}: use a shorter --for, or arm it for longer"
        );
        return Err(DockerError::Refused(message));
    }
    let is_hit = |container: &Container| hit.iter().any(|other| other.id == container.id);
    let is_peer = |container: &&Container| {
        let named = selection.peers.is_empty()
            || selection
                .peers
                .iter()
                .any(|peer| is_called(container, peer));
        container.running && !is_hit(container) && named
    };
    let peers: Vec<Container> = all.iter().filter(is_peer).cloned().collect();
    if peers.is_empty() && !selection.peers.is_empty() {
        return Err(DockerError::Refused(format!(
            "no running peer is named {}",
            selection.peers.join(" or ")
        )));
    }
    Ok(Targets {
        hit,
        peers,
        armed_until_ms,
    })
}

fn choose(
    all: &[Container],
    project: &str,
    selection: &Selection,
) -> Result<Vec<Container>, DockerError> {
    if all.is_empty() {
        return Err(arm::no_project(project));
    }
    if selection.services.is_empty() && selection.names.is_empty() && selection.labels.is_empty() {
        return Err(DockerError::Refused(format!(
            "select a target with --service, --name or --label; the running containers are {}",
            names(all)
        )));
    }
    let hit: Vec<Container> = all
        .iter()
        .filter(|container| is_meant(container, selection))
        .cloned()
        .collect();
    match hit.len() {
        0 => Err(DockerError::Refused(format!(
            "no container matches; the running containers are {}",
            names(all)
        ))),
        count if count > selection.count_max => {
            let message = format!(
                "{count} containers match ({}): name one, or allow more with --count",
                names(&hit)
            );
            Err(DockerError::Refused(message))
        }
        _ => Ok(hit),
    }
}

fn is_meant(container: &Container, selection: &Selection) -> bool {
    let service = container.labels.get(COMPOSE_SERVICE);
    let by_service = selection.services.is_empty()
        || selection.services.iter().any(|name| Some(name) == service);
    let by_name = selection.names.is_empty() || selection.names.contains(&container.name);
    let by_label = selection.labels.iter().all(|label| {
        let (key, value) = label.split_once('=').unwrap_or((label, ""));
        container.labels.get(key).is_some_and(|own| own == value)
    });
    by_service && by_name && by_label
}

fn is_called(container: &Container, name: &str) -> bool {
    container.name == name
        || container
            .labels
            .get(COMPOSE_SERVICE)
            .is_some_and(|service| service == name)
}

/// When the arm of this container expires.
fn allowed(
    container: &Container,
    project: &str,
    until: Option<u64>,
    now_ms: u64,
) -> Result<u64, DockerError> {
    let name = &container.name;
    if container
        .labels
        .get(arm::CONSENT)
        .is_some_and(|value| value == "never")
    {
        return Err(DockerError::Refused(format!(
            "container {name} has the label {}=never",
            arm::CONSENT
        )));
    }
    arm::container_until(container, until, now_ms).ok_or_else(|| {
        DockerError::Refused(format!(
            "container {name} is not armed: `operator chaos arm --project {project} --for 30m`, or create it with the label {}",
            arm::ARMED_UNTIL
        ))
    })
}

fn names(containers: &[Container]) -> String {
    let names: Vec<&str> = containers
        .iter()
        .map(|container| container.name.as_str())
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str, service: &str) -> Container {
        let labels = [(COMPOSE_SERVICE.to_owned(), service.to_owned())].into();
        Container {
            id: name.to_owned(),
            name: name.to_owned(),
            labels,
            running: true,
            ..Container::default()
        }
    }

    fn all() -> Vec<Container> {
        vec![
            container("p-a-1", "a"),
            container("p-b-1", "b"),
            container("p-b-2", "b"),
        ]
    }

    fn selection(services: &[&str], count_max: usize) -> Selection {
        let services = services.iter().map(|name| (*name).to_owned()).collect();
        Selection {
            services,
            count_max,
            ..Selection::default()
        }
    }

    #[test]
    fn a_container_that_was_not_named_is_never_a_target() {
        assert!(choose(&all(), "p", &selection(&[], 9)).is_err());
        assert!(choose(&all(), "p", &selection(&["c"], 9)).is_err());
        assert!(choose(&[], "p", &selection(&["a"], 9)).is_err());
        let hit = choose(&all(), "p", &selection(&["a"], 1)).unwrap();
        assert_eq!(names(&hit), "p-a-1");
    }

    #[test]
    fn more_than_allowed_is_an_error_and_not_a_lottery() {
        assert!(
            choose(&all(), "p", &selection(&["b"], 1))
                .unwrap_err()
                .to_string()
                .contains("p-b-1, p-b-2")
        );
        assert_eq!(choose(&all(), "p", &selection(&["b"], 2)).unwrap().len(), 2);
        let one = Selection {
            names: vec!["p-b-2".to_owned()],
            ..selection(&["b"], 1)
        };
        assert_eq!(names(&choose(&all(), "p", &one).unwrap()), "p-b-2");
    }

    #[test]
    fn a_container_that_says_never_is_never_hit() {
        let mut container = container("p-a-1", "a");
        assert!(allowed(&container, "p", None, 1).is_err());
        assert_eq!(allowed(&container, "p", Some(9), 1).ok(), Some(9));
        container
            .labels
            .insert(arm::CONSENT.to_owned(), "never".to_owned());
        assert!(allowed(&container, "p", Some(9), 1).is_err());
    }
}
