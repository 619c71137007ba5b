use super::*;
use operator_model::Scalar;

fn cases(text: &str) -> Vec<Case> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(FILE);
    std::fs::write(&file, text).unwrap();
    read(&file).unwrap()
}

const NODES: &str = r#"
[[case]]
name = "one"
tables.nodes.columns = ["node text", "free float 1", "objects integer", "seen instant"]
tables.nodes.rows = [{ node = "a", free = nan, objects = 9223372036854775807 }, { node = "b", free = 1, seen = 5 }]
expect.status = "pass"
"#;

#[test]
fn a_missing_value_is_a_null_and_a_whole_number_fits_a_float_column() {
    let snapshot = cases(NODES)[0].snapshot().unwrap();
    let nodes = &snapshot.tables["nodes"];
    assert_eq!(nodes.scalar(1, "objects"), Scalar::Null);
    assert_eq!(nodes.scalar(1, "free"), Scalar::Float(1.0));
    assert_eq!(nodes.scalar(0, "objects"), Scalar::Integer(i64::MAX));
    assert_eq!(nodes.fields[1].unit.as_deref(), Some("1"));
}

#[test]
fn a_value_of_another_kind_or_of_no_column_is_named() {
    let wrong = NODES.replace("objects = 9223372036854775807", "objects = 'many'");
    let error = format!("{:#}", cases(&wrong)[0].snapshot().unwrap_err());
    assert!(
        error.contains("row 0") && error.contains("objects"),
        "{error}"
    );
    let wrong = NODES.replace("seen = 5", "saw = 5");
    let error = format!("{:#}", cases(&wrong)[0].snapshot().unwrap_err());
    assert!(error.contains("row 1") && error.contains("saw"), "{error}");
}

#[test]
fn a_failure_is_inconclusive_and_nothing_else() {
    let expected = &cases(NODES)[0].expect;
    let failure =
        operator_plugin_host::PluginFailure::Nonsense("it fails without a violation".to_owned());
    assert_eq!(expected.differences(&Err(failure)).len(), 1);
}
