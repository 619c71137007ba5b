//! Inner join on equal columns.

use super::keys::RowKeys;
use super::select::take_columns;
use super::{ROWS_MAX, TableError, too_large};
use crate::{Field, Table};
use arrow_array::UInt32Array;
use std::collections::HashMap;

impl Table {
    /// Pairs of rows whose columns are equal, in the order of `self` and then of `other`. A null is
    /// equal to nothing. Columns of `other` that clash get the suffix `_2`.
    ///
    /// # Errors
    /// No such column, columns of different kinds, or more rows than a table may have.
    pub fn join(&self, other: &Self, on: &[(String, String)]) -> Result<Self, TableError> {
        self.check_kinds(other, on)?;
        let (left, right) = self.matches(other, on)?;
        let rows = left.len();
        let mut columns = take_columns(&self.columns, &UInt32Array::from(left))?;
        columns.extend(take_columns(&other.columns, &UInt32Array::from(right))?);
        let mut fields = self.fields.clone();
        fields.extend(other.fields.iter().map(|field| self.renamed(field)));
        Self::from_arrays(&self.name, fields, columns, rows)
    }

    fn check_kinds(&self, other: &Self, on: &[(String, String)]) -> Result<(), TableError> {
        for (mine, theirs) in on {
            if self.field(mine)?.kind != other.field(theirs)?.kind {
                return Err(TableError::WrongKind(other.field(theirs)?.kind));
            }
        }
        Ok(())
    }

    fn matches(
        &self,
        other: &Self,
        on: &[(String, String)],
    ) -> Result<(Vec<u32>, Vec<u32>), TableError> {
        let mine = RowKeys::of(
            self,
            &on.iter().map(|(mine, _)| mine.as_str()).collect::<Vec<_>>(),
        )?;
        let theirs = RowKeys::of(
            other,
            &on.iter()
                .map(|(_, theirs)| theirs.as_str())
                .collect::<Vec<_>>(),
        )?;
        let mut index: HashMap<Vec<u8>, Vec<u32>> = HashMap::new();
        for (row, position) in (0..other.rows)
            .zip(0_u32..)
            .filter(|(row, _)| !theirs.has_null(*row))
        {
            index.entry(theirs.key(row)).or_default().push(position);
        }
        let mut left = Vec::new();
        let mut right = Vec::new();
        for (row, position) in (0..self.rows)
            .zip(0_u32..)
            .filter(|(row, _)| !mine.has_null(*row))
        {
            let Some(found) = index.get(&mine.key(row)) else {
                continue;
            };
            if left.len() + found.len() > ROWS_MAX {
                return Err(too_large(ROWS_MAX));
            }
            left.extend(std::iter::repeat_n(position, found.len()));
            right.extend_from_slice(found);
        }
        Ok((left, right))
    }

    fn renamed(&self, field: &Field) -> Field {
        let mut field = field.clone();
        if self.column_index(&field.name).is_some() {
            field.name.push_str("_2");
        }
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use crate::tables::Column;
    use operator_model::Scalar;

    fn table(keys: &[Option<&str>], values: &[i64]) -> Table {
        let keys = keys.iter().map(|key| key.map(str::to_owned)).collect();
        let values = values.iter().map(|value| Some(*value)).collect();
        Table::from_columns(
            "t",
            vec![
                ("k", None, Column::Texts(keys)),
                ("v", None, Column::Integers(values)),
            ],
        )
        .unwrap()
    }

    fn on(mine: &str, theirs: &str) -> Vec<(String, String)> {
        vec![(mine.to_owned(), theirs.to_owned())]
    }

    #[test]
    fn rows_pair_on_equal_keys_and_nulls_pair_with_nothing() {
        let left = table(&[Some("a"), None, Some("b"), Some("c")], &[1, 2, 3, 4]);
        let right = table(&[Some("b"), Some("a"), None, Some("b")], &[10, 20, 30, 40]);
        let joined = left.join(&right, &on("k", "k")).unwrap();
        assert_eq!(joined.integers("v", 0, 3).unwrap(), [1, 3, 3]);
        assert_eq!(joined.integers("v_2", 0, 3).unwrap(), [20, 10, 40]);
        assert_eq!(joined.scalar(2, "k_2"), Scalar::Text("b".to_owned()));
    }

    #[test]
    fn keys_of_different_kinds_are_an_error() {
        let both = table(&[Some("a")], &[1]);
        assert_eq!(
            both.join(&both, &on("k", "v")).unwrap_err(),
            TableError::WrongKind(Kind::Integer)
        );
    }

    #[test]
    fn a_product_that_is_too_large_is_refused_before_it_is_made() {
        let many = table(&vec![Some("a"); 2_100], &vec![1; 2_100]);
        assert_eq!(
            many.join(&many, &on("k", "k")).unwrap_err(),
            TableError::TooLarge(4_000_000)
        );
    }
}
