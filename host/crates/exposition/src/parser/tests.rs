use super::*;
use proptest::prelude::*;

type Owned = (String, Vec<(String, String)>, f64);

/// The samples of the wanted families, then the lines seen and the malformed ones.
fn read(text: &str, wanted: &[&str]) -> (Vec<Owned>, u32, u32) {
    let mut parser = parse(text, |name| {
        family_names(name).any(|name| wanted.contains(&name))
    });
    let owned = |sample: Sample<'_>| {
        let labels = sample.labels.into_iter();
        let labels = labels.map(|(name, value)| (name.to_owned(), value.into_owned()));
        (sample.name.to_owned(), labels.collect(), sample.value)
    };
    let samples = parser.by_ref().map(owned).collect();
    (samples, parser.seen(), parser.malformed())
}

fn sample(name: &str, labels: &[(&str, &str)], value: f64) -> Owned {
    let labels = labels.iter();
    let labels = labels.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    (name.to_owned(), labels.collect(), value)
}

fn values(samples: &[Owned]) -> Vec<f64> {
    samples.iter().map(|(_, _, value)| *value).collect()
}

#[test]
fn labels_escapes_timestamps_and_spaces_are_read() {
    let text = "# HELP m Text.\n# TYPE m gauge\nm{b=\"x\\\"\\\\\\n\", a = \"ä,}\" , } 1.5e3 1700000000000\r\nm 2\n";
    let (samples, seen, malformed) = read(text, &["m"]);
    let expected = [
        sample("m", &[("a", "ä,}"), ("b", "x\"\\\n")], 1500.0),
        sample("m", &[], 2.0),
    ];
    assert_eq!(samples, expected);
    assert_eq!((seen, malformed), (2, 0));
}

#[test]
fn plain_label_values_are_borrowed() {
    let found = parse("m{a=\"plain\",b=\"es\\\\caped\"} 1\n", |_| true).next();
    let labels = found.unwrap().labels;
    assert!(matches!(labels[0].1, Cow::Borrowed("plain")));
    assert!(matches!(&labels[1].1, Cow::Owned(text) if text == "es\\caped"));
}

#[test]
fn a_histogram_is_wanted_by_its_base_name_and_others_are_only_counted() {
    let text = "h_bucket{le=\"0.1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 0.3\nh_count 2\nhh_count 9\nh_bucket_x 1\n";
    let (samples, seen, _) = read(text, &["h"]);
    assert_eq!(samples.len(), 4);
    assert_eq!(seen, 6);
}

#[test]
fn a_name_that_extends_the_previous_one_is_another_name() {
    let text = "m{a=\"1\"} 1\nm_other{a=\"1\"} 2\nm{a=\"2\"} 3\nn 4\nnn 5\n";
    let (samples, ..) = read(text, &["m", "nn"]);
    assert_eq!(values(&samples), [1.0, 3.0, 5.0]);
}

#[test]
fn values_that_are_not_finite_are_kept() {
    let (samples, ..) = read("m{i=\"1\"} NaN\nm{i=\"2\"} +Inf\nm{i=\"3\"} -Inf\n", &["m"]);
    let values = values(&samples);
    assert!(values[0].is_nan() && values[1] == f64::INFINITY && values[2] == f64::NEG_INFINITY);
}

#[test]
fn open_metrics_is_read_up_to_its_end() {
    let text = "m_total{a=\"b\"} 5 1.5 # {trace_id=\"x\"} 0.6\nm_created 1.7e9\n# EOF\nm_total 9\n";
    let (samples, ..) = read(text, &["m"]);
    assert_eq!(samples, [sample("m_total", &[("a", "b")], 5.0)]);
}

#[test]
fn malformed_lines_are_counted_and_the_others_are_read() {
    let bad = [
        "m{a=\"x} 1",
        "m{a=x} 1",
        "m{a=\"1\",a=\"2\"} 1",
        "m{=\"x\"} 1",
        "m{a=\"x\"",
        "m",
        "m x",
        "m 1 x",
        "m{a=\"x\" b=\"y\"} 1",
        "<html>",
        "{\"m\"} 1",
        "m{a=\"x\"}",
    ];
    let (samples, _, malformed) = read(&format!("{}\nm 7\n", bad.join("\n")), &["m"]);
    assert_eq!(samples, [sample("m", &[], 7.0)]);
    assert_eq!(malformed as usize, bad.len());
}

#[test]
fn a_line_with_too_many_labels_is_malformed() {
    let labels = |count: usize| {
        let labels: Vec<String> = (0..count).map(|n| format!("l{n}=\"\"")).collect();
        format!("m{{{}}} 1\n", labels.join(","))
    };
    assert_eq!(read(&labels(LABELS_MAX), &["m"]).2, 0);
    assert_eq!(read(&labels(LABELS_MAX + 1), &["m"]).2, 1);
}

#[test]
fn declared_types_are_listed() {
    let text = "# HELP a b c\n# TYPE a counter\na 1\n# TYPE b gauge\n";
    let found: Vec<_> = types(text).collect();
    assert_eq!(found, [("a", "counter"), ("b", "gauge")]);
}

fn escape(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let with_name = [b"m{".as_slice(), &body, b"\nm 1\n"].concat();
        prop_assert!(read(&String::from_utf8_lossy(&body), &["m"]).1 <= 400);
        let (samples, ..) = read(&String::from_utf8_lossy(&with_name), &["m"]);
        prop_assert!(samples.iter().any(|(_, labels, _)| labels.is_empty()));
    }

    #[test]
    fn a_written_sample_is_read_back(
        metric in "[a-z_:][a-z0-9_:]{0,9}",
        labels in prop::collection::btree_map("[a-z_][a-z0-9_]{0,6}", any::<String>(), 0..5),
        value in any::<f64>().prop_filter("NaN is not equal to itself", |value| !value.is_nan()),
    ) {
        let written: Vec<String> = labels.iter().map(|(k, v)| format!("{k}=\"{}\"", escape(v))).collect();
        let text = format!("{metric}{{{}}} {value}\n", written.join(","));
        let (samples, ..) = read(&text, &[metric.as_str()]);
        prop_assert_eq!(samples, vec![(metric, labels.into_iter().collect::<Vec<_>>(), value)]);
    }
}
