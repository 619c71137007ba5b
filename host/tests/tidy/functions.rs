//! How long functions are, read off the indentation that rustfmt guarantees.

use crate::sources::Source;

/// `path:line: name is N lines` of every function with more lines than that, tests left out.
pub(crate) fn longer_than(source: &Source, lines_max: usize) -> Vec<String> {
    let lines: Vec<&str> = source.code().lines().collect();
    let mut offenders = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else {
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let closing = |later: &&str| later.len() == indent + 1 && later.trim_start() == "}";
        let bodyless = |later: &&str| {
            later.trim_end().ends_with(';') && later.len() - later.trim_start().len() == indent
        };
        let rest = lines.get(index..).unwrap_or_default();
        let Some(end) = rest
            .iter()
            .position(|later| closing(later) || bodyless(later))
        else {
            continue;
        };
        if end + 1 > lines_max {
            offenders.push(format!(
                "{}:{}: {name} is {} lines",
                source.path(),
                index + 1,
                end + 1
            ));
        }
    }
    offenders
}

fn function_name(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let prefix = ["async", "const", "unsafe", "extern"];
    let word = words
        .find(|word| !word.starts_with("pub") && !prefix.contains(word) && !word.ends_with(')'))?;
    let name = if word == "fn" {
        words.next()?
    } else {
        return None;
    };
    name.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function_of(lines: usize) -> Source {
        let body = "    work();\n".repeat(lines - 2);
        Source::new(
            "x.rs",
            &format!("pub(crate) async fn act(input: u8) {{\n{body}}}\n\nfn next() {{}}\n"),
        )
    }

    #[test]
    fn the_limit_itself_is_allowed_and_one_more_is_not() {
        assert!(longer_than(&function_of(70), 70).is_empty());
        assert_eq!(
            longer_than(&function_of(71), 70),
            ["x.rs:1: act is 71 lines"]
        );
    }

    #[test]
    fn tests_beside_the_code_do_not_count() {
        let text = format!(
            "#[cfg(test)]\nmod tests {{\n    fn long() {{\n{}    }}\n}}\n",
            "        work();\n".repeat(90)
        );
        assert!(longer_than(&Source::new("x.rs", &text), 70).is_empty());
    }
}
