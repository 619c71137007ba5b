//! What `operator run` prints: one typed record for each thing that happens.
