// What a form of a tenant's settings says, and which fields of the tenant it changes.

import { names, wholeBytes } from "./properties-form";

const MEBIBYTE = 1024 * 1024;

/** Settings as somebody writes them. */
export interface Entries {
  readonly displayName: string;
  readonly timeZone: string;
  readonly locale: string;
  readonly executionDays: string;
  readonly outputDays: string;
  readonly deletedUtilityDays: string;
  readonly auditDays: string;
  readonly maxUtilities: string;
  readonly maxRunning: string;
  /** In MiB. */
  readonly maxOutputBytes: string;
  /** Separated by commas. */
  readonly runtimes: string;
  readonly legalHold: boolean;
}

export interface Settings {
  readonly timeZone: string;
  readonly locale: string;
  readonly executionDays: number;
  readonly outputDays: number;
  readonly deletedUtilityDays: number;
  readonly auditDays: number;
  readonly maxUtilities: number;
  readonly maxRunning: number;
  readonly maxOutputBytes: bigint;
  readonly runtimes: readonly string[];
  readonly legalHold: boolean;
}

const NUMBERS = ["executionDays", "outputDays", "deletedUtilityDays", "auditDays", "maxUtilities", "maxRunning"] as const;

/** What only super administrators change. */
export const GUARDED: readonly (keyof Entries)[] = ["auditDays", "maxUtilities", "maxRunning", "maxOutputBytes", "runtimes", "legalHold"];

export function toEntries(displayName: string, settings: Settings | undefined): Entries {
  return {
    displayName,
    timeZone: settings?.timeZone ?? "",
    locale: settings?.locale ?? "",
    executionDays: String(settings?.executionDays ?? 0),
    outputDays: String(settings?.outputDays ?? 0),
    deletedUtilityDays: String(settings?.deletedUtilityDays ?? 0),
    auditDays: String(settings?.auditDays ?? 0),
    maxUtilities: String(settings?.maxUtilities ?? 0),
    maxRunning: String(settings?.maxRunning ?? 0),
    maxOutputBytes: String(Number(settings?.maxOutputBytes ?? 0n) / MEBIBYTE),
    runtimes: settings?.runtimes.join(", ") ?? "",
    legalHold: settings?.legalHold ?? false,
  };
}

export interface Changes {
  /** Of an update mask. */
  readonly paths: readonly string[];
  readonly settings: Partial<Settings>;
  /** What is no number where one is due. */
  readonly wrong: readonly (keyof Entries)[];
}

/** What is another than before: what nobody has touched stays as it is, whatever it is. */
export function changesOf(before: Entries, after: Entries): Changes {
  const touched = (Object.keys(after) as (keyof Entries)[]).filter((key) => before[key] !== after[key]);
  const settings: Record<string, unknown> = {};
  const wrong: (keyof Entries)[] = [];
  for (const key of touched) {
    const text = after[key];
    if (key === "displayName") continue;
    if (NUMBERS.some((one) => one === key)) {
      if (/^[0-9]{1,9}$/.test(String(text).trim())) settings[key] = Number(text);
      else wrong.push(key);
    } else if (key === "maxOutputBytes") {
      settings[key] = wholeBytes(String(text), MEBIBYTE) ?? undefined;
      if (settings[key] === undefined) wrong.push(key);
    } else if (key === "runtimes") settings[key] = names(String(text));
    else settings[key] = typeof text === "string" ? text.trim() : text;
  }
  const path = (key: string) => (key === "displayName" ? "display_name" : `settings.${key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`);
  return { paths: touched.map(path), settings: settings as Partial<Settings>, wrong };
}
