//! Entities of a TiKV cluster: their ids in verdicts and their names in text.

use operator_plugin::{EntityId, Row, Snapshot, entity};

/// A row of table `stores` with its id.
#[derive(Clone, Copy)]
pub struct Store<'row> {
    /// The row.
    pub row: Row<'row>,
    /// The store id that PD assigned.
    pub key: &'row str,
}

impl<'row> Store<'row> {
    /// Reads a row of table `stores`; `None` without an id.
    #[must_use]
    pub fn of(row: Row<'row>) -> Option<Self> {
        row.text("store").map(|key| Self { row, key })
    }

    /// Its entity id.
    #[must_use]
    pub fn entity(&self) -> EntityId {
        store(self.key)
    }

    /// Its name in text: the address if known.
    #[must_use]
    pub fn name(&self) -> String {
        self.row.text("address").map_or_else(
            || format!("store {}", self.key),
            |address| format!("TiKV {address}"),
        )
    }

    /// Whether PD reports the store as `Up`.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.row.text("state") == Some("Up")
    }

    /// Whether it has ever sent a heartbeat. PD lists a store that has only registered as `Down` although nothing is
    /// wrong yet, because the time of its last heartbeat is zero.
    #[must_use]
    pub fn has_reported(&self) -> bool {
        self.row.boolean("heartbeat_seen") != Some(false)
    }

    /// Whether its status server refuses connections: no process is listening.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.row.text("probe") == Some("refused")
    }

    /// Whether the probe of its status server got no response.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        matches!(self.row.text("probe"), Some("refused" | "timeout"))
    }
}

/// Entity id of a store.
#[must_use]
pub fn store(key: &str) -> EntityId {
    entity("store", key)
}

/// Entity id of a PD member.
#[must_use]
pub fn member(name: &str) -> EntityId {
    entity("member", name)
}

/// Entity id of a region.
#[must_use]
pub fn region(key: &str) -> EntityId {
    entity("region", key)
}

/// Entity id of the cluster, from table `cluster` or else `members`.
#[must_use]
pub fn cluster(snapshot: &Snapshot) -> Option<EntityId> {
    let read = |table: &str, column: &str| {
        let table = snapshot.table(table).ok()?;
        table
            .rows()
            .find_map(|row| row.text(column).map(str::to_owned))
    };
    read("cluster", "cluster")
        .or_else(|| read("members", "cluster_seen"))
        .map(|id| cluster_named(&id))
}

/// Entity id of the cluster with this cluster id.
#[must_use]
pub fn cluster_named(id: &str) -> EntityId {
    entity("cluster", id)
}
