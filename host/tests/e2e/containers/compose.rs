//! The services of `compose/compose.yml`, with stand-ins for the images.

use super::*;
use operator_chaos_testkit::docker::compose_file::{Events, Services};

#[test]
fn the_services_of_the_compose_file_start_in_order_and_operator_reads_all_logs_without_any_right() {
    let Some(plugins) = plugins() else { return };
    let _alone = ONE_DAEMON.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let daemon = Daemon::start();
    let prepared = daemon.as_ref().map_err(String::clone).and_then(|daemon| {
        Services::prepare(
            daemon,
            directory.path(),
            Path::new(env!("CARGO_BIN_EXE_operator")),
            &plugins,
        )
    });
    let services = match &prepared {
        Ok(services) => services,
        Err(why) => {
            eprintln!(
                "\n!!! SKIPPED: no containers on this machine, so compose.yml was not started: {why}\n"
            );
            return;
        }
    };
    let daemon = daemon.as_ref().unwrap();
    let events = Events::watch(daemon, directory.path(), &clock(daemon));
    services.compose(&["up", "--detach"]).unwrap();
    they_start_in_order(services, &events);
    operator_has_no_right_and_reads_every_log(services);
    a_server_is_asked_to_stop_and_stops(services, daemon);
    operator_goes_on_with_its_log_after_a_restart(services);
    services.compose(&["down", "--volumes"]).unwrap();
    for asked in [
        &["ps", "--all", "--quiet"][..],
        &["volume", "ls", "--quiet"],
    ] {
        assert_eq!(daemon.docker(asked).unwrap(), "", "{asked:?} after the end");
    }
}

fn they_start_in_order(services: &Services<'_>, events: &Events) {
    wait("the last one starts", UP_MAX, || {
        let told = events.told();
        if told.iter().any(|event| event == "start load") {
            Ok(())
        } else {
            Err(format!("{told:?}"))
        }
    });
    let happened = events.told();
    let at = |what: &str| {
        happened
            .iter()
            .position(|event| event == what)
            .unwrap_or_else(|| panic!("no {what:?} in {happened:?}"))
    };
    for tikv in ["tikv-0", "tikv-1", "tikv-2"] {
        for pd in ["pd-0", "pd-1", "pd-2"] {
            assert!(
                at(&format!("health_status: healthy {pd}")) < at(&format!("start {tikv}")),
                "{happened:?}"
            );
        }
        assert!(
            at(&format!("health_status: healthy {tikv}")) < at("start load"),
            "{happened:?}"
        );
    }
    assert!(
        at("health_status: healthy pd-0") < at("start operator"),
        "{happened:?}"
    );
    for service in ["prometheus", "grafana"] {
        assert_eq!(
            services.says(service, "{{.State.Running}} {{.RestartCount}}"),
            "true 0",
            "{service}"
        );
    }
    // The load generator's stand-in fails; its code stays to be seen.
    wait("the load ends", UP_MAX, || {
        match services
            .says("load", "{{.State.Status}} {{.State.ExitCode}}")
            .as_str()
        {
            "exited 69" => Ok(()),
            other => Err(other.to_owned()),
        }
    });
    assert_eq!(services.says("load", "{{.RestartCount}}"), "0");
}

fn operator_has_no_right_and_reads_every_log(services: &Services<'_>) {
    let inside = |program: &[&str]| services.inside("operator", program);
    wait("the first tick", UP_MAX, || {
        let journal = inside(&["cat", "/var/lib/operator/journal.jsonl"])?;
        if journal.contains("http:pd") {
            Ok(())
        } else {
            Err(services.compose(&["logs", "operator"])?)
        }
    });
    assert_eq!(inside(&["id", "-u"]).unwrap().trim(), "65532");
    let status = inside(&["cat", "/proc/1/status"]).unwrap();
    assert!(
        status.contains("CapEff:\t0000000000000000\n") && status.contains("NoNewPrivs:\t1\n"),
        "{status}"
    );
    for refused in [
        "/w",
        "/usr/w",
        "/etc/operator/operator.toml",
        "/logs/pd-0/w",
    ] {
        assert!(
            inside(&["touch", refused]).is_err(),
            "{refused} can be written"
        );
    }
    for node in ["pd-0", "pd-1", "pd-2", "tikv-0", "tikv-1", "tikv-2"] {
        let name = node.split('-').next().unwrap();
        let log = inside(&["cat", &format!("/logs/{node}/{name}.log")]).unwrap();
        assert!(log.contains("a stand-in starts"), "{node}: {log}");
    }
    // The stand-ins answer no question, which is told; their logs are no part of it.
    let journal = inside(&["cat", "/var/lib/operator/journal.jsonl"]).unwrap();
    assert!(
        !journal.contains("Permission denied") && !journal.contains("log:pd-"),
        "{journal}"
    );
}

fn a_server_is_asked_to_stop_and_stops(services: &Services<'_>, daemon: &Daemon) {
    let first = services
        .inside("pd-1", &["cat", "/proc/1/cmdline"])
        .unwrap();
    assert!(
        first.contains("/pd-server") && !first.contains("chmod"),
        "{first}"
    );
    daemon
        .docker(&["stop", "--time", "20", &services.container("pd-1")])
        .unwrap();
    assert_eq!(
        services.says("pd-1", "{{.State.ExitCode}}"),
        "0",
        "killed, because it heard nothing"
    );
    daemon
        .docker(&["start", &services.container("pd-1")])
        .unwrap();
    assert_eq!(
        services
            .inside("pd-1", &["stat", "-c", "%a", "/logs/pd.log"])
            .unwrap()
            .trim(),
        "644"
    );
}

fn operator_goes_on_with_its_log_after_a_restart(services: &Services<'_>) {
    let verified = || {
        services.inside(
            "operator",
            &[
                "operator",
                "log",
                "verify",
                "--json",
                "--data",
                "/var/lib/operator",
            ],
        )
    };
    let records = |told: &str| {
        let told: serde_json::Value =
            serde_json::from_str(told).unwrap_or_else(|error| panic!("{error}: {told}"));
        assert_eq!(told["holds"].as_bool(), Some(true), "{told}");
        told["records"].as_u64().unwrap_or_else(|| panic!("{told}"))
    };
    let before = records(&verified().unwrap());
    services.compose(&["restart", "operator"]).unwrap();
    wait("the log grows", UP_MAX, || {
        let now = records(&verified()?);
        if now > before {
            Ok(())
        } else {
            Err(format!("{now} records"))
        }
    });
}
