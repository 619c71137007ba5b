use super::*;
use crate::console::render::RenderStyle;
use operator_testkit::tickets::composed;

fn event(what: EventKind) -> Event {
    Event {
        at: Timestamp(1_700_000_000_000),
        observed_at: Timestamp(1_700_000_034_000),
        tick: Tick(7),
        what,
    }
}

fn written(change: TicketChange) -> EventKind {
    let mut ticket = composed("a", 1, 0.8);
    ticket.id = "T-1".to_owned();
    ticket
        .names
        .insert(EntityId::new("node", "a"), "10.0.0.7:9000".to_owned());
    EventKind::Ticket(Box::new(TicketWritten {
        change,
        because: vec!["probability 0.50 → 0.80".to_owned()],
        ticket,
        silenced: None,
    }))
}

#[test]
fn a_json_event_is_one_line_with_the_documented_fields() {
    let mut out = Vec::new();
    JsonSink::new(&mut out).emit(&event(written(TicketChange::Opened)));
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.lines().count(), 1);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (field, expected) in [
        ("event", "\"ticket-opened\""),
        ("at", "\"2023-11-14T22:13:20.000Z\""),
        ("observed_at", "\"2023-11-14T22:13:54.000Z\""),
        ("tick", "7"),
        ("ticket", "\"T-1\""),
        ("key", "\"a\""),
        ("severity", "\"warning\""),
        ("entities", "[\"node/a\"]"),
        ("names", "[\"10.0.0.7:9000\"]"),
        ("card", "\"disk-slow\""),
        ("probability", "0.8"),
        ("option", "\"wait\""),
    ] {
        assert_eq!(value[field].to_string(), expected, "{field}");
    }
}

#[test]
fn a_person_reads_stamped_lines_without_control_characters_of_the_observed_system() {
    let mut out = Vec::new();
    let style = RenderStyle {
        width: 80,
        color: false,
    };
    let mut sink = HumanSink::new(&mut out, style, Stamp::Since(Timestamp(1_700_000_000_000)));
    sink.emit(&event(EventKind::Blind(Blind {
        blind: vec![ObservationGap {
            source: "http:x".into(),
            entity: None,
 reason: "\u{1b}[2Jgone".to_owned(),
        }],
    })));
    sink.emit(&event(written(TicketChange::Updated)));
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("00:34  blind"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(
        text.contains("T-1 updated: Node a is slow (probability 0.50 → 0.80)"),
        "{text}"
    );
}

#[test]
fn a_reader_that_went_away_does_not_stop_anything() {
    struct Gone;
    impl std::io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut sink = JsonSink::new(Gone);
    sink.emit(&event(written(TicketChange::Opened)));
    sink.emit(&event(written(TicketChange::Resolved)));
}

#[test]
fn many_checks_that_change_alike_are_one_line() {
    let verdict = |number: usize| {
        EventKind::VerdictChanged(VerdictChanged {
            invariant: CheckId(format!("check-{number}")),
            module: "m".to_owned(),
            from: None,
            to: Status::Inconclusive,
            severity: Severity::Warning,
            entities: Vec::new(),
            names: Vec::new(),
            summary: "no second sample yet".to_owned(),
        })
    };
    for (count, lines) in [(3, 3), (40, 1)] {
        let mut out = Vec::new();
        let style = RenderStyle {
            width: 80,
            color: false,
        };
        let mut sink = HumanSink::new(&mut out, style, Stamp::TimeOfDay);
        (0..count).for_each(|number| sink.emit(&event(verdict(number))));
        sink.emit(&event(EventKind::Blind(Blind { blind: Vec::new() })));
        assert_eq!(String::from_utf8(out).unwrap().lines().count(), lines + 1);
    }
}
