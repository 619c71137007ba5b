//! A CSV file as columns of numbers.

use super::{FormatError, content};
use std::path::Path;

/// A CSV file: header rows, then data rows.
pub(super) struct Table {
    /// Header rows, without the first cell of each.
    pub(super) heads: Vec<Vec<String>>,
    /// First cells of the data rows.
    pub(super) keys: Vec<String>,
    /// The other cells by column; not a number where a cell is empty.
    pub(super) columns: Vec<Vec<f64>>,
}

/// Larger files are no metrics of a case.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// Reads a file with so many header rows. Rows without any number are left out.
pub(super) fn read(path: &Path, head_rows: usize) -> Result<Table, FormatError> {
    let io = |source| FormatError::Io {
        path: path.to_owned(),
        source,
    };
    let size = std::fs::metadata(path).map_err(io)?.len();
    if size > FILE_BYTES_MAX {
        let why = format!("the file has {size} bytes; the limit is {FILE_BYTES_MAX}");
        return Err(content(path, why));
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_path(path)
        .map_err(|error| content(path, error))?;
    let mut heads: Vec<Vec<String>> = Vec::new();
    let mut keys = Vec::new();
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for (number, row) in (1_usize..).zip(reader.records()) {
        let row = row.map_err(|error| content(path, format!("line {number}: {error}")))?;
        if heads.len() < head_rows {
            heads.push(row.iter().skip(1).map(str::to_owned).collect());
            columns.resize_with(heads.first().map_or(0, Vec::len), Vec::new);
            continue;
        }
        let numbers = numbers(&row, columns.len())
            .map_err(|cell| content(path, format!("line {number}: {cell:?} is not a number")))?;
        if numbers.iter().all(|number| number.is_nan()) {
            continue;
        }
        keys.push(row.get(0).unwrap_or_default().to_owned());
        for (column, number) in columns.iter_mut().zip(numbers) {
            column.push(number);
        }
    }
    if heads.len() < head_rows {
        return Err(content(path, format!("{head_rows} header rows expected")));
    }
    Ok(Table {
        heads,
        keys,
        columns,
    })
}

fn numbers(row: &csv::StringRecord, columns: usize) -> Result<Vec<f64>, String> {
    let cell = |place: usize| match row.get(place + 1).map(str::trim) {
        None | Some("") => Ok(f64::NAN),
        Some(text) => text.parse::<f64>().or_else(|_| {
            // Some columns hold text, such as names of pods; a broken number begins with a digit or a sign.
            let is_text = !text.starts_with(|first: char| first.is_ascii_digit() || first == '-');
            if is_text {
                Ok(f64::NAN)
            } else {
                Err(text.to_owned())
            }
        }),
    };
    (0..columns).map(cell).collect()
}
