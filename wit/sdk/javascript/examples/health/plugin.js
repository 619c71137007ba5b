// Observes a service that has a health page:
//
//     GET /health.json -> {"service": "...", "nodes": [{"name": "a", "up": true, "free_bytes": 5, "total_bytes": 9, "objects": 3}]}
import { NO_KNOWLEDGE, subject, table } from "../../subject.js";

const TARGET = "health";
const PATH = "/health.json";

function look(world) {
  const answer = world.get(TARGET, PATH);
  const page = understood(answer);
  if (page.reason) return { blind: [{ source: `http:${TARGET}${PATH}`, reason: page.reason }] };
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
    topology: { entities: nodes.map(({ name }) => ({ id: `node/${name}`, kind: "node", name })), edges: [] },
  };
}

// What the page says, or the reason why that is not known.
function understood({ error, status, body }) {
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

const free = { tag: "column", val: { table: "nodes", entityColumn: "node", valueColumn: "free_ratio" } };
const signal = {
  id: "free-ratio", title: "free space", unit: "1", entityKind: "node", source: free, bad: "down", floor: 0.05,
};

export const { describe, configure, observe, knowledge } = subject({
  name: "health",
  version: "0.1.0",
  summary: "Observes a service through its health page",
  observe: look,
  knowledge: () => ({ ...NO_KNOWLEDGE, version: "0.1.0", signals: [signal] }),
});
