//! Generated glue for the contract in `wit/`. The worlds share one set of interface modules, so that a table is
//! the same type in each of them.

/// World `subject`, and all interfaces that it imports.
pub(crate) mod subject {
    wasmtime::component::bindgen!({
        path: "../../../wit",
        world: "operator:plugin/subject",
        with: {
            "operator:tables/tables.table": crate::resources::TableResource,
            "operator:tables/tables.builder": crate::resources::BuilderResource,
            "operator:knowledge/builders.signal": operator_model::knowledge::Signal,
            "operator:knowledge/builders.evidence-rule": operator_model::knowledge::EvidenceRule,
            "operator:knowledge/builders.option-fit": operator_model::knowledge::OptionFit,
            "operator:knowledge/builders.failure-mode": operator_model::knowledge::FailureMode,
            "operator:knowledge/builders.action": operator_model::knowledge::Action,
            "operator:knowledge/builders.knowledge-base": operator_model::knowledge::KnowledgeBase,
        },
        imports: {
            "operator:telemetry/http.send": async | trappable,
            "operator:telemetry/http.send-all": async | trappable,
            "operator:telemetry/scraping.scrape-all": async | trappable,
            "operator:telemetry/promql.query": async | trappable,
            "operator:telemetry/promql.query-range": async | trappable,
            default: trappable,
        },
        exports: { default: async },
    });
}

/// World `prober`, for the interface of types that it adds to [`subject`].
pub(crate) mod prober {
    wasmtime::component::bindgen!({
        path: "../../../wit",
        world: "operator:plugin/prober",
        with: {
            "operator:types/types": super::subject::operator::types::types,
            "operator:types/gaps": super::subject::operator::types::gaps,
            "operator:types/selectors": super::subject::operator::types::selectors,
            "operator:tables/tables": super::subject::operator::tables::tables,
            "operator:telemetry/log": super::subject::operator::telemetry::log,
            "operator:telemetry/clock": super::subject::operator::telemetry::clock,
            "operator:telemetry/http-types": super::subject::operator::telemetry::http_types,
            "operator:telemetry/http": super::subject::operator::telemetry::http,
            "operator:telemetry/scraping": super::subject::operator::telemetry::scraping,
            "operator:telemetry/scraped-series": super::subject::operator::telemetry::scraped_series,
            "operator:telemetry/promql": super::subject::operator::telemetry::promql,
            "operator:telemetry/logs": super::subject::operator::telemetry::logs,
            "operator:knowledge/vocabulary": super::subject::operator::knowledge::vocabulary,
            "operator:knowledge/commands": super::subject::operator::knowledge::commands,
            "operator:knowledge/builders": super::subject::operator::knowledge::builders,
            "operator:observe/topology": super::subject::operator::observe::topology,
            "operator:observe/observations": super::subject::operator::observe::observations,
        },
        imports: { default: trappable },
        exports: { default: async },
    });
}

/// World `check` on the interfaces of [`subject`], called on the stack of the caller: nothing that the contract
/// offers to a check ever waits, and a fibre for each call would cost as much as a short check.
pub(crate) mod check {
    wasmtime::component::bindgen!({
        path: "../../../wit",
        world: "operator:plugin/check",
        with: {
            "operator:types/types": super::subject::operator::types::types,
            "operator:types/gaps": super::subject::operator::types::gaps,
            "operator:types/selectors": super::subject::operator::types::selectors,
            "operator:tables/tables": super::subject::operator::tables::tables,
            "operator:telemetry/log": super::subject::operator::telemetry::log,
            "operator:check/snapshots.snapshot": crate::resources::SnapshotResource,
        },
        imports: { default: trappable },
        require_store_data_send: true,
    });
}

/// The same world for guests that import WASI, some functions of which can wait; they run on fibres.
pub(crate) mod waiting_check {
    wasmtime::component::bindgen!({
        path: "../../../wit",
        world: "operator:plugin/check",
        with: {
            "operator:types/types": super::subject::operator::types::types,
            "operator:types/gaps": super::subject::operator::types::gaps,
            "operator:types/selectors": super::subject::operator::types::selectors,
            "operator:tables/tables": super::subject::operator::tables::tables,
            "operator:telemetry/log": super::subject::operator::telemetry::log,
            "operator:check/snapshots": super::check::operator::check::snapshots,
            "operator:check/frozen-series": super::check::operator::check::frozen_series,
            "operator:check/findings": super::check::operator::check::findings,
        },
        imports: { default: trappable },
        exports: { default: async },
    });
}

pub(crate) use check::operator::check as checks;
pub(crate) use prober::operator::probe;
pub(crate) use subject::operator::{knowledge, observe, tables, telemetry, types};
