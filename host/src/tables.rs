//! Operations on [`crate::model::Table`]: building, reading windows, filter, sort, group, join.
