//! Work that uses resources of the container.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// One write between two syncs.
const BLOCK_BYTES: usize = 1 << 20;

/// The kernel allocates a page of memory when it is written.
const PAGE_BYTES: usize = 4_096;

/// Keeps one CPU busy.
pub(super) fn burn(stop: &AtomicBool) {
    let mut state = 1_u64;
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..10_000 {
            state = std::hint::black_box(
                state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1),
            );
        }
    }
}

/// Allocates memory and keeps it until the process ends.
pub(super) fn hold(bytes: u64) {
    let mut memory = vec![0_u8; usize::try_from(bytes).unwrap_or(usize::MAX)];
    memory
        .iter_mut()
        .step_by(PAGE_BYTES)
        .for_each(|byte| *byte = 1);
    // The process is killed in the end; holding memory is its purpose until then.
    std::mem::forget(std::hint::black_box(memory));
}

/// Writes and syncs, from the start again when the file is long enough, until an error.
pub(super) fn write(path: &Path, bytes_max: u64, stop: &AtomicBool) {
    let block = vec![0x5a_u8; BLOCK_BYTES];
    let Ok(mut file) = std::fs::File::create_new(path) else {
        return;
    };
    while !stop.load(Ordering::Relaxed) {
        let written = file.write_all(&block).and_then(|()| file.sync_data());
        let at = file.stream_position().unwrap_or(u64::MAX);
        if written.is_err() || at >= bytes_max && file.seek(SeekFrom::Start(0)).is_err() {
            break;
        }
    }
    // Undo also deletes it.
    let _ = std::fs::remove_file(path);
}
