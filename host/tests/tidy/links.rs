//! Whether the links of a page lead somewhere.

use crate::sources;
use crate::sources::Source;

/// `path:line: link` of every relative link without a file, or with a heading that the file does not have.
pub(crate) fn broken(page: &Source) -> Vec<String> {
    let folder = page
        .path()
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    let mut in_code = false;
    let mut offenders = Vec::new();
    for (index, line) in page.text().lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let links = if in_code { Vec::new() } else { targets(line) };
        let bad = links
            .into_iter()
            .filter(|link| !leads_somewhere(page, folder, link));
        offenders.extend(bad.map(|link| format!("{}:{}: {link}", page.path(), index + 1)));
    }
    offenders
}

/// What stands in the parentheses of `[text](target)`.
fn targets(line: &str) -> Vec<&str> {
    let after = line.split("](").skip(1);
    after
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .collect()
}

fn leads_somewhere(page: &Source, folder: &str, link: &str) -> bool {
    if link.contains("://") || link.starts_with("mailto:") {
        return true;
    }
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    if file.is_empty() {
        return has_heading(page.text(), heading);
    }
    let path = sources::root().join(folder).join(file);
    if heading.is_empty() || !file.ends_with(".md") {
        return path.exists();
    }
    std::fs::read_to_string(path).is_ok_and(|text| has_heading(&text, heading))
}

fn has_heading(text: &str, anchor: &str) -> bool {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .any(|line| anchor_of(line) == anchor)
}

/// As the usual renderers make it: lower case, hyphens for spaces, punctuation left out.
fn anchor_of(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text
        .chars()
        .filter(|character| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_'));
    kept.map(|character| if character == ' ' { '-' } else { character })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_and_a_missing_heading_are_broken_links() {
        let text = "# Here\n[a](Cargo.toml) [b](no.md) [c](#here) [d](#there) [e](https://example.org/x)\n";
        let broken = broken(&Source::new("x.md", text));
        assert_eq!(broken, ["x.md:2: no.md", "x.md:2: #there"]);
    }

    #[test]
    fn code_is_not_read_and_headings_lose_their_punctuation() {
        assert!(broken(&Source::new("x.md", "```\n[a](no.md)\n```\n")).is_empty());
        assert_eq!(
            anchor_of("## What `run` prints, and why"),
            "what-run-prints-and-why"
        );
    }
}
