//! Containers that stand for the services of a Compose project: they have its labels and names, and do next to nothing.

use super::daemon::Daemon;

/// Starts a container called `name` for a service of a project, in a network that exists.
pub fn start(daemon: &Daemon, network: &str, name: &str, project: &str, service: &str) {
    let volume = format!("{project}-{service}-data:/data");
    let labels = [
        format!("com.docker.compose.project={project}"),
        format!("com.docker.compose.service={service}"),
    ];
    let fixed = [
        "run",
        "--detach",
        "--network",
        network,
        "--memory",
        "128m",
        "--ulimit",
        "nofile=500:1000",
    ];
    let mut arguments = fixed.to_vec();
    arguments.extend([
        "--name",
        name,
        "--network-alias",
        service,
        "--volume",
        &volume,
    ]);
    arguments.extend(["--label", &labels[0], "--label", &labels[1]]);
    // A service that ends when it is asked to.
    arguments.extend([
        "base:1",
        "sh",
        "-c",
        "trap 'exit 0' TERM; httpd -p 8080 -h /data; while :; do sleep 1000 & wait $!; done",
    ]);
    daemon.docker(&arguments).unwrap();
}
