//! The part of the Docker API that faults need. Every call is limited in time, and "no such container" is a result.

use super::DockerError;
use super::processes::Process;
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{
    ContainerInspectResponse, EndpointIpamConfig, EndpointSettings, NetworkConnectRequest,
    NetworkDisconnectRequest, VolumeCreateRequest,
};
use bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptionsBuilder, ListContainersOptionsBuilder,
    ListVolumesOptions, RemoveVolumeOptionsBuilder, RestartContainerOptionsBuilder,
    StartContainerOptions,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

/// Longer than any call here takes on a busy machine, and shorter than the 30 s in which everything must be undone.
const CALL_SECONDS_MAX: u64 = 15;

/// A connection to dockerd on this machine.
#[derive(Clone)]
pub struct Engine {
    docker: Docker,
    host: String,
}

/// A container, as far as faults are concerned.
#[derive(Debug, Clone, Default)]
pub struct Container {
    /// The full id.
    pub id: String,
    /// Without the slash.
    pub name: String,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// Its main process runs, perhaps paused.
    pub running: bool,
    /// It is frozen.
    pub paused: bool,
    /// Main process on this machine.
    pub process: Option<Process>,
    /// As Docker prints it; it identifies one run of the container.
    pub started_at: String,
    /// `host`, `container:…`, or a network.
    pub network_mode: String,
    /// By network name.
    pub networks: BTreeMap<String, Endpoint>,
    /// Volumes and binds.
    pub mounts: Vec<Mount>,
    /// Where its own layer keeps files, on this machine.
    pub upper_directory: Option<PathBuf>,
}

/// How a container hangs on a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The address that it has.
    pub address: String,
    /// The address that was requested at its creation, if any.
    pub fixed_address: Option<String>,
    /// Other names.
    pub aliases: Vec<String>,
}

/// A directory of a container that lives elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where it is on this machine; nothing for memory.
    pub source: Option<PathBuf>,
    /// Where the container sees it.
    pub destination: String,
    /// It may be written.
    pub writable: bool,
}

impl Engine {
    /// Connects and asks for the version.
    ///
    /// # Errors
    /// The host is not a socket of this machine, or Docker does not respond.
    pub async fn connect(host: &str) -> Result<Self, DockerError> {
        if !host.starts_with("unix://") {
            let message = format!(
                "{host} is not a socket of this machine (unix://…): faults act on local processes"
            );
            return Err(DockerError::Refused(message));
        }
        let unreachable = |error: Error| DockerError::Unreachable {
            host: host.to_owned(),
            why: error.to_string(),
        };
        let docker =
            Docker::connect_with_unix(host, CALL_SECONDS_MAX, bollard::API_DEFAULT_VERSION);
        let docker = docker
            .map_err(unreachable)?
            .negotiate_version()
            .await
            .map_err(unreachable)?;
        Ok(Self {
            docker,
            host: host.to_owned(),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// All containers that carry this label with this value, the running ones and the others, by name.
    ///
    /// # Errors
    /// Docker does not respond.
    pub async fn containers_with(
        &self,
        label: &str,
        value: &str,
    ) -> Result<Vec<Container>, DockerError> {
        let filters = HashMap::from([("label", vec![format!("{label}={value}")])]);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let listed = self
            .docker
            .list_containers(Some(options))
            .await
            .map_err(|error| self.failure("list", &error))?;
        let mut containers = Vec::new();
        for id in listed.into_iter().filter_map(|summary| summary.id) {
            containers.extend(self.inspect(&id).await?);
        }
        containers.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(containers)
    }

    /// The container, or nothing when there is none.
    ///
    /// # Errors
    /// Docker does not respond.
    pub async fn inspect(&self, id: &str) -> Result<Option<Container>, DockerError> {
        let answer = self
            .docker
            .inspect_container(id, None::<InspectContainerOptions>)
            .await;
        Ok(self.unless_gone("inspect", answer)?.map(container))
    }

    pub(super) async fn start(&self, id: &str) -> Result<(), DockerError> {
        let answer = self
            .docker
            .start_container(id, None::<StartContainerOptions>)
            .await;
        self.done("start", answer)
    }

    pub(super) async fn kill(&self, id: &str, signal: &str) -> Result<(), DockerError> {
        let options = KillContainerOptionsBuilder::default()
            .signal(signal)
            .build();
        let answer = self.docker.kill_container(id, Some(options)).await;
        self.done("kill", answer)
    }

    pub(super) async fn restart(&self, id: &str, grace_ms: u64) -> Result<(), DockerError> {
        // The catalogue keeps it below the bound of a call.
        let seconds = i32::try_from(grace_ms / 1_000).unwrap_or(i32::MAX);
        let options = RestartContainerOptionsBuilder::default().t(seconds).build();
        let answer = self.docker.restart_container(id, Some(options)).await;
        self.done("restart", answer)
    }

    pub(super) async fn pause(&self, id: &str) -> Result<(), DockerError> {
        let answer = self.docker.pause_container(id).await;
        self.done("pause", answer)
    }

    pub(super) async fn unpause(&self, id: &str) -> Result<(), DockerError> {
        let answer = self.docker.unpause_container(id).await;
        self.done("unpause", answer)
    }

    pub(super) async fn disconnect(&self, id: &str, network: &str) -> Result<(), DockerError> {
        let request = NetworkDisconnectRequest {
            container: id.to_owned(),
            force: Some(true),
        };
        let answer = self.docker.disconnect_network(network, request).await;
        self.done("disconnect", answer)
    }

    pub(super) async fn join(
        &self,
        id: &str,
        network: &str,
        endpoint: &Endpoint,
    ) -> Result<(), DockerError> {
        let settings = |address: Option<String>| NetworkConnectRequest {
            container: id.to_owned(),
            endpoint_config: Some(EndpointSettings {
                aliases: Some(endpoint.aliases.clone()),
                ipam_config: address.map(|address| EndpointIpamConfig {
                    ipv4_address: Some(address),
                    ..EndpointIpamConfig::default()
                }),
                ..EndpointSettings::default()
            }),
        };
        // A fixed address is taken only in networks with a subnet of their own; elsewhere Docker chooses again.
        let address = endpoint
            .fixed_address
            .clone()
            .unwrap_or_else(|| endpoint.address.clone());
        let first = self
            .docker
            .connect_network(network, settings(Some(address)))
            .await;
        match first {
            Err(error) if endpoint.fixed_address.is_none() && status(&error) != Some(404) => {
                let answer = self.docker.connect_network(network, settings(None)).await;
                self.done("connect", answer)
            }
            answer => self.done("connect", answer),
        }
    }

    /// Names and labels of the volumes that carry a label.
    pub(super) async fn volumes_with(
        &self,
        label: &str,
    ) -> Result<Vec<(String, HashMap<String, String>)>, DockerError> {
        let filters = HashMap::from([("label".to_owned(), vec![label.to_owned()])]);
        let answer = self
            .docker
            .list_volumes(Some(ListVolumesOptions {
                filters: Some(filters),
            }))
            .await;
        let listed = answer.map_err(|error| self.failure("list volumes", &error))?;
        Ok(listed
            .volumes
            .unwrap_or_default()
            .into_iter()
            .map(|volume| (volume.name, volume.labels))
            .collect())
    }

    pub(super) async fn make_volume(
        &self,
        name: &str,
        labels: HashMap<String, String>,
    ) -> Result<(), DockerError> {
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(labels),
            ..VolumeCreateRequest::default()
        };
        let answer = self.docker.create_volume(request).await;
        answer
            .map(|_| ())
            .map_err(|error| self.failure("create the arm volume", &error))
    }

    pub(super) async fn remove_volume(&self, name: &str) -> Result<(), DockerError> {
        let options = RemoveVolumeOptionsBuilder::default().force(true).build();
        let answer = self.docker.remove_volume(name, Some(options)).await;
        self.done("remove volume", answer)
    }

    /// "No such object" and "not in that state" are success: the caller has checked before and checks again.
    fn done(&self, what: &str, answer: Result<(), Error>) -> Result<(), DockerError> {
        match answer {
            Err(error) if matches!(status(&error), Some(404 | 409)) => {
                tracing::debug!(%error, what, "docker reports that there is nothing to do");
                Ok(())
            }
            Err(error) => Err(self.failure(what, &error)),
            Ok(()) => Ok(()),
        }
    }

    fn unless_gone<T>(
        &self,
        what: &str,
        answer: Result<T, Error>,
    ) -> Result<Option<T>, DockerError> {
        match answer {
            Ok(value) => Ok(Some(value)),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(self.failure(what, &error)),
        }
    }

    fn failure(&self, what: &str, error: &Error) -> DockerError {
        match status(error) {
            Some(_) => DockerError::Failed(format!("docker refused to {what}: {error}")),
            None => DockerError::Unreachable {
                host: self.host.clone(),
                why: format!("{what}: {error}"),
            },
        }
    }
}

fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

fn container(answer: ContainerInspectResponse) -> Container {
    let state = answer.state.unwrap_or_default();
    let running = state.running.unwrap_or_default();
    let pid = state
        .pid
        .and_then(|pid| u32::try_from(pid).ok())
        .filter(|pid| *pid > 0 && running);
    let networks = answer
        .network_settings
        .and_then(|settings| settings.networks)
        .unwrap_or_default();
    Container {
        id: answer.id.unwrap_or_default(),
        name: answer
            .name
            .unwrap_or_default()
            .trim_start_matches('/')
            .to_owned(),
        labels: answer
            .config
            .and_then(|config| config.labels)
            .unwrap_or_default()
            .into_iter()
            .collect(),
        running,
        paused: state.paused.unwrap_or_default(),
        process: pid.and_then(Process::find),
        started_at: state.started_at.unwrap_or_default(),
        network_mode: answer
            .host_config
            .and_then(|config| config.network_mode)
            .unwrap_or_default(),
        networks: networks
            .into_iter()
            .map(|(name, settings)| (name, endpoint(settings)))
            .collect(),
        mounts: answer
            .mounts
            .unwrap_or_default()
            .into_iter()
            .map(mount)
            .collect(),
        upper_directory: answer
            .graph_driver
            .and_then(|driver| driver.data.get("UpperDir").map(PathBuf::from)),
    }
}

fn endpoint(settings: EndpointSettings) -> Endpoint {
    let fixed_address = settings
        .ipam_config
        .and_then(|config| config.ipv4_address)
        .filter(|address| !address.is_empty());
    Endpoint {
        address: settings.ip_address.unwrap_or_default(),
        fixed_address,
        aliases: settings.aliases.unwrap_or_default(),
    }
}

fn mount(point: bollard::models::MountPoint) -> Mount {
    Mount {
        source: point
            .source
            .filter(|source| !source.is_empty())
            .map(PathBuf::from),
        destination: point.destination.unwrap_or_default(),
        writable: point.rw.unwrap_or_default(),
    }
}
