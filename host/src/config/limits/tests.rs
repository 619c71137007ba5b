//! The table of limits against the tests and the documentation.

use super::*;
use std::collections::BTreeSet;
use std::path::Path;

const START: &str =
    "<!-- limits: `OPERATOR_BLESS=1 cargo test -p operator --lib config` writes this table -->\n";
const END: &str = "<!-- end of limits -->\n";

#[test]
fn the_reference_page_has_the_table_of_limits() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/configuration.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(START).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected = format!("{before}{START}\n{}\n{END}{after}", limits_table());
    if std::env::var_os("OPERATOR_BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
        return;
    }
    assert_eq!(page, expected, "run this test with OPERATOR_BLESS=1");
}

#[test]
fn every_limit_is_described_and_has_one_row() {
    let table = limits_table();
    let rows: Vec<&str> = table.lines().skip(2).collect();
    let keys: BTreeSet<&str> = rows
        .iter()
        .filter_map(|row| row.split('`').nth(1))
        .collect();
    assert_eq!(keys.len(), rows.len(), "{table}");
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert!(
            cells.len() == 5 && cells.iter().all(|cell| !cell.is_empty()),
            "{row}"
        );
    }
}

#[test]
fn an_effective_limit_is_the_configured_value() {
    let mut settings = Settings::new(PathBuf::new());
    settings.plugin_limits.check.fuel = 7;
    settings.plugin_limits.subject.fuel = 8;
    let fuel = |world| {
        let mut all = limits_in_force(&settings, world).into_iter();
        all.find(|limit| limit.key.ends_with(".fuel"))
            .map(|limit| (limit.key, limit.value))
            .unwrap()
    };
    let of_checks = ("plugin_limits.check.fuel".to_owned(), "7".to_owned());
    assert_eq!(fuel(World::Check), of_checks);
    let of_subjects = ("plugin_limits.subject.fuel".to_owned(), "8".to_owned());
    assert_eq!(fuel(World::Subject), of_subjects);
    let has_traffic = |world| {
        let all = limits_in_force(&settings, world);
        all.iter().any(|limit| limit.key.starts_with("limits."))
    };
    assert!(has_traffic(World::Subject) && !has_traffic(World::Check));
}

/// Which test reaches a limit.
#[rustfmt::skip]
const REACHED_BY: &[(&str, &str)] = &[
    ("[plugin_limits] component_bytes_max", "a_file_above_the_limit_is_refused_before_anything_reads_it"),
    ("[plugin_limits] compile_ms_max", "a_component_that_compiles_for_too_long_is_given_up"),
    ("[plugin_limits] code_cache_bytes_max", "the_cache_stays_below_its_limit_and_keeps_two_versions"),
    ("[plugin_limits.…] fuel", "an_endless_loop_runs_out_of_fuel"),
    ("[plugin_limits.…] deadline_ms", "an_endless_loop_with_endless_fuel_is_stopped_by_the_clock"),
    ("[plugin_limits.…] memory_bytes_max", "memory_that_grows_without_end_is_stopped_at_the_limit"),
    ("[plugin_limits.…] table_elements_max", "a_table_of_functions_that_grows_without_end_is_stopped"),
    ("[plugin_limits.…] core_instances_max", "more_core_instances_than_allowed_are_refused"),
    ("[plugin_limits.…] hostcall_bytes_max", "more_data_than_may_cross_in_one_call_is_refused"),
    ("[plugin_limits.…] handles_max", "handles_that_are_never_dropped_run_out"),
    ("[plugin_limits.…] host_table_bytes_max", "tables_that_the_host_holds_are_charged_and_refunded"),
    ("[plugin_limits.…] host_rows_max", "work_of_the_host_is_bounded_by_rows_and_begins_anew_with_each_call"),
    ("[plugin_limits.…] log_lines_max", "a_flood_of_log_lines_changes_nothing"),
    ("[plugin_limits.…] log_line_bytes_max", "a_plugin_cannot_forge_a_line_of_the_operator"),
    ("[plugin_limits] scrapes_per_tick_max", "scrapes_beyond_the_allowance_of_the_tick_are_denied"),
    ("[plugin_limits] log_lines_read_per_tick_max", "one_tick_reads_no_more_lines_than_its_allowance_whoever_asks_how_often"),
    ("[plugin_limits] tables_max", "tables_beyond_their_limit_are_refused"),
    ("[plugin_limits] entities_max", "entities_and_blind_spots_beyond_their_limits_are_left_out"),
    ("[plugin_limits] blind_spots_max", "entities_and_blind_spots_beyond_their_limits_are_left_out"),
    ("[plugin_limits] checks_per_module_max", "a_module_with_more_checks_than_allowed_is_refused"),
    ("[plugin_limits] violations_max", "too_many_violations_passed_entities_and_pieces_of_evidence_are_refused"),
    ("[plugin_limits] evidence_per_violation_max", "too_many_violations_passed_entities_and_pieces_of_evidence_are_refused"),
    ("[plugin_limits] passed_max", "too_many_violations_passed_entities_and_pieces_of_evidence_are_refused"),
    ("[plugin_limits] state_bytes_max", "a_state_above_the_limit_is_refused_and_named"),
    ("[plugin_limits] text_bytes_max", "a_reason_above_the_limit_is_cut_and_says_so"),
    ("[plugin_limits] entity_id_bytes_max", "an_entity_id_above_the_limit_is_refused"),
    ("[plugin_limits] subject_calls_per_instance_max", "a_subject_gets_a_new_instance_after_its_number_of_calls"),
    ("[plugin_limits] strikes_max", "three_strikes_lead_to_quarantines_that_double_up_to_the_limit"),
    ("[plugin_limits] strike_window_ticks", "strikes_that_are_ten_ticks_apart_do_not_add_up"),
    ("[plugin_limits] quarantine_ticks_max", "no_quarantine_is_longer_than_its_limit"),
    ("[plugin_limits] shadow_ticks", "a_candidate_runs_beside_the_old_version_before_it_counts"),
    ("[plugin_limits] rehearsal_snapshots", "a_candidate_is_rehearsed_on_what_was_seen_lately"),
    ("[plugin_limits] probation_ticks", "after_its_probation_a_failure_is_an_ordinary_strike"),
    ("[plugin_limits] check_threads", "the_same_snapshot_gives_the_same_verdicts_whatever_the_threads_do"),
    ("[limits] tick_deadline_ms", "after_the_deadline_nothing_is_sent"),
    ("[limits] requests_per_tick_max", "a_spent_budget_limits_the_rate_until_the_next_tick"),
    ("[limits] bytes_per_tick_max", "bytes_are_a_budget_too"),
    ("[limits] requests_per_second_max", "a_bucket_gives_its_burst_at_once_and_then_its_rate"),
    ("[limits] requests_burst_max", "one_origin_has_one_bucket_whatever_it_is_called"),
    ("[limits] audit_bytes_max", "entries_are_kept_in_order_over_restarts_and_rotations_and_no_more_than_allowed"),
    ("[limits] in_flight_per_target_max", "requests_in_flight_are_bounded_for_each_target_and_in_all"),
    ("[limits] in_flight_max", "requests_in_flight_are_bounded_for_each_target_and_in_all"),
    ("[limits] discovered_targets_max", "the_number_of_discovered_targets_is_bounded"),
    ("[limits] body_bytes_max", "a_body_is_cut_at_the_limit"),
    ("[limits] request_ms_max", "a_server_that_never_ends_meets_the_deadline"),
    ("[limits] series_max", "series_beyond_the_limit_are_dropped_and_counted_and_known_ones_go_on"),
    ("[limits] samples_per_series_max", "the_ring_keeps_the_newest_samples"),
    ("[limits] series_unseen_ms_max", "a_series_that_is_not_seen_for_an_hour_is_forgotten"),
    ("[limits] history_ticks", "history_is_bounded_and_the_last_tick_comes_first"),
];

/// All sources of the host, tests included.
fn sources(directory: &Path, text: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_limit_has_a_test_that_reaches_it() {
    let mut text = String::new();
    sources(Path::new(env!("CARGO_MANIFEST_DIR")), &mut text);
    let missing: Vec<&str> = REACHED_BY
        .iter()
        .map(|(_, test)| *test)
        .filter(|test| !text.contains(&format!("fn {test}(")))
        .collect();
    assert!(missing.is_empty(), "there are no such tests: {missing:#?}");
    let table = limits_table();
    let limits: BTreeSet<&str> = table
        .lines()
        .filter_map(|row| row.split('`').nth(1))
        .collect();
    let reached: BTreeSet<&str> = REACHED_BY.iter().map(|(limit, _)| *limit).collect();
    assert_eq!(limits, reached);
}
