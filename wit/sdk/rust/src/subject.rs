//! Subjects: what observes a system.

use std::any::Any;
use std::cell::RefCell;

use crate::bindings::subject as world;
use crate::bindings::subject::operator::plugin::{clock, http, logs, scraping};
use crate::table::TableData;
use crate::{
    BlindSpot, HttpError, KnowledgeBase, Level, LogChunk, LogError, PluginError, PluginInfo, Query,
    Request,
};
use crate::{
    Label, Method, MetricsError, Reduction, Response, ScrapeRequest, ScrapeSummary, TableView,
    Topology,
};

pub use world::operator::plugin::observations::ObserveContext;

/// Observes one system.
pub trait Subject: Sized + 'static {
    /// Name, version and purpose.
    fn describe() -> PluginInfo;

    /// Made once for each instance from a JSON object.
    ///
    /// # Errors
    /// [`PluginError::InvalidConfig`] naming every wrong key.
    fn configure(config: &str) -> Result<Self, PluginError>;

    /// Looks once. What could not be seen belongs into [`Observation::blind`]; an error means that nothing was seen.
    ///
    /// # Errors
    /// When there is nothing to observe at all.
    fn observe(
        &mut self,
        world: &mut dyn World,
        context: &ObserveContext,
    ) -> Result<Observation, PluginError>;

    /// What is known about the system, as data.
    ///
    /// # Errors
    /// When the configuration leaves nothing to know.
    fn knowledge(&self) -> Result<KnowledgeBase, PluginError>;
}

/// What was seen in one tick.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Which system this is, stable over its life; empty if not known yet.
    pub system: String,
    /// The tables.
    pub tables: Vec<TableData>,
    /// The parts and how they hang together.
    pub topology: Topology,
    /// What could not be seen.
    pub blind: Vec<BlindSpot>,
}

/// Everything a subject can reach. [`Host`] is the real one; tests bring their own.
pub trait World {
    /// The time of this tick in nanoseconds since the epoch.
    fn now(&self) -> u64;
    /// Sends all at once; answers come in the order of the requests.
    fn send_all(&mut self, requests: &[Request]) -> Vec<Result<Response, HttpError>>;
    /// Adds a target that the observed system named.
    ///
    /// # Errors
    /// When the configuration does not grant it.
    fn discover(&mut self, name: &str, origin: &str) -> Result<(), HttpError>;
    /// Collects expositions into the series store.
    fn scrape_all(&mut self, requests: &[ScrapeRequest]) -> Vec<Result<ScrapeSummary, HttpError>>;
    /// Asks the series store.
    ///
    /// # Errors
    /// When it has no answer.
    fn select(
        &mut self,
        query: &Query,
        reduction: Reduction,
        window_ms: u64,
    ) -> Result<TableView, MetricsError>;
    /// Names of the granted log sources.
    fn log_sources(&mut self) -> Vec<String>;
    /// New lines of a source.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read_log(&mut self, source: &str, max_lines: u32) -> Result<LogChunk, LogError>;
    /// Says something in the operator's own log.
    fn log(&mut self, level: Level, message: &str, fields: &[Label]);
}

/// The real world: the imports of the component.
#[derive(Debug, Clone, Copy, Default)]
pub struct Host;

impl World for Host {
    fn now(&self) -> u64 {
        clock::now()
    }

    fn send_all(&mut self, requests: &[Request]) -> Vec<Result<Response, HttpError>> {
        http::send_all(requests)
    }

    fn discover(&mut self, name: &str, origin: &str) -> Result<(), HttpError> {
        http::discover(name, origin)
    }

    fn scrape_all(&mut self, requests: &[ScrapeRequest]) -> Vec<Result<ScrapeSummary, HttpError>> {
        scraping::scrape_all(requests)
    }

    fn select(
        &mut self,
        query: &Query,
        reduction: Reduction,
        window_ms: u64,
    ) -> Result<TableView, MetricsError> {
        query.reduce(reduction, window_ms)
    }

    fn log_sources(&mut self) -> Vec<String> {
        logs::sources()
    }

    fn read_log(&mut self, source: &str, max_lines: u32) -> Result<LogChunk, LogError> {
        logs::read(source, max_lines)
    }

    fn log(&mut self, level: Level, message: &str, fields: &[Label]) {
        crate::bindings::shared::log::emit(level, message, fields);
    }
}

impl Request {
    /// A GET of a path on a named target.
    pub fn get(target: impl Into<String>, path_and_query: impl Into<String>) -> Self {
        let (target, path_and_query) = (target.into(), path_and_query.into());
        Self {
            target,
            method: Method::Get,
            path_and_query,
            headers: Vec::new(),
            timeout: None,
        }
    }

    /// Adds a header; the host passes on only those on its list.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(crate::Header {
            name: name.to_owned(),
            value: value.to_owned(),
        });
        self
    }

    /// Gives up after this many milliseconds.
    #[must_use]
    pub fn timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.timeout = Some(timeout_ms);
        self
    }
}

impl HttpError {
    /// One lower-case phrase for logs and blind spots.
    #[must_use]
    pub fn describe(&self) -> String {
        crate::error::describe(self)
    }
}

/// Makes a component of a type that implements [`Subject`].
#[macro_export]
macro_rules! export_subject {
    ($subject:ty) => {
        #[cfg(target_arch = "wasm32")]
        type OperatorSubject = $crate::subject::Exports<$subject>;
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::subject::export_subject_world!(OperatorSubject with_types_in $crate::bindings::subject);
    };
}

/// The exports of a subject; made by [`export_subject!`].
#[doc(hidden)]
pub struct Exports<T>(std::marker::PhantomData<T>);

thread_local! {
    // One instance holds one subject; `Any`, because a static cannot be generic.
    static SUBJECT: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
}

fn with_subject<T: Subject, R>(
    call: impl FnOnce(&mut T) -> Result<R, PluginError>,
) -> Result<R, PluginError> {
    SUBJECT.with(|slot| {
        let mut slot = slot.borrow_mut();
        let subject = slot
            .as_mut()
            .and_then(|subject| subject.downcast_mut::<T>());
        call(subject.ok_or_else(|| PluginError::Internal("configure was not called".to_owned()))?)
    })
}

impl<T: Subject> world::Guest for Exports<T> {
    fn describe() -> PluginInfo {
        T::describe()
    }

    fn configure(config: String) -> Result<(), PluginError> {
        let subject = T::configure(&config)?;
        SUBJECT.with(|slot| *slot.borrow_mut() = Some(Box::new(subject)));
        Ok(())
    }

    fn observe(context: ObserveContext) -> Result<world::Observation, PluginError> {
        let seen = with_subject::<T, _>(|subject| subject.observe(&mut Host, &context))?;
        let tables = seen
            .tables
            .into_iter()
            .map(TableData::into_host)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(world::Observation {
            system: seen.system,
            tables,
            topology: seen.topology,
            blind: seen.blind,
        })
    }

    fn knowledge() -> Result<KnowledgeBase, PluginError> {
        with_subject::<T, _>(|subject| subject.knowledge())
    }
}
