//! What is read, and which errors are reported.

use super::*;
use operator_plugin_host::PluginLimits;
use proptest::prelude::*;

fn read(text: &str, cli: CliOverrides) -> Result<Settings, String> {
    settings(Some(Path::new("/etc/operator.toml")), text, cli).map_err(|errors| errors.to_string())
}

fn with_plugin() -> CliOverrides {
    CliOverrides {
        plugin: Some(PathBuf::from("x.wasm")),
        ..CliOverrides::default()
    }
}

const FULL: &str = r#"
[subject]
plugin = "x.wasm"
config = { depth = 3, since = 2024-01-01, ratio = 0.5, deep = { a = [1] } }
[targets.head]
url = "http://127.0.0.1:2379"
headers = { X-Caller-Id = "operator" }
allow_headers = ["accept"]
bearer_file = "token"
body_bytes_max = 1_000
[discovery]
networks = ["10.0.0.0/8"]
ports = "20000-30000"
[prometheus]
url = "http://127.0.0.1:9090"
[invariants]
dirs = ["checks", "/opt/checks"]
[data]
dir = "/var/lib/operator"
[logs]
node-1 = "node-1.log"
[run]
tick_interval_ms = 500
logs_from_start = true
[limits]
series_max = 10
[plugin_limits]
violations_max = 0x10
[plugin_limits.check]
fuel = 7
"#;

#[test]
fn a_full_file_is_read_and_its_paths_are_relative_to_the_file() {
    let settings = read(FULL, CliOverrides::default()).unwrap();
    assert_eq!(settings.plugin, Path::new("/etc/x.wasm"));
    let config =
        serde_json::json!({"depth": 3, "since": "2024-01-01", "ratio": 0.5, "deep": {"a": [1]}});
    assert_eq!(settings.plugin_config, config);
    let target = &settings.targets["head"].grant;
    assert_eq!(
        target.headers,
        [("x-caller-id".to_owned(), "operator".to_owned())]
    );
    assert_eq!(target.bearer_file.as_deref(), Some(Path::new("/etc/token")));
    assert_eq!(
        (target.body_bytes_max, target.request_ms_max),
        (Some(1_000), None)
    );
    assert_eq!(settings.discovery.ports, 20_000..=30_000);
    assert_eq!(
        settings.invariants,
        [Path::new("/etc/checks"), Path::new("/opt/checks")]
    );
    assert_eq!(settings.logs["node-1"], Path::new("/etc/node-1.log"));
    assert_eq!(
        (settings.tick_interval_ms, settings.logs_from_start),
        (500, true)
    );
    assert_eq!(settings.limits.series.series_max, 10);
    assert_eq!(
        (
            settings.plugin_limits.violations_max,
            settings.plugin_limits.check.fuel
        ),
        (16, 7)
    );
    assert_eq!(
        settings.plugin_limits.subject,
        PluginLimits::default().subject
    );
    let policy = settings.egress_policy();
    assert_eq!(policy.targets["head"].grant.body_bytes_max, 1_000);
    assert_eq!(policy.targets["head"].grant.headers_allowed, ["accept"]);
}

#[test]
fn the_command_line_overrides_the_file() {
    let cli = CliOverrides {
        plugin: Some(PathBuf::from("y.wasm")),
        targets: vec![
            "head=http://10.0.0.1:1".to_owned(),
            "tail=https://b".to_owned(),
        ],
        prometheus: Some("http://p:9090".to_owned()),
        invariants: vec![PathBuf::from("mine")],
        data: Some(PathBuf::from("here")),
        logs: vec!["node-2=/var/log/n=2".to_owned()],
        tick_interval_ms: Some(7),
    };
    let settings = read(FULL, cli).unwrap();
    assert_eq!(settings.plugin, Path::new("y.wasm"));
    assert_eq!(
        settings.targets["head"].origin.to_string(),
        "http://10.0.0.1:1"
    );
    assert_eq!(settings.targets["tail"].origin.to_string(), "https://b:443");
    assert_eq!(settings.invariants, [Path::new("mine")]);
    assert_eq!(settings.logs["node-2"], Path::new("/var/log/n=2"));
    assert_eq!(
        (settings.data.as_path(), settings.tick_interval_ms),
        (Path::new("here"), 7)
    );
}

#[test]
fn all_errors_are_reported_together_with_their_lines_and_the_nearest_known_names() {
    let text = r#"
[subject]
plugin = 7
[run]
tick_intervall_ms = 100
[targts.head]
url = "x"
[targets.head]
url = "127.0.0.1:2379"
header = {}
[targets.tail]
[discovery]
networks = ["10.0.0.1/8"]
ports = "9-1"
[limits]
series_max = 0
requests_per_tick_max = 5_000_000_000
[plugin_limits]
voilations_max = 1
strikes_max = 5_000_000_000
subject = { feul = 1 }
[zzz]
"#;
    let errors = read(
        text,
        CliOverrides {
            targets: vec!["nonsense".to_owned()],
            ..with_plugin()
        },
    )
    .unwrap_err();
    insta::assert_snapshot!(errors, @r#"
    /etc/operator.toml:3: "plugin" in [subject] must be a string, found 7
    /etc/operator.toml:5: unknown key "tick_intervall_ms" in [run]; did you mean "tick_interval_ms"?
    /etc/operator.toml:6: unknown section "targts"; did you mean "targets"?
    /etc/operator.toml:9: "127.0.0.1:2379" is not an origin such as http://host:port: it has no scheme
    /etc/operator.toml:10: unknown key "header" in [targets.head]; did you mean "headers"?
    /etc/operator.toml:11: [targets.tail] has no url
    /etc/operator.toml:13: "10.0.0.1/8" has bits set after its prefix: did you mean 10.0.0.0/8?
    /etc/operator.toml:14: "9-1" is not a range of ports such as "1024-65535"
    /etc/operator.toml:16: "series_max" in [limits] must be an integer greater than zero, found 0
    /etc/operator.toml:17: "requests_per_tick_max" in [limits] is too large; the maximum is 4294967295
    /etc/operator.toml:19: unknown key "voilations_max" in [plugin_limits]; did you mean "violations_max"?
    /etc/operator.toml:20: "strikes_max" in [plugin_limits] is too large; the maximum is 4294967295
    /etc/operator.toml:21: unknown key "feul" in [plugin_limits.subject]; did you mean "fuel"?
    /etc/operator.toml:22: unknown section "zzz"; expected one of data, discovered, discovery, invariants, limits, logs, plugin_limits, prometheus, run, subject, targets, trust
    --target: "nonsense" is not NAME=VALUE
    "#);
}

#[test]
fn syntax_errors_are_reported_with_their_lines() {
    let errors = read("[subject]\nplugin = \n[run\n", with_plugin()).unwrap_err();
    assert!(
        errors.contains("/etc/operator.toml:2: ") && errors.contains("/etc/operator.toml:3: "),
        "{errors}"
    );
}

#[test]
fn a_missing_subject_is_one_clear_message() {
    let errors = settings(None, "", CliOverrides::default())
        .unwrap_err()
        .to_string();
    assert_eq!(
        errors,
        "configuration: no subject: set plugin in [subject], or pass --plugin"
    );
}

#[test]
fn invalid_flags_are_reported() {
    for (target, why) in [
        ("head", "is not NAME=VALUE"),
        ("head=", "has no value after"),
        ("=http://a", "must be 1 to 63 letters"),
        ("../x=http://a", "must be 1 to 63 letters"),
        ("head=ftp://a", "neither http nor https"),
    ] {
        let errors = read(
            "",
            CliOverrides {
                targets: vec![target.to_owned()],
                ..with_plugin()
            },
        )
        .unwrap_err();
        assert!(
            errors.starts_with("--target: ") && errors.contains(why),
            "{errors}"
        );
    }
    assert!(
        read(
            "",
            CliOverrides {
                tick_interval_ms: Some(0),
                ..with_plugin()
            }
        )
        .is_err()
    );
}

#[test]
fn headers_that_no_plugin_may_set_cannot_be_granted() {
    let text = "[targets.a]\nurl = \"http://a\"\nallow_headers = [\"Authorization\"]\nheaders = { host = \"b\" }\n";
    let errors = read(text, with_plugin()).unwrap_err();
    assert!(
        errors.contains("operator.toml:3: the header \"Authorization\"") && errors.contains(":4: "),
        "{errors}"
    );
}

#[test]
fn a_missing_credential_is_an_error_before_the_first_request() {
    let text = "[targets.a]\nurl = \"http://a\"\nbearer_file = \"/nowhere/token\"\n";
    let settings = read(text, with_plugin()).unwrap();
    let unreadable = settings.real_world(&settings.egress_policy()).unwrap_err();
    let errors = ConfigErrors::from(unreadable).to_string();
    assert!(
        errors.starts_with("[targets.a]: cannot read /nowhere/token"),
        "{errors}"
    );
}

#[test]
fn effective_values_are_a_file_with_the_same_meaning() {
    let path = Path::new("/etc/operator.toml");
    let values = effective(path, FULL).unwrap();
    let text = toml::to_string(&values).unwrap();
    assert!(text.contains("tick_interval_ms = 500"), "{text}");
    assert!(text.contains("history_ticks = 16"), "{text}");
    let again = read(&text, CliOverrides::default()).unwrap();
    assert_eq!(again, read(FULL, CliOverrides::default()).unwrap());
}

proptest! {
    #[test]
    fn any_text_is_either_settings_or_errors_with_a_location(text in r#"([\[\]a-z.=" \n\{\}0-9]|targets|limits|url){0,40}|.{0,60}"#) {
        if let Err(errors) = settings(Some(Path::new("f.toml")), &text, with_plugin()) {
            prop_assert!(errors.0.iter().all(|error| error.location.to_string().starts_with("f.toml:")), "{errors}");
        }
    }
}
