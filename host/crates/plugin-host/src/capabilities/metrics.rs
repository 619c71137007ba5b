//! `metrics`: arithmetic on collected series, for subjects on what is kept now, for checks on what
//! was frozen with their snapshot.

use crate::bindings::contract::metrics::{Host, MetricsError, Reduction, Selector};
use crate::question::Question;
use crate::resources::TableResource;
use crate::state::{CheckState, GuestState};
use crate::subject::SubjectState;
use operator_data::Table;
use operator_data::series::SeriesError;
use operator_data::tables::TableError;
use std::sync::{Arc, PoisonError};
use wasmtime::component::Resource;

type Answer = wasmtime::Result<Result<Resource<TableResource>, MetricsError>>;

impl Host for SubjectState {
    fn select(
        &mut self,
        selector: Selector,
        reduction: Reduction,
        window: u64,
        by: Vec<String>,
    ) -> Answer {
        self.ask(Question::Select(
            selector.into(),
            reduction.into(),
            window,
            by,
        ))
    }

    fn quantile(
        &mut self,
        quantile: f64,
        selector: Selector,
        window: u64,
        by: Vec<String>,
    ) -> Answer {
        self.ask(Question::Quantile(quantile, selector.into(), window, by))
    }

    async fn query(&mut self, promql: String) -> Answer {
        let (prometheus, now) = (self.world.prometheus.clone(), self.guest.clock.now());
        let table = match prometheus {
            Some(prometheus) => prometheus.query(&promql, now).await,
            None => Err(no_prometheus()),
        };
        self.guest.answer(table.map(Arc::new))
    }

    async fn query_range(&mut self, promql: String, window_ms: u64, step_ms: u64) -> Answer {
        let (prometheus, now) = (self.world.prometheus.clone(), self.guest.clock.now());
        let table = match prometheus {
            Some(prometheus) => {
                prometheus
                    .query_range(&promql, now, window_ms, step_ms)
                    .await
            }
            None => Err(no_prometheus()),
        };
        self.guest.answer(table.map(Arc::new))
    }
}

impl SubjectState {
    fn ask(&mut self, question: Question) -> Answer {
        let now = self.guest.clock.now();
        let table = {
            let series = self
                .world
                .series
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            question.ask(&series, now)
        };
        self.guest.answer(table.map(Arc::new))
    }
}

impl Host for CheckState {
    fn select(
        &mut self,
        selector: Selector,
        reduction: Reduction,
        window: u64,
        by: Vec<String>,
    ) -> Answer {
        self.ask(Question::Select(
            selector.into(),
            reduction.into(),
            window,
            by,
        ))
    }

    fn quantile(
        &mut self,
        quantile: f64,
        selector: Selector,
        window: u64,
        by: Vec<String>,
    ) -> Answer {
        self.ask(Question::Quantile(quantile, selector.into(), window, by))
    }

    async fn query(&mut self, _: String) -> Answer {
        Ok(Err(no_promql_for_checks()))
    }

    async fn query_range(&mut self, _: String, _: u64, _: u64) -> Answer {
        Ok(Err(no_promql_for_checks()))
    }
}

impl CheckState {
    fn ask(&mut self, question: Question) -> Answer {
        let Some(snapshot) = self.snapshot.as_ref().map(Arc::clone) else {
            return Ok(Err(MetricsError::Unavailable(
                "there is no snapshot outside of `evaluate`".to_owned(),
            )));
        };
        let answer = question
            .ask(&snapshot.series, snapshot.taken_at)
            .map(Arc::new);
        self.guest.note(|reads| reads.asked(question, &answer));
        self.guest.answer(answer)
    }
}

impl GuestState {
    fn answer(&mut self, table: Result<Arc<Table>, SeriesError>) -> Answer {
        let table = match table {
            Ok(table) => table,
            Err(error) => return Ok(Err(error.into())),
        };
        let unavailable = |error: TableError| MetricsError::Unavailable(error.to_string());
        match self.work(table.rows) {
            Ok(()) => Ok(self.hold(table)?.map_err(unavailable)),
            Err(error) => Ok(Err(unavailable(error))),
        }
    }
}

fn no_prometheus() -> SeriesError {
    SeriesError::Unavailable("no Prometheus is configured".to_owned())
}

/// A live server would answer differently at every replay.
fn no_promql_for_checks() -> MetricsError {
    MetricsError::Unavailable("checks have no PromQL yet: use `select` and `quantile`".to_owned())
}
