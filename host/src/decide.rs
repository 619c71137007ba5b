//! Stage 5: options and a recommendation.
