//! The JSON of the query API as tables.

use operator_data::Table;
use operator_data::series::{SERIES_SELECTED_MAX, SeriesError};
use operator_data::tables::{Column, ROWS_MAX};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
    error: Option<String>,
}

/// Fields that Prometheus adds are irrelevant here, so unknown ones are allowed.
#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<VectorItem>),
    Matrix(Vec<MatrixItem>),
    Scalar(Point),
    String(serde_json::Value),
}

#[derive(Deserialize)]
struct VectorItem {
    metric: BTreeMap<String, String>,
    value: Point,
}

#[derive(Deserialize)]
struct MatrixItem {
    metric: BTreeMap<String, String>,
    values: Vec<Point>,
}

/// Seconds since the epoch, and the value as text, since JSON has no NaN.
#[derive(Deserialize)]
struct Point(f64, String);

/// One row of an answer.
struct Row {
    labels: BTreeMap<String, String>,
    at_s: f64,
    value: f64,
}

/// The answer as a table.
pub(super) fn read(promql: &str, body: &[u8]) -> Result<Table, SeriesError> {
    let unusable = |why: String| SeriesError::Unavailable(format!("invalid response: {why}"));
    let answer: Answer =
        serde_json::from_slice(body).map_err(|error| unusable(error.to_string()))?;
    let data = answer
        .data
        .ok_or_else(|| unusable(answer.error.unwrap_or_default()))?;
    let (rows, is_range) = match data {
        Data::Vector(items) => {
            limit_series(items.len())?;
            (
                items
                    .into_iter()
                    .map(|item| row(&item.metric, &item.value))
                    .collect::<Option<Vec<_>>>(),
                false,
            )
        }
        Data::Matrix(items) => {
            limit_series(items.len())?;
            let points = items
                .iter()
                .flat_map(|item| item.values.iter().map(|point| row(&item.metric, point)));
            (points.take(ROWS_MAX + 1).collect(), true)
        }
        Data::Scalar(point) => (row(&BTreeMap::new(), &point).map(|row| vec![row]), false),
        Data::String(text) => {
            return Err(SeriesError::InvalidQuery(format!(
                "the query returns a string: {text}"
            )));
        }
    };
    let rows = rows.ok_or_else(|| unusable("a value is not a number".to_owned()))?;
    table(promql, &rows, is_range)
        .ok_or_else(|| unusable("it does not fit into a table".to_owned()))
}

/// The error of Prometheus for a query that it refuses.
pub(super) fn error_text(body: &[u8]) -> String {
    let answer: Option<Answer> = serde_json::from_slice(body).ok();
    answer
        .and_then(|answer| answer.error)
        .unwrap_or_else(|| "refused without a reason".to_owned())
}

fn limit_series(series: usize) -> Result<(), SeriesError> {
    if series > SERIES_SELECTED_MAX {
        return Err(SeriesError::TooManySeries(
            u64::try_from(series).unwrap_or(u64::MAX),
        ));
    }
    Ok(())
}

fn row(metric: &BTreeMap<String, String>, point: &Point) -> Option<Row> {
    let mut labels = metric.clone();
    labels.remove("__name__");
    Some(Row {
        labels,
        at_s: point.0,
        value: point.1.parse().ok()?,
    })
}

fn table(promql: &str, rows: &[Row], is_range: bool) -> Option<Table> {
    let names: BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| row.labels.keys().map(String::as_str))
        .collect();
    let numbers: &[&str] = if is_range {
        &["at", "value"]
    } else {
        &["value"]
    };
    let shown: Vec<(String, &str)> = names
        .into_iter()
        .map(|name| {
            (
                if numbers.contains(&name) {
                    format!("exported_{name}")
                } else {
                    name.to_owned()
                },
                name,
            )
        })
        .collect();
    let mut columns: Vec<(&str, Option<&str>, Column)> = shown
        .iter()
        .map(|(shown, name)| {
            let texts = rows
                .iter()
                .map(|row| row.labels.get(*name).cloned())
                .collect();
            (shown.as_str(), None, Column::Texts(texts))
        })
        .collect();
    if is_range {
        columns.push((
            "at",
            None,
            Column::Instants(rows.iter().map(|row| nanoseconds(row.at_s)).collect()),
        ));
    }
    columns.push((
        "value",
        None,
        Column::Floats(rows.iter().map(|row| Some(row.value)).collect()),
    ));
    Table::from_columns(promql, columns).ok()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked before"
)]
fn nanoseconds(seconds: f64) -> Option<u64> {
    // Milliseconds first: Prometheus has no finer time, and the product stays exact.
    let ms = (seconds * 1_000.0).round();
    (0.0..1e13).contains(&ms).then(|| ms as u64 * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_model::Scalar;

    #[test]
    fn a_vector_has_its_labels_and_values_without_the_name() {
        let body = br#"{"status":"success","warnings":[],"data":{"resultType":"vector","result":[
            {"metric":{"__name__":"m","a":"1"},"value":[1700000000.5,"2.5"]},
            {"metric":{"value":"x"},"value":[1700000000.5,"NaN"]}]}}"#;
        let table = read("m", body).unwrap();
        let names: Vec<&str> = table
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        assert_eq!(names, ["a", "exported_value", "value"]);
        assert_eq!(
            (table.scalar(0, "value"), table.scalar(1, "a")),
            (Scalar::Float(2.5), Scalar::Null)
        );
        assert!(table.floats("value", 1, 1).unwrap()[0].is_nan());
    }

    #[test]
    fn a_matrix_has_a_row_for_each_point_with_its_time() {
        let body = br#"{"data":{"resultType":"matrix","result":[
            {"metric":{"a":"1"},"values":[[1700000000.123,"1"],[1700000015,"+Inf"]]}]}}"#;
        let table = read("m", body).unwrap();
        assert_eq!(
            table.instants("at", 0, 2).unwrap(),
            [1_700_000_000_123_000_000, 1_700_000_015_000_000_000]
        );
        assert_eq!(table.floats("value", 0, 2).unwrap(), [1.0, f64::INFINITY]);
    }

    #[test]
    fn a_scalar_is_one_row_and_a_text_is_a_wrong_question() {
        let table = read("1", br#"{"data":{"resultType":"scalar","result":[0,"1"]}}"#).unwrap();
        assert_eq!(table.scalar(0, "value"), Scalar::Float(1.0));
        let text = read(
            "'x'",
            br#"{"data":{"resultType":"string","result":[0,"x"]}}"#,
        );
        assert!(matches!(text, Err(SeriesError::InvalidQuery(_))));
    }

    #[test]
    fn answers_of_another_shape_are_unavailable() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"data":{"resultType":"vector","result":[{"metric":{},"value":[0,"x"]}]}}"#,
        ] {
            assert!(
                matches!(read("m", body.as_bytes()), Err(SeriesError::Unavailable(_))),
                "{body}"
            );
        }
    }
}
