//! Serves a [`World`] over HTTP in real time: one listener per origin, open only while that node lives.

mod gate;
pub(crate) mod rewrite;

use gate::Gate;
use operator_world::World;
use parking_lot::Mutex;
use rewrite::Rewrite;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// How often to check for nodes that died or came back. Short compared with a Raft tick of one second.
const STEP_INTERVAL_MS: u64 = 50;

/// How a world is served.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Virtual milliseconds that pass in one real millisecond; 1 is real time.
    pub speed: f64,
    /// Addresses to listen on in place of the origins' own. Port 0 lets the system choose, and addresses in
    /// responses are rewritten, so a client that follows them arrives here.
    pub bind: BTreeMap<String, SocketAddr>,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            speed: 1.0,
            bind: BTreeMap::new(),
        }
    }
}

/// Why a world cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The origin has no address to listen on.
    #[error("origin {origin:?} is not http://ADDRESS:PORT")]
    Origin {
        /// The origin.
        origin: String,
    },
    /// The address is in use, or not permitted.
    #[error("cannot listen on {address} for {origin}: {source}")]
    Bind {
        /// The origin that should be served.
        origin: String,
        /// The requested address.
        address: SocketAddr,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The speed is not a positive number.
    #[error("speed {speed} is not a positive number")]
    Speed {
        /// The speed.
        speed: f64,
    },
}

/// A world and its listeners.
pub struct Server {
    shared: Arc<Shared>,
    gates: BTreeMap<String, Gate>,
}

/// State of the request handlers.
pub(crate) struct Shared {
    world: Mutex<Box<dyn World>>,
    pace: Pace,
    rewrite: Rewrite,
}

/// The relation of virtual to real time.
struct Pace {
    began: Instant,
    began_ms: u64,
    speed: f64,
}

impl Server {
    /// Opens a listener for each origin that listens now; virtual time starts to pass with this call.
    ///
    /// # Errors
    /// An address cannot be bound, an origin is not one, the speed is not positive.
    pub async fn open(world: Box<dyn World>, options: &ServeOptions) -> Result<Self, ServeError> {
        if !(options.speed.is_finite() && options.speed > 0.0) {
            return Err(ServeError::Speed {
                speed: options.speed,
            });
        }
        let mut gates = BTreeMap::new();
        for origin in world.origins() {
            let gate = Gate::reserve(&origin, options.bind.get(&origin).copied()).await?;
            gates.insert(origin, gate);
        }
        let rewrite = Rewrite::new(
            gates
                .iter()
                .map(|(origin, gate)| (origin.as_str(), gate.address())),
        );
        let pace = Pace {
            began: Instant::now(),
            began_ms: world.now_ms(),
            speed: options.speed,
        };
        let shared = Arc::new(Shared {
            world: Mutex::new(world),
            pace,
            rewrite,
        });
        let mut server = Self { shared, gates };
        server.step().await?;
        Ok(server)
    }

    /// Where each origin is served.
    #[must_use]
    pub fn addresses(&self) -> BTreeMap<String, SocketAddr> {
        self.gates
            .iter()
            .map(|(origin, gate)| (origin.clone(), gate.address()))
            .collect()
    }

    /// The world's time.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.shared.with_world(|world| world.now_ms())
    }

    /// Advances the world to the present, closes the listeners of dead nodes, and opens those of living ones.
    ///
    /// # Errors
    /// Another process has taken the address of a node that came back.
    pub async fn step(&mut self) -> Result<(), ServeError> {
        let alive: Vec<bool> = self.shared.with_world(|world| {
            self.gates
                .keys()
                .map(|origin| world.listens(origin))
                .collect()
        });
        for ((origin, gate), alive) in self.gates.iter_mut().zip(alive) {
            gate.set(origin, alive, &self.shared).await?;
        }
        Ok(())
    }

    /// Serves until `stop` is ready, then closes every listener.
    ///
    /// # Errors
    /// As [`Server::step`].
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let mut interval = tokio::time::interval(Duration::from_millis(STEP_INTERVAL_MS));
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return Ok(()),
                _ = interval.tick() => self.step().await?,
            }
        }
    }
}

impl Shared {
    /// Runs `act` on the world of this moment.
    pub(crate) fn with_world<T>(&self, act: impl FnOnce(&mut dyn World) -> T) -> T {
        let mut world = self.world.lock();
        world.advance_to(self.pace.now_ms());
        act(world.as_mut())
    }

    /// The replacement of the origins' own addresses in responses.
    pub(crate) fn rewrite(&self) -> &Rewrite {
        &self.rewrite
    }
}

impl Pace {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "float casts saturate, and the value is not negative"
    )]
    fn now_ms(&self) -> u64 {
        let elapsed_ms = self.began.elapsed().as_secs_f64() * 1_000.0 * self.speed;
        self.began_ms.saturating_add(elapsed_ms as u64)
    }
}

#[cfg(test)]
mod tests;
