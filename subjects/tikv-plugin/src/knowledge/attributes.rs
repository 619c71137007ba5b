//! Attributes that commands and tickets may refer to as `{name}`.

use operator_plugin::knowledge::Attribute;

/// All attributes: name, table, entity column, value column, entity kind.
pub(super) fn all() -> Vec<Attribute> {
    [
        ("address", "stores", "store", "address", "store"),
        (
            "status_address",
            "stores",
            "store",
            "status_address",
            "store",
        ),
        ("state", "stores", "store", "state", "store"),
        ("version", "stores", "store", "version", "store"),
        ("labels", "stores", "store", "labels", "store"),
        ("client_url", "members", "member", "client_url", "member"),
        ("leader_store", "region_flow", "region", "store", "region"),
        ("start_key", "region_flow", "region", "start_key", "region"),
        ("pd_leader", "cluster", "cluster", "pd_leader", "cluster"),
        ("pd", "cluster", "cluster", "pd_url", "cluster"),
        ("pd", "members", "member", "pd_url", "member"),
        ("pd", "stores", "store", "pd_url", "store"),
        ("pd", "regions_without_leader", "region", "pd_url", "region"),
        ("pd", "region_flow", "region", "pd_url", "region"),
        ("pd", "large_regions", "region", "pd_url", "region"),
        ("leader_store", "large_regions", "region", "store", "region"),
        ("pd", "tiflash_stores", "store", "pd_url", "tiflash"),
        ("address", "tiflash_stores", "store", "address", "tiflash"),
    ]
    .map(attribute)
    .into_iter()
    .chain(repairs())
    .collect()
}

/// What PD does not repair: one row about the whole cluster, each column named as its attribute.
fn repairs() -> impl Iterator<Item = Attribute> {
    [
        "joint_region",
        "unknown_region",
        "unknown_store",
        "learner_region",
        "learner_store",
    ]
    .into_iter()
    .map(|name| attribute((name, "repairs", "cluster", name, "cluster")))
}

fn attribute(
    (name, table, entity_column, value_column, entity_kind): (&str, &str, &str, &str, &str),
) -> Attribute {
    Attribute {
        name: name.to_owned(),
        table: table.to_owned(),
        key_columns: vec![entity_column.to_owned()],
        value_column: value_column.to_owned(),
        entity_kind: entity_kind.to_owned(),
    }
}
