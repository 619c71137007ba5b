//! Stage 1: subjects look at the system.
