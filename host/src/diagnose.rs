//! Stage 4: one incident per cause, hypotheses weighed.
