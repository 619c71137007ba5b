//! The fingerprint of a table: name, fields and every value, in order.

use super::TableError;
use super::keys::write_cell;
use super::read::Values;
use crate::Table;
use sha2::{Digest, Sha256};

/// Bytes that are collected before they are hashed; the hash is far faster on long inputs.
const CHUNK_BYTES: usize = 64 << 10;

impl Table {
    /// Feeds the table into a hash. Equal tables give equal hashes, regardless of the values under
    /// their nulls.
    ///
    /// # Errors
    /// A column whose type is not that of its field.
    pub fn hash_into(&self, hash: &mut Sha256) -> Result<(), TableError> {
        // Written with lengths before texts, so that no two tables share their bytes.
        hash.update(format!("{:?} {} {:?}", self.name, self.rows, self.fields));
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        for (field, array) in self.fields.iter().zip(&self.columns) {
            let values = Values::of(field, array)?;
            for row in 0..self.rows.min(array.len()) {
                write_cell(&values, row, &mut chunk);
                if chunk.len() >= CHUNK_BYTES {
                    hash.update(&chunk);
                    chunk.clear();
                }
            }
        }
        hash.update(&chunk);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{Column, TableBuilder};
    use crate::{Field, Kind};

    fn digest(table: &Table) -> String {
        let mut hash = Sha256::new();
        table.hash_into(&mut hash).unwrap();
        hex::encode(hash.finalize())
    }

    fn texts(values: &[&str]) -> Table {
        let values = values
            .iter()
            .map(|value| Some((*value).to_owned()))
            .collect();
        Table::from_columns("t", vec![("s", None, Column::Texts(values))]).unwrap()
    }

    #[test]
    fn values_that_only_differ_in_their_borders_have_different_hashes() {
        assert_ne!(digest(&texts(&["ab", "c"])), digest(&texts(&["a", "bc"])));
        assert_eq!(digest(&texts(&["ab", "c"])), digest(&texts(&["ab", "c"])));
    }

    #[test]
    fn what_lies_under_a_null_does_not_count() {
        let build = |hidden: i64| {
            let field = Field {
                name: "n".to_owned(),
                kind: Kind::Integer,
                unit: None,
            };
            let mut builder = TableBuilder::new("t", vec![field]);
            builder.push_integers(0, &[hidden]).unwrap();
            builder.set_validity(0, &[0]).unwrap();
            builder.finish().unwrap()
        };
        assert_eq!(digest(&build(1)), digest(&build(2)));
    }
}
