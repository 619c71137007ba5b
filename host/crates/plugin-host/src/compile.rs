//! The third gate: machine code. What was compiled before comes out of the cache; the rest is compiled
//! here and nowhere else.
//!
//! Before the first tick nothing waits for anything else, and the compiler may use all cores. Later it
//! runs in a thread of its own, on one core, one component after the other and with low priority, so
//! that no tick waits for it.

use crate::cache;
use crate::cache::{CodeCache, Origin};
use crate::engine::Engine;
use crate::load::LoadError;
use crate::trust::{Trust, Trusted, plugin_name};
use operator_model::Digest;
use operator_net::ports::Clock as _;
use operator_net::ports::real::RealClock;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;
use tokio::sync::oneshot;
use wasmtime::component::Component;

/// Components that wait for the compiler: a directory of modules that changed at once.
const QUEUE_MAX: usize = 64;

/// How much the compiler gives way: a tick that computes gets ten times its share.
const NICENESS: &str = "10";

/// A compiled component. Only [`Compiled::new`] makes one.
pub(crate) struct Compiled {
    component: Component,
    digest: Digest,
    trust: Trust,
}

/// Whether something waits for the compiler.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// The program starts or a person waits: all cores.
    #[default]
    Now,
    /// The operator ticks: one core, and that only when nobody else wants it.
    Background,
}

/// The thread that compiles in the background; started when it is needed first.
#[derive(Default)]
pub(crate) struct Compiler {
    jobs: OnceLock<Option<SyncSender<Job>>>,
}

struct Job {
    component: Vec<u8>,
    code: oneshot::Sender<Result<Vec<u8>, String>>,
}

impl Compiled {
    /// Compiles a trusted component, or takes the code from the engine's cache.
    ///
    /// # Errors
    /// The compiler refuses it, or takes too long.
    pub(crate) async fn new(
        engine: &Engine,
        name: &str,
        trusted: &Trusted<'_>,
    ) -> Result<Self, LoadError> {
        let digest = trusted.admitted().digest();
        let kept = engine
            .cache()
            .and_then(|cache| cache.load(engine.wasmtime(), digest));
        let component = match kept {
            Some(component) => component,
            None => compile(engine, name, trusted).await?,
        };
        Ok(Self {
            component,
            digest: digest.clone(),
            trust: trusted.trust().clone(),
        })
    }

    pub(crate) fn component(&self) -> &Component {
        &self.component
    }

    /// sha256 of the component's bytes.
    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Why it may run.
    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }
}

async fn compile(
    engine: &Engine,
    name: &str,
    trusted: &Trusted<'_>,
) -> Result<Component, LoadError> {
    let (admitted, wasmtime) = (trusted.admitted(), engine.wasmtime());
    let refused = |why: String| LoadError::Compile {
        name: name.to_owned(),
        why,
    };
    let begun = RealClock.now();
    let component = match engine.urgency() {
        Urgency::Now => {
            Component::from_binary(wasmtime, admitted.bytes()).map_err(|error| format!("{error:#}"))
        }
        Urgency::Background => in_background(engine, admitted.bytes()).await,
    };
    let component = component.map_err(refused)?;
    let compile_ms = RealClock.now().since_ms(begun);
    let origin = Origin {
        plugin: plugin_name(name),
        component_bytes: admitted.bytes().len() as u64,
        compile_ms,
    };
    keep(
        engine.cache(),
        engine,
        admitted.digest(),
        &component,
        origin,
    );
    Ok(component)
}

fn keep(
    cache: Option<&CodeCache>,
    engine: &Engine,
    digest: &Digest,
    component: &Component,
    origin: Origin<'_>,
) {
    let Some(cache) = cache else { return };
    let (plugin, bytes_max) = (
        origin.plugin.to_owned(),
        engine.limits().code_cache_bytes_max,
    );
    if let Err(error) = cache.store(engine.wasmtime(), digest, component, origin, bytes_max) {
        tracing::warn!(plugin, %error, "Compiled code is not kept; the next start compiles again.");
    }
}

async fn in_background(engine: &Engine, component: &[u8]) -> Result<Component, String> {
    let (sender, code) = oneshot::channel();
    let jobs = engine
        .compiler()
        .jobs
        .get_or_init(|| start(engine.wasmtime()));
    let jobs = jobs
        .as_ref()
        .ok_or_else(|| "the compiler cannot be started".to_owned())?;
    let job = Job {
        component: component.to_vec(),
        code: sender,
    };
    jobs.try_send(job)
        .map_err(|_| format!("{QUEUE_MAX} components wait for the compiler already"))?;
    let limit_ms = engine.limits().compile_ms_max;
    let code = tokio::time::timeout(Duration::from_millis(limit_ms), code)
        .await
        .map_err(|_| format!("it takes longer than {limit_ms} ms"))?
        .map_err(|_| "the compiler ended early".to_owned())??;
    cache::own_code(engine.wasmtime(), &code)
        .ok_or_else(|| "the compiled code does not fit the engine".to_owned())
}

/// Starts the thread with an engine that gives the same code as `engine` but stays on one core.
fn start(engine: &wasmtime::Engine) -> Option<SyncSender<Job>> {
    let mut config = engine.config().clone();
    config
        .parallel_compilation(false)
        .allocation_strategy(wasmtime::InstanceAllocationStrategy::OnDemand);
    let compiler = wasmtime::Engine::new(&config).ok()?;
    let (jobs, received) = sync_channel(QUEUE_MAX);
    let work = move || {
        give_way();
        work(&compiler, &received);
    };
    std::thread::Builder::new()
        .name("plugin-compile".to_owned())
        .spawn(work)
        .ok()?;
    Some(jobs)
}

/// One after the other, until the engine is gone.
fn work(compiler: &wasmtime::Engine, received: &Receiver<Job>) {
    for Job { component, code } in received {
        // Nobody waits any more: the plugin changed again, or it took too long.
        if !code.is_closed() {
            let compiled = compiler
                .precompile_component(&component)
                .map_err(|error| format!("{error:#}"));
            let _ = code.send(compiled);
        }
    }
}

/// Lowers the priority of this thread. The standard library cannot, and a missing `renice` costs no
/// more than the politeness: the compiler still keeps to one core.
fn give_way() {
    let Ok(thread) = std::fs::read_link("/proc/thread-self") else {
        return;
    };
    let Some(id) = Path::new(&thread).file_name() else {
        return;
    };
    let mut renice = Command::new("renice");
    renice
        .args(["-n", NICENESS, "-p"])
        .arg(id)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if !renice.status().is_ok_and(|status| status.success()) {
        tracing::debug!("The compiler keeps its priority: `renice` is missing or was refused.");
    }
}

#[cfg(test)]
mod tests;
