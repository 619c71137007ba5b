//! The append-only, hash-chained decision log.
