//! Subjects: plugins that observe a system.

use std::any::Any;
use std::cell::RefCell;
use std::time::Duration;

use crate::bindings::subject as world;
use crate::bindings::subject::operator::telemetry::http_types::PostBody;
use crate::bindings::subject::operator::telemetry::{clock, http, logs, scraping};
use crate::knowledge::KnowledgeBase;
use crate::query::nanoseconds;
use crate::table::TableData;
use crate::{
    HttpError, Label, Level, LogChunk, LogError, Method, ObservationGap, PluginError, PluginInfo,
    Query, Reduction, Request, Response, ScrapeRequest, ScrapeSummary, SeriesError, TableView,
    Topology,
};

pub use world::operator::observe::observations::ObserveContext;

#[cfg(feature = "prober")]
pub mod probing;

/// Observes one system.
pub trait Subject: Sized + 'static {
    /// Name, version and purpose.
    fn describe() -> PluginInfo;

    /// Made once for each instance from a JSON object.
    ///
    /// # Errors
    /// [`PluginError::InvalidConfig`] naming every wrong key.
    fn configure(config: &str) -> Result<Self, PluginError>;

    /// Observes once. What could not be observed belongs into [`Observation::gaps`]; an error means that nothing was.
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

/// What was observed in one tick.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Which system this is, stable over its life; empty if not known yet.
    pub system: String,
    /// The tables.
    pub tables: Vec<TableData>,
    /// The parts and how they depend on each other.
    pub topology: Topology,
    /// What could not be observed.
    pub gaps: Vec<ObservationGap>,
}

/// Everything a subject can reach. [`Host`] is the real one; tests bring their own.
pub trait World {
    /// The time of this tick in nanoseconds since the epoch.
    fn now(&self) -> u64;
    /// Sends all concurrently; results come in the order of the requests.
    fn send_all(&mut self, requests: &[Request]) -> Vec<Result<Response, HttpError>>;
    /// Adds a target that the observed system named.
    ///
    /// # Errors
    /// When the configuration does not grant it.
    fn discover(&mut self, name: &str, origin: &str) -> Result<(), HttpError>;
    /// Collects expositions into the series store.
    fn scrape_all(&mut self, requests: &[ScrapeRequest]) -> Vec<Result<ScrapeSummary, HttpError>>;
    /// Reads the series that were scraped.
    ///
    /// # Errors
    /// When there is no such series.
    fn select(
        &mut self,
        query: &Query,
        reduction: Reduction,
        window: Duration,
    ) -> Result<TableView, SeriesError>;
    /// Names of the granted log sources.
    fn log_sources(&mut self) -> Vec<String>;
    /// New lines of a source.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read_log(&mut self, source: &str, max_lines: u32) -> Result<LogChunk, LogError>;
    /// Writes to Operator's own log.
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
        window: Duration,
    ) -> Result<TableView, SeriesError> {
        query.reduce(reduction, window)
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
        Self {
            target: target.into(),
            method: Method::Get,
            path_and_query: path_and_query.into(),
            headers: Vec::new(),
            timeout: None,
        }
    }

    /// A POST that only reads. The host denies it unless the configuration marks target and path as read-only.
    pub fn post(
        target: impl Into<String>,
        path_and_query: impl Into<String>,
        content_type: &str,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        let body = PostBody {
            content_type: content_type.to_owned(),
            bytes: body.into(),
        };
        Self {
            method: Method::Post(body),
            ..Self::get(target, path_and_query)
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

    /// Gives up after this time.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(nanoseconds(timeout));
        self
    }
}

impl HttpError {
    /// One lower-case phrase for logs and observation gaps.
    #[must_use]
    pub fn describe(&self) -> String {
        crate::error::describe(self)
    }
}

/// Makes a component of a type that implements [`Subject`], and [`Prober`](probing::Prober) with the feature `prober`.
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

/// Calls the configured subject; `None` before `configure`.
fn with_subject<T: Subject, R>(call: impl FnOnce(&mut T) -> R) -> Option<R> {
    SUBJECT.with(|slot| {
        let mut slot = slot.borrow_mut();
        let subject = slot
            .as_mut()
            .and_then(|subject| subject.downcast_mut::<T>());
        subject.map(call)
    })
}

fn not_configured() -> PluginError {
    PluginError::Internal("configure was not called".to_owned())
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
        let observation = with_subject::<T, _>(|subject| subject.observe(&mut Host, &context))
            .ok_or_else(not_configured)??;
        let tables = observation
            .tables
            .into_iter()
            .map(TableData::into_host)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(world::Observation {
            system: observation.system,
            tables,
            topology: observation.topology,
            gaps: observation.gaps,
        })
    }

    fn knowledge() -> Result<world::KnowledgeBase, PluginError> {
        with_subject::<T, _>(|subject| subject.knowledge())
            .ok_or_else(not_configured)?
            .map(KnowledgeBase::into_host)
    }
}
