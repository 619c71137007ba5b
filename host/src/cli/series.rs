//! `operator replay --series`: prints recorded series.

use super::Console;
use crate::exit::{Exit, Failure};
use operator_data::{Sample, SeriesKey, SeriesStore};
use operator_model::knowledge::{Matcher, Selector};
use operator_recording::Recording;
use serde::Serialize;
use std::collections::BTreeMap;

/// Series that one selector may match: what a person or a notebook can handle.
const SERIES_MAX: usize = 1_000;

/// Samples of each series, for the same reason.
const SAMPLES_MAX: usize = 200_000;

/// One series, from the first recorded tick to the last.
#[derive(Serialize)]
struct SeriesDump {
    metric: String,
    labels: BTreeMap<String, String>,
    /// Milliseconds since 1970 by the observed clock, and value.
    samples: Vec<(u64, f64)>,
    left_out: u64,
}

pub(super) fn show(
    mut recording: Recording,
    selector: &str,
    console: &Console,
) -> Result<Exit, Failure> {
    let selector = parse(selector).map_err(|why| {
        Failure::new(
            Exit::Usage,
            format!("invalid selector {selector:?}: {why}; expected for example up{{node=\"4\"}}"),
        )
    })?;
    let mut found: BTreeMap<SeriesKey, SeriesDump> = BTreeMap::new();
    let mut metrics = Vec::new();
    while let Some(tick) = recording.next_tick()? {
        collect(&tick.snapshot.series, &selector, &mut found)?;
        metrics = tick
            .snapshot
            .series
            .metrics()
            .map(str::to_owned)
            .collect::<Vec<_>>();
    }
    if found.is_empty() {
        let near = metrics
            .iter()
            .min_by_key(|metric| strsim::levenshtein(metric, &selector.metric));
        let near = near
            .map(|near| format!("; did you mean {near}?"))
            .unwrap_or_default();
        return Err(Failure::new(
            Exit::Inconclusive,
            format!("no series {:?} in the recording{near}", selector.metric),
        ));
    }
    let shown: Vec<SeriesDump> = found.into_values().collect();
    if console.json {
        console.value(&shown)?;
        return Ok(Exit::Success);
    }
    shown
        .iter()
        .try_for_each(|series| console.line(&summary(series)))?;
    Ok(Exit::Success)
}

fn collect(
    store: &SeriesStore,
    selector: &Selector,
    found: &mut BTreeMap<SeriesKey, SeriesDump>,
) -> Result<(), Failure> {
    let Ok(picked) = store.pick(&selector.metric, selector, &[]) else {
        return Ok(());
    };
    for (key, series) in picked.series() {
        let shown = found.entry(key.clone()).or_insert_with(|| SeriesDump {
            metric: key.metric.clone(),
            labels: key.labels.iter().cloned().collect(),
            samples: Vec::new(),
            left_out: 0,
        });
        let last = shown.samples.last().map_or(0, |(at, _)| *at);
        let newer: Vec<Sample> = series
            .iter()
            .rev()
            .take_while(|sample| sample.at.0 > last)
            .collect();
        for sample in newer.into_iter().rev() {
            if shown.samples.len() < SAMPLES_MAX {
                shown.samples.push((sample.at.0, sample.value));
            } else {
                shown.left_out += 1;
            }
        }
    }
    if found.len() > SERIES_MAX {
        let message = format!(
            "the selector matches {} series, the limit is {SERIES_MAX}: add label matchers",
            found.len()
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok(())
}

fn summary(series: &SeriesDump) -> String {
    let labels: Vec<String> = series
        .labels
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    let values = series.samples.iter().map(|(_, value)| *value);
    let (least, most) = values.fold(
        (f64::INFINITY, f64::NEG_INFINITY),
        |(least, most), value| (least.min(value), most.max(value)),
    );
    let end = |sample: Option<&(u64, f64)>| sample.map_or(f64::NAN, |(_, value)| *value);
    format!(
        "{}{{{}}}\n  {} samples, first {}, last {}, min {least}, max {most}",
        series.metric,
        labels.join(","),
        series.samples.len(),
        end(series.samples.first()),
        end(series.samples.last())
    )
}

/// `metric{label="value",other!="value",third^="beginning"}`.
fn parse(text: &str) -> Result<Selector, String> {
    let (metric, rest) = text.split_once('{').unwrap_or((text, "}"));
    let inside = rest
        .trim_end()
        .strip_suffix('}')
        .ok_or("the brace is not closed")?;
    let metric = metric.trim().to_owned();
    if metric.is_empty() || metric.contains(char::is_whitespace) {
        return Err("it must start with a metric name".to_owned());
    }
    let conditions = inside
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let all_of = conditions.map(condition).collect::<Result<Vec<_>, _>>()?;
    Ok(Selector { metric, all_of })
}

fn condition(text: &str) -> Result<Matcher, String> {
    let (left, right) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} has no ="))?;
    let value = right
        .trim()
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    let value = value
        .ok_or_else(|| format!("the value of {text:?} is not in quotes"))?
        .to_owned();
    Ok(match (left.strip_suffix('!'), left.strip_suffix('^')) {
        (Some(label), _) => Matcher::NotEquals(label.trim().to_owned(), value),
        (_, Some(label)) => Matcher::StartsWith(label.trim().to_owned(), value),
        _ => Matcher::Equals(left.trim().to_owned(), value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_names_a_metric_and_conditions_on_labels() {
        let selector = parse(r#"up{node="4", kind!="x",zone^="eu"}"#).unwrap();
        assert_eq!(selector.metric, "up");
        let text = |text: &str| text.to_owned();
        assert_eq!(
            selector.all_of,
            [
                Matcher::Equals(text("node"), text("4")),
                Matcher::NotEquals(text("kind"), text("x")),
                Matcher::StartsWith(text("zone"), text("eu")),
            ]
        );
        assert!(parse("up").unwrap().all_of.is_empty());
    }

    #[test]
    fn an_invalid_selector_is_rejected_with_the_reason() {
        for (text, why) in [
            ("", "name"),
            ("up{", "closed"),
            ("up{a}", "no ="),
            ("up{a=b}", "quotes"),
        ] {
            assert!(parse(text).unwrap_err().contains(why), "{text}");
        }
    }
}
