//! Tables as cases write them: columns with kind and unit, rows in which a missing value is a null.

use anyhow::{Context, Result, bail, ensure};
use operator_data::Table;
use operator_data::tables::Column;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Value;

/// `columns = ["node text", "free_ratio float 1"]`, `rows = [{ node = "a", free_ratio = 0.1 }, { node = "b" }]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// Name, kind and, where it has one, unit.
    columns: Vec<String>,
    rows: Vec<BTreeMap<String, Value>>,
}

impl Written {
    pub(super) fn build(&self, name: &str) -> Result<Table> {
        let mut columns = Vec::new();
        for text in &self.columns {
            let (name, kind, unit) = described(text)?;
            columns.push((name, unit, self.column(name, kind)?));
        }
        let known = |column: &str| columns.iter().any(|(name, _, _)| *name == column);
        for (row, cells) in self.rows.iter().enumerate() {
            let unknown = cells.keys().find(|column| !known(column));
            ensure!(
                unknown.is_none(),
                "row {row} has a value for {unknown:?}, which is no column"
            );
        }
        Ok(Table::from_columns(name, columns)?)
    }

    fn column(&self, name: &str, kind: &str) -> Result<Column> {
        let rows = self.rows.iter().map(|row| row.get(name));
        Ok(match kind {
            "text" => Column::Texts(values(rows, name, |value| {
                value.as_str().map(str::to_owned)
            })?),
            "float" => Column::Floats(values(rows, name, as_float)?),
            "integer" => Column::Integers(values(rows, name, Value::as_integer)?),
            "boolean" => Column::Booleans(values(rows, name, Value::as_bool)?),
            "instant" => Column::Instants(values(rows, name, |value| {
                u64::try_from(value.as_integer()?).ok()
            })?),
            other => bail!(
                "column {name}: no kind {other}; known are text, float, integer, boolean, instant"
            ),
        })
    }
}

fn described(text: &str) -> Result<(&str, &str, Option<&str>)> {
    let mut words = text.split_whitespace();
    let name = words.next().context("a column without a name")?;
    let kind = words
        .next()
        .with_context(|| format!("column {name}: write its kind behind its name"))?;
    Ok((name, kind, words.next()))
}

fn values<'a, T>(
    rows: impl Iterator<Item = Option<&'a Value>>,
    column: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<Option<T>>> {
    let value = |(row, written): (usize, Option<&Value>)| match written {
        None => Ok(None),
        Some(written) => {
            let value = read(written);
            value
                .map(Some)
                .with_context(|| format!("row {row}: {written} does not fit column {column}"))
        }
    };
    rows.enumerate().map(value).collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "who writes a whole number into a float column means the nearest float"
)]
fn as_float(value: &Value) -> Option<f64> {
    value
        .as_float()
        .or_else(|| value.as_integer().map(|integer| integer as f64))
}
