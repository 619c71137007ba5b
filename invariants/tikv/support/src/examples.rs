//! A healthy example cluster as the TiKV subject describes it, for tests of checks: three members, three stores,
//! 400 regions. A test changes what its case needs.

use std::collections::BTreeMap;

use operator_plugin::testing::{Question, SnapshotBuilder, answer_series};
use operator_plugin::{Evidence, EvidenceSource, SeriesError, Snapshot, TableData, Values, table};

/// Time of the snapshot: 2026-11-21T03:10:00Z, in nanoseconds since the epoch.
pub const NOW_NS: u64 = 1_795_230_600_000_000_000;

/// The tables of a cluster, which a test changes cell by cell.
#[derive(Debug, Clone)]
pub struct Cluster {
    tables: BTreeMap<String, TableData>,
    now_ns: u64,
}

impl Cluster {
    /// A cluster without any fault.
    #[must_use]
    pub fn healthy() -> Self {
        let mut cluster = Self {
            tables: BTreeMap::new(),
            now_ns: NOW_NS,
        };
        let tables = [
            cluster_table(),
            members(),
            pd_endpoints(),
            stores(),
            region_health(),
            region_flow(),
            store_flow(),
            schedulers(),
        ];
        for data in tables.into_iter().chain(empty_tables()) {
            cluster.tables.insert(data.name.clone(), data);
        }
        cluster
    }

    /// Changes the cells of the rows whose text column `key_column` is `key`.
    #[must_use]
    pub fn with(
        mut self,
        name: &str,
        (key_column, key): (&str, &str),
        column: &str,
        value: impl Into<Cell>,
    ) -> Self {
        let data = self
            .tables
            .entry(name.to_owned())
            .or_insert_with(|| table(name));
        let keys = data
            .columns
            .iter()
            .find(|candidate| candidate.name == key_column)
            .map(|found| found.values.clone());
        let Some(Values::Text(keys)) = keys else {
            panic!("table {name} has no text column {key_column}")
        };
        let value = value.into();
        let cells = data
            .columns
            .iter_mut()
            .find(|candidate| candidate.name == column);
        let cells = cells.unwrap_or_else(|| panic!("table {name} has no column {column}"));
        let mut changed = 0;
        for (row, _) in keys
            .iter()
            .enumerate()
            .filter(|(_, candidate)| candidate.as_deref() == Some(key))
        {
            set(&mut cells.values, row, &value);
            changed += 1;
        }
        assert!(
            changed > 0,
            "table {name} has no row with {key_column} {key}"
        );
        self
    }

    /// Changes a cell of the one row of table `cluster`.
    #[must_use]
    pub fn cluster(self, column: &str, value: impl Into<Cell>) -> Self {
        self.with("cluster", ("cluster", "7"), column, value)
    }

    /// Changes a cell of a store.
    #[must_use]
    pub fn store(self, key: &str, column: &str, value: impl Into<Cell>) -> Self {
        self.with("stores", ("store", key), column, value)
    }

    /// Changes a cell of a member.
    #[must_use]
    pub fn member(self, name: &str, column: &str, value: impl Into<Cell>) -> Self {
        self.with("members", ("member", name), column, value)
    }

    /// Replaces the table of the same name.
    #[must_use]
    pub fn table(mut self, data: TableData) -> Self {
        self.tables.insert(data.name.clone(), data);
        self
    }

    /// Removes a table, as if it could not be observed.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.tables.remove(name);
        self
    }

    /// Advances the time of the snapshot.
    #[must_use]
    pub fn later_s(mut self, seconds: u64) -> Self {
        self.now_ns += seconds * 1_000_000_000;
        self
    }

    /// The frozen snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let start = SnapshotBuilder::of("tikv").at(1, self.now_ns);
        self.tables
            .values()
            .cloned()
            .fold(start, SnapshotBuilder::table)
            .build()
    }
}

/// A value for a cell of any column kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Unknown.
    Null,
    /// Text.
    Text(String),
    /// A float.
    Float(f64),
    /// An integer.
    Integer(i64),
    /// A boolean.
    Boolean(bool),
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

fn set(values: &mut Values, row: usize, cell: &Cell) {
    match (values, cell) {
        (Values::Text(all), Cell::Text(value)) => all[row] = Some(value.clone()),
        (Values::Float(all), Cell::Float(value)) => all[row] = Some(*value),
        (Values::Integer(all), Cell::Integer(value)) => all[row] = Some(*value),
        (Values::Boolean(all), Cell::Boolean(value)) => all[row] = Some(*value),
        (Values::Text(all), Cell::Null) => all[row] = None,
        (Values::Float(all), Cell::Null) => all[row] = None,
        (Values::Integer(all), Cell::Null) => all[row] = None,
        (Values::Boolean(all), Cell::Null) => all[row] = None,
        (Values::Instant(all), Cell::Integer(value)) => all[row] = u64::try_from(*value).ok(),
        (values, cell) => panic!("{cell:?} does not fit a column of kind {:?}", values.kind()),
    }
}

/// Results of the series store, by metric name.
#[derive(Debug, Clone, Default)]
pub struct Series {
    answers: BTreeMap<String, TableData>,
}

impl Series {
    /// No metric was collected.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// A quantile of a histogram: label value, quantile and number of samples of each row.
    #[must_use]
    pub fn quantile(mut self, histogram: &str, label: &str, rows: &[(&str, f64, f64)]) -> Self {
        let data = table(histogram)
            .texts(label, rows.iter().map(|row| row.0.to_owned()))
            .floats("value", "s", rows.iter().map(|row| row.1))
            .floats("samples", "1", rows.iter().map(|row| row.2));
        self.answers.insert(histogram.to_owned(), data);
        self
    }

    /// Values of a metric by label values.
    #[must_use]
    pub fn values(mut self, metric: &str, labels: &[&str], rows: &[(&[&str], f64)]) -> Self {
        let mut data = table(metric);
        for (position, label) in labels.iter().enumerate() {
            data = data.texts(label, rows.iter().map(|row| row.0[position].to_owned()));
        }
        self.answers.insert(
            metric.to_owned(),
            data.floats("value", "", rows.iter().map(|row| row.1)),
        );
        self
    }

    /// Serves every query of this test's thread from now on.
    pub fn install(self) {
        answer_series(move |question| {
            let metric = match question {
                Question::Reduce(query, ..) | Question::Quantile(query, ..) => {
                    query.selector.metric.clone()
                }
                Question::Promql(text) => return Err(SeriesError::InvalidQuery(text.clone())),
            };
            self.answers
                .get(&metric)
                .cloned()
                .ok_or(SeriesError::NoSuchMetric(metric))
        });
    }
}

/// The table whose cell the evidence cites.
#[must_use]
pub fn cited_table(evidence: &Evidence) -> Option<&str> {
    match &evidence.source {
        EvidenceSource::Cell(cell) => Some(&cell.table),
        _ => None,
    }
}

/// The column whose cell the evidence cites.
#[must_use]
pub fn cited_column(evidence: &Evidence) -> Option<&str> {
    match &evidence.source {
        EvidenceSource::Cell(cell) => Some(&cell.column),
        _ => None,
    }
}

/// The query that the evidence cites.
#[must_use]
pub fn cited_query(evidence: &Evidence) -> Option<&str> {
    match &evidence.source {
        EvidenceSource::Query(query) => Some(query),
        _ => None,
    }
}

fn texts<const N: usize>(values: [&str; N]) -> [String; N] {
    values.map(str::to_owned)
}

fn cluster_table() -> TableData {
    table("cluster")
        .texts("cluster", texts(["7"]))
        .booleans("bootstrapped", [true])
        .texts("pd_leader", texts(["pd1"]))
        .texts("etcd_leader", texts(["pd1"]))
        .integers("members", "1", [3])
        .integers("members_healthy", "1", [3])
        .integers("stores", "1", [3])
        .integers("max_replicas", "1", [3])
        .integers("region_count", "1", [400])
        .floats("pd_leader_since_s", "s", [None::<f64>])
        .booleans("halt_scheduling", [false])
        .integers("leader_schedule_limit", "1", [4])
        .integers("region_schedule_limit", "1", [2048])
        .integers("replica_schedule_limit", "1", [64])
        .integers("hot_region_schedule_limit", "1", [4])
        .floats("low_space_ratio", "1", [0.8])
}

fn members() -> TableData {
    table("members")
        .texts("member", texts(["pd1", "pd2", "pd3"]))
        .texts("member_id", texts(["11", "12", "13"]))
        .texts(
            "client_url",
            texts(["http://pd1:2379", "http://pd2:2379", "http://pd3:2379"]),
        )
        .texts(
            "peer_url",
            texts(["http://pd1:2380", "http://pd2:2380", "http://pd3:2380"]),
        )
        .booleans("is_leader", [true, false, false])
        .booleans("is_etcd_leader", [true, false, false])
        .booleans("healthy", [true; 3])
        .booleans("reachable", [true; 3])
        .texts("probe", texts(["ok"; 3]))
        .texts("version", texts(["v8.5.0"; 3]))
        .texts("leader_seen", texts(["pd1"; 3]))
        .texts("cluster_seen", texts(["7"; 3]))
        .floats("date_offset_s", "s", [0.0; 3])
}

fn pd_endpoints() -> TableData {
    table("pd_endpoints")
        .texts("target", texts(["pd", "pd-2", "pd-3"]))
        .texts("outcome", texts(["ok"; 3]))
        .texts("answer", texts([""; 3]))
        .texts("cluster_seen", texts(["7"; 3]))
        .texts("leader_seen", texts(["pd1"; 3]))
        .texts("members_seen", texts(["pd1,pd2,pd3"; 3]))
}

fn stores() -> TableData {
    table("stores")
        .texts("store", texts(["1", "4", "5"]))
        .texts(
            "address",
            texts(["tikv-0:20160", "tikv-1:20160", "tikv-2:20160"]),
        )
        .texts(
            "status_address",
            texts(["tikv-0:20180", "tikv-1:20180", "tikv-2:20180"]),
        )
        .texts("state", texts(["Up"; 3]))
        .texts("node_state", texts(["Serving"; 3]))
        .texts("version", texts(["8.5.0"; 3]))
        .instants("start_at", [1_795_000_000_000_000_000; 3])
        .floats("uptime_s", "s", [230_600.0; 3])
        .instants("last_heartbeat", [NOW_NS - 2_000_000_000; 3])
        .booleans("heartbeat_seen", [true; 3])
        .floats("heartbeat_lag_s", "s", [0.0, 2.0, 8.8])
        .integers("leader_count", "1", [134, 133, 133])
        .integers("region_count", "1", [400; 3])
        .floats("leader_score", "1", [134.0, 133.0, 133.0])
        .floats("region_score", "1", [40_000.0, 40_100.0, 39_900.0])
        .floats("leader_weight", "1", [1.0; 3])
        .integers("slow_score", "1", [1; 3])
        .booleans("is_busy", [false; 3])
        .booleans("pause_leader_in", [false; 3])
        .floats("capacity_bytes", "By", [1.0e12; 3])
        .floats("available_bytes", "By", [0.7e12; 3])
        .floats("used_bytes", "By", [0.3e12; 3])
        .floats("available_ratio", "1", [0.7; 3])
        .integers("sending_snapshots", "1", [0; 3])
        .integers("receiving_snapshots", "1", [0; 3])
        .integers("pending_peers", "1", [0; 3])
        .texts("probe", texts(["ok"; 3]))
        .floats("probe_back_s", "s", [None::<f64>; 3])
        .floats("date_offset_s", "s", [0.0; 3])
        .texts("labels", texts(["host=h1", "host=h2", "host=h3"]))
        .texts("address_probe", texts(["ok"; 3]))
}

fn region_health() -> TableData {
    let kinds = [
        "miss-peer",
        "extra-peer",
        "down-peer",
        "pending-peer",
        "offline-peer",
        "learner-peer",
        "empty",
        "oversized",
    ];
    table("region_health")
        .texts("kind", texts(kinds))
        .integers("regions", "1", [0; 8])
        .texts("source", texts(["metric"; 8]))
}

/// Ten regions with equal write and read flow.
fn region_flow() -> TableData {
    let keys: Vec<String> = (0..20).map(|row| format!("{}", 80 + row % 10)).collect();
    table("region_flow")
        .texts("region", keys)
        .texts(
            "flow",
            (0..20).map(|row| if row < 10 { "write" } else { "read" }.to_owned()),
        )
        .texts(
            "store",
            (0..20).map(|row| ["1", "4", "5"][row % 3].to_owned()),
        )
        .floats("bytes_per_s", "By/s", [40_000.0; 20])
        .floats("keys_per_s", "1/s", [20.0; 20])
        .floats("queries_per_s", "1/s", [20.0; 20])
        .floats("share", "1", [0.1; 20])
        .floats("list_median_bytes_per_s", "By/s", [40_000.0; 20])
        .texts("start_key", (0..20).map(|row| format!("7A{row:02}")))
        .texts("end_key", (0..20).map(|row| format!("7B{row:02}")))
        .instants("polled_at", [NOW_NS; 20])
}

fn store_flow() -> TableData {
    table("store_flow")
        .texts("store", texts(["1", "4", "5"]))
        .floats("write_bytes_per_s", "By/s", [400_000.0; 3])
        .floats("read_bytes_per_s", "By/s", [140_000.0; 3])
        .floats("write_keys_per_s", "1/s", [200.0; 3])
        .floats("read_keys_per_s", "1/s", [200.0; 3])
        .floats("write_queries_per_s", "1/s", [200.0; 3])
        .floats("read_queries_per_s", "1/s", [200.0; 3])
}

fn schedulers() -> TableData {
    let names = [
        "balance-hot-region-scheduler",
        "balance-leader-scheduler",
        "balance-region-scheduler",
    ];
    table("schedulers")
        .texts("scheduler", texts(names))
        .booleans("paused", [false; 3])
        .texts("store", [None::<String>, None, None])
}

/// Tables that list only abnormal entities.
fn empty_tables() -> [TableData; 7] {
    let nothing: [String; 0] = [];
    [
        table("hot_peers")
            .texts("region", nothing.clone())
            .texts("flow", nothing.clone())
            .texts("store", nothing.clone())
            .booleans("is_leader", [true; 0])
            .floats("bytes_per_s", "By/s", [0.0; 0])
            .floats("keys_per_s", "1/s", [0.0; 0])
            .floats("queries_per_s", "1/s", [0.0; 0])
            .integers("hot_degree", "1", [0; 0]),
        table("large_regions")
            .texts("region", nothing.clone())
            .floats("size_bytes", "By", [0.0; 0]),
        table("safepoints")
            .texts("service", nothing.clone())
            .floats("age_s", "s", [0.0; 0]),
        table("range_holes")
            .texts("start_key", nothing.clone())
            .texts("end_key", nothing.clone()),
        table("regions_without_leader")
            .texts("region", nothing.clone())
            .texts("last_leader_store", nothing.clone())
            .booleans("confirmed", [true; 0]),
        table("unreachable_reports")
            .texts("reporter", nothing.clone())
            .texts("target", nothing.clone())
            .floats("per_s", "1/s", [0.0; 0]),
        table("settings")
            .texts("setting", nothing.clone())
            .texts("value", nothing.clone())
            .texts("owner", nothing),
    ]
}
