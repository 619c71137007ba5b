// Every node has room left: no less than a fifth of its space is free.
import { Findings, checkPlugin, entity } from "../../operator-plugin.js";

const LEAST_FREE = 0.2;

function room(snapshot, state) {
  const nodes = snapshot.table("nodes");
  const findings = new Findings();
  for (const row of nodes.rows()) evaluateNode(row, findings);
  const ticks = findings.violations.length ? remembered(state) + 1 : 0;
  return findings.conclude(`${nodes.length} nodes, low for ${ticks} ticks`, String(ticks));
}

function evaluateNode(row, findings) {
  const node = entity("node", row.text("node") ?? "?");
  const share = row.number("free_ratio");
  if (share === null) {
    findings.unknown(node, "its free space is not known");
  } else if (!(share >= 0 && share <= 1)) {
    findings.unknown(node, "its free ratio lies outside 0 to 1");
  } else if (share >= LEAST_FREE) {
    findings.pass(node);
  } else {
    const evidence = [row.evidence("free_ratio", "at least 0.2"), row.evidence("objects")];
    findings.fail(node, `${percent(share)} of its space is free`, evidence);
  }
}

// As `12.3 %`, rounded to the nearest tenth; the share lies between 0 and 1.
function percent(share) {
  const tenths = Math.floor(share * 1000 + 0.5);
  return `${Math.floor(tenths / 10)}.${tenths % 10} %`;
}

// The number of ticks in the state of the last call; 0 for anything else.
function remembered(state) {
  return /^[0-9]{1,9}$/.test(state ?? "") ? Number(state) : 0;
}

// Version 0.1 already counted ticks in this way.
const keep = (check, fromVersion, state) => (fromVersion.startsWith("0.1.") ? state : undefined);

export const { declare, evaluate, migrate } = checkPlugin({
  name: "headroom",
  version: "0.1.0",
  summary: "Every node has room left",
  checks: [{ id: "headroom", claim: "every node has a fifth of its space free", tables: ["nodes"], evaluate: room }],
  migrate: keep,
});
