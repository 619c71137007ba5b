//! Generated glue for the contract in `wit/`. The worlds share one set of interface modules, so that
//! a table is the same type whoever holds it.

/// World `subject`, and all interfaces.
pub(crate) mod subject {
    wasmtime::component::bindgen!({
        path: "../../../wit",
        world: "subject",
        with: {
            "operator:plugin/tables.table": crate::resources::TableResource,
            "operator:plugin/tables.builder": crate::resources::BuilderResource,
            "operator:plugin/snapshots.snapshot": crate::resources::SnapshotResource,
        },
        imports: {
            "operator:plugin/http.send": async | trappable,
            "operator:plugin/http.send-all": async | trappable,
            "operator:plugin/scraping.scrape-all": async | trappable,
            "operator:plugin/metrics.query": async | trappable,
            "operator:plugin/metrics.query-range": async | trappable,
            default: trappable,
        },
        exports: { default: async },
    });
}

/// World `invariant` on the interfaces of [`subject`], called on the stack of the caller: nothing that the contract
/// offers to a check ever waits, and a fibre for each call would cost as much as a short check.
pub(crate) mod invariant {
    wasmtime::component::bindgen!({
        path: "../../../wit",
        world: "invariant",
        with: {
            "operator:plugin/types": super::subject::operator::plugin::types,
            "operator:plugin/tables": super::subject::operator::plugin::tables,
            "operator:plugin/snapshots": super::subject::operator::plugin::snapshots,
            "operator:plugin/log": super::subject::operator::plugin::log,
            "operator:plugin/metrics": super::subject::operator::plugin::metrics,
        },
        imports: { default: trappable },
        require_store_data_send: true,
    });
}

/// The same world for guests that import WASI, some functions of which can wait; they run on fibres.
pub(crate) mod waiting_invariant {
    wasmtime::component::bindgen!({
        path: "../../../wit",
        world: "invariant",
        with: {
            "operator:plugin/types": super::subject::operator::plugin::types,
            "operator:plugin/tables": super::subject::operator::plugin::tables,
            "operator:plugin/snapshots": super::subject::operator::plugin::snapshots,
            "operator:plugin/log": super::subject::operator::plugin::log,
            "operator:plugin/metrics": super::subject::operator::plugin::metrics,
            "operator:plugin/checks": super::invariant::operator::plugin::checks,
        },
        imports: { default: trappable },
        exports: { default: async },
    });
}

pub(crate) use subject::operator::plugin as contract;
