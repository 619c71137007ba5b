//! Stage 2: what was seen is frozen and hashed.
