//! A heap that does not grow at first: a fresh instance costs the host no `mprotect`, which more than doubles the rate
//! of short checks on two threads. Of the arena only the newest block is ever freed, because the instance ends with its
//! check; what does not fit comes from the usual heap.
#![allow(unsafe_code, reason = "a global allocator hands out raw memory")]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};
use std::alloc::System;

/// Twice what a check of a thousand rows needs.
const BYTES: usize = 1 << 20;

struct Arena {
    bytes: UnsafeCell<[u8; BYTES]>,
    used: Cell<usize>,
}

// A component instance has one thread.
unsafe impl Sync for Arena {}

#[cfg_attr(target_arch = "wasm32", global_allocator)]
static ARENA: Arena = Arena {
    bytes: UnsafeCell::new([0; BYTES]),
    used: Cell::new(0),
};

impl Arena {
    fn base(&self) -> usize {
        self.bytes.get() as usize
    }

    fn holds(&self, block: *mut u8) -> bool {
        (block as usize).wrapping_sub(self.base()) < BYTES
    }

    fn is_newest(&self, block: *mut u8, layout: Layout) -> bool {
        block as usize + layout.size() == self.base() + self.used.get()
    }
}

unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = (self.base() + self.used.get() + layout.align() - 1) & !(layout.align() - 1);
        let end = (start - self.base()).saturating_add(layout.size());
        if end > BYTES {
            // SAFETY: as the caller promises for `layout`.
            return unsafe { System.alloc(layout) };
        }
        self.used.set(end);
        start as *mut u8
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !self.holds(block) {
            // SAFETY: what is not of the arena is of the usual heap.
            unsafe { System.dealloc(block, layout) };
        } else if self.is_newest(block, layout) {
            self.used.set(self.used.get() - layout.size());
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !self.holds(block) {
            // SAFETY: what is not of the arena is of the usual heap.
            return unsafe { System.realloc(block, layout, size) };
        }
        let grown = (block as usize - self.base()).saturating_add(size);
        if self.is_newest(block, layout) && grown <= BYTES {
            self.used.set(grown);
            return block;
        }
        // SAFETY: as the caller promises for `block` and `layout`; the new block is at least as large as what is copied.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                core::ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
            }
            moved
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block, its layout and the byte that it is filled with.
    type Block = (*mut u8, Layout, u8);

    fn filled(size: usize, byte: u8) -> Block {
        let layout = Layout::from_size_align(size, 1 << (byte % 5)).unwrap();
        // SAFETY: the layout has a size, and what was given has that many bytes.
        unsafe {
            let block = ARENA.alloc(layout);
            assert_eq!(block as usize % layout.align(), 0);
            block.write_bytes(byte, size);
            (block, layout, byte)
        }
    }

    fn holds_its_byte((block, layout, byte): Block) -> bool {
        // SAFETY: it was filled with that many bytes.
        unsafe { core::slice::from_raw_parts(block, layout.size()) }
            .iter()
            .all(|held| *held == byte)
    }

    /// One test, because there is one arena: four times as much as it has, in blocks that grow, shrink and go.
    #[test]
    fn blocks_keep_their_bytes_in_the_arena_and_beyond_it() {
        let mut blocks: Vec<Block> = Vec::new();
        for round in 0..4_000_usize {
            let size = 1 + round * 7 % 2_100;
            blocks.push(filled(size, (round % 251) as u8));
            if round % 3 == 0 {
                let (block, layout, byte) = blocks.swap_remove(round * 31 % blocks.len());
                let size = layout.size() * (1 + round % 2) + 1;
                // SAFETY: the block is of this layout and is forgotten here.
                let moved = unsafe { ARENA.realloc(block, layout, size) };
                // SAFETY: the new block has that many bytes.
                unsafe {
                    moved
                        .add(layout.size())
                        .write_bytes(byte, size - layout.size())
                };
                blocks.push((
                    moved,
                    Layout::from_size_align(size, layout.align()).unwrap(),
                    byte,
                ));
            }
            if round % 5 == 0 {
                let (block, layout, byte) = blocks.swap_remove(round * 17 % blocks.len());
                assert!(holds_its_byte((block, layout, byte)));
                // SAFETY: the block is of this layout and is forgotten here.
                unsafe { ARENA.dealloc(block, layout) };
            }
        }
        assert!(blocks.iter().all(|block| holds_its_byte(*block)));
        let beyond = blocks
            .iter()
            .filter(|(block, ..)| !ARENA.holds(*block))
            .count();
        assert!(
            beyond > 0 && beyond < blocks.len(),
            "{beyond} of {}",
            blocks.len()
        );
        let larger = filled(2 * BYTES, 7);
        assert!(!ARENA.holds(larger.0) && holds_its_byte(larger));
    }
}
