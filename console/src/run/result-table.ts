// A result that is a list of objects, as rows and cells.

import { LosslessNumber, stringify } from "lossless-json";

const WIDEST_TABLE = 30;
const LONGEST_CELL = 200;

export interface TableOf {
  readonly columns: readonly string[];
  readonly rows: readonly Record<string, unknown>[];
}

/** The list of objects as a table, or null where it is none. */
export function asTable(value: unknown): TableOf | null {
  if (!Array.isArray(value) || value.length === 0 || !value.every(isObject)) return null;
  const columns = new Set<string>();
  for (const row of value) for (const key of Object.keys(row)) columns.add(key);
  return columns.size === 0 || columns.size > WIDEST_TABLE ? null : { columns: [...columns], rows: value };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof LosslessNumber);
}

/** What stands in a cell. Numbers stay as they were written, also within lists and objects. */
export function cell(value: unknown): string {
  if (value === undefined) return "";
  if (typeof value === "string") return shortened(value);
  return shortened(stringify(value) ?? "");
}

function shortened(text: string): string {
  return text.length > LONGEST_CELL ? `${text.slice(0, LONGEST_CELL)}…` : text;
}
