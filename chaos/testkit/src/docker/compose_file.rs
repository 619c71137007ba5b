//! `compose/compose.yml` on stand-ins: its own services, commands, volumes and health checks, with images that do next to nothing
//! but keep the habits that matter: which flags are known, who may read a log, who answers whether it is healthy.
//!
//! Only the ports on this machine are left out: another program may have them.

use super::daemon::Daemon;
use super::machine::run;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub const PROJECT: &str = "compose-file";

/// Stands for both servers. A log that is not there is made as each of them makes it: PD's for root alone.
const SERVER: &str = r#"#!/bin/sh
case $0 in
    */pd-server) umask 077; port=2379
        known='name config data-dir log-file client-urls advertise-client-urls peer-urls advertise-peer-urls initial-cluster' ;;
    *) umask 022; port=20180
        known='config data-dir log-file addr advertise-addr status-addr advertise-status-addr pd-endpoints labels' ;;
esac
for flag; do
    name=${flag%%=*}; name=${name#--}
    case " $known " in *" $name "*) ;; *) echo "unknown flag $flag" >&2; exit 1 ;; esac
    case $name in config) config=${flag#*=} ;; log-file) log=${flag#*=} ;; esac
done
grep -q . "$config" || exit 1
echo '[2026/01/01 00:00:00.000 +00:00] [INFO] [server.rs:1] ["a stand-in starts"]' >> "$log" || exit 1
trap 'exit 0' TERM
httpd -p "$port" -h /faces
while :; do sleep 1000 & wait $!; done
"#;

/// Stands for Prometheus and Grafana: everything that is mounted below the directories must be readable.
const READER: &str = r#"#!/bin/sh
for directory in /etc/prometheus /etc/grafana/provisioning /var/lib/grafana/dashboards; do
    [ -d "$directory" ] || continue
    why=$(grep -r . "$directory" 2>&1 > /dev/null)
    [ -z "$why" ] || { echo "$why" >&2; exit 1; }
done
trap 'exit 0' TERM
while :; do sleep 1000 & wait $!; done
"#;

/// Makes a root directory `$1` of busybox; the programs come in by the environment.
const ROOT: &str = r#"set -e
mkdir -p "$1/bin" "$1/usr/bin" "$1/data" "$1/logs" "$1/tmp" "$1/proc" "$1/faces/pd/api/v1"
cp "$(command -v busybox)" "$1/bin/busybox"
for tool in sh cat chmod grep httpd id ls sleep stat touch wget; do ln -s busybox "$1/bin/$tool"; done
echo '[]' > "$1/faces/pd/api/v1/health"; echo > "$1/faces/status"
printf '%s' "$SERVER" > "$1/pd-server"; cp "$1/pd-server" "$1/tikv-server"
printf '%s' "$READER" > "$1/reader"
printf '#!/bin/sh\nfor url; do :; done\nexec wget -q -O - "$url"\n' > "$1/usr/bin/curl"
printf '#!/bin/sh\nexit 69\n' > "$1/usr/bin/operator-load"
chmod 755 "$1/pd-server" "$1/tikv-server" "$1/reader" "$1/usr/bin/curl" "$1/usr/bin/operator-load"
"#;

/// Puts the operator, the libraries that it was linked with and its components into the root directory `$1`.
const OPERATOR: &str = r#"set -e
mkdir -p "$1/usr/share/operator" "$1/var/lib/operator"
cp "$2" "$1/usr/bin/operator"; cp -r "$3" "$1/usr/share/operator/plugins"
ldd "$2" | grep -o '/[^ ]*' | while read -r library; do mkdir -p "$1$(dirname "$library")"; cp -L "$library" "$1$library"; done
chown 65532:65532 "$1/var/lib/operator"
"#;

/// The services, for as long as this lives.
pub struct Services<'a> {
    daemon: &'a Daemon,
    /// The file without ports.
    file: PathBuf,
}

impl<'a> Services<'a> {
    /// Makes the images that the file names. Says why, where there is no docker-compose.
    pub fn prepare(
        daemon: &'a Daemon,
        directory: &Path,
        operator: &Path,
        plugins: &Path,
    ) -> Result<Self, String> {
        run(Command::new("docker-compose").arg("version")).map_err(|why| {
            format!("no docker-compose (Debian: apt-get install docker-compose): {why}")
        })?;
        let text = std::fs::read_to_string(compose().join("compose.yml")).unwrap();
        let without_ports: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("ports:"))
            .collect();
        let services = Self {
            daemon,
            file: directory.join("compose.yml"),
        };
        std::fs::write(&services.file, without_ports.join("\n")).unwrap();
        let root = directory.join("image");
        run(Command::new("sh")
            .args(["-c", ROOT, "sh"])
            .arg(&root)
            .env("SERVER", SERVER)
            .env("READER", READER))
        .unwrap();
        for image in text
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("image: "))
        {
            match image.split(['/', ':']).nth(1) {
                Some("pd") => {
                    services.import(&root, image, &["ENTRYPOINT [\"/pd-server\"]".to_owned()])
                }
                Some("tikv") => {
                    services.import(&root, image, &["ENTRYPOINT [\"/tikv-server\"]".to_owned()])
                }
                // Neither of them is root in its image.
                Some("prometheus" | "grafana") => {
                    let habits = ["USER 65534", "ENTRYPOINT [\"/reader\"]"].map(str::to_owned);
                    services.import(&root, image, &habits);
                }
                _ => {}
            }
        }
        run(Command::new("sh")
            .args(["-c", OPERATOR, "sh"])
            .arg(&root)
            .arg(operator)
            .arg(plugins))
        .unwrap();
        services.import(&root, "operator:local", &last_stage());
        Ok(services)
    }

    fn import(&self, root: &Path, image: &str, directives: &[String]) {
        let mut tar = Command::new("sh");
        tar.args([
            "-c",
            "root=$1; shift; tar -C \"$root\" -c . | docker \"$@\"",
            "sh",
        ])
        .arg(root);
        tar.args(["--host", &self.daemon.host(), "import"]);
        for directive in directives {
            tar.args(["--change", directive]);
        }
        run(tar.args(["-", image])).unwrap();
    }

    /// docker-compose as a person calls it.
    pub fn compose(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new("docker-compose");
        command
            .arg("--project-directory")
            .arg(compose())
            .arg("--file")
            .arg(&self.file);
        command
            .args(["--project-name", PROJECT])
            .args(arguments)
            .env("DOCKER_HOST", self.daemon.host());
        run(&mut command)
    }

    /// The container of a service; it may have ended.
    pub fn container(&self, service: &str) -> String {
        let label = format!("label=com.docker.compose.service={service}");
        let id = self
            .daemon
            .docker(&["ps", "--all", "--quiet", "--filter", &label])
            .unwrap()
            .trim()
            .to_owned();
        assert!(!id.is_empty() && !id.contains('\n'), "{service}: {id:?}");
        id
    }

    /// What `docker inspect` says of the container of a service.
    pub fn says(&self, service: &str, template: &str) -> String {
        let container = self.container(service);
        self.daemon
            .docker(&["inspect", "--format", template, &container])
            .unwrap()
            .trim()
            .to_owned()
    }

    /// Runs a program in the container of a service, as the user that the service runs as.
    pub fn inside(&self, service: &str, program: &[&str]) -> Result<String, String> {
        self.daemon
            .docker(&[&["exec", &self.container(service)], program].concat())
    }
}

/// Which containers start and which become healthy, as it happens: dockerd itself remembers only its last few hundred events,
/// and every health check is some.
pub struct Events {
    watcher: Child,
    file: PathBuf,
}

impl Events {
    /// `since` is a time by dockerd's clock.
    pub fn watch(daemon: &Daemon, directory: &Path, since: &str) -> Self {
        let file = directory.join("events");
        let format = "{{.Action}} {{index .Actor.Attributes \"com.docker.compose.service\"}}";
        let mut command = Command::new("docker");
        command.args([
            "--host",
            &daemon.host(),
            "events",
            "--since",
            since,
            "--format",
            format,
        ]);
        command.args([
            "--filter",
            "type=container",
            "--filter",
            "event=start",
            "--filter",
            "event=health_status",
        ]);
        let watcher = command
            .stdin(Stdio::null())
            .stdout(File::create(&file).unwrap())
            .spawn()
            .unwrap();
        Self { watcher, file }
    }

    /// In order: `start pd-0`, `health_status: healthy pd-0`.
    pub fn told(&self) -> Vec<String> {
        std::fs::read_to_string(&self.file)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
    }
}

fn compose() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../compose")
}

/// What the image of `compose/Dockerfile` is beside its files: user, entry point, environment.
fn last_stage() -> Vec<String> {
    let text = std::fs::read_to_string(compose().join("Dockerfile")).unwrap();
    let (_, stage) = text.rsplit_once("\nFROM ").expect("a last stage");
    let told = [
        "ENV ",
        "WORKDIR ",
        "USER ",
        "VOLUME ",
        "EXPOSE ",
        "ENTRYPOINT ",
        "CMD ",
    ];
    stage
        .lines()
        .filter(|line| told.iter().any(|name| line.starts_with(name)))
        .map(str::to_owned)
        .collect()
}
