//! How much the host holds of a part of the knowledge, in bytes of text. Each list element adds
//! [`ELEMENT_BYTES`], so that many empty texts are not free.

use operator_model::Scalar;
use operator_model::command::{Part, Step};
use operator_model::knowledge::{
    Attribute, EntityPattern, Matcher, RowTest, Selector, SignalSource, Test,
};

/// What an empty text in a list takes: its length, capacity and pointer.
const ELEMENT_BYTES: usize = 24;

fn texts(texts: &[String]) -> usize {
    texts.iter().map(|text| text.len() + ELEMENT_BYTES).sum()
}

fn scalar(value: &Scalar) -> usize {
    match value {
        Scalar::Text(text) => text.len(),
        _ => 0,
    }
}

fn selector(selector: &Selector) -> usize {
    let matcher = |matcher: &Matcher| {
        let (Matcher::Equals(label, value)
        | Matcher::NotEquals(label, value)
        | Matcher::StartsWith(label, value)) = matcher;
        label.len() + value.len() + 2 * ELEMENT_BYTES
    };
    selector.metric.len() + selector.all_of.iter().map(matcher).sum::<usize>()
}

pub(crate) fn size_of_source(source: &SignalSource) -> usize {
    match source {
        SignalSource::Series {
            selector: series,
            by,
            ..
        }
        | SignalSource::Quantile {
            selector: series,
            by,
            ..
        } => selector(series) + texts(by),
        SignalSource::Column {
            table,
            key_columns,
            value_column,
        } => table.len() + texts(key_columns) + value_column.len(),
    }
}

pub(crate) fn size_of_test(test: &Test) -> usize {
    match test {
        Test::Violated(check) | Test::Holds(check) => check.0.len(),
        Test::SignalDeviates(signal, _) | Test::SignalCompares(signal, _, _) => signal.0.len(),
        Test::RowMatches {
            table,
            key_columns,
            column,
            value,
            ..
        } => table.len() + texts(key_columns) + column.len() + scalar(value),
    }
}

pub(crate) fn size_of_row_test(row: &RowTest) -> usize {
    row.table.len() + texts(&row.key_columns) + row.column.len() + scalar(&row.value)
}

pub(crate) fn size_of_pattern(pattern: &EntityPattern) -> usize {
    let text = match pattern {
        EntityPattern::Suspect => 0,
        EntityPattern::Entity(entity) => entity.0.len(),
        EntityPattern::Neighbours(kind) | EntityPattern::Every(kind) => kind.len(),
        EntityPattern::Attribute { kind, attribute } => kind.len() + attribute.len(),
    };
    text + ELEMENT_BYTES
}

pub(crate) fn size_of_attribute(attribute: &Attribute) -> usize {
    attribute.name.len()
        + attribute.table.len()
        + texts(&attribute.key_columns)
        + attribute.value_column.len()
        + attribute.entity_kind.len()
}

pub(crate) fn size_of_step(step: &Step) -> usize {
    let command = match step {
        Step::Instruction(text) => return text.len(),
        Step::Run(command) => command,
    };
    let part = |part: &Part| {
        let (Part::Literal(text) | Part::Placeholder { name: text, .. } | Part::Blank(text)) = part;
        text.len() + ELEMENT_BYTES
    };
    let arguments = || command.pipeline.iter().flatten();
    let parts: usize = arguments().flatten().map(part).sum();
    let lists = command.pipeline.len() + arguments().count();
    parts + lists * ELEMENT_BYTES + command.note.as_ref().map_or(0, String::len)
}
