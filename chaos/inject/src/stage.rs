//! A project of containers as the stage of a demo: its containers and their names, and the first targets of a subject.

use super::arm::{COMPOSE_PROJECT, COMPOSE_SERVICE};
use super::inject::{self, Because, Say, Stop};
use super::{Container, DockerError, Engine, Launcher, fault_plan};
use super::{Request, plan};
use crate::capability::Capabilities;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Prefix and port of the services in `compose/` that a subject queries first.
const ENTRANCE: (&str, u16) = ("pd-", 2_379);

/// The port of the other services in `compose/`, which tickets mention.
const NODE_PORT: u16 = 20_160;

/// The containers of one project.
#[derive(Clone)]
pub struct Stage {
    engine: Engine,
    project: String,
}

impl Stage {
    /// Connects to Docker and checks that the project is running.
    ///
    /// # Errors
    /// Docker does not respond, or no running container belongs to the project.
    pub async fn open(host: &str, project: &str) -> Result<Self, DockerError> {
        let stage = Self {
            engine: Engine::connect(host).await?,
            project: project.to_owned(),
        };
        if stage
            .containers()
            .await?
            .iter()
            .any(|container| container.running)
        {
            return Ok(stage);
        }
        let start = "docker compose -f compose/compose.yml up -d";
        Err(DockerError::Refused(format!(
            "no container of project {project} is running: start it with `{start}`"
        )))
    }

    /// The addresses of every running container, by each of its names.
    ///
    /// # Errors
    /// Docker does not respond.
    pub async fn addresses(&self) -> Result<BTreeMap<String, Vec<IpAddr>>, DockerError> {
        let mut found: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
        for container in self
            .containers()
            .await?
            .iter()
            .filter(|container| container.running)
        {
            let addresses: Vec<IpAddr> = container
                .networks
                .values()
                .filter_map(|endpoint| endpoint.address.parse().ok())
                .collect();
            for name in names(container) {
                found.entry(name).or_default().extend(&addresses);
            }
        }
        Ok(found)
    }

    /// The first targets of a subject, by the names that it knows: `NAME`, `NAME-2`, … with their origins.
    ///
    /// # Errors
    /// Docker does not respond, or none of the project's services is one to begin with.
    pub async fn entrances(&self) -> Result<Vec<(String, String)>, DockerError> {
        let (prefix, port) = ENTRANCE;
        let all = self.containers().await?;
        let mut services: Vec<&String> = all
            .iter()
            .filter_map(|one| one.labels.get(COMPOSE_SERVICE))
            .collect();
        services.retain(|service| service.starts_with(prefix));
        services.sort();
        if services.is_empty() {
            let message = format!(
                "project {} has no service named {prefix}…, as in compose/",
                self.project
            );
            return Err(DockerError::Refused(message));
        }
        let target = |index: usize| match index {
            0 => prefix.trim_end_matches('-').to_owned(),
            _ => format!("{prefix}{}", index + 1),
        };
        let origin = |(index, service): (usize, &String)| {
            (target(index), format!("http://{service}:{port}"))
        };
        Ok(services.into_iter().enumerate().map(origin).collect())
    }

    /// Checks that a fault could be injected into this project after `begins_in_ms`, for `for_ms`, without injecting it.
    ///
    /// # Errors
    /// The fault cannot be injected into containers, the project is not armed until then, or this machine cannot inject it.
    pub async fn rehearse(
        &self,
        fault: &str,
        begins_in_ms: u64,
        for_ms: u64,
        launcher: &Launcher,
    ) -> Result<(), DockerError> {
        let request = Request {
            begins_in_ms,
            ..self.request(fault, for_ms, launcher)?
        };
        plan::plan(&self.engine, &request, &Capabilities::probe())
            .await
            .map(drop)
    }

    /// Injects a fault, waits for its time or for `stop`, and undoes it.
    ///
    /// # Errors
    /// As [`Self::rehearse`], or a step fails (and is undone).
    pub async fn inject(
        &self,
        fault: &str,
        for_ms: u64,
        state: &Path,
        launcher: &Launcher,
        stop: Stop,
        say: Say<'_>,
    ) -> Result<Because, DockerError> {
        let request = self.request(fault, for_ms, launcher)?;
        let plan = plan::plan(&self.engine, &request, &Capabilities::probe()).await?;
        inject::inject(&self.engine, &plan, state, launcher, stop, say).await
    }

    fn request(
        &self,
        fault: &str,
        for_ms: u64,
        launcher: &Launcher,
    ) -> Result<Request, DockerError> {
        Ok(Request {
            name: fault.to_owned(),
            project: self.project.clone(),
            begins_in_ms: 0,
            for_ms,
            parts: fault_plan::parts(fault)?,
            load_program: load_program(launcher),
            load_endpoints: None,
        })
    }

    async fn containers(&self) -> Result<Vec<Container>, DockerError> {
        self.engine
            .containers_with(COMPOSE_PROJECT, &self.project)
            .await
    }
}

/// The load generator that was built or installed with this program.
#[must_use]
pub fn load_program(launcher: &Launcher) -> Option<PathBuf> {
    launcher
        .program
        .parent()
        .map(|directory| directory.join("operator-load"))
        .filter(|program| program.is_file())
}

/// Names by which a ticket may call the component that a fault affects in containers.
///
/// # Errors
/// The fault cannot be injected into containers.
pub fn component_names(fault: &str) -> Result<Vec<String>, DockerError> {
    let parts = fault_plan::parts(fault)?;
    let services = parts.iter().flat_map(|part| &part.selection.services);
    let ports = [ENTRANCE.1, NODE_PORT];
    let names = services.flat_map(|service| {
        std::iter::once(service.clone()).chain(ports.map(|port| format!("{service}:{port}")))
    });
    Ok(names.collect())
}

fn names(container: &Container) -> Vec<String> {
    let aliases = container
        .networks
        .values()
        .flat_map(|endpoint| endpoint.aliases.iter().cloned());
    let mut names: Vec<String> = aliases
        .chain([container.name.clone()])
        .chain(container.labels.get(COMPOSE_SERVICE).cloned())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Endpoint;

    #[test]
    fn a_container_goes_by_its_service_its_name_and_its_aliases_each_once() {
        let mut container = Container {
            name: "demo-tikv-1-1".to_owned(),
            ..Container::default()
        };
        container
            .labels
            .insert(COMPOSE_SERVICE.to_owned(), "tikv-1".to_owned());
        let aliases = vec!["tikv-1".to_owned(), "0a1b".to_owned()];
        let endpoint = Endpoint {
            address: "172.18.0.5".to_owned(),
            fixed_address: None,
            aliases,
        };
        container
            .networks
            .insert("demo_cluster".to_owned(), endpoint);
        assert_eq!(names(&container), ["0a1b", "demo-tikv-1-1", "tikv-1"]);
    }

    #[test]
    fn a_ticket_may_name_the_container_with_or_without_its_port() {
        let names = component_names("node-death").unwrap();
        assert!(
            names.contains(&"tikv-1".to_owned()) && names.contains(&"tikv-1:20160".to_owned()),
            "{names:?}"
        );
        assert!(component_names("clock-jitter").is_err());
    }
}
