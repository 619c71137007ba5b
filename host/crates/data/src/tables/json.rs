//! Tables as JSON, for recordings and for people. Floats that JSON has no word for, or that a
//! reader of JSON may round, are written as texts; a null is a value that was not observed.

use super::read::Values;
use super::{Column, TableError};
use crate::{Field, Kind, Table};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableJson {
    name: String,
    rows: usize,
    columns: Vec<ColumnJson>,
}

#[derive(Serialize, Deserialize)]
struct ColumnJson {
    #[serde(flatten)]
    field: Field,
    values: Vec<Value>,
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let columns = self
            .fields
            .iter()
            .zip(&self.columns)
            .map(|(field, array)| {
                Ok(ColumnJson {
                    field: field.clone(),
                    values: values(&Values::of(field, array)?),
                })
            })
            .collect::<Result<_, TableError>>()
            .map_err(S::Error::custom)?;
        TableJson {
            name: self.name.clone(),
            rows: self.rows,
            columns,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let json = TableJson::deserialize(deserializer)?;
        let mut columns = Vec::with_capacity(json.columns.len());
        for column in &json.columns {
            let values = read_column(column.field.kind, &column.values).ok_or_else(|| {
                D::Error::custom(format!(
                    "column {:?} has a value of another kind",
                    column.field.name
                ))
            })?;
            columns.push((
                column.field.name.as_str(),
                column.field.unit.as_deref(),
                values,
            ));
        }
        Self::from_columns(&json.name, columns).map_err(D::Error::custom)
    }
}

fn values(column: &Values<'_>) -> Vec<Value> {
    match column {
        Values::Booleans(values) => values.iter().map(Value::from).collect(),
        Values::Integers(values) => values.iter().map(Value::from).collect(),
        Values::Instants(values) => values.iter().map(Value::from).collect(),
        Values::Texts(values) => values.iter().map(Value::from).collect(),
        Values::Floats(values) => values
            .iter()
            .map(|value| value.map_or(Value::Null, float))
            .collect(),
    }
}

/// Whole numbers below this survive every reader of JSON.
const EXACT_MAX: f64 = 1e15;

fn float(value: f64) -> Value {
    if value.is_nan() {
        Value::from("NaN")
    } else if value.is_infinite() {
        Value::from(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else if value.fract() == 0.0 && value.abs() < EXACT_MAX {
        Value::from(value)
    } else {
        Value::from(value.to_string())
    }
}

fn read_float(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "+Inf" => Some(f64::INFINITY),
            "-Inf" => Some(f64::NEG_INFINITY),
            text => text.parse().ok(),
        },
        other => other.as_f64(),
    }
}

/// `None` when a value is of another kind.
fn read_column(kind: Kind, values: &[Value]) -> Option<Column> {
    fn each<T>(values: &[Value], read: impl Fn(&Value) -> Option<T>) -> Option<Vec<Option<T>>> {
        values
            .iter()
            .map(|value| {
                if value.is_null() {
                    Some(None)
                } else {
                    read(value).map(Some)
                }
            })
            .collect()
    }
    Some(match kind {
        Kind::Boolean => Column::Booleans(each(values, Value::as_bool)?),
        Kind::Integer => Column::Integers(each(values, Value::as_i64)?),
        Kind::Float => Column::Floats(each(values, read_float)?),
        Kind::Text => Column::Texts(each(values, |value| value.as_str().map(str::to_owned))?),
        Kind::Instant => Column::Instants(each(values, Value::as_u64)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_survives_json_with_every_kind_nulls_and_strange_floats() {
        let table = Table::from_columns(
            "t",
            vec![
                ("b", None, Column::Booleans(vec![Some(true), None, None])),
                (
                    "n",
                    None,
                    Column::Integers(vec![Some(i64::MIN), None, Some(9_007_199_254_740_993)]),
                ),
                (
                    "f",
                    Some("s"),
                    Column::Floats(vec![Some(f64::NAN), Some(0.1 + 0.2), None]),
                ),
                (
                    "s",
                    None,
                    Column::Texts(vec![Some("ä\n".to_owned()), None, Some(String::new())]),
                ),
                (
                    "t",
                    None,
                    Column::Instants(vec![Some(u64::MAX), None, Some(0)]),
                ),
            ],
        )
        .unwrap();
        let text = serde_json::to_string(&table).unwrap();
        let back: Table = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
        assert_eq!(back.scalar(2, "n"), table.scalar(2, "n"));
        assert_eq!(back.fields, table.fields);
    }

    #[test]
    fn a_value_of_another_kind_is_refused() {
        let text = r#"{"name":"t","rows":1,"columns":[{"name":"n","kind":"integer","unit":null,"values":["1"]}]}"#;
        assert!(
            serde_json::from_str::<Table>(text)
                .unwrap_err()
                .to_string()
                .contains("another kind")
        );
    }
}
