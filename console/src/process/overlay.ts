// A manifest with what was asked of single services laid over it, as the server lays it: one more environment, with what the one in force
// says, and the changes. So that what asking something else would do can be planned before it is asked. Scalars stay as they are written:
// `1.10` and `014` mean something else as numbers.

import { isLosslessNumber, parse, stringify } from "lossless-json";
import { Document, isAlias, isMap, isScalar, parseDocument, visit, type ParsedNode, type YAMLMap } from "yaml";

/** What is asked of one service; what is not there is as the manifest says. */
export interface Asked {
  readonly enabled?: boolean;
  readonly replicas?: number;
}

export interface Overlaid {
  readonly manifest: string;
  readonly environment: string;
}

/** The name of the environment that is added; with a number where somebody has it already. */
const ENVIRONMENT = "console-plan";

/** Lays it over. Null where the manifest is written so that it cannot be done without a guess. */
export function overlaid(manifest: string, environment: string, asked: ReadonlyMap<string, Asked>): Overlaid | null {
  return isJson(manifest) ? overJson(manifest, environment, asked) : overYaml(manifest, environment, asked);
}

// As the server tells the two apart.
function isJson(text: string): boolean {
  return /^\s*\{\s*["}]/.test(text);
}

type Members = Record<string, unknown>;

function overJson(manifest: string, environment: string, asked: ReadonlyMap<string, Asked>): Overlaid | null {
  let root: unknown;
  try {
    root = parse(manifest);
  } catch {
    return null;
  }
  if (!isMembers(root)) return null;
  const all = root["environments"] ?? {};
  if (!isMembers(all)) return null;
  const base = environment === "" ? {} : all[environment];
  if (!isMembers(base)) return null;
  const services = base["services"] ?? {};
  if (!isMembers(services)) return null;
  const changed: Members = { ...services };
  for (const [name, change] of asked) {
    const before = changed[name] ?? {};
    if (!isMembers(before)) return null;
    changed[name] = { ...before, ...change };
  }
  const name = free((taken) => taken in all);
  const text = stringify({ ...root, environments: { ...all, [name]: { ...base, services: changed } } });
  return text === undefined ? null : { manifest: text, environment: name };
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isLosslessNumber(value);
}

function overYaml(manifest: string, environment: string, asked: ReadonlyMap<string, Asked>): Overlaid | null {
  // Without a schema that reads numbers, every scalar keeps its text and its quotes.
  const document: Document = parseDocument(manifest, { schema: "failsafe", keepSourceTokens: false });
  if (document.errors.length > 0 || !isMap(document.contents)) return null;
  keepNulls(document);
  const root = document.contents as YAMLMap;
  if (!root.has("environments")) {
    if (root.has("<<")) return null;
    root.set("environments", document.createNode({}));
  }
  const all = mapIn(document, root, "environments");
  if (all === null) return null;
  const base = environment === "" ? (document.createNode({}) as YAMLMap) : copyOf(document, all, environment);
  if (base === null) return null;
  const services = base.has("services") ? copyOf(document, base, "services") : (document.createNode({}) as YAMLMap);
  // What is merged into a map is hidden by a key of its own, and services of a merge would be lost.
  if (services === null || base.has("<<") || services.has("<<")) return null;
  for (const [name, change] of asked) {
    const service = services.has(name) ? copyOf(document, services, name) : (document.createNode({}) as YAMLMap);
    if (service === null) return null;
    for (const [key, value] of Object.entries(change)) service.set(key, document.createNode(String(value)));
    services.set(name, service);
  }
  base.set("services", services);
  const name = free((taken) => all.has(taken));
  all.set(name, base);
  return { manifest: document.toString({ lineWidth: 0 }), environment: name };
}

function free(isTaken: (name: string) => boolean): string {
  let name = ENVIRONMENT;
  for (let number = 2; isTaken(name); number += 1) name = `${ENVIRONMENT}-${number}`;
  return name;
}

function mapIn(document: Document, map: YAMLMap, key: string): YAMLMap | null {
  const found: unknown = map.get(key, true);
  const node = isAlias(found) ? found.resolve(document) : found;
  return isMap(node) ? node : null;
}

// A copy has no anchors: its aliases mean what they meant in the place that it was copied from.
function copyOf(document: Document, map: YAMLMap, key: string): YAMLMap | null {
  const copy = mapIn(document, map, key)?.clone() as YAMLMap | undefined;
  if (copy === undefined) return null;
  visit(copy, {
    Node: (_, node) => {
      if (!isAlias(node)) delete node.anchor;
    },
  });
  return copy;
}

// Nothing where a value may stand is null, which takes a field away; as a text it would be an empty one.
function keepNulls(document: Document): void {
  visit(document, {
    Scalar: (key, node) => {
      if (key !== "key" && isScalar(node) && node.value === "" && (node as ParsedNode & { type?: string }).type === "PLAIN") node.value = "~";
    },
  });
}
