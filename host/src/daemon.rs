//! `operator run`: ticks until stopped.
