//! Outcomes that are too large or contradict themselves.

use super::*;
use operator_testkit::guest::{VIOLATION_BYTES, cell, violation_with};

#[tokio::test]
async fn a_state_above_the_limit_is_refused_and_named() {
    let limit = limits().state_bytes_max;
    let size = u32::try_from(limit + 1).unwrap();
    let body = |guest: &mut Guest| {
        let parts = OutcomeParts {
            state: Some([0, size]),
            ..OutcomeParts::default()
        };
        // The memory has to be large enough for what is handed over.
        format!(
            "(drop (memory.grow (i32.const 8))) (i32.const {})",
            outcome(guest, &parts)
        )
    };
    let failure = failure_of(body).await;
    let what = "bytes of state".to_owned();
    assert_eq!(
        failure,
        PluginFailure::OutputTooLarge {
            what,
            size: limit + 1,
            limit
        }
    );
}

#[tokio::test]
async fn too_many_violations_passed_entities_and_pieces_of_evidence_are_refused() {
    let limits = limits();
    let too_many = u32::try_from(limits.violations_max + 1).unwrap();
    let failure = answering(|guest| {
        let one = violation(guest, "a/1", 1);
        let start = (one - 1_024) as usize;
        let copies: Vec<u8> = guest
            .placed(start, VIOLATION_BYTES)
            .repeat(too_many as usize);
        OutcomeParts {
            status: 1,
            violations: [guest.bytes(&copies), too_many],
            ..OutcomeParts::default()
        }
    })
    .await;
    assert!(
        matches!(
            failure,
            Err(PluginFailure::OutputTooLarge {
                size: 1_001,
                limit: 1_000,
                ..
            })
        ),
        "{failure:?}"
    );
    let failure = answering(|guest| OutcomeParts {
        status: 1,
        violations: [violation(guest, "a/1", 33), 1],
        ..OutcomeParts::default()
    })
    .await;
    assert!(
        matches!(
            failure,
            Err(PluginFailure::OutputTooLarge {
                size: 33,
                limit: 32,
                ..
            })
        ),
        "{failure:?}"
    );
}

#[tokio::test]
async fn outcomes_that_contradict_themselves_are_refused() {
    let no_violation = answering(|_| OutcomeParts {
        status: 1,
        ..OutcomeParts::default()
    })
    .await;
    let no_evidence = answering(|guest| OutcomeParts {
        status: 1,
        violations: [violation(guest, "a/1", 0), 1],
        ..OutcomeParts::default()
    })
    .await;
    let nameless = answering(|guest| OutcomeParts {
        status: 1,
        violations: [violation(guest, "", 1), 1],
        ..OutcomeParts::default()
    })
    .await;
    for result in [no_violation, no_evidence, nameless] {
        assert!(
            matches!(result, Err(PluginFailure::Nonsense(_))),
            "{result:?}"
        );
    }
}

#[tokio::test]
async fn an_entity_id_above_the_limit_is_refused() {
    let id = format!("x/{}", "y".repeat(398));
    let result = answering(|guest| OutcomeParts {
        status: 1,
        violations: [violation(guest, &id, 1), 1],
        ..OutcomeParts::default()
    });
    assert!(matches!(
        result.await,
        Err(PluginFailure::OutputTooLarge {
            size: 400,
            limit: 256,
            ..
        })
    ));
}

#[tokio::test]
async fn texts_of_a_violation_cannot_forge_lines() {
    let outcome = answering(|guest| {
        let reason = guest.text("\u{1b}[31mred\nsecond line");
        OutcomeParts {
            status: 1,
            reason,
            violations: [violation(guest, "a/1", 1), 1],
            ..OutcomeParts::default()
        }
    });
    let outcome = outcome.await.unwrap();
    assert_eq!(outcome.reason, "\\u{1b}[31mred\\nsecond line");
    assert_eq!(outcome.violations[0].summary, "it is\\nbroken");
    assert_eq!(
        outcome.violations[0].evidence[0].value,
        operator_model::Scalar::Integer(7)
    );
}

/// Fails with a cell of a table `t` that has one row, in which `n` is 1, as evidence.
async fn citing(
    table: &'static str,
    row: u32,
    column: &'static str,
) -> Result<Outcome, PluginFailure> {
    let known =
        Table::from_columns("t", vec![("n", None, Column::Integers(vec![Some(1)]))]).unwrap();
    let body = move |guest: &mut Guest| {
        let evidence = cell(guest, table, row, column);
        let parts = OutcomeParts {
            status: 1,
            violations: [violation_with(guest, "a/1", &[evidence]), 1],
            ..OutcomeParts::default()
        };
        format!("(i32.const {})", outcome(guest, &parts))
    };
    evaluate_within(&limits(), vec![known], body).await.result
}

#[tokio::test]
async fn the_value_of_a_cell_is_read_by_the_host_whatever_the_check_claims() {
    let outcome = citing("t", 0, "n").await.unwrap();
    let evidence = &outcome.violations[0].evidence[0];
    assert_eq!(evidence.value, operator_model::Scalar::Integer(1));
}

#[tokio::test]
async fn evidence_that_does_not_exist_is_refused() {
    for (table, row, column) in [
        ("u", 0, "n"),
        ("t", 1, "n"),
        ("t", u32::MAX, "n"),
        ("t", 0, "m"),
    ] {
        let failure = citing(table, row, column).await.unwrap_err();
        assert!(failure.is_strike(), "{failure}");
        assert!(failure.to_string().contains("does not exist"), "{failure}");
    }
}
