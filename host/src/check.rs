//! Stage 3: checks judge the snapshot.
