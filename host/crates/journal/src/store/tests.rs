use super::*;
use crate::FILE_NAME as JOURNAL;
use crate::{Kind, Note, Notes, body};
use operator_model::{IncidentKey, Tick, Timestamp};
use operator_testkit::tickets::composed;
use std::collections::BTreeMap;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

async fn opened(directory: &Path) -> (TicketLog, Vec<String>) {
    let Opened {
        ticket_log,
        warnings,
    } = TicketLog::open(directory, NOW).await.unwrap();
    (ticket_log, warnings)
}

/// One scripted tick: incidents `a` and `b` appear, change, end and come back.
async fn step(ticket_log: &mut TicketLog, number: u64) {
    let at = 1_000_000 + number * 20_000;
    let present: &[(&str, f64)] = match number {
        0 => &[("a", 0.5)],
        1 => &[("a", 0.7), ("b", 0.5)],
        2 => &[("b", 0.9)],
        _ => &[("a", 0.4), ("b", 0.9)],
    };
    let mut entries = Vec::new();
    for (key, probability) in present {
        entries.extend(
            ticket_log
                .ticket_table_mut()
                .file(composed(key, at, *probability), true),
        );
    }
    for key in ["a", "b"]
        .iter()
        .filter(|key| present.iter().all(|(there, _)| there != *key))
    {
        entries.extend(ticket_log.ticket_table_mut().resolve(
            &IncidentKey::from(*key),
            Timestamp(at),
            "all symptoms are gone",
        ));
    }
    for entry in &entries {
        ticket_log.decide(entry, Tick(number + 1), NOW).unwrap();
    }
    ticket_log.commit().await.unwrap();
}

const STEPS: u64 = 4;

/// Every ticket of the store by id.
async fn tickets(directory: &Path) -> BTreeMap<String, Ticket> {
    let mut store = Store::read(directory).await.expect("there is a store");
    let stored = store.written_after(0).await.unwrap();
    stored
        .into_iter()
        .map(|stored| (stored.ticket.id.clone(), stored.ticket))
        .collect()
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// A finished run: the data directory after each step, and the final tickets.
async fn finished() -> (Vec<tempfile::TempDir>, BTreeMap<String, Ticket>) {
    let directory = tempfile::tempdir().unwrap();
    let (mut ticket_log, _) = opened(directory.path()).await;
    let mut states = Vec::new();
    for number in 0..STEPS {
        step(&mut ticket_log, number).await;
        let state = tempfile::tempdir().unwrap();
        copy(directory.path(), state.path());
        states.push(state);
    }
    ticket_log.close().await.unwrap();
    let last = tickets(directory.path()).await;
    (states, last)
}

/// What must be the same however often the operator was killed. Update times may differ, because a step
/// that is repeated after a restart has nothing new to say.
fn essence(tickets: &BTreeMap<String, Ticket>) -> Vec<(String, String, TicketState)> {
    tickets
        .values()
        .map(|ticket| (ticket.id.clone(), ticket.key.to_string(), ticket.state))
        .collect()
}

#[tokio::test]
async fn a_run_leaves_the_tickets_that_the_script_says() {
    let (_, last) = finished().await;
    let expected = [
        ("T-1", "a", TicketState::Open),
        ("T-2", "b", TicketState::Open),
    ];
    assert_eq!(
        essence(&last),
        expected.map(|(id, key, state)| (id.to_owned(), key.to_owned(), state))
    );
    assert_eq!(last["T-1"].opened_at, Timestamp(1_000_000));
}

#[tokio::test]
async fn killed_between_any_two_records_no_ticket_is_lost_and_none_doubled() {
    let (states, last) = finished().await;
    let journal = std::fs::read(states.last().unwrap().path().join(JOURNAL)).unwrap();
    let ends: Vec<usize> = std::iter::once(0)
        .chain(
            journal
                .iter()
                .enumerate()
                .filter(|(_, byte)| **byte == b'\n')
                .map(|(index, _)| index + 1),
        )
        .collect();
    let mut steps_in = vec![0_usize];
    steps_in.extend(states.iter().map(|state| {
        usize::try_from(std::fs::metadata(state.path().join(JOURNAL)).unwrap().len()).unwrap()
    }));
    for end in ends {
        // The step that was interrupted; the store can be as old as the step before it.
        let interrupted = steps_in.iter().filter(|length| **length <= end).count() - 1;
        let directory = tempfile::tempdir().unwrap();
        if let Some(before) = interrupted
            .checked_sub(1)
            .and_then(|index| states.get(index))
        {
            copy(before.path(), directory.path());
        }
        std::fs::write(directory.path().join(JOURNAL), &journal[..end]).unwrap();

        let (mut ticket_log, _) = opened(directory.path()).await;
        for number in interrupted as u64..STEPS {
            step(&mut ticket_log, number).await;
        }
        ticket_log.close().await.unwrap();
        assert_eq!(
            essence(&tickets(directory.path()).await),
            essence(&last),
            "killed after {end} bytes"
        );
        crate::verify(&directory.path().join(JOURNAL)).unwrap();
    }
}

#[tokio::test]
async fn a_log_that_was_cut_at_any_byte_takes_lost_tickets_back_from_the_store() {
    let (states, last) = finished().await;
    let whole = states.last().unwrap();
    let journal = std::fs::read(whole.path().join(JOURNAL)).unwrap();
    for length in (0..journal.len()).step_by(97) {
        let directory = tempfile::tempdir().unwrap();
        copy(whole.path(), directory.path());
        std::fs::write(directory.path().join(JOURNAL), &journal[..length]).unwrap();
        let (ticket_log, warnings) = opened(directory.path()).await;
        assert!(!warnings.is_empty(), "cut at {length} without a word");
        ticket_log.close().await.unwrap();
        assert_eq!(tickets(directory.path()).await, last, "cut at {length}");
        let (ticket_log, _) = opened(directory.path()).await;
        assert_eq!(
            ticket_log.ticket_table().tickets().count(),
            2,
            "cut at {length}"
        );
    }
}

#[tokio::test]
async fn a_lost_or_damaged_store_is_rebuilt_from_the_log_with_the_same_tickets() {
    let (states, last) = finished().await;
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 3] = [
        ("missing", |path| std::fs::remove_file(path).unwrap()),
        ("garbage", |path| {
            std::fs::write(path, b"this is not a database, it is a text of some length").unwrap()
        }),
        ("half", |path| {
            let bytes = std::fs::read(path).unwrap();
            let mut half = bytes.clone();
            half[100..bytes.len() / 2].fill(0xAA);
            std::fs::write(path, half).unwrap();
        }),
    ];
    for (name, harm) in harms {
        let directory = tempfile::tempdir().unwrap();
        copy(states.last().unwrap().path(), directory.path());
        // Fold the write-ahead log in, so that the harm hits the data.
        opened(directory.path()).await.0.close().await.unwrap();
        harm(&directory.path().join(FILE_NAME));
        let (ticket_log, warnings) = opened(directory.path()).await;
        ticket_log.close().await.unwrap();
        assert_eq!(tickets(directory.path()).await, last, "{name}");
        let aside = directory.path().join("tickets.db.damaged-1");
        assert_eq!(
            (aside.exists(), warnings.len()),
            if name == "missing" {
                (false, 0)
            } else {
                (true, 1)
            },
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_store_of_a_newer_operator_is_refused_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (ticket_log, _) = opened(directory.path()).await;
    ticket_log.close().await.unwrap();
    let path = directory.path().join(FILE_NAME);
    let mut connection = SqliteConnection::connect(path.to_str().unwrap())
        .await
        .unwrap();
    sqlx::raw_sql("PRAGMA user_version = 99")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let error = TicketLog::open(directory.path(), NOW).await.unwrap_err();
    assert!(
        matches!(
            error,
            TicketLogError::Store(StoreError::Newer { found: 99, .. })
        ),
        "{error}"
    );
    assert!(path.exists());
}

#[tokio::test]
async fn a_decision_without_effect_is_finished_once() {
    let (states, _) = finished().await;
    let directory = tempfile::tempdir().unwrap();
    let journal = std::fs::read_to_string(states[0].path().join(JOURNAL)).unwrap();
    let decision_only = journal.split_inclusive('\n').next().unwrap();
    std::fs::write(directory.path().join(JOURNAL), decision_only).unwrap();
    for _ in 0..2 {
        opened(directory.path()).await.0.close().await.unwrap();
    }
    let kinds: Vec<String> = std::fs::read_to_string(directory.path().join(JOURNAL))
        .unwrap()
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(kinds, ["decision", "ticket-opened"]);
    assert_eq!(tickets(directory.path()).await.len(), 1);
}

#[tokio::test]
async fn tick_numbers_are_never_given_twice() {
    let directory = tempfile::tempdir().unwrap();
    let (mut ticket_log, _) = opened(directory.path()).await;
    assert_eq!(ticket_log.last_tick(), Tick(0));
    step(&mut ticket_log, 0).await;
    drop(ticket_log);
    let (mut ticket_log, _) = opened(directory.path()).await;
    assert_eq!(ticket_log.last_tick(), Tick(1 + crate::CHECKPOINT_TICKS));
    let stopped = crate::body::Stopped {
        tick: Tick(500),
        reason: "asked to".to_owned(),
        ticks: 1,
        open_tickets: 1,
    };
    ticket_log
        .note(crate::Kind::Stopped, NOW, &stopped)
        .unwrap();
    ticket_log.close().await.unwrap();
    assert_eq!(opened(directory.path()).await.0.last_tick(), Tick(500));
}

fn silence(id: &str) -> Note {
    Note::SilenceAdded(body::SilenceAdded {
        id: id.to_owned(),
        entity: Some(operator_model::EntityId::new("node", "a")),
        cause: None,
        until: NOW.plus_ms(60_000),
        reason: "planned work".to_owned(),
        by: "ada".to_owned(),
    })
}

#[tokio::test]
async fn notes_of_people_are_records_and_change_neither_tickets_nor_tick_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let (mut log, _) = opened(directory.path()).await;
    step(&mut log, 0).await;
    let stopped = body::Stopped {
        tick: Tick(7),
        reason: "asked to".to_owned(),
        ticks: 7,
        open_tickets: 1,
    };
    log.note(Kind::Stopped, NOW, &stopped).unwrap();
    let before = log.ticket_table().clone();
    log.close().await.unwrap();
    let (mut log, _) = opened(directory.path()).await;
    log.note_of_person(&silence("S-1"), NOW).unwrap();
    let judgement = Note::Judgement(body::Judgement {
        ticket: "T-1".to_owned(),
        key: IncidentKey::from("a"),
        named: None,
        finding: body::Finding::NotAProblem,
        cause: None,
        remark: None,
        by: "ada".to_owned(),
    });
    log.note_of_person(&judgement, NOW).unwrap();
    log.close().await.unwrap();
    let (log, warnings) = opened(directory.path()).await;
    assert_eq!(log.last_tick(), Tick(7), "{warnings:?}");
    assert_eq!(log.ticket_table(), &before);
    let notes = Notes::read(directory.path()).unwrap();
    assert_eq!(notes.finding_of("T-1"), Some(body::Finding::NotAProblem));
    assert_eq!(notes.next_silence_id(), "S-2");
}

#[test]
fn a_silence_concerns_its_entity_until_its_end_or_until_it_is_lifted() {
    let mut notes = Notes::default();
    notes.take(NOW, silence("S-1"));
    let about = composed("a", 1, 0.9);
    let other = composed("b", 1, 0.9);
    assert!(notes.silence_of(&about, NOW).is_some());
    assert!(notes.silence_of(&other, NOW).is_none());
    assert!(notes.silence_of(&about, NOW.plus_ms(60_000)).is_none());
    let lifted = body::SilenceLifted {
        id: "S-1".to_owned(),
        by: "bob".to_owned(),
    };
    notes.take(NOW, Note::SilenceLifted(lifted));
    assert!(notes.silence_of(&about, NOW).is_none());
}
