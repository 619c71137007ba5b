//! The roles `pd-leader` and `pd-follower` of fault files: the members that have them now, as PD itself reports.

use super::arm::{COMPOSE_PROJECT, COMPOSE_SERVICE};
use super::target::Selection;
use super::{Container, DockerError, Engine};
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const LEADER: &str = "pd-leader";
const FOLLOWER: &str = "pd-follower";
/// What PD's services are called in `compose/`, and where they listen.
const PREFIX: &str = "pd-";
const PORT: u16 = 2_379;
/// A follower waits about 3 s for a leader before it reports that there is none.
const PATIENCE: Duration = Duration::from_secs(5);
/// One member in JSON; a longer response is not from PD.
const ANSWER_BYTES_MAX: u64 = 65_536;

/// A part, and the service that has it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Role {
    /// `pd-leader` or `pd-follower`.
    pub name: String,
    /// The service that has it now.
    pub service: String,
}

/// A member of PD that runs, and where it can be asked.
#[derive(Debug, Clone)]
struct Member {
    service: String,
    addresses: Vec<SocketAddr>,
}

/// The leader, as PD reports it.
#[derive(Debug, Deserialize)]
struct Leader {
    name: String,
    #[serde(default)]
    client_urls: Vec<String>,
}

/// The same selection with services in place of parts, and what stood for what.
pub(super) async fn resolve(
    engine: &Engine,
    project: &str,
    selection: &Selection,
) -> Result<(Selection, Option<Role>), DockerError> {
    let Some(name) = selection
        .services
        .iter()
        .find(|service| [LEADER, FOLLOWER].contains(&service.as_str()))
    else {
        return Ok((selection.clone(), None));
    };
    let members = members(&engine.containers_with(COMPOSE_PROJECT, project).await?);
    let role = Role {
        name: name.clone(),
        service: holder(name, &members).await?,
    };
    let service = |service: &String| {
        if service == name {
            role.service.clone()
        } else {
            service.clone()
        }
    };
    let services = selection.services.iter().map(service).collect();
    Ok((
        Selection {
            services,
            ..selection.clone()
        },
        Some(role),
    ))
}

/// A part that was found before is still with the same member.
pub(super) async fn confirm(
    engine: &Engine,
    project: &str,
    role: &Role,
) -> Result<(), DockerError> {
    let name = &role.name;
    let planned = &role.service;
    let now = leader(&members(
        &engine.containers_with(COMPOSE_PROJECT, project).await?,
    ))
    .await?;
    if (now == *planned) == (name == LEADER) {
        return Ok(());
    }
    let message = format!(
        "{name} was {planned} at the time of planning, but {now} leads PD now: run the command again"
    );
    Err(DockerError::Refused(message))
}

fn members(containers: &[Container]) -> Vec<Member> {
    let member = |container: &Container| {
        let service = container
            .labels
            .get(COMPOSE_SERVICE)
            .filter(|name| name.starts_with(PREFIX))?
            .clone();
        let addresses = container
            .networks
            .values()
            .filter_map(|endpoint| endpoint.address.parse::<IpAddr>().ok());
        Some(Member {
            service,
            addresses: addresses
                .map(|address| SocketAddr::new(address, PORT))
                .collect(),
        })
    };
    containers
        .iter()
        .filter(|container| container.running && !container.paused)
        .filter_map(member)
        .collect()
}

/// The service that has a part.
async fn holder(name: &str, members: &[Member]) -> Result<String, DockerError> {
    let leader = leader(members).await?;
    if name == LEADER {
        return Ok(leader);
    }
    let follows = members.iter().find(|member| member.service != leader);
    let no_follower = || {
        DockerError::Refused(format!(
            "{leader} leads PD, and no other member is running: there is no {name}"
        ))
    };
    follows
        .map(|member| member.service.clone())
        .ok_or_else(no_follower)
}

/// The service that leads, by the first member that knows.
async fn leader(members: &[Member]) -> Result<String, DockerError> {
    let mut answers = Vec::new();
    for member in members {
        for address in &member.addresses {
            match ask(*address).await {
                Ok(Some(leader)) => return service_of(&leader, members),
                Ok(None) => answers.push(format!("{}: none", member.service)),
                Err(why) => answers.push(format!("{}: {why}", member.service)),
            }
        }
    }
    let told = if answers.is_empty() {
        format!("no service named {PREFIX}… is running")
    } else {
        answers.join("; ")
    };
    Err(DockerError::Refused(format!(
        "PD has no leader, so there is no pd-leader or pd-follower ({told})"
    )))
}

/// PD names its leader; Compose has named the service, and the leader's own URL carries that name.
fn service_of(leader: &Leader, members: &[Member]) -> Result<String, DockerError> {
    let host = |url: &String| {
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        rest.split([':', '/']).next().unwrap_or_default().to_owned()
    };
    let hosts: Vec<String> = leader.client_urls.iter().map(host).collect();
    let is_it = |member: &&Member| {
        let at = |host: &String| {
            member
                .addresses
                .iter()
                .any(|address| address.ip().to_string() == *host)
        };
        member.service == leader.name || hosts.contains(&member.service) || hosts.iter().any(at)
    };
    let unknown = || {
        DockerError::Refused(format!(
            "{} leads PD, but no running service has that name",
            leader.name
        ))
    };
    members
        .iter()
        .find(is_it)
        .map(|member| member.service.clone())
        .ok_or_else(unknown)
}

/// The leader that a member reports; `None` when it reports that there is none.
async fn ask(address: SocketAddr) -> Result<Option<Leader>, String> {
    let asked = tokio::time::timeout(PATIENCE, get(address, "/pd/api/v1/leader"));
    let answer = asked
        .await
        .map_err(|_| "no response in time".to_owned())?
        .map_err(|error| error.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no HTTP")?;
    let status = head.split_ascii_whitespace().nth(1).unwrap_or_default();
    match status {
        "200" => serde_json::from_str(body).map_err(|error| error.to_string()),
        "503" => Ok(None),
        other => Err(format!("status {other}")),
    }
}

/// HTTP/1.0: the server closes the connection, and does not send the body in chunks.
async fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())
        .await?;
    let mut answer = String::new();
    stream
        .take(ANSWER_BYTES_MAX)
        .read_to_string(&mut answer)
        .await?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    const PD_2_LEADS: &str =
        "{\"name\":\"pd-2\",\"member_id\":7,\"client_urls\":[\"http://pd-2:2379\"]}";

    /// A member that sends the same response to every request.
    async fn member(service: &str, status: &str, body: &str) -> Member {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n\r\n{body}");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0_u8; 512];
                let length = stream.read(&mut request).await.unwrap();
                assert!(request[..length].starts_with(b"GET /pd/api/v1/leader HTTP/1.0\r\n"));
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Member {
            service: service.to_owned(),
            addresses: vec![address],
        }
    }

    #[tokio::test]
    async fn the_leader_is_whom_pd_names_and_a_follower_is_another_one() {
        let members = [
            member("pd-0", "200 OK", PD_2_LEADS).await,
            member("pd-2", "200 OK", PD_2_LEADS).await,
        ];
        assert_eq!(holder(LEADER, &members).await.unwrap(), "pd-2");
        assert_eq!(holder(FOLLOWER, &members).await.unwrap(), "pd-0");
    }

    #[tokio::test]
    async fn who_does_not_know_is_passed_over() {
        let gone = Member {
            service: "pd-1".to_owned(),
            addresses: vec!["127.0.0.1:1".parse().unwrap()],
        };
        let members = [gone, member("pd-2", "200 OK", PD_2_LEADS).await];
        assert_eq!(holder(LEADER, &members).await.unwrap(), "pd-2");
    }

    #[tokio::test]
    async fn a_group_without_a_leader_says_so() {
        let no_leader = "[PD:apiutil:ErrRedirectNoLeader]redirect finds no leader";
        let members = [
            member("pd-0", "503 Service Unavailable", no_leader).await,
            member("pd-1", "200 OK", "null").await,
        ];
        let message = holder(LEADER, &members).await.unwrap_err().to_string();
        assert!(
            message.contains("PD has no leader") && message.contains("pd-0: none"),
            "{message}"
        );
        assert!(
            holder(FOLLOWER, &[])
                .await
                .unwrap_err()
                .to_string()
                .contains("no service named pd-")
        );
    }

    #[tokio::test]
    async fn a_leader_that_is_not_of_the_project_is_not_hit() {
        let members = [member("pd-0", "200 OK", &PD_2_LEADS.replace("pd-2", "elsewhere")).await];
        assert!(
            holder(LEADER, &members)
                .await
                .unwrap_err()
                .to_string()
                .contains("elsewhere leads PD")
        );
        let alone = [member("pd-2", "200 OK", PD_2_LEADS).await];
        assert!(
            holder(FOLLOWER, &alone)
                .await
                .unwrap_err()
                .to_string()
                .contains("no other member is running")
        );
    }
}
