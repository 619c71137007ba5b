//! Nezha (Yu et al., FSE 2023): continuous hours at one minute, one file for each pod, and a list of faults.

use super::{
    Case, Continuous, ContinuousService, DataSet, FormatError, NORMAL_S, content, directories,
    file_name, read, table,
};
use crate::engine::CallGraph;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A fault is looked at for four minutes from its time on: faults last for three to five.
const ANOMALOUS_S: f64 = 240.0;

#[derive(Deserialize)]
struct Fault {
    inject_time: String,
    inject_pod: String,
}

pub(super) fn load(directory: &Path) -> Result<DataSet, FormatError> {
    let mut set = DataSet::default();
    for day in days(directory)? {
        let continuous = load_day(&day)?;
        set.cases.extend(cases(&continuous));
        set.continuous.push(continuous);
    }
    set.calls = CallGraph::default();
    Ok(set)
}

/// Directories with a fault list: the directory itself, or those in it and in its `rca_data`.
fn days(directory: &Path) -> Result<Vec<PathBuf>, FormatError> {
    let mut found = vec![directory.to_owned()];
    for parent in [directory.to_owned(), directory.join("rca_data")] {
        if parent.is_dir() {
            found.extend(directories(&parent)?);
        }
    }
    found.retain(|day| fault_list(day).is_file());
    Ok(found)
}

fn fault_list(day: &Path) -> PathBuf {
    day.join(format!("{}-fault_list.json", file_name(day)))
}

fn load_day(day: &Path) -> Result<Continuous, FormatError> {
    let path = fault_list(day);
    let listed: BTreeMap<String, Vec<Fault>> =
        serde_json::from_str(&read(&path)?).map_err(|error| content(&path, error))?;
    let mut faults = Vec::new();
    for fault in listed.into_values().flatten() {
        let at = seconds(&fault.inject_time)
            .ok_or_else(|| content(&path, format!("{:?} is not a time", fault.inject_time)))?;
        faults.push((at, fault.inject_pod));
    }
    faults.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(Continuous {
        name: file_name(day),
        services: services(&day.join("metric"))?,
        faults,
    })
}

fn services(directory: &Path) -> Result<Vec<ContinuousService>, FormatError> {
    let io = |source| FormatError::Io {
        path: directory.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if file_name(&path).ends_with("_metric.csv") {
            files.push(path);
        }
    }
    files.sort();
    files.iter().map(|path| service(path)).collect()
}

fn service(path: &Path) -> Result<ContinuousService, FormatError> {
    let table = table::read(path, 1)?;
    let names = table.heads.first().cloned().unwrap_or_default();
    let mut times = Vec::new();
    for key in &table.keys {
        times.push(seconds(key).ok_or_else(|| content(path, format!("{key:?} is not a time")))?);
    }
    let is_metric = |name: &str| !matches!(name, "TimeStamp" | "PodName");
    let metrics = names.iter().zip(&table.columns);
    let metrics = metrics.filter(|(name, _)| is_metric(name));
    Ok(ContinuousService {
        service: file_name(path).trim_end_matches("_metric.csv").to_owned(),
        times,
        metrics: metrics
            .map(|(name, values)| (name.clone(), values.clone()))
            .collect(),
    })
}

fn cases(day: &Continuous) -> Vec<Case> {
    let cases = day.faults.iter().map(|(at, pod)| Case {
        name: format!("{}/{at:.0}", day.name),
        root: Some(pod.clone()),
        observed: day.window(*at - NORMAL_S, *at, *at + ANOMALOUS_S),
        target: None,
    });
    cases.collect()
}

/// Unix seconds of a text that begins with `2022-08-22 03:51:19`, in UTC. The column of seconds in the files is wrong
/// by years on some days.
fn seconds(text: &str) -> Option<f64> {
    let stamp = text.get(..19)?;
    let civil = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", stamp).ok()?;
    let at = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    // Seconds of this century are far below the 2^53 that a float counts exactly.
    #[expect(clippy::cast_precision_loss, reason = "see above")]
    Some(at.timestamp().as_second() as f64)
}
