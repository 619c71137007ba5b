//! The rows, in the order in which a plugin meets them.

use super::{CALL, Row};

const PLUGIN: &str = "plugin_limits";
const LIMITS: &str = "limits";

const fn row(
    section: &'static str,
    key: &'static str,
    unit: &'static str,
    bounds: &'static str,
    reached: &'static str,
    test: &'static str,
) -> Row {
    Row {
        section,
        key,
        unit,
        bounds,
        reached,
        test,
    }
}

/// Failures that count against a plugin.
const STRIKE: &str = "the call fails, a strike";
const REFUSED: &str = "the plugin is refused";
const BLIND: &str = "the rest is left out, a blind spot says so";

/// Every bound of `[limits]` and `[plugin_limits…]`.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row(PLUGIN, "component_bytes_max", "bytes", "a component file", REFUSED, "a_file_above_the_limit_is_refused_before_anything_reads_it"),
    row(PLUGIN, "compile_ms_max", "ms", "compiling beside the ticks", REFUSED, "a_component_that_compiles_for_too_long_is_given_up"),
    row(PLUGIN, "code_cache_bytes_max", "bytes", "compiled code on disk", "what is worth least is removed", "the_cache_stays_below_its_limit_and_keeps_two_versions"),
    row(CALL, "fuel", "instructions", "computing of one call, by count", STRIKE, "an_endless_loop_runs_out_of_fuel"),
    row(CALL, "deadline_ms", "ms", "computing of one call, by the clock (epochs)", STRIKE, "an_endless_loop_with_endless_fuel_is_stopped_by_the_clock"),
    row(CALL, "memory_bytes_max", "bytes", "all memories of an instance together", STRIKE, "memory_that_grows_without_end_is_stopped_at_the_limit"),
    row(CALL, "table_elements_max", "elements", "all tables of an instance together", STRIKE, "a_table_of_functions_that_grows_without_end_is_stopped"),
    row(CALL, "core_instances_max", "instances", "core instances of one instance", STRIKE, "more_core_instances_than_allowed_are_refused"),
    row(CALL, "hostcall_bytes_max", "bytes", "what one call of the host hands over", STRIKE, "more_data_than_may_cross_in_one_call_is_refused"),
    row(CALL, "handles_max", "handles", "handles of an instance at one time", STRIKE, "handles_that_are_never_dropped_run_out"),
    row(CALL, "host_table_bytes_max", "bytes", "tables that the host holds for an instance", "the guest is told, as an error", "tables_that_the_host_holds_are_charged_and_refunded"),
    row(CALL, "host_rows_max", "rows", "rows that the host works on for one call", "the guest is told, as an error", "work_of_the_host_is_bounded_by_rows_and_begins_anew_with_each_call"),
    row(CALL, "log_lines_max", "lines", "log lines of one call", "the rest is counted", "a_flood_of_log_lines_changes_nothing"),
    row(CALL, "log_line_bytes_max", "bytes", "one log line with its fields", "it is cut", "a_plugin_cannot_forge_a_line_of_the_operator"),
    row(PLUGIN, "scrapes_per_tick_max", "scrapes", "scrapes of a subject in one tick", "the guest is told, as an error", "scrapes_beyond_the_allowance_of_the_tick_are_denied"),
    row(PLUGIN, "log_lines_read_per_tick_max", "lines", "log lines that a subject reads in one tick", "the rest waits", "one_tick_reads_no_more_lines_than_its_allowance_whoever_asks_how_often"),
    row(PLUGIN, "tables_max", "tables", "tables of one observation", STRIKE, "tables_entities_and_blind_spots_beyond_their_limits_are_left_out_or_refused"),
    row(PLUGIN, "entities_max", "entities", "entities, and edges, of one topology", BLIND, "tables_entities_and_blind_spots_beyond_their_limits_are_left_out_or_refused"),
    row(PLUGIN, "blind_spots_max", "spots", "blind spots of one observation", BLIND, "tables_entities_and_blind_spots_beyond_their_limits_are_left_out_or_refused"),
    row(PLUGIN, "checks_per_module_max", "checks", "checks of one module", REFUSED, "a_module_with_more_checks_than_allowed_is_refused"),
    row(PLUGIN, "violations_max", "violations", "violations of one outcome", STRIKE, "too_many_violations_passed_entities_and_pieces_of_evidence_are_refused"),
    row(PLUGIN, "evidence_per_violation_max", "pieces", "evidence of one violation", STRIKE, "too_many_violations_passed_entities_and_pieces_of_evidence_are_refused"),
    row(PLUGIN, "passed_max", "entities", "entities that one outcome lists as in order", STRIKE, "too_many_violations_passed_entities_and_pieces_of_evidence_are_refused"),
    row(PLUGIN, "state_bytes_max", "bytes", "state that a check hands to its next call", STRIKE, "a_state_above_the_limit_is_refused_and_named"),
    row(PLUGIN, "text_bytes_max", "bytes", "one text: a reason, a summary, a value", "it is cut", "a_reason_above_the_limit_is_cut_and_says_so"),
    row(PLUGIN, "entity_id_bytes_max", "bytes", "one entity id", STRIKE, "an_entity_id_above_the_limit_is_refused"),
    row(PLUGIN, "subject_calls_per_instance_max", "calls", "calls of one instance of a subject", "the next call gets a new instance", "a_subject_gets_a_new_instance_after_its_number_of_calls"),
    row(PLUGIN, "strikes_max", "failures", "failures of a check in the window", "quarantine", "three_strikes_lead_to_quarantines_that_double_up_to_the_limit"),
    row(PLUGIN, "strike_window_ticks", "ticks", "the window in which failures add up", "older ones are forgotten", "strikes_that_are_ten_ticks_apart_do_not_add_up"),
    row(PLUGIN, "quarantine_ticks_max", "ticks", "one quarantine", "it does not double further", "no_quarantine_is_longer_than_its_limit"),
    row(PLUGIN, "shadow_ticks", "ticks", "a new version beside the old one", "it counts from then on", "a_candidate_runs_beside_the_old_version_before_it_counts"),
    row(PLUGIN, "rehearsal_snapshots", "snapshots", "snapshots on which new versions are rehearsed", "the oldest go", "a_candidate_is_rehearsed_on_what_was_seen_lately"),
    row(PLUGIN, "probation_ticks", "ticks", "probation of a new version", "it is the proved one", "after_its_probation_a_failure_is_an_ordinary_strike"),
    row(PLUGIN, "check_threads", "threads", "checks that run at one time", "the others wait", "the_same_snapshot_gives_the_same_verdicts_whatever_the_threads_do"),
    row(LIMITS, "tick_deadline_ms", "ms", "one observation", BLIND, "after_the_deadline_nothing_is_sent"),
    row(LIMITS, "requests_per_tick_max", "requests", "HTTP requests of one tick", "the guest is told, as an error", "a_spent_budget_limits_the_rate_until_the_next_tick"),
    row(LIMITS, "bytes_per_tick_max", "bytes", "HTTP bodies of one tick", "the guest is told, as an error", "bytes_are_a_budget_too"),
    row(LIMITS, "requests_per_second_max", "requests", "requests a second to one origin", "the guest is told, as an error", "a_bucket_gives_its_burst_at_once_and_then_its_rate"),
    row(LIMITS, "requests_burst_max", "requests", "requests at once to one origin", "the guest is told, as an error", "one_origin_has_one_bucket_whatever_it_is_called"),
    row(LIMITS, "audit_bytes_max", "bytes", "the audit log of requests, over its files", "the oldest file goes", "entries_are_kept_in_order_over_restarts_and_rotations_and_no_more_than_allowed"),
    row(LIMITS, "in_flight_per_target_max", "requests", "requests in flight to one target", "the others wait", "requests_in_flight_are_bounded_for_each_target_and_in_all"),
    row(LIMITS, "in_flight_max", "requests", "requests in flight in all", "the others wait", "requests_in_flight_are_bounded_for_each_target_and_in_all"),
    row(LIMITS, "discovered_targets_max", "targets", "targets that the observed system names", "further ones are refused", "the_number_of_discovered_targets_is_bounded"),
    row(LIMITS, "body_bytes_max", "bytes", "one HTTP body", "it is cut, the guest is told", "a_body_is_cut_at_the_limit"),
    row(LIMITS, "request_ms_max", "ms", "one HTTP exchange", "it ends as a timeout", "a_server_that_never_ends_meets_the_deadline"),
    row(LIMITS, "requests_per_second_max", "requests", "requests a second to one origin, in the long run", "the guest is told how long to wait", "a_bucket_gives_its_burst_at_once_and_then_its_rate"),
    row(LIMITS, "requests_burst_max", "requests", "requests at once to one origin", "the guest is told how long to wait", "one_origin_has_one_bucket_whatever_it_is_called"),
    row(LIMITS, "audit_bytes_max", "bytes", "the audit log of requests, over all its files", "the oldest file goes", "entries_are_kept_in_order_over_restarts_and_rotations_and_no_more_than_allowed"),
    row(LIMITS, "series_max", "series", "series that are kept", "new ones are dropped and counted", "series_beyond_the_limit_are_dropped_and_counted_and_known_ones_go_on"),
    row(LIMITS, "samples_per_series_max", "samples", "samples of one series", "the oldest go", "the_ring_keeps_the_newest_samples"),
    row(LIMITS, "series_unseen_ms_max", "ms", "a series that is not seen", "it is forgotten", "a_series_that_is_not_seen_for_an_hour_is_forgotten"),
    row(LIMITS, "history_ticks", "ticks", "earlier ticks that checks can look at", "older ones are forgotten", "history_is_bounded_and_the_last_tick_comes_first"),
];
