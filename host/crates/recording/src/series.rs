//! Series, as what changed since the previous tick: a store that is written whole would be most of
//! the file.

use operator_data::{Sample, Series, SeriesKey, SeriesStore};
use operator_model::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

/// Label names with their values, in the order of the series.
type Labels = Vec<(String, String)>;

/// What changed in one tick. A series is named by the number under which it came.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct SeriesLine {
    /// Series that are new, with their numbers: metric and labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    new: Vec<(u32, String, Labels)>,
    /// Series that were forgotten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gone: Vec<u32>,
    /// Series of which nothing from before is left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    anew: Vec<u32>,
    /// Samples, by time.
    samples: Vec<Samples>,
}

/// Samples of one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Samples {
    at: u64,
    series: Vec<u32>,
    /// As many, separated by spaces: JSON has no exact floats.
    values: String,
}

/// What the writer remembers of each series.
#[derive(Default)]
pub(super) struct SeriesTracker {
    series: BTreeMap<SeriesKey, KnownSeries>,
    next: u32,
}

struct KnownSeries {
    number: u32,
    length: usize,
    last: Timestamp,
}

impl SeriesTracker {
    /// The difference to the last call.
    pub(super) fn changes(&mut self, store: &SeriesStore, samples_max: usize) -> SeriesLine {
        let mut line = SeriesLine {
            gone: self.forget(store),
            ..SeriesLine::default()
        };
        let mut samples: BTreeMap<u64, (Vec<u32>, String)> = BTreeMap::new();
        for (key, series) in store.all() {
            for (number, sample) in self.follow(key, series, samples_max, &mut line) {
                let (series, values) = samples.entry(sample.at.0).or_default();
                series.push(number);
                let space = if values.is_empty() { "" } else { " " };
                let _ = write!(values, "{space}{}", sample.value);
            }
        }
        line.samples = samples
            .into_iter()
            .map(|(at, (series, values))| Samples { at, series, values })
            .collect();
        line
    }

    fn forget(&mut self, store: &SeriesStore) -> Vec<u32> {
        let mut gone = Vec::new();
        self.series.retain(|key, known| {
            let kept = store.get(key).is_some();
            if !kept {
                gone.push(known.number);
            }
            kept
        });
        gone
    }

    /// The samples of one series that the reader does not have.
    fn follow(
        &mut self,
        key: &SeriesKey,
        series: &Series,
        samples_max: usize,
        line: &mut SeriesLine,
    ) -> Vec<(u32, Sample)> {
        let last = series
            .last()
            .map_or(Timestamp::default(), |sample| sample.at);
        let length = series.len();
        let Some(known) = self.series.get_mut(key) else {
            let number = self.next;
            self.next = self.next.wrapping_add(1);
            line.new
                .push((number, key.metric.clone(), key.labels.clone()));
            self.series.insert(
                key.clone(),
                KnownSeries {
                    number,
                    length,
                    last,
                },
            );
            return series.iter().map(|sample| (number, sample)).collect();
        };
        let number = known.number;
        let newer = series
            .iter()
            .rev()
            .take_while(|sample| sample.at > known.last)
            .count();
        let continues =
            last >= known.last && length == (known.length + newer).min(samples_max.max(1));
        (known.length, known.last) = (length, last);
        if !continues {
            line.anew.push(number);
        }
        let from = if continues { length - newer } else { 0 };
        series
            .iter()
            .skip(from)
            .map(|sample| (number, sample))
            .collect()
    }
}

/// The store as the reader puts it together.
pub(super) struct Rebuilt {
    store: SeriesStore,
    keys: BTreeMap<u32, Arc<SeriesKey>>,
    samples_max: usize,
}

impl Rebuilt {
    pub(super) fn new(samples_max: usize) -> Self {
        Self {
            store: SeriesStore::default(),
            keys: BTreeMap::new(),
            samples_max: samples_max.max(1),
        }
    }

    /// The store after these changes.
    pub(super) fn apply(&mut self, line: SeriesLine) -> Result<SeriesStore, String> {
        for (number, metric, labels) in line.new {
            self.keys
                .insert(number, Arc::new(SeriesKey { metric, labels }));
        }
        let mut gone = BTreeSet::new();
        for number in line.gone {
            gone.insert(self.keys.remove(&number).ok_or_else(|| unknown(number))?);
        }
        if !gone.is_empty() {
            self.store.retain(|key, _| !gone.contains(key));
        }
        let anew: BTreeSet<u32> = line.anew.into_iter().collect();
        for number in &anew {
            self.series(*number)?.clear();
        }
        for samples in line.samples {
            self.append(&samples)?;
        }
        Ok(self.store.clone())
    }

    fn append(&mut self, samples: &Samples) -> Result<(), String> {
        let values: Vec<&str> = samples.values.split(' ').collect();
        if values.len() != samples.series.len() {
            return Err(format!(
                "{} series have {} values",
                samples.series.len(),
                values.len()
            ));
        }
        let at = Timestamp(samples.at);
        let limit = self.samples_max;
        for (number, value) in samples.series.iter().zip(values) {
            let value: f64 = value
                .parse()
                .map_err(|_| format!("{value:?} is no number"))?;
            self.series(*number)?.push(Sample { at, value }, limit);
        }
        Ok(())
    }

    fn series(&mut self, number: u32) -> Result<&mut Series, String> {
        let key = self.keys.get(&number).ok_or_else(|| unknown(number))?;
        self.store.entry(key).ok_or_else(|| unknown(number))
    }
}

fn unknown(number: u32) -> String {
    format!("it names series {number}, which is not in the file before it")
}
