//! Every claim is checked against the recorded evidence before anyone reads it.
