use super::*;
use crate::console::render::Context;
use operator_model::Ticket;
use operator_testkit::nodes::{Story, slow_disk_on_two};

fn a_ticket_with_a_cause() -> Ticket {
    let mut story = Story::after_a_quiet_time();
    let sight = slow_disk_on_two();
    let incidents = story.repeat(8, &sight);
    story.ticket(&incidents[0], &sight)
}

const HOSTILE: &str =
    "<script>alert(1)</script> [link](http://x) `rm -rf /` \u{1b}[31m ![i](x) |a|b| # h";

fn hostile() -> Document {
    let mut page = Document::new(HOSTILE.to_owned());
    page.heading(HOSTILE);
    page.paragraph(HOSTILE);
    page.list(vec![HOSTILE.to_owned()]);
    page.table(&["a"], vec![vec![HOSTILE.to_owned()]]);
    page.blocks
        .push(Block::Commands(vec![format!("{HOSTILE}\n```\nrm")]));
    page.blocks.push(Block::Map(Map {
        suspect: HOSTILE.to_owned(),
        affected: vec![(HOSTILE.to_owned(), HOSTILE.to_owned())],
    }));
    page.blocks.push(Block::Plot(Plot {
        title: HOSTILE.to_owned(),
        unit: Some(HOSTILE.to_owned()),
        values: vec![1.0, f64::NAN, 2.0, f64::INFINITY],
        usual: Some(1.0),
        spread: Some(0.5),
    }));
    page
}

#[test]
fn text_of_the_observed_system_is_never_markup() {
    let page = html(&hostile());
    assert!(!page.contains("<script"), "{page}");
    assert!(!page.contains('\u{1b}'), "{page}");
    assert!(!page.contains("NaN") && !page.contains("inf\""), "{page}");
    let text = markdown(&hostile());
    assert!(
        !text.contains("<script") || text.contains("\\<script"),
        "{text}"
    );
    assert!(!text.contains("](http") || text.contains("\\]("), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    // One fence opens and one closes: the command cannot end it.
    assert_eq!(text.matches("```").count(), 2, "{text}");
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    let page = html(&ticket::document(
        &a_ticket_with_a_cause(),
        &Context::default(),
    ));
    for word in [
        "http://", "https://", "src=", "<link", "<script", "@import", "url(",
    ] {
        assert!(!page.contains(word), "{word} is in {page}");
    }
    assert!(
        page.contains("What it means") && page.contains("</html>"),
        "{page}"
    );
}

#[test]
fn a_ticket_as_markdown_has_all_sections() {
    let text = markdown(&ticket::document(
        &a_ticket_with_a_cause(),
        &Context::default(),
    ));
    for section in [
        "## What is seen",
        "## What it means",
        "## What can be done",
        "## What would change this",
        "## What is not known",
        "## Provenance",
    ] {
        assert!(text.contains(section), "{section} is not in {text}");
    }
}
