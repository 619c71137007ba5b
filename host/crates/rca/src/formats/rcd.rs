//! RCD's Sock Shop (Ikram et al., NeurIPS 2022): a file of normal operation and one of the fault for each run.

use super::{Case, DataSet, FormatError, directories, file_name, table};
use crate::engine::{CallGraph, Observed};
use std::collections::BTreeMap;
use std::path::Path;

/// The last fifth of normal operation, judged against the rest, is a healthy case.
const HEALTHY_SHARE: usize = 5;

pub(super) fn load(directory: &Path) -> Result<DataSet, FormatError> {
    let mut set = DataSet {
        calls: CallGraph::default(),
        ..DataSet::default()
    };
    for fault in directories(directory)? {
        let name = file_name(&fault);
        let Some((service, _kind)) = name.rsplit_once('-') else {
            continue;
        };
        for run in directories(&fault)? {
            let normal = run.join("normal.csv");
            let anomalous = run.join("anomalous.csv");
            if !normal.is_file() && !anomalous.is_file() {
                continue;
            }
            let normal = metrics(&normal)?;
            let anomalous = metrics(&anomalous)?;
            let case = format!("{name}/{}", file_name(&run));
            set.healthy.push(healthy(&case, &normal));
            set.cases.push(Case {
                name: case,
                root: Some(service.to_owned()),
                observed: observed(&normal, &anomalous),
                target: None,
            });
        }
    }
    Ok(set)
}

/// Service and metric → values.
type Metrics = BTreeMap<(String, String), Vec<f64>>;

fn observed(normal: &Metrics, anomalous: &Metrics) -> Vec<Observed> {
    let both = anomalous.iter().filter_map(|(key, values)| {
        Some(Observed {
            service: key.0.clone(),
            metric: key.1.clone(),
            normal: normal.get(key)?.clone(),
            anomalous: values.clone(),
        })
    });
    both.collect()
}

fn healthy(case: &str, normal: &Metrics) -> Case {
    let split = |values: &Vec<f64>| values.len() - values.len() / HEALTHY_SHARE;
    let part = |before: bool| -> Metrics {
        let halves = normal.iter().map(|(key, values)| {
            let (first, last) = values.split_at(split(values));
            (
                key.clone(),
                if before {
                    first.to_vec()
                } else {
                    last.to_vec()
                },
            )
        });
        halves.collect()
    };
    Case {
        name: format!("{case}/healthy"),
        root: None,
        observed: observed(&part(true), &part(false)),
        target: None,
    }
}

/// Columns `time, <service>_<metric> …`. A database belongs to the service that it is named after.
fn metrics(path: &Path) -> Result<Metrics, FormatError> {
    let table = table::read(path, 1)?;
    let names = table.heads.first().cloned().unwrap_or_default();
    let mut found = Metrics::new();
    for (name, values) in names.iter().zip(&table.columns) {
        if let Some((service, metric)) = name.split_once('_') {
            let owner = service.strip_suffix("-db").unwrap_or(service);
            let metric = format!("{metric} of {service}");
            found.insert((owner.to_owned(), metric), values.clone());
        }
    }
    Ok(found)
}
