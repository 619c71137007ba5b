//! Results against values computed by hand.

use super::*;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Samples at 0, 15, 30, 45 and 60 s: two counters, of which one is reset, a gauge and a histogram.
fn known() -> MemorySource {
    let mut history = MemorySource::default();
    for (step, (a, b)) in [
        (10.0, 100.0),
        (25.0, 130.0),
        (40.0, 10.0),
        (55.0, 40.0),
        (70.0, 70.0),
    ]
    .into_iter()
    .enumerate()
    {
        let at_ms = step as u64 * 15_000;
        history.push(
            labels(&[("__name__", "c"), ("node", "a"), ("zone", "x")]),
            at_ms,
            a,
        );
        history.push(
            labels(&[("__name__", "c"), ("node", "b"), ("zone", "x")]),
            at_ms,
            b,
        );
        history.push(
            labels(&[("__name__", "g"), ("node", "a")]),
            at_ms,
            step as f64,
        );
        for (le, count) in [("0.1", 50.0), ("1", 90.0), ("+Inf", 100.0)] {
            history.push(
                labels(&[("__name__", "h_bucket"), ("le", le)]),
                at_ms,
                count,
            );
        }
    }
    history
}

fn evaluated(query: &str) -> Result<Value, EvaluationError> {
    Query::parse(query).unwrap().instant(&known(), 60_000)
}

/// The values of a vector, in the order of labels, or the one value of a scalar.
fn values(query: &str) -> Vec<f64> {
    match evaluated(query).unwrap_or_else(|error| panic!("{query}: {error}")) {
        Value::Scalar(value) => vec![value],
        Value::Vector(points) => points.into_iter().map(|point| point.value).collect(),
        Value::Matrix(series) => panic!("{query}: {series:?}"),
    }
}

fn assert_near(query: &str, expected: &[f64]) {
    let found = values(query);
    assert_eq!(found.len(), expected.len(), "{query}: {found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() < 1e-9,
            "{query}: {found} is not {expected}"
        );
    }
}

#[test]
fn selectors_take_the_newest_value_and_offsets_an_older_one() {
    assert_near("c", &[70.0, 70.0]);
    assert_near("c{node=\"a\"}", &[70.0]);
    assert_near("c{node=~\"a|z\"} offset 30s", &[40.0]);
    assert_near("c{node!=\"a\",nothing=\"\"}", &[70.0]);
    assert!(values("absent_metric").is_empty());
}

#[test]
fn rates_follow_the_rules_of_prometheus() {
    // `a` grows by 60 in a minute; samples span the whole window, so nothing is extrapolated.
    assert_near("increase(c{node=\"a\"}[1m])", &[60.0]);
    assert_near("rate(c{node=\"a\"}[1m])", &[1.0]);
    // `b` falls from 130 to 10: it grows by 30 before the reset, and by 10 + 60 after it.
    assert_near("increase(c{node=\"b\"}[1m])", &[100.0]);
    assert_near("resets(c{node=\"b\"}[1m])", &[1.0]);
    // In 40 s, samples at 30, 45 and 60 s grow by 30 in 30 s; the first is 10 s after the start of the window: 30 * 40 / 30.
    assert_near("increase(c{node=\"a\"}[40s])", &[40.0]);
    assert_near("irate(c{node=\"b\"}[1m])", &[2.0]);
    assert_near("delta(g[1m])", &[4.0]);
    assert!(values("rate(c[10s])").is_empty(), "one sample has no rate");
}

#[test]
fn functions_over_time_aggregate_a_window() {
    assert_near("avg_over_time(g[1m])", &[2.0]);
    assert_near("sum_over_time(g[30s])", &[9.0]);
    assert_near("min_over_time(g[30s])", &[2.0]);
    assert_near("max_over_time(g[1m])", &[4.0]);
    assert_near("count_over_time(g[1m])", &[5.0]);
    assert_near("last_over_time(g[1m])", &[4.0]);
}

#[test]
fn aggregations_group_by_and_without_labels() {
    assert_near("sum(c)", &[140.0]);
    assert_near("avg by (zone) (c)", &[70.0]);
    assert_near("count without (node) (c)", &[2.0]);
    assert_near("max(rate(c[1m])) - min(rate(c[1m]))", &[100.0 / 60.0 - 1.0]);
    assert_near("topk(1, g)", &[4.0]);
    let Ok(Value::Vector(grouped)) = evaluated("sum by (node) (c)") else {
        panic!("not a vector")
    };
    assert_eq!(grouped[0].labels, labels(&[("node", "a")]));
}

#[test]
fn operators_match_series_by_their_labels() {
    assert_near("c / 10 + 1", &[8.0, 8.0]);
    assert_near("2 ^ 3 % 5", &[3.0]);
    assert_near("c{node=\"a\"} / on (node) g", &[17.5]);
    assert_near("c / on (zone) group_left () sum by (zone) (c)", &[0.5, 0.5]);
    assert_near("c > 70", &[]);
    assert_near("c >= bool 70", &[1.0, 1.0]);
    assert_near("c and on (node) g", &[70.0]);
    assert_near("c unless on (node) g", &[70.0]);
    assert_near("-g", &[-4.0]);
    assert_near("clamp_max(g, 3)", &[3.0]);
    assert!(evaluated("c / on (zone) c").is_err(), "many to many");
}

#[test]
fn quantiles_are_interpolated_within_their_bucket() {
    // Rank 75 is the 25th of the 40 between 0.1 and 1.
    assert_near(
        "histogram_quantile(0.75, h_bucket)",
        &[0.1 + 0.9 * 25.0 / 40.0],
    );
    assert_near("histogram_quantile(0.5, h_bucket)", &[0.1]);
    assert_near("histogram_quantile(0.99, h_bucket)", &[1.0]);
}

#[test]
fn an_unsupported_feature_is_named_and_bad_syntax_is_refused() {
    for (query, word) in [
        ("quantile(0.5, c)", "quantile"),
        ("predict_linear(g[1m], 60)", "predict_linear"),
        ("rate(c[1m:15s])", "rate"),
    ] {
        let error = evaluated(query).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    assert!(Query::parse("sum(").is_err());
}

#[test]
fn a_range_query_has_a_value_for_each_step_with_a_sample() {
    let query = Query::parse("g").unwrap();
    let series = query.range(&known(), (30_000, 60_000), 15_000).unwrap();
    assert_eq!(
        series[0].samples,
        [(30_000, 2.0), (45_000, 3.0), (60_000, 4.0)]
    );
}

#[test]
fn a_range_selector_is_a_matrix() {
    let Ok(Value::Matrix(series)) = evaluated("g[15s]") else {
        panic!("not a matrix")
    };
    assert_eq!(series[0].samples, [(45_000, 3.0), (60_000, 4.0)]);
}

#[test]
fn an_ended_series_has_no_value_and_old_samples_expire() {
    let mut source = known();
    source.mark_ended(75_000, |labels| {
        labels.get("node").is_some_and(|node| node == "a")
    });
    let found = |at_ms| match Query::parse("c").unwrap().instant(&source, at_ms) {
        Ok(Value::Vector(points)) => points.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!((found(60_000), found(75_000)), (2, 1));
    assert_eq!((found(359_999), found(360_000)), (1, 0));
}
