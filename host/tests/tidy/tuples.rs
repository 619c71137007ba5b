//! `let (a, b) = (x, y);`: two values that are packed only to be unpacked.

use crate::sources::Source;

/// `path:line: text` of every `let` whose right side is a tuple.
pub(crate) fn built_by_let(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.text().lines().collect();
    let is_offence = |index: &usize| {
        let rest = lines.get(*index..).unwrap_or_default();
        builds_a_tuple(rest)
    };
    (0..lines.len())
        .filter(is_offence)
        .map(|index| {
            let text = lines.get(index).copied().unwrap_or_default().trim();
            format!("{}:{}: {text}", source.path(), index + 1)
        })
        .collect()
}

/// Whether the statement that begins with the first line assigns a tuple to a tuple.
fn builds_a_tuple(lines: &[&str]) -> bool {
    let Some(first) = lines.first().map(|line| line.trim_start()) else {
        return false;
    };
    if !first.starts_with("let (") {
        return false;
    }
    // A pattern rarely takes more lines; what is longer is no pair of values.
    let statement: String = lines
        .iter()
        .take(40)
        .flat_map(|line| [line.trim(), " "])
        .collect();
    let Some(pattern_end) = closing(&statement, 4) else {
        return false;
    };
    let after = statement.get(pattern_end + 1..).unwrap_or_default();
    let Some(value) = value_of(after) else {
        return false;
    };
    // A tuple ends the statement; `(a + b).method()` does not.
    let value_start = statement.len() - value.len();
    closing(&statement, value_start)
        .and_then(|end| statement.get(end + 1..))
        .is_some_and(|rest| rest.trim_start().starts_with([';', 'e']))
        && has_comma_at_top(value)
}

/// What stands behind `=`, if it begins with a parenthesis; a type annotation may come before.
fn value_of(after: &str) -> Option<&str> {
    let equals = after.find(" = ")?;
    let annotation = after.get(..equals)?.trim();
    let value = after.get(equals + 3..)?.trim_start();
    let is_let = annotation.is_empty() || annotation.starts_with(':');
    (is_let && value.starts_with('(')).then_some(value)
}

/// The place of the parenthesis that closes the one at `start`.
fn closing(text: &str, start: usize) -> Option<usize> {
    let mut depth = 0_u32;
    for (offset, character) in text.get(start..)?.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(start + offset);
                }
            }
            _ => {}
        }
    }
    None
}

/// Whether the parenthesis that the text begins with holds more than one value.
fn has_comma_at_top(value: &str) -> bool {
    let mut depth = 0_u32;
    for character in value.chars() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return false;
                }
            }
            ',' if depth == 1 => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(text: &str) -> usize {
        built_by_let(&Source::new("x.rs", text)).len()
    }

    #[test]
    fn a_pair_that_is_built_to_be_taken_apart_is_an_offence() {
        assert_eq!(offences("    let (a, b) = (1, f(2));"), 1);
        assert_eq!(offences("let (mut a, b): (u8, u8) = (1, 2);"), 1);
        assert_eq!(offences("let (a, b) = (\n    one(),\n    two(),\n);"), 1);
        assert_eq!(
            offences("let (\n    a,\n    b,\n) = (\n    one(),\n    two(),\n);"),
            1
        );
    }

    #[test]
    fn taking_a_value_apart_is_none() {
        assert_eq!(offences("let (a, b) = pair;"), 0);
        assert_eq!(offences("let (a, b) = split(1, 2);"), 0);
        assert_eq!(offences("let (a, b) = (x + y).split();"), 0);
        assert_eq!(offences("let (a, b) = (pair);"), 0);
    }
}
