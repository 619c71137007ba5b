//! Tickets as a person sees them. The snapshots are to be read, not only compared.

use super::{RenderStyle, page::width, ticket};
use operator_model::{ObservationGap, Ticket};
use operator_testkit::nodes::{
    Sight, Story, node_two_gone, slow_disk_on_two, slow_for_an_unknown_reason,
};

fn of(sight: &Sight) -> Ticket {
    let mut story = Story::after_a_quiet_time();
    let incidents = story.repeat(8, sight);
    story.ticket(&incidents[0], sight)
}

fn blind() -> Sight {
    let unseen = ObservationGap {
        source: "http:hub/state".into(),
        entity: None,
        reason: "connection refused".to_owned(),
    };
    Sight {
        blind: vec![unseen],
        ..Sight::default()
    }
}

const PLAIN: RenderStyle = RenderStyle {
    width: 100,
    color: false,
};

#[test]
fn a_ticket_with_a_cause() {
    insta::assert_snapshot!(ticket(&of(&node_two_gone()), &PLAIN));
}

#[test]
fn a_ticket_with_a_rival_that_lost() {
    insta::assert_snapshot!(ticket(&of(&slow_disk_on_two()), &PLAIN));
}

#[test]
fn a_ticket_whose_cause_is_open() {
    insta::assert_snapshot!(ticket(&of(&slow_for_an_unknown_reason()), &PLAIN));
}

#[test]
fn a_ticket_about_blindness() {
    insta::assert_snapshot!(ticket(&of(&blind()), &PLAIN));
}

#[test]
fn a_narrow_terminal_is_respected_except_by_commands() {
    for columns in [60, 80, 110] {
        let style = RenderStyle {
            width: columns,
            color: false,
        };
        for sight in [
            node_two_gone(),
            slow_disk_on_two(),
            slow_for_an_unknown_reason(),
            blind(),
        ] {
            let text = ticket(&of(&sight), &style);
            let wide = text
                .lines()
                .find(|line| width(line) > columns && !line.trim_start().starts_with('$'));
            assert_eq!(wide, None, "{columns}");
        }
    }
}

#[test]
fn colour_is_only_there_when_asked_for_and_changes_no_word() {
    let shown = of(&node_two_gone());
    let plain = ticket(&shown, &PLAIN);
    let colored = ticket(
        &shown,
        &RenderStyle {
            color: true,
            ..PLAIN
        },
    );
    assert!(!plain.contains('\u{1b}') && colored.contains("\u{1b}[1;31m"));
    assert_eq!(without_escapes(&colored), plain);
}

fn without_escapes(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |line, part| {
        line + part.split_once('m').map_or("", |(_, rest)| rest)
    })
}

#[test]
fn nothing_of_a_ticket_can_steer_the_terminal() {
    let mut hostile = of(&node_two_gone());
    let attack = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\u{202e}".to_owned();
    hostile.title.push_str(&attack);
    hostile.gaps.push(attack.clone());
    hostile.symptoms[0].summary.push_str(&attack);
    hostile.hypotheses[0].mechanism.push_str(&attack);
    hostile.options[0].commands.push(attack.clone());
    hostile.decision.revisit_when.push_str(&attack);
    hostile.provenance.knowledge.push_str(&attack);
    for evidence in &mut hostile.observations {
        evidence.query.push_str(&attack);
    }
    let shown = ticket(&hostile, &PLAIN);
    assert!(!shown.contains(['\u{1b}', '\u{7}', '\r', '\u{202e}']));
    assert!(shown.contains("\\u{1b}"));
}
