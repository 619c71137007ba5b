//! Text of plugins and of observed systems, made safe to show: whatever it holds, it cannot forge
//! a line, colour a terminal or reverse the reading direction.

/// Bytes of a message or a name that is quoted in a failure: it ends up in a verdict's reason.
pub(super) const MESSAGE_BYTES_MAX: usize = 400;

/// Escapes control characters and direction marks, and cuts at `bytes_max` (at a character border,
/// marked with an ellipsis).
#[must_use]
pub fn clean(text: &str, bytes_max: usize) -> String {
    let mut cleaned = String::with_capacity(text.len().min(bytes_max));
    for character in text.chars() {
        let escape = is_dangerous(character);
        // `\u{202e}` is 8 bytes long, the ellipsis that may have to follow is 3.
        let size = if escape {
            character.escape_unicode().len()
        } else {
            character.len_utf8()
        };
        if cleaned.len() + size > bytes_max {
            return cut_with_ellipsis(cleaned, bytes_max);
        }
        match character {
            '\n' => cleaned.push_str("\\n"),
            '\t' => cleaned.push_str("\\t"),
            '\r' => cleaned.push_str("\\r"),
            _ if escape => cleaned.extend(character.escape_unicode()),
            _ => cleaned.push(character),
        }
    }
    cleaned
}

/// Controls (C0, DEL, C1), line separators, direction marks and overrides, invisible joiners that
/// make two different ids look alike, and the byte order mark.
fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn cut_with_ellipsis(mut text: String, bytes_max: usize) -> String {
    while text.len() + '…'.len_utf8() > bytes_max && text.pop().is_some() {}
    if bytes_max >= '…'.len_utf8() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_could_forge_a_line_or_colour_a_terminal_is_escaped() {
        assert_eq!(clean("a\nb\u{1b}[31m", 100), "a\\nb\\u{1b}[31m");
        assert_eq!(clean("abc\u{202e}fed", 100), "abc\\u{202e}fed");
        assert_eq!(clean("größer als 3 µs", 100), "größer als 3 µs");
    }

    #[test]
    fn a_long_text_is_cut_at_a_character_and_says_so() {
        assert_eq!(clean("ääääää", 8), "ää…");
        assert_eq!(clean("ääää", 8), "ääää");
        assert_eq!(clean("abc", 2), "");
    }

    proptest! {
        #[test]
        fn cleaned_text_is_bounded_and_harmless(text in any::<String>(), bytes_max in 0_usize..64) {
            let cleaned = clean(&text, bytes_max);
            prop_assert!(cleaned.len() <= bytes_max);
            prop_assert!(!cleaned.chars().any(is_dangerous));
        }
    }
}
