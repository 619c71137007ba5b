//! The HTTP API: `/api/v1/query`, `query_range`, `series`, `labels`, `label/NAME/values`, `targets`, with Prometheus' shapes.

use super::evaluate::{Point, Unsupported, Value, evaluate, windows};
use super::history::{History, Labels};
use super::query;
use crate::world::Answer;
use promql_parser::parser::{self, Expr};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// Points of one series in one range query: Prometheus has the same limit.
const STEPS_MAX: u64 = 11_000;

/// What went wrong, in Prometheus' words.
#[derive(Debug)]
enum Failure {
    /// The question is malformed.
    BadData(String),
    /// It cannot be answered.
    Execution(String),
    /// There is no such path.
    NotFound(String),
}

type Parameters = Vec<(String, String)>;

/// Answers a request.
pub(super) fn answer(history: &History, now_ms: u64, method: &str, path_and_query: &str) -> Answer {
    let (path, text) = path_and_query
        .split_once('?')
        .unwrap_or((path_and_query, ""));
    let parameters = query::pairs(text);
    let result = match (method, path.strip_prefix("/api/v1/")) {
        ("GET", Some("query")) => instant(history, now_ms, &parameters),
        ("GET", Some("query_range")) => range(history, &parameters),
        ("GET", Some("series")) => series(history, &parameters),
        ("GET", Some("labels")) => Ok(json!(names(history, |labels| labels
            .keys()
            .cloned()
            .collect()))),
        ("GET", Some("targets")) => Ok(targets(history)),
        ("GET", Some("status/buildinfo")) => {
            Ok(json!({"version": "2.53.0", "application": "operator-chaos"}))
        }
        ("GET", None) if path == "/-/healthy" || path == "/-/ready" => {
            return reply(
                200,
                "text/plain; charset=utf-8",
                b"Prometheus Server is Ready.\n".to_vec(),
                now_ms,
            );
        }
        ("GET", Some(rest)) => match rest
            .strip_prefix("label/")
            .and_then(|rest| rest.strip_suffix("/values"))
        {
            Some(label) => Ok(json!(names(history, |labels| labels
                .get(label)
                .cloned()
                .into_iter()
                .collect()))),
            None => Err(Failure::NotFound(format!(
                "this simulated Prometheus does not support {path}"
            ))),
        },
        ("GET", None) => Err(Failure::NotFound(format!("there is no {path}"))),
        _ => Err(Failure::BadData(format!(
            "method {method} is not supported: use GET"
        ))),
    };
    let (status, body) = match result {
        Ok(data) => (200, json!({"status": "success", "data": data})),
        Err(failure) => failure.into_json(),
    };
    reply(
        status,
        "application/json",
        body.to_string().into_bytes(),
        now_ms,
    )
}

fn reply(status: u16, content_type: &str, body: Vec<u8>, now_ms: u64) -> Answer {
    Answer::Response {
        status,
        content_type: content_type.to_owned(),
        body,
        server_date_ms: now_ms,
    }
}

impl Failure {
    fn into_json(self) -> (u16, Json) {
        let (status, kind, error) = match self {
            Self::BadData(error) => (400, "bad_data", error),
            Self::Execution(error) => (422, "execution", error),
            Self::NotFound(error) => (404, "not_found", error),
        };
        (
            status,
            json!({"status": "error", "errorType": kind, "error": error}),
        )
    }
}

impl From<Unsupported> for Failure {
    fn from(Unsupported(why): Unsupported) -> Self {
        Self::Execution(why)
    }
}

fn instant(history: &History, now_ms: u64, parameters: &Parameters) -> Result<Json, Failure> {
    let expression = expression(parameters)?;
    let at_ms = match value_of(parameters, "time") {
        Some(text) => moment_ms("time", text)?,
        None => now_ms,
    };
    if let Expr::MatrixSelector(matrix) = &expression {
        let windows = windows(history, matrix, at_ms)?;
        let one = |(labels, window): (Labels, super::functions::Window)| json!({"metric": labels, "values": window.samples.into_iter().map(pair).collect::<Vec<Json>>()});
        return Ok(
            json!({"resultType": "matrix", "result": windows.into_iter().map(one).collect::<Vec<Json>>()}),
        );
    }
    Ok(match evaluate(history, &expression, at_ms)? {
        Value::Scalar(number) => json!({"resultType": "scalar", "result": pair((at_ms, number))}),
        Value::Vector(points) => {
            let one =
                |Point { labels, value }| json!({"metric": labels, "value": pair((at_ms, value))});
            json!({"resultType": "vector", "result": points.into_iter().map(one).collect::<Vec<Json>>()})
        }
    })
}

fn range(history: &History, parameters: &Parameters) -> Result<Json, Failure> {
    let expression = expression(parameters)?;
    let wanted = |name| {
        value_of(parameters, name)
            .ok_or_else(|| Failure::BadData(format!("parameter {name:?} is missing")))
    };
    let (from_ms, to_ms) = (
        moment_ms("start", wanted("start")?)?,
        moment_ms("end", wanted("end")?)?,
    );
    let step_ms = step_ms(wanted("step")?)?;
    if to_ms < from_ms {
        return Err(Failure::BadData(
            "end timestamp must not be before start time".to_owned(),
        ));
    }
    if (to_ms - from_ms) / step_ms > STEPS_MAX {
        let message = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";
        return Err(Failure::BadData(message.to_owned()));
    }
    let mut series: BTreeMap<Labels, Vec<Json>> = BTreeMap::new();
    let mut at_ms = from_ms;
    while at_ms <= to_ms {
        let points = match evaluate(history, &expression, at_ms)? {
            Value::Scalar(value) => vec![Point {
                labels: Labels::new(),
                value,
            }],
            Value::Vector(points) => points,
        };
        for Point { labels, value } in points {
            series.entry(labels).or_default().push(pair((at_ms, value)));
        }
        at_ms += step_ms;
    }
    let result: Vec<Json> = series
        .into_iter()
        .map(|(labels, values)| json!({"metric": labels, "values": values}))
        .collect();
    Ok(json!({"resultType": "matrix", "result": result}))
}

fn series(history: &History, parameters: &Parameters) -> Result<Json, Failure> {
    let mut found: BTreeSet<Labels> = BTreeSet::new();
    let selectors: Vec<&String> = parameters
        .iter()
        .filter(|(name, _)| name == "match[]")
        .map(|(_, value)| value)
        .collect();
    if selectors.is_empty() {
        return Err(Failure::BadData("no match[] parameter provided".to_owned()));
    }
    for text in selectors {
        let Expr::VectorSelector(selector) = parsed(text)? else {
            return Err(Failure::BadData(format!(
                "invalid parameter \"match[]\": {text:?} is no selector"
            )));
        };
        // Whatever was seen within the retention, gone or not.
        let name = selector.name.clone();
        let fits = |labels: &Labels| {
            name.as_ref()
                .is_none_or(|name| labels.get("__name__") == Some(name))
                && selector
                    .matchers
                    .matchers
                    .iter()
                    .all(|one| one.is_match(labels.get(&one.name).map_or("", String::as_str)))
        };
        found.extend(history.matching(fits).map(|(labels, _)| labels.clone()));
    }
    Ok(json!(found))
}

fn names(history: &History, of: impl Fn(&Labels) -> Vec<String>) -> BTreeSet<String> {
    history
        .matching(|_| true)
        .flat_map(|(labels, _)| of(labels))
        .collect()
}

fn targets(history: &History) -> Json {
    let one = |(instance, known): (&String, &super::history::Instance)| {
        json!({
            "labels": {"instance": instance, "job": known.job},
            "scrapePool": known.job,
            "scrapeUrl": format!("http://{instance}/metrics"),
            "lastError": if known.is_up { "" } else { "connection refused" },
            "lastScrape": crate::calendar::rfc3339(known.scraped_ms, 0),
            "health": if known.is_up { "up" } else { "down" },
        })
    };
    json!({"activeTargets": history.instances().iter().map(one).collect::<Vec<Json>>(), "droppedTargets": []})
}

fn expression(parameters: &Parameters) -> Result<Expr, Failure> {
    let text = value_of(parameters, "query")
        .ok_or_else(|| Failure::BadData("parameter \"query\" is missing".to_owned()))?;
    parsed(text)
}

fn parsed(text: &str) -> Result<Expr, Failure> {
    parser::parse(text)
        .map_err(|why| Failure::BadData(format!("invalid parameter \"query\": {why}")))
}

fn value_of<'all>(parameters: &'all Parameters, wanted: &str) -> Option<&'all str> {
    parameters
        .iter()
        .find(|(name, _)| name == wanted)
        .map(|(_, value)| value.as_str())
}

/// Seconds since 1970, with a fraction.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be positive, and casts saturate"
)]
fn moment_ms(name: &str, text: &str) -> Result<u64, Failure> {
    let seconds = text
        .parse::<f64>()
        .ok()
        .filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
    let seconds = seconds.ok_or_else(|| {
        Failure::BadData(format!(
            "invalid parameter {name:?}: {text:?} is no unix time in seconds"
        ))
    })?;
    Ok((seconds * 1_000.0).round() as u64)
}

/// Seconds, or a number with a unit.
fn step_ms(text: &str) -> Result<u64, Failure> {
    let digits = text
        .find(|letter: char| letter.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "ms" => Some(0.001),
        "" | "s" => Some(1.0),
        "m" => Some(60.0),
        "h" => Some(3_600.0),
        _ => None,
    };
    let seconds = number
        .parse::<f64>()
        .ok()
        .zip(factor)
        .map(|(number, factor)| number * factor);
    let step_ms = seconds
        .and_then(|seconds| moment_ms("step", &seconds.to_string()).ok())
        .filter(|step_ms| *step_ms > 0);
    step_ms.ok_or_else(|| {
        Failure::BadData(format!(
            "invalid parameter \"step\": {text:?} is no duration above zero"
        ))
    })
}

/// `[time, "value"]`.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 fit a double for 200,000 years"
)]
fn pair((at_ms, value): (u64, f64)) -> Json {
    let text = if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 {
            "+Inf".to_owned()
        } else {
            "-Inf".to_owned()
        }
    } else {
        value.to_string()
    };
    json!([at_ms as f64 / 1_000.0, text])
}
