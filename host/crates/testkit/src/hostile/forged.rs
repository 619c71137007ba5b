//! Results whose pointers, lengths, tags and texts are forged.

use super::Case;
use crate::guest::{Guest, OutcomeParts, declares, entity_set, one_check, outcome, subject};

/// Numbers that a careless host would follow: outside of the memory, at its edge, misaligned, huge.
const NUMBERS: [u32; 5] = [0xffff_ffff, 0x7fff_ffff, 0x0004_0000, 0x0003_ffff, 3];

/// Words of an outcome, of a declaration and of an observation, each with its tag in front.
const OUTCOME_WORDS: usize = 11;
const DECLARATION_WORDS: usize = 9;
const OBSERVATION_WORDS: usize = 11;

/// Byte sequences that are not UTF-8.
const WRONG_TEXTS: [&[u8]; 12] = [
    b"\xff",
    b"\xfe\xff",
    b"\x80",
    b"a\xc3",
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xe0\x80\xaf",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xf0\x80\x80\xaf",
    b"\xf4\x90\x80\x80",
    b"\xf8\x88\x80\x80\x80",
];

/// Texts that are UTF-8 and meant for a terminal, a log or a reader.
const NASTY_TEXTS: [&str; 10] = [
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "ok\n2026-01-01T00:00:00Z ERROR forged line",
    "\u{202e}drawkcab",
    "\u{0}",
    "\r\r\r",
    "{\"status\":\"pass\"}",
    "\u{feff}\u{200b}\u{2028}",
    "%s%s%s%n",
    "../../etc/passwd",
    "$(reboot)",
];

pub(super) fn cases() -> Vec<Case> {
    [
        outcomes(),
        declarations(),
        observations(),
        return_pointers(),
        texts(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn outcomes() -> Vec<Case> {
    (0..OUTCOME_WORDS)
        .flat_map(|word| NUMBERS.map(|number| (word, number)))
        .map(|(word, number)| {
            let bytes = one_check(|guest| {
                let reason = guest.text("r");
                let mut words = [0, 0, reason[0], reason[1], 0, 0, 0, 0, 0, 0, 0];
                words[word] = number;
                format!("(i32.const {})", guest.words(&words))
            });
            Case::check(format!("outcome word {word} is {number:#x}"), bytes)
        })
        .collect()
}

fn declarations() -> Vec<Case> {
    (0..DECLARATION_WORDS)
        .flat_map(|word| NUMBERS.map(|number| (word, number)))
        .map(|(word, number)| {
            // The words lie at the beginning of the scratch memory, where `declares` has no data.
            let mut words = [0; DECLARATION_WORDS];
            words[word] = number;
            let stores: String = words
                .iter()
                .enumerate()
                .map(|(at, value)| {
                    format!(
                        "(i32.store (i32.const {}) (i32.const {value:#x}))",
                        64 + 4 * at
                    )
                })
                .collect();
            Case::check(
                format!("declaration word {word} is {number:#x}"),
                declares(&format!("{stores} (i32.const 64)")),
            )
        })
        .collect()
}

fn observations() -> Vec<Case> {
    (0..OBSERVATION_WORDS)
        .flat_map(|word| NUMBERS.map(|number| (word, number)))
        .map(|(word, number)| {
            let guest = subject(|guest| {
                let system = guest.text("s");
                let mut words = [0, system[0], system[1], 0, 0, 0, 0, 0, 0, 0, 0];
                words[word] = number;
                format!("(i32.const {})", guest.words(&words))
            });
            Case::subject(
                format!("observation word {word} is {number:#x}"),
                guest.component(),
            )
        })
        .collect()
}

fn return_pointers() -> Vec<Case> {
    let pointers = NUMBERS.into_iter().chain([1, 2, 5, 6, 7, 0x0003_fffc]);
    pointers
        .map(|pointer| {
            let bytes = one_check(|_: &mut Guest| format!("(i32.const {pointer:#x})"));
            Case::check(format!("the outcome lies at {pointer:#x}"), bytes)
        })
        .collect()
}

fn texts() -> Vec<Case> {
    let wrong = WRONG_TEXTS.iter().map(|text| text.to_vec());
    let nasty = NASTY_TEXTS.iter().map(|text| text.as_bytes().to_vec());
    wrong
        .chain(nasty)
        .flat_map(|text| ["reason", "passed"].map(|place| (place, text.clone())))
        .map(|(place, text)| {
            let bytes = one_check(|guest| {
                let placed = [guest.bytes(&text), u32::try_from(text.len()).unwrap()];
                let parts = match place {
                    "reason" => OutcomeParts {
                        reason: placed,
                        ..OutcomeParts::default()
                    },
                    _ => OutcomeParts {
                        passed: [entity_set(guest, placed), 1],
                        ..OutcomeParts::default()
                    },
                };
                format!("(i32.const {})", outcome(guest, &parts))
            });
            Case::check(format!("the text {text:02x?} as {place}"), bytes)
        })
        .collect()
}
