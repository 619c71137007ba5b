//! The ticket store: a projection of the journal in SQLite.
