// The form of a parameter schema: each field holds what a person typed, and becomes JSON text. Numbers stay texts on the way, since
// an integer may be longer than a double is exact.

import { isSafeNumber, parse, stringify } from "lossless-json";

/** What the form needs of a parameter; the contract's `Parameter` has these members. */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly required: boolean;
  readonly defaultJson: string | null;
  readonly choices: readonly string[];
  readonly secret: boolean;
  readonly description: string;
}

export type FieldType = "any" | "string" | "integer" | "number" | "boolean" | "array" | "object";

/** What stands in the fields. A field that is not in the map is not given. */
export type Entries = Readonly<Record<string, string>>;

export type Problem = "missing" | "not-json" | "wrong-type" | "not-allowed" | "unknown";

export interface Problems {
  readonly [field: string]: Problem;
}

/** The JSON text of one entry, or what is wrong with it. Texts stand in their field without quotes. */
export function entryToJson(field: Field, entry: string): { json: string } | { problem: Problem } {
  if (field.choices.length > 0) {
    return field.choices.some((choice) => sameJson(choice, entry)) ? { json: entry } : { problem: "not-allowed" };
  }
  if (field.type === "string") return { json: JSON.stringify(entry) };
  const text = entry.trim();
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    return { problem: "not-json" };
  }
  return fits(field.type, value, text) ? { json: text } : { problem: "wrong-type" };
}

/** What a JSON text of a parameter looks like in its field. */
export function jsonToEntry(field: Field, json: string): string {
  if (field.type !== "string" || field.choices.length > 0) return json;
  const value = tryParse(json);
  return typeof value === "string" ? value : json;
}

/** The entries that a form begins with: what was remembered, and nothing else; defaults stand beside the fields. */
export function begin(fields: readonly Field[], remembered: Entries): Entries {
  const entries: Record<string, string> = {};
  for (const field of fields) {
    const entry = remembered[field.name];
    if (entry !== undefined && !field.secret) entries[field.name] = entry;
  }
  return entries;
}

/** The parameters as one JSON object, with every problem at once. Secrets that are bound by name are left to the call. */
export function toJson(
  fields: readonly Field[],
  entries: Entries,
  bound: ReadonlySet<string> = new Set(),
): { json: string; problems: Problems } {
  const members: string[] = [];
  const problems: Record<string, Problem> = {};
  for (const field of fields) {
    if (field.name.startsWith("**")) continue;
    const entry = entries[field.name];
    if (entry === undefined) {
      if (field.required && !bound.has(field.name)) problems[field.name] = "missing";
      continue;
    }
    if (bound.has(field.name)) continue;
    const result = entryToJson(field, entry);
    if ("problem" in result) problems[field.name] = result.problem;
    else members.push(`${JSON.stringify(field.name)}: ${result.json}`);
  }
  const rest = fields.find((field) => field.name.startsWith("**"));
  for (const [name, entry] of Object.entries(entries)) {
    if (fields.some((field) => field.name === name)) continue;
    if (rest === undefined) problems[name] = "unknown";
    else {
      const result = entryToJson(rest, entry);
      if ("problem" in result) problems[name] = result.problem;
      else members.push(`${JSON.stringify(name)}: ${result.json}`);
    }
  }
  return { json: members.length === 0 ? "{}" : `{\n  ${members.join(",\n  ")}\n}`, problems };
}

/** The entries that a JSON text stands for, or null where it is no object. */
export function fromJson(fields: readonly Field[], json: string): Entries | null {
  const value = json.trim() === "" ? {} : tryParse(json);
  if (typeof value !== "object" || value === null || Array.isArray(value) || isNumber(value)) return null;
  const rest = fields.find((field) => field.name.startsWith("**"));
  const entries: Record<string, string> = {};
  for (const [name, member] of Object.entries(value)) {
    const field = fields.find((one) => one.name === name) ?? rest;
    const text = stringify(member) ?? "null";
    entries[name] = field === undefined ? text : jsonToEntry(field, text);
  }
  return entries;
}

/** What may be kept of the entries for the next time: nothing that is secret. */
export function toRemember(fields: readonly Field[], entries: Entries): Entries {
  const kept: Record<string, string> = {};
  for (const field of fields) {
    const entry = entries[field.name];
    if (entry !== undefined && !field.secret) kept[field.name] = entry;
  }
  return kept;
}

/** The object with secret members replaced, for texts that people copy. */
export function withoutSecrets(fields: readonly Field[], json: string, instead: string): string {
  const value = tryParse(json);
  if (typeof value !== "object" || value === null) return json;
  const shown: Record<string, unknown> = { ...(value as Record<string, unknown>) };
  for (const field of fields) if (field.secret && field.name in shown) shown[field.name] = instead;
  return stringify(shown) ?? json;
}

function tryParse(json: string): unknown {
  try {
    return parse(json);
  } catch {
    return undefined;
  }
}

function sameJson(one: string, other: string): boolean {
  const left = tryParse(one);
  const right = tryParse(other);
  return left !== undefined && right !== undefined && stringify(left) === stringify(right);
}

function isNumber(value: unknown): boolean {
  return typeof value === "object" && value !== null && (value as { isLosslessNumber?: unknown }).isLosslessNumber === true;
}

function fits(type: FieldType, value: unknown, text: string): boolean {
  switch (type) {
    case "any":
      return true;
    case "string":
      return typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    case "number":
      return isNumber(value);
    case "integer":
      return isNumber(value) && /^-?[0-9]+$/.test(text);
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value) && !isNumber(value);
  }
}

/** Whether a number survives as a double, for whoever shows it as one. */
export function isExact(text: string): boolean {
  return isSafeNumber(text);
}
