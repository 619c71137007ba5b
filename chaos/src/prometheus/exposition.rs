//! Reading what a node exposes.

use super::history::Labels;

/// All samples of a page, each with its labels and its name as `__name__`. Lines that are none are left out.
pub(super) fn samples(text: &str) -> Vec<(Labels, f64)> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(sample)
        .collect()
}

fn sample(line: &str) -> Option<(Labels, f64)> {
    let (series, value) = match line.rfind('}') {
        Some(end) => line.split_at_checked(end + 1)?,
        None => line.split_once(' ')?,
    };
    let (name, inside) = series.split_once('{').unwrap_or((series, ""));
    let mut labels = Labels::from([("__name__".to_owned(), name.trim().to_owned())]);
    read_labels(inside.strip_suffix('}').unwrap_or(inside), &mut labels)?;
    let value = value.split_whitespace().next()?.parse().ok()?;
    Some((labels, value))
}

fn read_labels(mut text: &str, labels: &mut Labels) -> Option<()> {
    while let Some((key, rest)) = text.split_once("=\"") {
        let (value, after) = quoted(rest)?;
        labels.insert(key.trim_start_matches(',').trim().to_owned(), value);
        text = after;
    }
    Some(())
}

/// The text up to the closing quotation mark, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_with_its_traps() {
        let text =
            "# TYPE a counter\na{x=\"1\",y=\"q\\\"}\"} 2.5\nb 1e+06 1700\nnonsense\nc{} +Inf\n";
        let found = samples(text);
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].0["y"].as_str(), found[0].1), ("q\"}", 2.5));
        assert_eq!((found[1].0["__name__"].as_str(), found[1].1), ("b", 1e6));
        assert!(found[2].1.is_infinite());
    }
}
