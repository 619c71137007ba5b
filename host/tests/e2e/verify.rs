//! `operator verify` on clusters that were put together rightly and wrongly: the simulator, with answers changed to what a
//! real cluster says when one of its processes was started wrong.

use crate::support::{Ran, Served, plugins, ran, subject};
use operator_sim::Simulator;
use operator_sim::config::ClusterConfig;
use operator_world::{Answer, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The second PD and the second store.
const PD_2: &str = "http://127.0.0.1:2479";
const STORE_2: usize = 1;

type Change = fn(origin: &str, path: &str, body: &mut Value) -> Option<(u16, &'static str)>;

/// A simulated cluster of which some answers are changed.
struct Wrong {
    simulator: Simulator,
    change: Change,
}

impl World for Wrong {
    fn now_ms(&self) -> u64 {
        self.simulator.now_ms()
    }

    fn advance_to(&mut self, ms: u64) {
        self.simulator.advance_to(ms);
    }

    fn request(&mut self, origin: &str, method: &str, path_and_query: &str) -> Answer {
        let answer = self.simulator.request(origin, method, path_and_query);
        let Answer::Response {
            status,
            content_type,
            body,
            server_date_ms,
        } = answer
        else {
            return answer;
        };
        let mut read: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let instead = (self.change)(origin, path_and_query, &mut read);
        let body = if read.is_null() {
            body
        } else {
            read.to_string().into_bytes()
        };
        match instead {
            Some((status, text)) => Answer::Response {
                status,
                content_type,
                body: text.as_bytes().to_vec(),
                server_date_ms,
            },
            None => Answer::Response {
                status,
                content_type,
                body,
                server_date_ms,
            },
        }
    }

    fn listens(&self, origin: &str) -> bool {
        self.simulator.listens(origin)
    }

    fn origins(&self) -> Vec<String> {
        self.simulator.origins()
    }

    fn log_sources(&self) -> Vec<String> {
        self.simulator.log_sources()
    }

    fn read_log(&mut self, source: &str, lines_max: usize) -> (Vec<String>, u64) {
        self.simulator.read_log(source, lines_max)
    }

    /// All three members: whoever verifies names them all.
    fn targets(&self) -> BTreeMap<String, String> {
        let named = [
            ("pd", "http://127.0.0.1:2379"),
            ("pd-2", PD_2),
            ("pd-3", "http://127.0.0.1:2579"),
        ];
        named
            .map(|(name, origin)| (name.to_owned(), origin.to_owned()))
            .into()
    }
}

fn right(_: &str, _: &str, _: &mut Value) -> Option<(u16, &'static str)> {
    None
}

/// Started with an `--initial-cluster` of itself alone.
fn alone(origin: &str, path: &str, body: &mut Value) -> Option<(u16, &'static str)> {
    if origin == PD_2 && path == "/pd/api/v1/members" {
        body["header"]["cluster_id"] = json!(99);
    }
    None
}

/// Named in `--initial-cluster` with an address where nobody is.
fn never_joined(_: &str, path: &str, body: &mut Value) -> Option<(u16, &'static str)> {
    if path == "/pd/api/v1/members" {
        body["members"][1]
            .as_object_mut()
            .unwrap()
            .remove("client_urls");
    }
    None
}

/// `--advertise-addr` is the address to listen on.
fn everywhere(_: &str, path: &str, body: &mut Value) -> Option<(u16, &'static str)> {
    if path == "/pd/api/v1/stores" {
        body["stores"][STORE_2]["store"]["address"] = json!("0.0.0.0:20160");
    }
    None
}

/// `--pd-endpoints` names a PD that is dead: PD never hears of that store.
fn never_reached(_: &str, path: &str, body: &mut Value) -> Option<(u16, &'static str)> {
    if path == "/pd/api/v1/stores" {
        body["stores"].as_array_mut().unwrap().remove(STORE_2);
    }
    None
}

/// One image of another tag.
fn mixed(_: &str, path: &str, body: &mut Value) -> Option<(u16, &'static str)> {
    if path == "/pd/api/v1/stores" {
        body["stores"][STORE_2]["store"]["version"] = json!("7.5.0");
    }
    None
}

/// No TiKV was ever started.
fn empty(_: &str, path: &str, _: &mut Value) -> Option<(u16, &'static str)> {
    let of_pd = [
        "/pd/api/v1/members",
        "/pd/api/v1/health",
        "/pd/api/v1/status",
        "/metrics",
        "/pd/api/v1/config",
    ];
    let answers = of_pd.iter().any(|known| path.starts_with(known));
    (!answers).then_some((
        500,
        "\"[PD:cluster:ErrNotBootstrapped]TiKV cluster not bootstrapped, please start TiKV first\"",
    ))
}

fn verified(change: Change, more: &[&str]) -> Option<Ran> {
    let plugins = plugins()?;
    let world = Wrong {
        simulator: Simulator::new(ClusterConfig::default()),
        change,
    };
    let served = Served::world(Box::new(world), 1.0);
    let subject = subject(&plugins);
    let mut arguments = vec!["verify", "--json", "--plugin", &subject];
    for target in &served.targets {
        arguments.extend(["--target", target]);
    }
    arguments.extend(more);
    Some(ran(&arguments))
}

fn found(list: &Value, check: &str) -> Value {
    let checks = list["checks"].as_array().unwrap();
    checks
        .iter()
        .find(|item| item["check"] == check)
        .unwrap_or_else(|| panic!("no {check} in {list}"))
        .clone()
}

#[test]
fn a_cluster_that_was_put_together_rightly_passes() {
    let Some(answer) = verified(right, &[]) else {
        return;
    };
    assert_eq!(answer.code, 0, "{answer:?}");
    let list = answer.json();
    crate::schema::assert_valid("verify.json", &list);
    assert_eq!(
        (&list["right"], list["checks"].as_array().unwrap().len()),
        (&json!(true), 15)
    );
}

#[test]
fn each_process_that_was_started_wrong_is_found_with_its_cause_and_its_remedy() {
    if plugins().is_none() {
        return;
    }
    let cases: [(Change, &str, &str, &str); 6] = [
        (
            alone,
            "deployment-one-cluster",
            "belongs to cluster 99",
            "--initial-cluster",
        ),
        (
            never_joined,
            "deployment-pd-members",
            "never joined",
            "--initial-cluster",
        ),
        (
            everywhere,
            "deployment-addresses",
            "advertises 0.0.0.0:20160",
            "--advertise-addr",
        ),
        (
            never_reached,
            "deployment-enough-stores",
            "2 stores are up",
            "--pd-endpoints",
        ),
        (mixed, "deployment-versions", "runs TiKV 7.5.0", "one tag"),
        (
            empty,
            "deployment-bootstrapped",
            "no TiKV has ever registered",
            "--pd-endpoints",
        ),
    ];
    std::thread::scope(|scope| {
        for (change, check, cause, remedy) in cases {
            scope.spawn(move || {
                let answer = verified(change, &[]).expect("there are plugins");
                assert_eq!(answer.code, 1, "{check}: {answer:?}");
                let item = found(&answer.json(), check);
                assert_eq!(item["status"], "fail", "{item}");
                assert!(
                    item["causes"].to_string().contains(cause),
                    "{cause:?} is not in {item}"
                );
                assert!(
                    item["remedy"].as_str().unwrap().contains(remedy),
                    "{remedy:?} is not in {item}"
                );
            });
        }
    });
}

#[test]
fn a_pd_that_was_never_started_is_named() {
    // Port 1 is nobody's.
    let Some(answer) = verified(right, &["--target", "pd-4=http://127.0.0.1:1"]) else {
        return;
    };
    assert_eq!(answer.code, 1, "{answer:?}");
    let item = found(&answer.json(), "deployment-pd-answers");
    assert_eq!(
        item["causes"][0]["summary"],
        "the PD address pd-4 refuses connections"
    );
}
