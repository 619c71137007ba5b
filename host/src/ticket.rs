//! Stage 6: open, update, resolve, reopen. Journal first, then the store.
