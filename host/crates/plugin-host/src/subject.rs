//! A subject: one warm instance that observes tick after tick, and is replaced after any failure.

use crate::active::Active;
use crate::bindings::observe::observations::ObserveContext;
use crate::bindings::subject as world;
use crate::call::{answered, bounded};
use crate::engine::Engine;
use crate::failure::PluginFailure;
use crate::info::PluginInfo;
use crate::limits::CallLimits;
use crate::link::Linked;
use crate::load::LoadError;
use crate::state::{GuestState, HasGuest, new_store, refuel};
use crate::trust::Trust;
use crate::{convert, observation, text};
use operator_data::series::SeriesLimits;
use operator_data::{Observed, SeriesStore};
use operator_model::knowledge::{KnowledgeBase, validate};
use operator_model::{Digest, Tick, Timestamp};
use operator_net::egress::{DiscoveryPolicy, Egress, EgressLimits, EgressPolicy};
use operator_net::ports::{
    BoxFuture, Clock, Http, HttpError, HttpRequest, HttpResponse, LogLines, Logs,
};
use operator_net::prometheus::Prometheus;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wasmtime::Store;
use wasmtime::component::Resource;
use wasmtime_wasi::{WasiCtxView, WasiView};

/// While a subject computes, the host gets a turn this often, so that no timer of the operator waits
/// longer.
const YIELD_EVERY_EPOCHS: u64 = 10;

/// What a subject may reach. Everything else does not exist for it.
#[derive(Clone)]
pub struct SubjectWorld {
    /// The way to its targets.
    pub egress: Arc<Egress>,
    /// Where collected series are kept.
    pub series: Arc<Mutex<SeriesStore>>,
    /// Bounds of that store.
    pub series_limits: SeriesLimits,
    /// Log files that it may read.
    pub logs: Arc<dyn Logs>,
    /// Where PromQL is answered, if the configuration names a Prometheus.
    pub prometheus: Option<Prometheus>,
    /// The operator's own clock, for deadlines.
    pub clock: Arc<dyn Clock>,
}

/// A loaded subject.
pub struct Subject {
    engine: Engine,
    active: Active<world::SubjectPre<SubjectState>>,
    name: String,
    config_json: String,
    world: SubjectWorld,
    knowledge: Arc<KnowledgeBase>,
    warm: Option<Warm>,
}

/// An instance between two calls.
struct Warm {
    store: Store<SubjectState>,
    exports: world::Subject,
    calls: u32,
}

/// The state of an instance of the world `subject`.
pub(crate) struct SubjectState {
    pub(crate) guest: GuestState,
    pub(crate) world: SubjectWorld,
    pub(crate) log_lines_left: u32,
    pub(crate) scrapes_left: u32,
}

impl Subject {
    /// Loads a subject and asks it who it is, whether it accepts its configuration (a JSON object),
    /// and what it knows. `name` is a path or name for messages.
    ///
    /// # Errors
    /// One clear error for anything that is wrong with the bytes, the configuration or the plugin.
    pub async fn load(
        engine: &Engine,
        name: &str,
        bytes: &[u8],
        config_json: &str,
        world: SubjectWorld,
    ) -> Result<Self, LoadError> {
        let linked = Linked::subject(engine, name, bytes).await?;
        let limits = &engine.limits().subject;
        let failed = |call, failure| LoadError::Failed {
            name: name.to_owned(),
            call,
            failure,
        };
        let mut store =
            subject_store(engine, &world).map_err(|failure| failed("instantiate", failure))?;
        let exports = bounded(limits, linked.world().instantiate_async(&mut store)).await;
        let exports = exports.map_err(|failure| failed("instantiate", failure))?;
        let info = bounded(limits, exports.call_describe(&mut store)).await;
        let info = PluginInfo::checked(name, info.map_err(|failure| failed("describe", failure))?)?;
        configure(&mut store, &exports, config_json, limits)
            .await
            .map_err(|failure| failed("configure", failure))?;
        let knowledge = answered(limits, exports.call_knowledge(&mut store)).await;
        let knowledge = knowledge.and_then(|handle| taken(handle, &mut store));
        let knowledge = Arc::new(knowledge.map_err(|failure| failed("knowledge", failure))?);
        sound(name, &knowledge)?;
        store.data_mut().guest.log.emit(&info.name);
        Ok(Self {
            engine: engine.clone(),
            active: Active::new(linked, info),
            name: name.to_owned(),
            config_json: config_json.to_owned(),
            world,
            knowledge,
            warm: Some(Warm {
                store,
                exports,
                calls: 0,
            }),
        })
    }

    /// What it says about itself.
    #[must_use]
    pub fn info(&self) -> &PluginInfo {
        self.active.info()
    }

    /// sha256 of its component.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        self.active.digest()
    }

    /// Why it may run.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        self.active.trust()
    }

    /// Its expertise.
    #[must_use]
    pub fn knowledge(&self) -> &Arc<KnowledgeBase> {
        &self.knowledge
    }

    /// The path or name under which it was loaded.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.name
    }

    /// Looks at the system once. `at` is the time by the observed clock; all requests must end within
    /// `budget`, by the operator's clock.
    ///
    /// # Errors
    /// What went wrong; after a trap or a limit the next call begins with a new instance.
    pub async fn observe(
        &mut self,
        tick: Tick,
        at: Timestamp,
        budget: Duration,
    ) -> Result<Observed, PluginFailure> {
        let mut warm = match self.warm.take() {
            Some(warm) if warm.calls < self.engine.limits().subject_calls_per_instance_max => warm,
            _ => self.start().await?,
        };
        warm.calls += 1;
        let result = self.observe_with(&mut warm, tick, at, budget).await;
        warm.store.data_mut().guest.log.emit(&self.info().name);
        // A plugin that says itself that the system is unreachable is in order, and stays warm.
        if !matches!(&result, Err(failure) if failure.is_strike()) {
            self.warm = Some(warm);
        }
        result
    }

    async fn observe_with(
        &self,
        warm: &mut Warm,
        tick: Tick,
        at: Timestamp,
        budget: Duration,
    ) -> Result<Observed, PluginFailure> {
        let limits = &self.engine.limits().subject;
        let budget_ms = u64::try_from(budget.as_millis()).unwrap_or(u64::MAX);
        self.world
            .egress
            .begin_tick(self.world.clock.now().plus_ms(budget_ms));
        begin_call(&mut warm.store, &self.engine, at)?;
        let context = ObserveContext {
            tick: tick.0,
            deadline: convert::instant_of(at.plus_ms(budget_ms)),
            targets: self.world.egress.targets(),
        };
        // Requests end with the budget; the time for computing comes on top of it.
        let limits = CallLimits {
            deadline_ms: limits.deadline_ms.saturating_add(budget_ms),
            ..limits.clone()
        };
        let observation = answered(
            &limits,
            warm.exports.call_observe(&mut warm.store, &context),
        )
        .await?;
        observation::take(
            observation,
            &mut warm.store.data_mut().guest,
            self.engine.limits(),
        )
    }

    async fn start(&self) -> Result<Warm, PluginFailure> {
        let limits = &self.engine.limits().subject;
        let mut store = subject_store(&self.engine, &self.world)?;
        let exports = bounded(
            limits,
            self.active.instantiable().instantiate_async(&mut store),
        )
        .await?;
        configure(&mut store, &exports, &self.config_json, limits).await?;
        Ok(Warm {
            store,
            exports,
            calls: 0,
        })
    }
}

impl SubjectWorld {
    /// No targets, no logs, no time.
    pub fn nothing() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(Nothing);
        let policy = EgressPolicy::new(
            BTreeMap::new(),
            DiscoveryPolicy::default(),
            EgressLimits::default(),
        );
        Self {
            egress: Arc::new(Egress::new(policy, Arc::new(Nothing), Arc::clone(&clock))),
            series: Arc::default(),
            series_limits: SeriesLimits::default(),
            logs: Arc::new(Nothing),
            prometheus: None,
            clock,
        }
    }
}

/// Ports behind which there is nothing.
struct Nothing;

impl Clock for Nothing {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl Http for Nothing {
    fn send(&self, _: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(std::future::ready(Err(HttpError::Denied(
            "there is no network here".to_owned(),
        ))))
    }
}

impl Logs for Nothing {
    fn sources(&self) -> Vec<String> {
        Vec::new()
    }

    fn read(&self, source: &str, _: usize) -> Result<LogLines, String> {
        Err(format!("no such log: {source}"))
    }
}

impl SubjectState {
    /// Without any allowance; [`begin_call`] gives it.
    pub(crate) fn new(world: SubjectWorld, limits: &CallLimits) -> Self {
        Self {
            guest: GuestState::new(limits),
            world,
            log_lines_left: 0,
            scrapes_left: 0,
        }
    }

    /// Takes from the tick's allowance of scrapes; gives how many of `wanted` there are.
    pub(crate) fn take_scrapes(&mut self, wanted: usize) -> usize {
        let taken = u32::try_from(wanted)
            .unwrap_or(u32::MAX)
            .min(self.scrapes_left);
        self.scrapes_left -= taken;
        taken as usize
    }
}

impl HasGuest for SubjectState {
    fn guest(&mut self) -> &mut GuestState {
        &mut self.guest
    }
}

impl WasiView for SubjectState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.guest.ctx()
    }
}

/// What a subject says of itself when it can reach nothing.
pub(crate) struct Introduced {
    pub(crate) info: PluginInfo,
    /// Number of its failure cards, if it tells them without a configuration.
    pub(crate) cards: Option<usize>,
    pub(crate) trust: Trust,
}

/// Asks a subject who it is, in an instance that can reach nothing.
pub(crate) async fn introduce(
    engine: &Engine,
    name: &str,
    bytes: &[u8],
) -> Result<Introduced, LoadError> {
    let linked = Linked::subject(engine, name, bytes).await?;
    let limits = &engine.limits().subject;
    let failed = |failure| LoadError::Failed {
        name: name.to_owned(),
        call: "describe",
        failure,
    };
    let mut store = subject_store(engine, &SubjectWorld::nothing()).map_err(failed)?;
    let exports = bounded(limits, linked.world().instantiate_async(&mut store))
        .await
        .map_err(failed)?;
    let info = bounded(limits, exports.call_describe(&mut store))
        .await
        .map_err(failed)?;
    let knowledge = answered(limits, exports.call_knowledge(&mut store)).await;
    let knowledge = knowledge.and_then(|handle| taken(handle, &mut store));
    let knowledge = knowledge.ok();
    if let Some(knowledge) = &knowledge {
        sound(name, knowledge)?;
    }
    let cards = knowledge.map(|knowledge| knowledge.cards.len());
    Ok(Introduced {
        info: PluginInfo::checked(name, info)?,
        cards,
        trust: linked.trust().clone(),
    })
}

/// Mistakes that one message lists.
const MISTAKES_MAX: usize = 8;

/// Knowledge that refers to nothing or holds impossible numbers would mislead without a word.
fn sound(name: &str, knowledge: &KnowledgeBase) -> Result<(), LoadError> {
    let mistakes = validate::mistakes(knowledge);
    if mistakes.is_empty() {
        return Ok(());
    }
    let more = mistakes.len().saturating_sub(MISTAKES_MAX);
    let mut listed: Vec<String> = mistakes.into_iter().take(MISTAKES_MAX).collect();
    if more > 0 {
        listed.push(format!("and {more} more"));
    }
    Err(LoadError::Declaration {
        name: name.to_owned(),
        what: format!(
            "knowledge with mistakes: {}",
            text::clean(&listed.join("; "), 4_000)
        ),
    })
}

/// The knowledge behind a handle, sorted by id, whatever the order in which the plugin states it.
fn taken(
    handle: Resource<KnowledgeBase>,
    store: &mut Store<SubjectState>,
) -> Result<KnowledgeBase, PluginFailure> {
    let base = store.data_mut().guest.resources.delete(handle);
    let mut base = base.map_err(|error| PluginFailure::Nonsense(error.to_string()))?;
    base.signals.sort_by(|a, b| a.id.cmp(&b.id));
    base.cards.sort_by(|a, b| a.id.cmp(&b.id));
    base.actions.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(base)
}

fn subject_store(
    engine: &Engine,
    world: &SubjectWorld,
) -> Result<Store<SubjectState>, PluginFailure> {
    let limits = &engine.limits().subject;
    let mut store = new_store(engine, SubjectState::new(world.clone(), limits), limits)?;
    begin_call(&mut store, engine, Timestamp::default())?;
    Ok(store)
}

fn begin_call(
    store: &mut Store<SubjectState>,
    engine: &Engine,
    at: Timestamp,
) -> Result<(), PluginFailure> {
    refuel(store, &engine.limits().subject)?;
    store.set_epoch_deadline(YIELD_EVERY_EPOCHS);
    store.epoch_deadline_async_yield_and_update(YIELD_EVERY_EPOCHS);
    let state = store.data_mut();
    state.guest.begin_call(at);
    state.log_lines_left = engine.limits().log_lines_read_per_tick_max;
    state.scrapes_left = engine.limits().scrapes_per_tick_max;
    Ok(())
}

async fn configure(
    store: &mut Store<SubjectState>,
    exports: &world::Subject,
    config_json: &str,
    limits: &CallLimits,
) -> Result<(), PluginFailure> {
    answered(limits, exports.call_configure(store, config_json)).await
}
