//! PetShop (Hardt et al., CLeaR 2024): a call graph, hours of normal operation, and issues with an alarming metric.

use super::{Case, DataSet, FormatError, content, directories, file_name, read, table};
use crate::engine::{CallGraph, Observed, Target};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Samples of one issue: half an hour at five minutes, as the issues of the data set have.
const WINDOW_SAMPLES: usize = 5;

/// Healthy windows begin this many samples apart.
const HEALTHY_STEP: usize = 25;

#[derive(Deserialize)]
struct Label {
    target: Alarm,
    root_cause: Root,
}

#[derive(Deserialize)]
struct Alarm {
    node: String,
    metric: String,
    agg: String,
}

#[derive(Deserialize)]
struct Root {
    node: String,
}

/// Service and metric → values.
type Metrics = BTreeMap<(String, String), Vec<f64>>;

pub(super) fn load(directory: &Path) -> Result<DataSet, FormatError> {
    let normal = metrics(&directory.join("noissue/metrics.csv"))?;
    let mut cases = Vec::new();
    for split in ["train", "test"] {
        let path = directory.join(split);
        if path.is_dir() {
            for issue in directories(&path)? {
                cases.push(case(
                    &issue,
                    format!("{split}/{}", file_name(&issue)),
                    &normal,
                )?);
            }
        }
    }
    Ok(DataSet {
        healthy: healthy(&normal, &cases),
        cases,
        calls: graph(&directory.join("graph.csv"))?,
        continuous: Vec::new(),
    })
}

fn case(issue: &Path, name: String, normal: &Metrics) -> Result<Case, FormatError> {
    let path = issue.join("target.json");
    let label: Label =
        serde_json::from_str(&read(&path)?).map_err(|error| content(&path, error))?;
    let anomalous = metrics(&issue.join("metrics.csv"))?;
    Ok(Case {
        name,
        root: Some(label.root_cause.node),
        observed: observed(normal, &anomalous),
        target: Some(Target {
            service: label.target.node,
            metric: metric(&label.target.metric, &label.target.agg),
        }),
    })
}

fn observed(normal: &Metrics, anomalous: &Metrics) -> Vec<Observed> {
    let both = anomalous
        .iter()
        .map(|((service, metric), values)| Observed {
            service: service.clone(),
            metric: metric.clone(),
            normal: normal
                .get(&(service.clone(), metric.clone()))
                .cloned()
                .unwrap_or_default(),
            anomalous: values.clone(),
        });
    both.collect()
}

/// Windows of normal operation, each judged against the rest, for every alarm of the cases.
fn healthy(normal: &Metrics, cases: &[Case]) -> Vec<Case> {
    let mut targets: Vec<Target> = cases
        .iter()
        .filter_map(|case| case.target.clone())
        .collect();
    targets.sort_by(|a, b| (&a.service, &a.metric).cmp(&(&b.service, &b.metric)));
    targets.dedup();
    let samples = normal.values().map(Vec::len).max().unwrap_or(0);
    let starts = (0..samples.saturating_sub(WINDOW_SAMPLES)).step_by(HEALTHY_STEP);
    let mut found = Vec::new();
    for start in starts {
        let inside = |place: usize| (start..start + WINDOW_SAMPLES).contains(&place);
        let part = |values: &[f64], wanted: bool| -> Vec<f64> {
            let kept = values
                .iter()
                .enumerate()
                .filter(|(place, _)| inside(*place) == wanted);
            kept.map(|(_, value)| *value).collect()
        };
        let observed: Vec<Observed> = normal
            .iter()
            .map(|((service, metric), values)| Observed {
                service: service.clone(),
                metric: metric.clone(),
                normal: part(values, false),
                anomalous: part(values, true),
            })
            .collect();
        found.extend(targets.iter().map(|target| Case {
            name: format!("noissue/{start}/{}", target.metric),
            root: None,
            observed: observed.clone(),
            target: Some(target.clone()),
        }));
    }
    found
}

/// Three header rows: service, metric, statistic.
fn metrics(path: &Path) -> Result<Metrics, FormatError> {
    let table = table::read(path, 3)?;
    let head = |row: usize, column: usize| -> Result<String, FormatError> {
        let cell = table.heads.get(row).and_then(|cells| cells.get(column));
        let missing = || {
            content(
                path,
                format!("line {}: column {} is missing", row + 1, column + 2),
            )
        };
        cell.cloned().ok_or_else(missing)
    };
    let mut found = Metrics::new();
    for (column, values) in table.columns.iter().enumerate() {
        let service = head(0, column)?;
        let metric = metric(&head(1, column)?, &head(2, column)?);
        found.insert((service, metric), values.clone());
    }
    Ok(found)
}

fn metric(name: &str, statistic: &str) -> String {
    format!("{name} {statistic}")
}

/// An adjacency matrix: the row calls the column when the cell is not 0. Nodes that X-Ray names `_remote` or `_client`
/// are inferred from the spans of others.
fn graph(path: &Path) -> Result<CallGraph, FormatError> {
    let table = table::read(path, 1)?;
    let callees = table.heads.first().cloned().unwrap_or_default();
    let mut calls = CallGraph::default();
    for (callee, column) in callees.iter().zip(&table.columns) {
        for (caller, cell) in table.keys.iter().zip(column) {
            if *cell != 0.0 && !cell.is_nan() {
                calls.add(caller, callee);
            }
        }
    }
    let nodes = callees.iter().chain(&table.keys);
    for node in nodes.filter(|node| node.ends_with("_remote") || node.ends_with("_client")) {
        calls.mark_inferred(node);
    }
    Ok(calls)
}
