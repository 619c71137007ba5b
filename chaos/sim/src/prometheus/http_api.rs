//! The HTTP API, in Prometheus' shapes: `/api/v1/query`, `query_range`, `series`, `labels`, `label/NAME/values`, `targets`.

use super::query_string;
use super::scraper::{Instance, Scraper};
use operator_promql::{EvaluationError, Labels, Point, Query, Series, SyntaxError, Value};
use operator_world::Answer;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// Points of one series in one range query: Prometheus has the same limit.
const STEPS_MAX: u64 = 11_000;

/// Why a request fails, in Prometheus' terms.
#[derive(Debug)]
enum Failure {
    /// The request is malformed.
    BadData(String),
    /// The query cannot be evaluated.
    Execution(String),
    /// The path does not exist.
    NotFound(String),
}

type Parameters = Vec<(String, String)>;

/// Responds to a request.
pub(super) fn respond(
    scraper: &Scraper,
    now_ms: u64,
    method: &str,
    path_and_query: &str,
) -> Answer {
    let (path, text) = path_and_query
        .split_once('?')
        .unwrap_or((path_and_query, ""));
    if method == "GET" && matches!(path, "/-/healthy" | "/-/ready") {
        let body = b"Prometheus Server is Ready.\n".to_vec();
        return reply(200, "text/plain; charset=utf-8", body, now_ms);
    }
    let parameters = query_string::pairs(text);
    let (status, body) = match data(scraper, now_ms, (method, path), &parameters) {
        Ok(data) => (200, json!({"status": "success", "data": data})),
        Err(failure) => failure.into_json(),
    };
    let body = body.to_string().into_bytes();
    reply(status, "application/json", body, now_ms)
}

fn data(
    scraper: &Scraper,
    now_ms: u64,
    (method, path): (&str, &str),
    parameters: &Parameters,
) -> Result<Json, Failure> {
    if method != "GET" {
        let message = format!("method {method} is not supported: use GET");
        return Err(Failure::BadData(message));
    }
    let Some(endpoint) = path.strip_prefix("/api/v1/") else {
        return Err(Failure::NotFound(format!("there is no {path}")));
    };
    match endpoint {
        "query" => instant(scraper, now_ms, parameters),
        "query_range" => range(scraper, parameters),
        "series" => series(scraper, parameters),
        "labels" => Ok(json!(names(scraper, |labels| labels.keys().collect()))),
        "targets" => Ok(targets(scraper)),
        "status/buildinfo" => Ok(json!({"version": "2.53.0", "application": "operator-chaos"})),
        _ => {
            let label = endpoint.strip_prefix("label/");
            let label = label.and_then(|rest| rest.strip_suffix("/values"));
            let label = label.ok_or_else(|| {
                Failure::NotFound(format!("this simulated Prometheus does not support {path}"))
            })?;
            let values = |labels: &'_ Labels| labels.get(label).cloned();
            let found: BTreeSet<String> = scraper.labels().filter_map(values).collect();
            Ok(json!(found))
        }
    }
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

impl From<EvaluationError> for Failure {
    fn from(error: EvaluationError) -> Self {
        Self::Execution(error.to_string())
    }
}

impl From<SyntaxError> for Failure {
    fn from(error: SyntaxError) -> Self {
        Self::BadData(format!("invalid parameter \"query\": {error}"))
    }
}

fn instant(scraper: &Scraper, now_ms: u64, parameters: &Parameters) -> Result<Json, Failure> {
    let query = query(parameters)?;
    let at_ms = match value_of(parameters, "time") {
        Some(text) => moment_ms("time", text)?,
        None => now_ms,
    };
    Ok(match query.instant(scraper.series(), at_ms)? {
        Value::Scalar(number) => json!({"resultType": "scalar", "result": pair((at_ms, number))}),
        Value::Vector(points) => {
            let points = points.into_iter();
            let result: Vec<Json> = points
                .map(|Point { labels, value }| {
                    json!({"metric": labels, "value": pair((at_ms, value))})
                })
                .collect();
            json!({"resultType": "vector", "result": result})
        }
        Value::Matrix(series) => matrix(series),
    })
}

fn range(scraper: &Scraper, parameters: &Parameters) -> Result<Json, Failure> {
    let query = query(parameters)?;
    let wanted = |name| {
        value_of(parameters, name)
            .ok_or_else(|| Failure::BadData(format!("parameter {name:?} is missing")))
    };
    let from_ms = moment_ms("start", wanted("start")?)?;
    let to_ms = moment_ms("end", wanted("end")?)?;
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
    let series = query.range(scraper.series(), (from_ms, to_ms), step_ms)?;
    Ok(matrix(series))
}

fn matrix(series: Vec<Series>) -> Json {
    let one = |Series { labels, samples }| {
        let values: Vec<Json> = samples.into_iter().map(pair).collect();
        json!({"metric": labels, "values": values})
    };
    let result: Vec<Json> = series.into_iter().map(one).collect();
    json!({"resultType": "matrix", "result": result})
}

/// Every series within the retention that a selector accepts, ended or not.
fn series(scraper: &Scraper, parameters: &Parameters) -> Result<Json, Failure> {
    let selectors = parameters.iter().filter(|(name, _)| name == "match[]");
    let selectors: Vec<&String> = selectors.map(|(_, value)| value).collect();
    if selectors.is_empty() {
        return Err(Failure::BadData("no match[] parameter provided".to_owned()));
    }
    let mut found: BTreeSet<&Labels> = BTreeSet::new();
    for text in selectors {
        let query = Query::parse(text)?;
        if query.selects(&Labels::new()).is_none() {
            let message = format!("invalid parameter \"match[]\": {text:?} is not a selector");
            return Err(Failure::BadData(message));
        }
        let selected = |labels: &&Labels| query.selects(labels).unwrap_or_default();
        found.extend(scraper.labels().filter(selected));
    }
    Ok(json!(found))
}

fn names<'s>(
    scraper: &'s Scraper,
    of: impl Fn(&'s Labels) -> Vec<&'s String>,
) -> BTreeSet<&'s String> {
    scraper.labels().flat_map(of).collect()
}

fn targets(scraper: &Scraper) -> Json {
    let one = |(instance, known): (&String, &Instance)| {
        json!({
            "labels": {"instance": instance, "job": known.job},
            "scrapePool": known.job,
            "scrapeUrl": format!("http://{instance}/metrics"),
            "lastError": if known.is_up { "" } else { "connection refused" },
            "lastScrape": operator_world::calendar::rfc3339(known.scraped_ms, 0),
            "health": if known.is_up { "up" } else { "down" },
        })
    };
    let active: Vec<Json> = scraper.instances().iter().map(one).collect();
    json!({"activeTargets": active, "droppedTargets": []})
}

fn query(parameters: &Parameters) -> Result<Query, Failure> {
    let text = value_of(parameters, "query")
        .ok_or_else(|| Failure::BadData("parameter \"query\" is missing".to_owned()))?;
    Ok(Query::parse(text)?)
}

fn value_of<'all>(parameters: &'all Parameters, wanted: &str) -> Option<&'all str> {
    let found = parameters.iter().find(|(name, _)| name == wanted);
    found.map(|(_, value)| value.as_str())
}

/// Seconds since the Unix epoch, with a fraction.
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
            "invalid parameter {name:?}: {text:?} is not a Unix time in seconds"
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
            "invalid parameter \"step\": {text:?} is not a duration above zero"
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
