//! What every story needs: the program, the components, a served world.

use operator_capture::serve::{ServeOptions, Server};
use operator_sim::Simulator;
use operator_sim::config::ClusterConfig;
use operator_sim::scenario;
use operator_world::World;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program, untouched by the environment of whoever runs the tests.
pub(crate) fn operator() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_operator"));
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OPERATOR_"))
    {
        command.env_remove(name);
    }
    command.env(
        "OPERATOR_CACHE",
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"),
    );
    command
}

/// Runs the program to its end.
pub(crate) fn ran(arguments: &[&str]) -> Ran {
    Ran::from(
        operator()
            .args(arguments)
            .output()
            .expect("the program starts"),
    )
}

/// What came out.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }
}

impl Ran {
    /// Every line as JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }

    /// The only line as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// The directory of built components. Without it a story can tell nothing: that is an error where it
/// counts (`CI` is set), and a loud line elsewhere.
pub(crate) fn plugins() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_BIN_EXE_operator")).with_file_name("../plugins");
    let directory = std::env::var_os("OPERATOR_PLUGINS").map_or(beside, PathBuf::from);
    if directory.join("invariants").is_dir() {
        return Some(directory);
    }
    let message = format!(
        "no components in {}: build them with `cargo xtask guests`",
        directory.display()
    );
    assert!(std::env::var_os("CI").is_none(), "{message}");
    eprintln!("\n!!! SKIPPED, NOTHING WAS TESTED: {message}\n");
    None
}

/// The subject of the simulated system.
pub(crate) fn subject(plugins: &Path) -> String {
    plugins
        .join(&scenario::all().first().expect("there are scenarios").plugin)
        .display()
        .to_string()
}

/// A world on ports that the system chose, for as long as it lives, and `NAME=URL` of its targets.
pub(crate) struct Served {
    pub(crate) targets: Vec<String>,
    _stop: tokio::sync::oneshot::Sender<()>,
    _runtime: tokio::runtime::Runtime,
}

impl Served {
    pub(crate) fn world(world: Box<dyn World>, speed: f64) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let bind: BTreeMap<String, SocketAddr> = world
            .origins()
            .into_iter()
            .map(|origin| (origin, any))
            .collect();
        let wanted = world.targets();
        let server = runtime
            .block_on(Server::open(world, &ServeOptions { speed, bind }))
            .expect("the world is served");
        let addresses = server.addresses();
        let targets = wanted
            .iter()
            .map(|(name, origin)| format!("{name}=http://{}", addresses[origin]))
            .collect();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        runtime.spawn(server.run_until(async move {
            let _ = stopped.await;
        }));
        Self {
            targets,
            _stop: stop,
            _runtime: runtime,
        }
    }

    /// A simulated system to which a scenario happens `onset_ms` after the start.
    pub(crate) fn scenario(id: &str, onset_ms: u64, speed: f64) -> Self {
        let mut scenario = scenario::find(id).expect("the scenario exists");
        scenario.onset_ms = onset_ms;
        let variant = scenario.variants.first().expect("it has a variant").clone();
        Self::world(
            Box::new(Simulator::with_scenario(
                ClusterConfig::default(),
                &scenario,
                &variant,
            )),
            speed,
        )
    }
}
