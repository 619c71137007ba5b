//! Load faults: the load generator runs in the network namespace of the target and with its resolver, where the names
//! that the cluster's members advertise can be resolved.

use super::Context;
use crate::DockerError;
use crate::arm::COMPOSE_SERVICE;
use crate::step::Step;
use std::collections::BTreeSet;

/// Binds the container's resolver files over the machine's own, in a mount namespace that ends with the tool.
const BESIDE: &str = "mount --bind \"$1/etc/resolv.conf\" /etc/resolv.conf && mount --bind \"$1/etc/hosts\" /etc/hosts && shift && exec \"$@\"";

pub(crate) fn hot_keys(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    let keys = context.setting("keys").to_string();
    let bytes = context.setting("value-bytes").to_string();
    tool(
        context,
        &[
            "--mix",
            "write=1",
            "--hot-keys",
            &keys,
            "--hot-share",
            "1",
            "--value-bytes",
            &bytes,
        ],
    )
}

pub(crate) fn heavy_scans(context: &Context<'_>) -> Result<Vec<Step>, DockerError> {
    tool(
        context,
        &[
            "--mix",
            "scan=1",
            "--scan-limit",
            &context.setting("keys").to_string(),
        ],
    )
}

fn tool(context: &Context<'_>, how: &[&str]) -> Result<Vec<Step>, DockerError> {
    let missing =
        |what: &str| DockerError::Refused(format!("{} needs {what}", context.request.name));
    let program = context
        .request
        .load_program
        .as_ref()
        .ok_or_else(|| missing("the load generator: --load-program"))?;
    let endpoints = context
        .request
        .load_endpoints
        .clone()
        .or_else(|| usual_endpoints(context));
    let endpoints =
        endpoints.ok_or_else(|| missing("the cluster's endpoints: --load-endpoints"))?;
    // The load generator ends by itself with the fault, even when the injector has died.
    let duration = format!("{}s", context.request.for_ms.div_ceil(1_000));
    let rate = context.setting("rate").to_string();
    let program = program.display().to_string();
    let network = format!("--net=/proc/{}/ns/net", context.run.process.pid);
    let root = context.run.root().display().to_string();
    let enter = [
        "nsenter", &network, "--", "unshare", "--mount", "sh", "-c", BESIDE, "sh", &root,
    ];
    let words = [
        &program,
        "--pd",
        &endpoints,
        "--duration",
        &duration,
        "--rate",
        &rate,
    ];
    let command = enter
        .into_iter()
        .chain(words)
        .chain(how.iter().copied())
        .map(str::to_owned)
        .collect();
    Ok(vec![Step::Load {
        run: context.run.clone(),
        command,
    }])
}

/// As in `compose/`: the services named `pd-…`, on PD's default port.
fn usual_endpoints(context: &Context<'_>) -> Option<String> {
    let all = context.peers.iter().chain([context.container]);
    let services = all.filter_map(|container| container.labels.get(COMPOSE_SERVICE));
    let endpoints: BTreeSet<String> = services
        .filter(|service| service.starts_with("pd-"))
        .map(|service| format!("{service}:2379"))
        .collect();
    (!endpoints.is_empty()).then(|| endpoints.into_iter().collect::<Vec<_>>().join(","))
}
