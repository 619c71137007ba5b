// Observes a service that has a health page:
//
//     GET /health.json -> {"service": "...", "nodes": [{"name": "a", "up": true, "free_bytes": 5, "total_bytes": 9, "objects": 3}]}
import { Signal, entity, gapOfPath, gapOfTable, subject, table } from "../../subject.js";

const TARGET = "health";
const PATH = "/health.json";

function poll(world) {
  const page = pageOf(world.get(TARGET, PATH));
  if (page.reason) return { gaps: [gapOfPath(TARGET, PATH, page.reason), gapOfTable("nodes", page.reason)] };
  const nodes = page.nodes;
  const column = (name) => nodes.map((node) => node[name]);
  return {
    system: page.service,
    tables: [
      table("nodes")
        .texts("node", column("name"))
        .booleans("up", column("up"))
        .floats("free_ratio", "1", nodes.map(freeRatio))
        .integers("objects", "", column("objects")),
    ],
    topology: { entities: nodes.map(({ name }) => ({ id: entity("node", name), name })), edges: [] },
  };
}

// The page, or the reason why it is not known.
function pageOf({ error, status, body }) {
  if (error) return { reason: error };
  if (status !== 200) return { reason: `status ${status}` };
  try {
    const { service, nodes } = JSON.parse(body);
    return Array.isArray(nodes) ? { service: String(service), nodes } : { reason: "the page lists no nodes" };
  } catch {
    return { reason: "the page is not JSON" };
  }
}

// Not known, rather than a wrong number, when a figure is missing.
function freeRatio({ free_bytes: free, total_bytes: total }) {
  return Number.isFinite(free) && total > 0 ? free / total : null;
}

function expertise(base) {
  const source = { tag: "column", val: { table: "nodes", keyColumns: ["node"], valueColumn: "free_ratio" } };
  const free = new Signal("free-ratio", "node", source);
  free.setTitle("free space");
  free.setUnit("1");
  free.setBad("down");
  free.setFloor(0.05);
  base.addSignal(free);
}

export const { describe, configure, observe, knowledge } = subject({
  name: "health",
  version: "0.1.0",
  summary: "Observes a service through its health page",
  observe: poll,
  knowledge: expertise,
});
