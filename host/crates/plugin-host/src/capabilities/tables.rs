//! `tables`: reading, building and pushed-down work on columnar tables.

use crate::bindings::tables::tables::{
    Aggregate, Field, Host, HostBuilder, HostTable, JoinPair, Measure, PackedText, SortKey,
    TableError, Term,
};
use crate::read_set::Part;
use crate::resources::{BuilderResource, TableResource};
use crate::state::GuestState;
use operator_data::{Table, tables as own};
use operator_model::Scalar;
use std::sync::Arc;
use wasmtime::component::Resource;

type Handle = Resource<TableResource>;
type Building = Resource<BuilderResource>;
type Answer<T> = wasmtime::Result<Result<T, TableError>>;

impl Host for GuestState {}

impl HostTable for GuestState {
    fn name(&mut self, this: Handle) -> wasmtime::Result<String> {
        Ok(self.table(&this)?.name.clone())
    }

    fn fields(&mut self, this: Handle) -> wasmtime::Result<Vec<Field>> {
        Ok(self
            .read(&this, Part::Fields)?
            .fields
            .iter()
            .cloned()
            .map(Field::from)
            .collect())
    }

    fn rows(&mut self, this: Handle) -> wasmtime::Result<u32> {
        Ok(u32::try_from(self.table(&this)?.rows).unwrap_or(u32::MAX))
    }

    fn floats(&mut self, this: Handle, column: String, start: u32, len: u32) -> Answer<Vec<f64>> {
        Ok(self
            .read(&this, Part::Column(&column))?
            .floats(&column, start, len)
            .map_err(TableError::from))
    }

    fn integers(&mut self, this: Handle, column: String, start: u32, len: u32) -> Answer<Vec<i64>> {
        Ok(self
            .read(&this, Part::Column(&column))?
            .integers(&column, start, len)
            .map_err(TableError::from))
    }

    fn instants(&mut self, this: Handle, column: String, start: u32, len: u32) -> Answer<Vec<u64>> {
        Ok(self
            .read(&this, Part::Column(&column))?
            .instants(&column, start, len)
            .map_err(TableError::from))
    }

    fn booleans(&mut self, this: Handle, column: String, start: u32, len: u32) -> Answer<Vec<u8>> {
        Ok(self
            .read(&this, Part::Column(&column))?
            .booleans(&column, start, len)
            .map_err(TableError::from))
    }

    fn texts(&mut self, this: Handle, column: String, start: u32, len: u32) -> Answer<PackedText> {
        let texts = self
            .read(&this, Part::Column(&column))?
            .texts(&column, start, len)
            .map_err(TableError::from);
        Ok(texts.map(|texts| PackedText {
            text: texts.text,
            ends: texts.ends,
        }))
    }

    fn validity(&mut self, this: Handle, column: String, start: u32, len: u32) -> Answer<Vec<u8>> {
        Ok(self
            .read(&this, Part::Column(&column))?
            .validity(&column, start, len)
            .map_err(TableError::from))
    }

    fn filter(&mut self, this: Handle, all_of: Vec<Term>) -> Answer<Handle> {
        let table = Arc::clone(self.read(&this, Part::Everything)?);
        let terms: Vec<own::Term> = all_of.into_iter().map(own::Term::from).collect();
        self.derive(table.rows.saturating_mul(terms.len().max(1)), || {
            table.filter(&terms)
        })
    }

    fn sort(&mut self, this: Handle, by: Vec<SortKey>) -> Answer<Handle> {
        let by: Vec<(String, bool)> = by
            .into_iter()
            .map(|key| (key.column, key.descending))
            .collect();
        let table = Arc::clone(self.read(&this, Part::Everything)?);
        self.derive(table.rows.saturating_mul(by.len().max(1)), || {
            table.sort(&by)
        })
    }

    fn group(&mut self, this: Handle, by: Vec<String>, measures: Vec<Measure>) -> Answer<Handle> {
        let table = Arc::clone(self.read(&this, Part::Everything)?);
        let measures = measures.into_iter().map(measure);
        let measures: Vec<own::Measure> = match measures.collect() {
            Ok(measures) => measures,
            Err(error) => return Ok(Err(error)),
        };
        self.derive(table.rows.saturating_mul(by.len() + measures.len()), || {
            table.group(&by, &measures)
        })
    }

    fn join(&mut self, this: Handle, other: Handle, on: Vec<JoinPair>) -> Answer<Handle> {
        let on: Vec<(String, String)> =
            on.into_iter().map(|pair| (pair.left, pair.right)).collect();
        let table = Arc::clone(self.read(&this, Part::Everything)?);
        let other = Arc::clone(self.read(&other, Part::Everything)?);
        self.derive(
            (table.rows + other.rows).saturating_mul(on.len().max(1)),
            || table.join(&other, &on),
        )
    }

    fn drop(&mut self, this: Handle) -> wasmtime::Result<()> {
        let dropped = self.resources.delete(this)?;
        self.refund(dropped.charged_bytes);
        Ok(())
    }
}

impl HostBuilder for GuestState {
    fn new(&mut self, name: String, fields: Vec<Field>) -> wasmtime::Result<Building> {
        let fields = fields.into_iter().map(operator_data::Field::from).collect();
        let builder = own::TableBuilder::new(name, fields);
        Ok(self.resources.push(BuilderResource {
            builder,
            charged_bytes: 0,
        })?)
    }

    fn push_floats(&mut self, this: Building, column: u32, values: Vec<f64>) -> Answer<()> {
        self.push(&this, size_of_val(&*values), |builder| {
            builder.push_floats(column as usize, &values)
        })
    }

    fn push_integers(&mut self, this: Building, column: u32, values: Vec<i64>) -> Answer<()> {
        self.push(&this, size_of_val(&*values), |builder| {
            builder.push_integers(column as usize, &values)
        })
    }

    fn push_instants(&mut self, this: Building, column: u32, values: Vec<u64>) -> Answer<()> {
        self.push(&this, size_of_val(&*values), |builder| {
            builder.push_instants(column as usize, &values)
        })
    }

    fn push_booleans(&mut self, this: Building, column: u32, values: Vec<u8>) -> Answer<()> {
        self.push(&this, values.len(), |builder| {
            builder.push_booleans(column as usize, &values)
        })
    }

    fn push_texts(&mut self, this: Building, column: u32, values: PackedText) -> Answer<()> {
        let values = own::PackedText {
            text: values.text,
            ends: values.ends,
        };
        let bytes = values.text.len() + size_of_val(&*values.ends);
        self.push(&this, bytes, |builder| {
            builder.push_texts(column as usize, &values)
        })
    }

    fn set_validity(&mut self, this: Building, column: u32, present: Vec<u8>) -> Answer<()> {
        self.push(&this, present.len(), |builder| {
            builder.set_validity(column as usize, &present)
        })
    }

    fn finish(&mut self, this: Building) -> Answer<Handle> {
        let BuilderResource {
            builder,
            charged_bytes,
        } = self.resources.delete(this)?;
        match builder.finish() {
            Ok(table) => {
                let table = TableResource {
                    table: Arc::new(table),
                    charged_bytes,
                    place: None,
                };
                Ok(Ok(self.resources.push(table)?))
            }
            Err(error) => {
                self.refund(charged_bytes);
                Ok(Err(error.into()))
            }
        }
    }

    fn drop(&mut self, this: Building) -> wasmtime::Result<()> {
        let dropped = self.resources.delete(this)?;
        self.refund(dropped.charged_bytes);
        Ok(())
    }
}

impl GuestState {
    fn table(&self, handle: &Handle) -> wasmtime::Result<&Arc<Table>> {
        Ok(&self.resources.get(handle)?.table)
    }

    /// The table, of which this part is about to be read.
    fn read(&mut self, handle: &Handle, part: Part<'_>) -> wasmtime::Result<&Arc<Table>> {
        let resource = self.resources.get(handle)?;
        if let (Some(reads), Some(place)) = (&mut self.reads, resource.place) {
            reads.part(place, &resource.table, part);
        }
        Ok(&resource.table)
    }

    /// A table computed by the host, within its bounds of work and of memory.
    fn derive(
        &mut self,
        rows: usize,
        compute: impl FnOnce() -> Result<Table, own::TableError>,
    ) -> Answer<Handle> {
        match self.work(rows).and_then(|()| compute()) {
            Ok(table) => Ok(self.hold(Arc::new(table))?.map_err(TableError::from)),
            Err(error) => Ok(Err(error.into())),
        }
    }

    fn push(
        &mut self,
        this: &Building,
        bytes: usize,
        push: impl FnOnce(&mut own::TableBuilder) -> Result<(), own::TableError>,
    ) -> Answer<()> {
        if let Err(error) = self.charge(bytes) {
            return Ok(Err(error.into()));
        }
        let building = self.resources.get_mut(this)?;
        building.charged_bytes += bytes;
        Ok(push(&mut building.builder).map_err(TableError::from))
    }
}

impl From<Term> for own::Term {
    fn from(term: Term) -> Self {
        Self {
            column: term.column,
            comparison: term.comparison.into(),
            value: Scalar::from(term.value),
        }
    }
}

fn measure(measure: Measure) -> Result<own::Measure, TableError> {
    Ok(own::Measure {
        column: measure.column,
        aggregate: aggregate(measure.aggregate)?,
        name: measure.name,
    })
}

fn aggregate(aggregate: Aggregate) -> Result<own::Aggregate, TableError> {
    Ok(match aggregate {
        Aggregate::Count => own::Aggregate::Count,
        Aggregate::Sum => own::Aggregate::Sum,
        Aggregate::Min => own::Aggregate::Min,
        Aggregate::Max => own::Aggregate::Max,
        Aggregate::Mean => own::Aggregate::Mean,
        Aggregate::First => own::Aggregate::First,
        Aggregate::Last => own::Aggregate::Last,
        Aggregate::Median => own::Aggregate::Median,
        Aggregate::Other(name) => {
            return Err(TableError::Other(format!(
                "this host has no aggregate {name:?}"
            )));
        }
    })
}
