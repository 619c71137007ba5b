//! Bytes that were cut, flipped, spliced or made up.

use super::Case;
use crate::guest::{one_check, passes};
use std::path::{Path, PathBuf};

/// How many of each kind.
const CUTS: usize = 40;
const FLIPS: u64 = 60;
const MADE_UP: usize = 80;

pub(super) fn cases() -> Vec<Case> {
    [cut(), flipped(), spliced(), made_up()]
        .into_iter()
        .flatten()
        .collect()
}

/// A module that does nothing wrong.
fn valid() -> Vec<u8> {
    one_check(passes("ok"))
}

/// Pseudo-random bytes, the same on every machine (xorshift64*).
fn seeded(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()[7]
    };
    (0..length).map(|_| next()).collect()
}

fn cut() -> Vec<Case> {
    let whole = valid();
    let cut_at = |part: usize| whole.len() * part / CUTS;
    (0..CUTS)
        .map(|part| {
            Case::check(
                format!("cut after {part}/{CUTS}"),
                whole[..cut_at(part)].to_vec(),
            )
        })
        .collect()
}

fn flipped() -> Vec<Case> {
    (0..FLIPS)
        .map(|seed| {
            let mut bytes = valid();
            for pair in seeded(seed, 16).chunks(4) {
                let place = usize::from(pair[0]) << 8 | usize::from(pair[1]);
                let place = 8 + place % (bytes.len() - 8);
                bytes[place] ^= pair[2] | 1;
            }
            Case::check(format!("flipped bits, seed {seed}"), bytes)
        })
        .collect()
}

fn spliced() -> Vec<Case> {
    let whole = valid();
    let header = [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];
    let custom = |size: &[u8]| [&whole[..], &[0][..], size, &b"\x04name"[..]].concat();
    vec![
        Case::check("nothing", Vec::new()),
        Case::check("the magic number", header[..4].to_vec()),
        Case::check("a header", header.to_vec()),
        Case::check("a core header", vec![0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
        Case::check(
            "a header of another version",
            vec![0, 0x61, 0x73, 0x6d, 0x0e, 0, 1, 0],
        ),
        Case::check("twice itself", [&whole[..], &whole[..]].concat()),
        Case::check("itself behind a header", [&header[..], &whole[..]].concat()),
        Case::check(
            "a section of 4 GiB",
            [&header[..], &[1, 0xff, 0xff, 0xff, 0xff, 0x0f][..]].concat(),
        ),
        Case::check(
            "a section of a negative size",
            [&header[..], &[1, 0x80, 0x80, 0x80, 0x80, 0x80][..]].concat(),
        ),
        Case::check("an unknown section", [&whole[..], &[0x7f, 0][..]].concat()),
        Case::check(
            "a custom section behind the end",
            custom(&[0xff, 0xff, 0x03]),
        ),
        Case::check("ELF", b"\x7fELF\x02\x01\x01\0".to_vec()),
        Case::check(
            "a compiled artifact of another tool",
            [&b"\x7fELF\x02\x01\x01\xc8"[..], &[0; 200][..]].concat(),
        ),
        Case::check("a script", b"#!/bin/sh\nexit 1\n".to_vec()),
        Case::check("text", b"(component)".to_vec()),
        Case::check("a megabyte of zeros", vec![0; 1 << 20]),
        Case::check("a megabyte of noise", seeded(1, 1 << 20)),
        Case::check(
            "a header and noise",
            [&header[..], &seeded(2, 4_096)].concat(),
        ),
    ]
}

/// What wasm-smith made of pseudo-random bytes; `testdata/hostile/README.md` says how.
fn made_up() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../testdata/hostile");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "wasm")
    });
    files.sort();
    assert!(files.len() >= MADE_UP, "{} files", files.len());
    let label = |file: &Path| format!("made up: {}", file.file_stem().unwrap().display());
    files
        .iter()
        .map(|file| Case::check(label(file), std::fs::read(file).unwrap()))
        .collect()
}
