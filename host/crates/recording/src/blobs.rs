//! Texts that are written once and named by their content. Both sides forget what was not named for
//! a while, at the same tick, so neither needs more memory than that while lasts.

use super::line::{Line, Writer};
use operator_data::Table;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// Ticks after which an unreferenced text is forgotten, and written again if it comes back.
const KEPT_TICKS: u64 = 64;

/// Hex digits of an id: 128 bits.
const ID_DIGITS: usize = 32;

/// What the writer has written lately.
#[derive(Default)]
pub(super) struct WrittenBlobs {
    last_named: BTreeMap<String, u64>,
    tick: u64,
}

impl WrittenBlobs {
    /// Names a text; writes it if the reader does not have it.
    pub(super) fn name(&mut self, writer: &mut Writer, text: &str) -> std::io::Result<String> {
        let id = id_of(&Sha256::digest(text));
        self.name_as(writer, id, || Ok(text.to_owned()))
    }

    /// Names a table by its values; makes a text of it only if the reader does not have it.
    pub(super) fn name_table(
        &mut self,
        writer: &mut Writer,
        table: &Table,
    ) -> std::io::Result<String> {
        let mut hash = Sha256::new();
        table.hash_into(&mut hash).map_err(std::io::Error::other)?;
        let id = id_of(&hash.finalize());
        self.name_as(writer, id, || {
            serde_json::to_string(table).map_err(std::io::Error::other)
        })
    }

    /// The tick is over.
    pub(super) fn end_tick(&mut self) {
        let tick = self.tick;
        self.last_named
            .retain(|_, named| *named + KEPT_TICKS > tick);
        self.tick += 1;
    }

    fn name_as(
        &mut self,
        writer: &mut Writer,
        id: String,
        text: impl FnOnce() -> std::io::Result<String>,
    ) -> std::io::Result<String> {
        if self.last_named.insert(id.clone(), self.tick).is_none() {
            writer.put(&Line::Blob {
                id: id.clone(),
                text: text()?,
            })?;
        }
        Ok(id)
    }
}

/// What the reader has read lately.
#[derive(Default)]
pub(super) struct ReadBlobs {
    blobs: BTreeMap<String, Blob>,
    tick: u64,
}

struct Blob {
    text: Arc<str>,
    table: OnceLock<Arc<Table>>,
    last_named: u64,
}

impl ReadBlobs {
    pub(super) fn learn(&mut self, id: String, text: String) {
        let blob = Blob {
            text: text.into(),
            table: OnceLock::new(),
            last_named: self.tick,
        };
        self.blobs.insert(id, blob);
    }

    /// The text of this name.
    pub(super) fn text(&mut self, id: &str) -> Result<Arc<str>, String> {
        Ok(Arc::clone(&self.find(id)?.text))
    }

    /// The table of this name.
    pub(super) fn table(&mut self, id: &str) -> Result<Arc<Table>, String> {
        let blob = self.find(id)?;
        if let Some(table) = blob.table.get() {
            return Ok(Arc::clone(table));
        }
        let table: Table = serde_json::from_str(&blob.text)
            .map_err(|error| format!("{id} is no table: {error}"))?;
        Ok(Arc::clone(blob.table.get_or_init(|| Arc::new(table))))
    }

    /// The tick is over.
    pub(super) fn end_tick(&mut self) {
        let tick = self.tick;
        self.blobs
            .retain(|_, blob| blob.last_named + KEPT_TICKS > tick);
        self.tick += 1;
    }

    fn find(&mut self, id: &str) -> Result<&Blob, String> {
        let blob = self
            .blobs
            .get_mut(id)
            .ok_or_else(|| format!("it names {id}, which is not in the file before it"))?;
        blob.last_named = self.tick;
        Ok(blob)
    }
}

fn id_of(hash: &[u8]) -> String {
    let mut id = hex::encode(hash);
    id.truncate(ID_DIGITS);
    id
}
