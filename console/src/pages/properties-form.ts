// What a form of properties says: durations, lists, and which fields of the utility it changes.

export interface DurationOf {
  readonly seconds: bigint;
  readonly nanos: number;
}

export interface Properties {
  readonly displayName: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly runtime: string;
  readonly isolation: number;
  readonly storeValues: boolean;
  readonly freshProcesses: boolean;
  readonly limits?: { readonly timeout?: DurationOf | undefined; readonly memoryBytes: bigint } | undefined;
}

/** Seconds as somebody writes them, `1.5` or `1,5`; null where it is no time. */
export function toDuration(text: string): DurationOf | null {
  const match = /^([0-9]{1,9})(?:[.,]([0-9]{1,9}))?$/.exec(text.trim());
  if (match === null) return null;
  return { seconds: BigInt(match[1] ?? "0"), nanos: Number((match[2] ?? "").padEnd(9, "0")) };
}

/** So many units, in bytes; null where it is no whole number of them. */
export function wholeBytes(text: string, unit: number): bigint | null {
  return /^[0-9]{1,9}$/.test(text.trim()) ? BigInt(text.trim()) * BigInt(unit) : null;
}

/** Names by commas or blanks, each once. */
export function names(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter((name) => name !== ""))];
}

/** The paths of an update mask for what is another than before. */
export function changes(before: Properties, after: Properties): string[] {
  const paths: string[] = [];
  if (before.displayName !== after.displayName) paths.push("display_name");
  if (before.description !== after.description) paths.push("description");
  if (before.tags.join("\n") !== after.tags.join("\n")) paths.push("tags");
  if (before.runtime !== after.runtime) paths.push("runtime");
  if (before.isolation !== after.isolation) paths.push("isolation");
  if (before.storeValues !== after.storeValues) paths.push("store_values");
  if (before.freshProcesses !== after.freshProcesses) paths.push("fresh_processes");
  const time = (of: Properties) => (of.limits?.timeout?.seconds ?? 0n) * 1_000_000_000n + BigInt(of.limits?.timeout?.nanos ?? 0);
  if (time(before) !== time(after)) paths.push("limits.timeout");
  if ((before.limits?.memoryBytes ?? 0n) !== (after.limits?.memoryBytes ?? 0n)) paths.push("limits.memory_bytes");
  return paths;
}
