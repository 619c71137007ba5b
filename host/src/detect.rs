//! Stage 3, beside the checks: the signals that leave their learned baseline.
