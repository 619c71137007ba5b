//! Answers as rows, within a budget of tokens.

use operator_model::quantity::escape;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A token is about four characters of English, and fewer of JSON; three are safe.
const CHARS_PER_TOKEN: usize = 3;

/// Longest text of the observed system in one cell, in characters.
const OBSERVED_CHARS_MAX: usize = 300;

/// Longest id that is shown as it is, in characters.
const ID_CHARS_MAX: usize = 120;

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// Names of the columns.
    pub columns: Vec<&'static str>,
    /// Cells.
    pub rows: Vec<Vec<Value>>,
    /// Rows that there are in all.
    pub total: usize,
    /// Pass this as `cursor` for the next rows; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl Answer {
    /// The rows from the cursor on that fit into the budget; at least one.
    #[must_use]
    pub fn within(
        columns: &[&'static str],
        rows: Vec<Vec<Value>>,
        from: usize,
        tokens_max: usize,
    ) -> Self {
        let total = rows.len();
        let mut left = tokens_max.saturating_mul(CHARS_PER_TOKEN);
        let mut kept = Vec::new();
        for row in rows.into_iter().skip(from) {
            // Every row is told twice: as CSV and as structured content.
            let size = 2 * row
                .iter()
                .map(|cell| cell.to_string().len() + 1)
                .sum::<usize>();
            if size > left && !kept.is_empty() {
                break;
            }
            left = left.saturating_sub(size);
            kept.push(row);
        }
        let next = from + kept.len();
        Self {
            columns: columns.to_vec(),
            rows: kept,
            total,
            next_cursor: (next < total).then(|| next.to_string()),
        }
    }

    /// The rows as CSV, for a model to read.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut text = self.columns.join(",");
        text.push('\n');
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(cell).collect();
            text.push_str(&cells.join(","));
            text.push('\n');
        }
        if let Some(cursor) = &self.next_cursor {
            text.push_str(&format!(
                "({} of {} rows; next cursor {cursor})\n",
                self.rows.len(),
                self.total
            ));
        }
        text
    }
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// Text that the observed system may have written: cut and escaped, for a column `observed_text` only.
pub(crate) fn observed(text: &str) -> Value {
    Value::String(escape(text, OBSERVED_CHARS_MAX))
}

/// An id. What is not made of the characters of ids is replaced by a digest: it could be a sentence.
pub(crate) fn id(text: &str) -> Value {
    let is_id = !text.is_empty()
        && text.chars().count() <= ID_CHARS_MAX
        && text
            .chars()
            .all(|one| one.is_ascii_alphanumeric() || "._:/@-".contains(one));
    if is_id {
        return Value::String(text.to_owned());
    }
    let digest = hex::encode(Sha256::digest(text.as_bytes()));
    Value::String(format!("sha256:{}", digest.get(..16).unwrap_or_default()))
}
