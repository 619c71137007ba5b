//! `scraped-series` and `promql` for subjects, on what is kept now; `frozen-series` for checks, on what was frozen
//! with their snapshot.

use crate::bindings::checks::frozen_series;
use crate::bindings::telemetry::{promql, scraped_series};
use crate::bindings::types::selectors::{Reduction, Selector, SeriesError as WitError};
use crate::convert::{ms_of, reduction_of};
use crate::question::Question;
use crate::resources::TableResource;
use crate::state::{CheckState, GuestState};
use crate::subject::SubjectState;
use operator_data::Table;
use operator_data::series::SeriesError;
use operator_data::tables::TableError;
use std::sync::{Arc, PoisonError};
use wasmtime::component::Resource;

type Answer = wasmtime::Result<Result<Resource<TableResource>, WitError>>;

impl scraped_series::Host for SubjectState {
    fn select(
        &mut self,
        selector: Selector,
        reduction: Reduction,
        window: u64,
        by: Vec<String>,
    ) -> Answer {
        match selection(selector, &reduction, window, by) {
            Ok(question) => self.ask(&question),
            Err(error) => Ok(Err(error.into())),
        }
    }

    fn quantile(
        &mut self,
        quantile: f64,
        selector: Selector,
        window: u64,
        by: Vec<String>,
    ) -> Answer {
        self.ask(&Question::Quantile(
            quantile,
            selector.into(),
            ms_of(window),
            by,
        ))
    }
}

impl promql::Host for SubjectState {
    async fn query(&mut self, promql: String) -> Answer {
        let prometheus = self.world.prometheus.clone();
        let now = self.guest.clock.now();
        let table = match prometheus {
            Some(prometheus) => prometheus.query(&promql, now).await,
            None => Err(no_prometheus()),
        };
        self.guest.answer(table.map(Arc::new))
    }

    async fn query_range(&mut self, promql: String, window: u64, step: u64) -> Answer {
        let prometheus = self.world.prometheus.clone();
        let now = self.guest.clock.now();
        let table = match prometheus {
            Some(prometheus) => {
                prometheus
                    .query_range(&promql, now, ms_of(window), ms_of(step))
                    .await
            }
            None => Err(no_prometheus()),
        };
        self.guest.answer(table.map(Arc::new))
    }
}

impl SubjectState {
    fn ask(&mut self, question: &Question) -> Answer {
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

impl frozen_series::Host for CheckState {
    fn select(
        &mut self,
        selector: Selector,
        reduction: Reduction,
        window: u64,
        by: Vec<String>,
    ) -> Answer {
        match selection(selector, &reduction, window, by) {
            Ok(question) => self.ask(question),
            Err(error) => Ok(Err(error.into())),
        }
    }

    fn quantile(
        &mut self,
        quantile: f64,
        selector: Selector,
        window: u64,
        by: Vec<String>,
    ) -> Answer {
        self.ask(Question::Quantile(
            quantile,
            selector.into(),
            ms_of(window),
            by,
        ))
    }

    fn query(&mut self, _: String) -> Answer {
        Ok(Err(no_promql_for_checks()))
    }

    fn query_range(&mut self, _: String, _: u64, _: u64) -> Answer {
        Ok(Err(no_promql_for_checks()))
    }
}

impl CheckState {
    fn ask(&mut self, question: Question) -> Answer {
        let Some(snapshot) = self.snapshot.as_ref().map(Arc::clone) else {
            return Ok(Err(WitError::Unavailable(
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
        let unavailable = |error: TableError| WitError::Unavailable(error.to_string());
        match self.work(table.rows) {
            Ok(()) => Ok(self.hold(table)?.map_err(unavailable)),
            Err(error) => Ok(Err(unavailable(error))),
        }
    }
}

fn selection(
    selector: Selector,
    reduction: &Reduction,
    window: u64,
    by: Vec<String>,
) -> Result<Question, SeriesError> {
    let reduction = reduction_of(reduction).map_err(SeriesError::InvalidQuery)?;
    Ok(Question::Select(
        selector.into(),
        reduction,
        ms_of(window),
        by,
    ))
}

fn no_prometheus() -> SeriesError {
    SeriesError::Unavailable("no Prometheus is configured".to_owned())
}

/// A live server would respond differently at every replay.
fn no_promql_for_checks() -> WitError {
    WitError::Unavailable("checks have no PromQL yet: use `select` and `quantile`".to_owned())
}
