//! Public data sets as cases.

mod nezha;
mod petshop;
mod rcd;
mod table;

pub(crate) use crate::engine::CallGraph;
use crate::engine::{Observed, Question, Target};
use std::path::{Path, PathBuf};

/// A data set's layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// PetShop (Amazon): `graph.csv`, `noissue/metrics.csv`, `train|test/issue_N/`.
    PetShop,
    /// RCD (Sock Shop): `<service>-<fault>/<n>/normal.csv` and `anomalous.csv`.
    Rcd,
    /// Nezha: continuous hours with a list of faults.
    Nezha,
}

/// One fault with its true cause, or a time without any.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Its place in the data set.
    pub name: String,
    /// The service at fault; absent in healthy cases.
    pub root: Option<String>,
    /// All metrics.
    pub observed: Vec<Observed>,
    /// What alarmed.
    pub target: Option<Target>,
}

impl Case {
    /// The question that the engine is asked. It does not hold the root.
    #[must_use]
    pub fn question<'a>(&'a self, calls: &'a CallGraph) -> Question<'a> {
        Question {
            observed: &self.observed,
            calls,
            target: self.target.as_ref(),
        }
    }
}

/// Normal operation is the hour before a fault, in seconds. Earlier faults of the hour are part of it: a daemon does
/// not know better, and medians bear it.
pub(crate) const NORMAL_S: f64 = 3_600.0;

/// Hours of metrics with faults at known times.
#[derive(Debug, Clone, PartialEq)]
pub struct Continuous {
    /// Which hours.
    pub name: String,
    /// Unix seconds of the samples, and each service's metrics with one value for each time.
    pub services: Vec<ContinuousService>,
    /// Unix seconds and service of each fault.
    pub faults: Vec<(f64, String)>,
}

impl Continuous {
    /// The metrics of all services in `[from, split)` and `[split, to)`, in Unix seconds.
    pub(crate) fn window(&self, from: f64, split: f64, to: f64) -> Vec<Observed> {
        let metrics = self.services.iter().flat_map(|service| {
            let metrics = service.metrics.iter();
            metrics.map(move |(metric, values)| (service, metric, values))
        });
        let observed = metrics.map(|(service, metric, values)| {
            let part = |low: f64, high: f64| -> Vec<f64> {
                let timed = service.times.iter().zip(values);
                let inside = timed.filter(|(at, _)| **at >= low && **at < high);
                inside.map(|(_, value)| *value).collect()
            };
            Observed {
                service: service.service.clone(),
                metric: metric.clone(),
                normal: part(from, split),
                anomalous: part(split, to),
            }
        });
        observed.collect()
    }
}

/// The metrics of one service over time.
#[derive(Debug, Clone, PartialEq)]
pub struct ContinuousService {
    /// Which service.
    pub service: String,
    /// Unix seconds.
    pub times: Vec<f64>,
    /// Metric and its values; not a number where one is missing.
    pub metrics: Vec<(String, Vec<f64>)>,
}

/// Everything in a directory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DataSet {
    /// Faults.
    pub cases: Vec<Case>,
    /// Times without a fault.
    pub healthy: Vec<Case>,
    /// Who calls whom.
    pub calls: CallGraph,
    /// For detection.
    pub continuous: Vec<Continuous>,
}

/// Why a data set cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// A file or directory cannot be read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A file does not have the expected content.
    #[error("{path}: {why}")]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong, with the place.
        why: String,
    },
    /// There is no case.
    #[error("{path} has no case of this format: {expected} expected")]
    Empty {
        /// The directory.
        path: PathBuf,
        /// What was looked for.
        expected: &'static str,
    },
}

/// Reads a data set.
///
/// # Errors
/// A file is missing or not of the format; the error names it and the place.
pub fn load(format: Format, directory: &Path) -> Result<DataSet, FormatError> {
    let set = match format {
        Format::PetShop => petshop::load(directory)?,
        Format::Rcd => rcd::load(directory)?,
        Format::Nezha => nezha::load(directory)?,
    };
    if set.cases.is_empty() {
        return Err(FormatError::Empty {
            path: directory.to_owned(),
            expected: match format {
                Format::PetShop => "train/issue_N/metrics.csv or test/issue_N/metrics.csv",
                Format::Rcd => "<service>-<fault>/<n>/normal.csv and anomalous.csv",
                Format::Nezha => "DAY/DAY-fault_list.json and DAY/metric/*_metric.csv",
            },
        });
    }
    Ok(set)
}

/// Directories in a directory, by name.
fn directories(path: &Path) -> Result<Vec<PathBuf>, FormatError> {
    let io = |source| FormatError::Io {
        path: path.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        let entry = entry.map_err(io)?.path();
        if entry.is_dir() {
            found.push(entry);
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<String, FormatError> {
    std::fs::read_to_string(path).map_err(|source| FormatError::Io {
        path: path.to_owned(),
        source,
    })
}

fn content(path: &Path, why: impl ToString) -> FormatError {
    FormatError::Content {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

/// The last part of a path as text.
fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
